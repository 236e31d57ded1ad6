"""Help at hand: what one does where, by what one may do; the keys; and whom to ask."""

from __future__ import annotations

from flask import Blueprint, render_template

from console.access import here, requires
from console.desk import ask
from content.identifiers import UserId
from content.organisations import RIGHTS, Right
from storage import organisations
from storage.unit import Reading

pages = Blueprint("guide", __name__)

PARTS: tuple[tuple[str, str, Right | None], ...] = (
    ("send", "lessons.show", Right.SCHEDULE),
    ("follow", "checkins.show", None),
    ("record", "corrections.show", Right.RECORD),
    ("members", "members.show", Right.IMPORT_ROSTER),
    ("tree", "structure.show", Right.ARRANGE),
    ("vote", "ballots.show", None),
    ("report", "participation.show", None),
    ("repair", "outbox.show", Right.MANAGE_OUTBOX),
    ("operate", "health.show", Right.OPERATE),
)
"""What the help explains: the last part of its keys, the page where it begins, and the right that it is for."""

MOST_NAMED = 5


@pages.get("/help")
@requires(Right.READ)
def show() -> str:
    """Show what a person with these duties does here, and how."""
    at = here()
    return render_template(
        "guide/show.html",
        parts=[(name, page) for name, page, right in PARTS if right is None or at.may(right)],
        leading=ask(_leading),
    )


async def _leading(unit: Reading) -> tuple[UserId, ...]:
    """Return who may give duties where the person stands, nearest first: they are whom one asks."""
    found: dict[UserId, None] = {}
    for root in here().roots:
        for duty in reversed(await organisations.duties_over(unit, root)):
            if Right.GRANT_DUTIES in RIGHTS[duty.role] and duty.user != here().user:
                found.setdefault(duty.user)
    return tuple(found)[:MOST_NAMED]
