"""What is said around a message for who looks at a complaint: passed on sealed for one page, and gone once shown."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum

from msgspec import Struct

from content.decision import Decision, Effect, Fact, Untraced
from content.discreet import repr_without
from content.identifiers import ComplaintId, ContextId, OrganisationId, RoomId, UserId, VoiceId

LASTS = timedelta(minutes=5)
"""How long it is waited for, and how long it waits to be shown."""

AROUND = 5
"""How many events are read before a message and after it."""

LONGEST_TEXT = 1000


class Outcome(StrEnum):
    """What came of the look into the room."""

    READ = "read"
    GONE = "gone"


class Part(StrEnum):
    """What an event near a message is."""

    TEXT = "text"
    UNREADABLE = "unreadable"
    REMOVED = "removed"
    OTHER = "other"


class Spoken(Struct, frozen=True, kw_only=True):
    """One event near a message, or the message itself: ``meant``."""

    sender: UserId
    at: datetime
    part: Part
    text: str = ""
    meant: bool = False

    def __repr__(self) -> str:
        """Show nothing of what was said, in a trace or a log either."""
        return repr_without(self, "text")


class ContextAsked(Fact, frozen=True, kw_only=True):
    """Somebody who looks at a complaint asked for what is said around a message; it is sealed to ``public``."""

    id: ContextId
    complaint: ComplaintId
    organisation: OrganisationId
    voice: VoiceId
    public: bytes
    until: datetime


class ContextRead(Untraced, frozen=True, kw_only=True):
    """What is said around a message was read in its room, sealed for the page that asked for it."""

    id: ContextId
    outcome: Outcome
    sealed: bytes | None


class ContextShown(Untraced, frozen=True, kw_only=True):
    """The page that asked for it has shown it."""

    id: ContextId


class ReadContext(Effect, frozen=True, kw_only=True):
    """Read what is said around a message."""

    context: ContextId
    organisation: OrganisationId
    room: RoomId


def ask_context(
    id: ContextId,  # noqa: A002
    complaint: ComplaintId,
    organisation: OrganisationId,
    *,
    voice: VoiceId,
    room: RoomId,
    public: bytes,
    now: datetime,
) -> Decision:
    """Have what is said around a message read for one page."""
    asked = ContextAsked(
        id=id, complaint=complaint, organisation=organisation, voice=voice, public=public, until=now + LASTS
    )
    return Decision(facts=(asked,), effects=(ReadContext(context=id, organisation=organisation, room=room),))
