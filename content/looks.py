"""Who looked at whose record: each look at one person's page, each file about many, and a word above about too many."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta

from msgspec import Struct

from content.decision import Decision, Fact, Tell, words
from content.identifiers import MemberId, OrganisationId, UserId

SPAN = timedelta(hours=1)
"""A page of one person that is opened again within the same hour is one look."""

MANY = 50
"""Whoever looks at more people than this within an hour is told of to who leads above."""


class Looked(Fact, frozen=True, kw_only=True):
    """Somebody was shown what is held about a member, or took a file about all members of a place.

    ``what`` is the kind of page or file, ``number`` how many people are in it; ``day`` that of the one thing shown,
    where a person has several, as of a thought report.
    """

    user: UserId
    what: str
    member: MemberId | None
    place: OrganisationId | None
    number: int
    at: datetime
    day: date | None = None


class Duty(Struct, frozen=True, kw_only=True):
    """Somebody who leads, so many steps above a place."""

    user: UserId
    above: int


def look(looked: Looked, *, seen: int, path: Sequence[Duty], name: str) -> Decision:
    """Record a look; ``seen`` is how many people were looked at in the hour before, ``path`` who leads upwards.

    Who leads above is told when the number goes over many, and not again while it stays there.
    """
    over = seen <= MANY < seen + looked.number
    said = words("looks.many", name=name, n=seen + looked.number)
    told = above(looked.user, path) if over else ()
    return Decision(facts=(looked,), effects=tuple(Tell(user=user, words=said, unasked=True) for user in told))


def above(user: UserId, path: Sequence[Duty]) -> tuple[UserId, ...]:
    """Return who leads nearest above the highest place of a person; at the top, who leads beside them."""
    own = max((duty.above for duty in path if duty.user == user), default=-1)
    higher = [duty for duty in path if duty.above > own]
    nearest = min((duty.above for duty in higher), default=own)
    return tuple(sorted({duty.user for duty in path if duty.above == nearest} - {user}))
