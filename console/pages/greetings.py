"""欢迎: what whoever comes into a room is told there or in private, place by place, with the rules of the rooms."""

from __future__ import annotations

from flask import Blueprint, abort, render_template, request

from console.access import here, requires
from console.addresses import link
from console.answering import Answer, onward
from console.desk import ask, settle
from content import greetings
from content.greetings import Way
from content.organisations import Right
from storage import greetings as stored
from storage.store import Answer as Decided
from storage.unit import Reading

pages = Blueprint("greetings", __name__)


@pages.get("/greetings")
@requires(Right.MODERATE)
def show() -> str:
    """Show what is said in one's places, and the form to say something else in one of them."""
    at = here()
    found = ask(lambda unit: stored.chosen(unit, at.roots))
    places = at.within(Right.MODERATE)
    wanted = request.args.get("place", "")[:32]
    node = next((one for one in places if one.id == wanted), places[0])
    return render_template(
        "greetings/show.html",
        found=found,
        node=node,
        own=next((one for one in found if one.organisation == node.id), None),
        places=places,
        ways=list(Way),
        most_text=greetings.LONGEST_TEXT,
        most_rules=greetings.LONGEST_RULES,
    )


@pages.post("/greetings")
@requires(Right.MODERATE)
def choose() -> Answer:
    """Set what a place says, or with empty fields let it be."""
    form, by = request.form, here().user
    node = next((one for one in here().within(Right.MODERATE) if one.id == form.get("place")), None)
    if node is None:
        abort(404)

    async def decide(unit: Reading) -> Decided:
        text, rules, way = (form.get(name, "") for name in ("text", "rules", "way"))
        return greetings.choose(node, text, rules, way, by=by, now=unit.now)

    return onward(settle(decide, actor=by), to=link("greetings.show", place=node.id), done="greeting_set")
