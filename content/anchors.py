"""The seal of the record, told once a day where whoever changes the database cannot reach."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time
from zoneinfo import ZoneInfo

from msgspec import Struct

from content.decision import Decision, Fact, Say, words
from content.identifiers import OrganisationId, RoomId

FROM = time(7)
"""From this local time on it is told: whoever reads the room is awake by then."""


class HeadAnchored(Fact, frozen=True, kw_only=True):
    """How far the record had come, and the link of its newest row, was told outside."""

    day: date
    number: int
    link: str
    at: datetime


class Room(Struct, frozen=True, kw_only=True):
    """A room of those who lead at the top of a tree."""

    id: RoomId
    organisation: OrganisationId


def said_head(number: int, link: str) -> str:
    """Return a head as people pass it on: the number of the row, and the beginning of its link in hexadecimal."""
    return f"{number}-{link[:16]}"


def day_of(now: datetime, timezone: str) -> date | None:
    """Return for which day a seal may be told now, ``None`` while it is early."""
    local = now.astimezone(ZoneInfo(timezone))
    return local.date() if local.time() >= FROM else None


def anchor(
    day: date, number: int, link: str, *, before: int | None, rooms: Sequence[Room], now: datetime
) -> Decision | None:
    """Tell the seal in a quiet line, unless nothing happened since the one of row ``before`` but its own telling."""
    if number <= (before + 1 if before is not None else 0):
        return None
    said = words("audit.anchored", head=said_head(number, link))
    return Decision(
        facts=(HeadAnchored(day=day, number=number, link=link, at=now),),
        effects=tuple(Say(room=room.id, organisation=room.organisation, words=said) for room in rooms),
    )
