"""What clients report to the homeserver, as its administrator reads it."""

from __future__ import annotations

from datetime import datetime, timedelta

from msgspec import Struct

from content.decision import Fact
from content.identifiers import EventId, RoomId, UserId

AT_FIRST = timedelta(days=7)
"""How old a report may be that is taken up the first time that reports are read at all."""


class ServerReport(Struct, frozen=True, kw_only=True):
    """One report; ``number`` counts them, ``about`` is who wrote the message, where the homeserver says so."""

    number: int
    room: RoomId
    event: EventId
    about: UserId | None
    reporter: UserId
    reason: str
    at: datetime


class ReportsRead(Fact, frozen=True, kw_only=True):
    """The reports of a homeserver were read up to a number."""

    bot: UserId
    newest: int
