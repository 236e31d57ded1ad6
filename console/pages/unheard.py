"""What could not be heard: letters that no rule could take, history that is missing, messages nobody has the key of."""

from __future__ import annotations

from collections.abc import Callable

from flask import Blueprint, abort, render_template
from msgspec import Struct

from console.access import here, requires
from console.addresses import link
from console.answering import Answer, onward
from console.desk import ask, settle
from console.leaving_tables import leaves, up_to
from content import unheard
from content.identifiers import OrganisationId
from content.organisations import Right
from content.unheard import Letter, Stretch
from storage import unheard as stored
from storage.store import Answer as Decided
from storage.unheard import Placed
from storage.unit import Reading

pages = Blueprint("unheard", __name__)

MOST_SHOWN = 100
LONGEST_RAW = 4_000
"""Bytes of what came that the page shows; enough to see what is wrong with it."""


class Unheard(Struct, frozen=True, kw_only=True):
    """What the page shows."""

    letters: tuple[Placed, ...]
    aside: tuple[Placed, ...]
    stretches: tuple[Placed, ...]
    sealed: int
    senders: int


@pages.get("/unheard")
@requires(Right.MANAGE_OUTBOX)
@leaves("unheard")
def show() -> str:
    """Show everything that could not be heard, with where, when and why; never what was said."""
    roots, everything = _scope()
    return render_template("unheard/show.html", known=ask(lambda unit: _known(unit, roots, everything)))


async def _known(unit: Reading, roots: tuple[OrganisationId, ...], everything: bool) -> Unheard:
    sealed, senders = await stored.sealed(unit, roots, everything=everything)
    return Unheard(
        letters=await stored.letters(unit, roots, everything=everything, limit=up_to(MOST_SHOWN)),
        aside=await stored.letters(unit, roots, everything=everything, aside=True, limit=MOST_SHOWN),
        stretches=await stored.stretches(unit, roots, everything=everything),
        sealed=sealed,
        senders=senders,
    )


@pages.get("/unheard/<id>")
@requires(Right.MANAGE_OUTBOX)
def show_one(id: str) -> str:  # noqa: A002
    """Show one letter; who sent it and what came are for those who see the room's members by name."""
    roots, everything = _scope()
    found = ask(lambda unit: stored.letter(unit, roots, id, everything=everything))
    if found is None or not isinstance(found.what, Letter):
        abort(404)
    named = {node.id for node in here().within(Right.READ_MEMBERS)}
    by_name = found.room_name is not None and found.organisation in named
    raw = ask(lambda unit: stored.raw(unit, id)) if by_name else None
    return render_template(
        "unheard/show_one.html",
        found=found,
        letter=found.what,
        by_name=by_name,
        raw=raw[:LONGEST_RAW].decode("ascii", "replace") if raw else None,
    )


@pages.post("/unheard/<id>/again")
@requires(Right.MANAGE_OUTBOX)
def hear_again(id: str) -> Answer:  # noqa: A002
    """Have a letter processed once more."""
    return _decide_letter(id, unheard.hear_again, done="hearing_again")


@pages.post("/unheard/<id>/aside")
@requires(Right.MANAGE_OUTBOX)
def put_aside(id: str) -> Answer:  # noqa: A002
    """Leave a letter at that."""
    return _decide_letter(id, unheard.put_aside, done="put_aside")


@pages.post("/unheard/history/<id>/again")
@requires(Right.MANAGE_OUTBOX)
def read_again(id: str) -> Answer:  # noqa: A002
    """Have a stretch of history that was given up read once more."""
    return _decide_stretch(id, unheard.read_again, done="reading_again")


@pages.post("/unheard/history/<id>/aside")
@requires(Right.MANAGE_OUTBOX)
def leave_stretch(id: str) -> Answer:  # noqa: A002
    """Leave a stretch that cannot be read back at that."""
    return _decide_stretch(id, unheard.leave_stretch, done="put_aside")


def _decide_letter(id: str, rule: Callable[..., Decided], *, done: str) -> Answer:  # noqa: A002
    """Decide about a letter in one's scope by a rule."""
    roots, everything = _scope()

    async def decide(unit: Reading) -> Decided:
        found = await stored.letter(unit, roots, id, everything=everything)
        if found is None or not isinstance(found.what, Letter):
            return None
        return rule(found.what, now=unit.now)

    return onward(settle(decide, actor=here().user), to=link("unheard.show"), done=done)


def _decide_stretch(id: str, rule: Callable[[Stretch], Decided], *, done: str) -> Answer:  # noqa: A002
    """Decide about a stretch of history in one's scope by a rule."""
    roots, everything = _scope()

    async def decide(unit: Reading) -> Decided:
        found = await stored.stretch(unit, roots, id, everything=everything)
        return rule(found) if found is not None else None

    return onward(settle(decide, actor=here().user), to=link("unheard.show"), done=done)


def _scope() -> tuple[tuple[OrganisationId, ...], bool]:
    """Return for which nodes one looks, and whether also for what belongs to none: that is for the top of a tree."""
    roots = here().roots
    return roots, any(node.parent is None for node in here().nodes if node.id in roots)
