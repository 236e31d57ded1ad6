"""What waits for a second pair of eyes: read it, let it go out, or say what is to be changed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from flask import Blueprint, render_template, request

from console.access import here, requires
from console.addresses import link
from console.answering import Answer, onward
from console.desk import ask, desk, settle
from content import reviews as rules
from content.identifiers import ScheduleId
from content.organisations import Right
from content.reviews import Review
from storage import lessons, reviews, series
from storage.store import Answer as Decided
from storage.unit import Reading

pages = Blueprint("reviews", __name__)

MOST = 50


@pages.get("/calendar/reviews")
@requires(Right.REVIEW)
def show() -> str:
    """Show what waits, with its dates and its texts."""
    roots = here().roots

    async def look(unit: Reading) -> list[tuple[Review, object, list[object]]]:
        found: list[tuple[Review, object, list[object]]] = []
        for one in await reviews.waiting(unit, roots, limit=MOST):
            whole = await series.series(unit, one.schedule)
            texts = [lesson for id in one.lessons if (lesson := await lessons.lesson(unit, id)) is not None]  # noqa: A001
            found.append((one, whole, list(texts)))
        return found

    names = {node.id: node.name for node in here().nodes}
    return render_template(
        "reviews/show.html", found=ask(look), names=names, user=here().user, longest=rules.LONGEST_NOTE
    )


@pages.post("/calendar/reviews/<id>/approve")
@requires(Right.REVIEW)
def approve(id: str) -> Answer:  # noqa: A002
    """Let it go out, as it was read."""
    user, mark = here().user, request.form.get("mark", "")

    async def verb(one: Review, unit: Reading) -> Decided:
        return rules.approve(one, mark=mark, by=user, now=unit.now)

    return _change(id, verb, done="review_approved", to=link("reviews.show"))


@pages.post("/calendar/reviews/<id>/return")
@requires(Right.REVIEW)
def hand_back(id: str) -> Answer:  # noqa: A002
    """Say what is to be changed first."""
    user, note = here().user, request.form.get("note", "")

    async def verb(one: Review, unit: Reading) -> Decided:
        return rules.hand_back(one, note, by=user, now=unit.now)

    return _change(id, verb, done="review_returned", to=link("reviews.show"))


@pages.post("/calendar/reviews/<id>/ask")
@requires(Right.SCHEDULE)
def ask_for(id: str) -> Answer:  # noqa: A002
    """Ask for a second pair of eyes."""
    user, origin = here().user, desk().settings.origin

    async def verb(one: Review, unit: Reading) -> Decided:
        return rules.ask(one, await reviews.reviewers(unit, one.organisation), by=user, console=origin)

    return _change(id, verb, done="review_asked", to=link("series.show_one", id=id))


def _change(
    id: str,  # noqa: A002
    verb: Callable[[Review, Reading], Awaitable[Decided]],
    *,
    done: str,
    to: str,
) -> Answer:
    user, roots = here().user, here().roots

    async def decide(unit: Reading) -> Decided:
        found = await reviews.review(unit, ScheduleId(id), roots)
        return await verb(found, unit) if found is not None else None

    return onward(settle(decide, actor=user), to=to, done=done)
