"""Digests as they would read now: the words for the room, and the picture with the table behind it."""

from __future__ import annotations

from datetime import date, datetime

from flask import Blueprint, abort, render_template
from msgspec import Struct

from console.access import here, requires
from console.desk import ask, desk
from console.wording import say_in, today
from content.digests import Digest, Fate, Rhythm, Sort, compose, next_due
from content.organisations import Kind, Organisation, Right
from storage import digests
from storage.unit import Reading

pages = Blueprint("digests", __name__)


class Preview(Struct, frozen=True, kw_only=True):
    """One digest as it would read now, when the next is told, and what became of the last."""

    digest: Digest
    said: str
    next_at: datetime | None
    room: bool
    last: tuple[date, Fate] | None


@pages.get("/participation/digests")
@requires(Right.READ)
def show() -> str:
    """Show both digests of the chosen organisation, or of the topmost that the person may see."""
    node, day, origin = _place(), today(), desk().settings.origin
    sorts = tuple(Sort) if node.kind is Kind.BRANCH else (Sort.WEEKLY,)
    found = ask(lambda unit: _previews(unit, node, sorts, day, origin))
    return render_template("digests/show.html", node=node, previews=found)


def _place() -> Organisation:
    at = here()
    node = at.chosen or next((one for one in at.within(Right.READ) if one.kind is not Kind.GROUP), None)
    if node is None:
        abort(404)
    return node


async def _previews(
    unit: Reading, node: Organisation, sorts: tuple[Sort, ...], day: date, origin: str
) -> tuple[Preview, ...]:
    found = []
    for sort in sorts:
        rhythm: Rhythm | None = await digests.rhythm_of(unit, node, sort)
        one = await digests.digest(unit, node, sort, day, console=origin)
        found.append(
            Preview(
                digest=one,
                said=say_in(node, compose(one)),
                next_at=next_due(rhythm, unit.now).at if rhythm is not None else None,
                room=await digests.room_of(unit, node.id, sort) is not None,
                last=await digests.newest(unit, node.id, sort),
            )
        )
    return tuple(found)
