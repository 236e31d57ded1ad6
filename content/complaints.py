"""举报: what people, a homeserver or a guard say of messages, and what those who moderate make of it.

Who complained is known to nobody but themself: no page, no file, no record and no case names them.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum

from msgspec import Struct

from content.decision import Discreet, Fact
from content.identifiers import CaseId, ComplaintId, EventId, OrganisationId, RoomId, UserId, VoiceId, derive

REMEMBERED = timedelta(days=90)
"""How long after the answer it is known who complained and in what words."""

KEPT = timedelta(days=3 * 365)
"""How long it is known that somebody was complained about, and what became of it; as long as a case."""

LONGEST_WORDS = 500

LONGEST_RULE = 20


class Origin(StrEnum):
    """Which way a complaint came."""

    ROOM = "room"
    PRIVATE = "private"
    SERVER = "server"
    GUARD = "guard"


class State(StrEnum):
    """Where a complaint stands; what ends it is also its answer."""

    OPEN = "open"
    UNFOUNDED = "unfounded"
    NOTED = "noted"
    CASE = "case"


class Voice(Struct, frozen=True, kw_only=True):
    """What one person or one guard says of one message.

    ``about`` is who wrote it, ``None`` until that is read in its room. ``reason`` is one of the templates of measures,
    and of a guard the name of its rule. A guard is no ``reporter``.
    """

    id: VoiceId
    organisation: OrganisationId
    room: RoomId
    event: EventId
    about: UserId | None
    origin: Origin
    reason: str
    at: datetime
    reporter: UserId | None = None
    words: str = ""


class Complaint(Struct, frozen=True, kw_only=True):
    """All voices about one person at one node that are answered together."""

    id: ComplaintId
    organisation: OrganisationId
    about: UserId | None
    state: State
    opened_at: datetime
    touched_at: datetime
    claimed_by: UserId | None = None
    claimed_at: datetime | None = None
    decided_by: UserId | None = None
    decided_at: datetime | None = None
    case: CaseId | None = None


class ComplaintMade(Discreet, frozen=True, kw_only=True):
    """Somebody complained about a message; it joins what is open about the same person or the same message."""

    organisation: OrganisationId
    voice: Voice


class MessageFlagged(Fact, frozen=True, kw_only=True):
    """A guard holds a message to be against a rule of its room; it waits in the same queue."""

    organisation: OrganisationId
    room: RoomId
    voice: Voice


class AuthorFound(Fact, frozen=True, kw_only=True):
    """Who wrote a message that was complained about was read in its room."""

    room: RoomId
    event: EventId
    about: UserId


def flag(
    organisation: OrganisationId, room: RoomId, event: EventId, *, about: UserId, rule: str, now: datetime
) -> MessageFlagged:
    """Put a message into the queue for a guard; the same rule flags the same message once."""
    voice = Voice(
        id=VoiceId(derive(event, Origin.GUARD, rule)),
        organisation=organisation,
        room=room,
        event=event,
        about=about,
        origin=Origin.GUARD,
        reason=rule[:LONGEST_RULE],
        at=now,
    )
    return MessageFlagged(organisation=organisation, room=room, voice=voice)
