"""What the homeserver told us, as values: events, what could not be read, and the batch of one sync."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

Membership = Literal["join", "leave", "invite", "knock"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One well-formed event. ``content`` is sanitised and must not be changed by anyone.

    Stripped events of invitations have no ``event_id`` (an empty text). ``sent_at`` is the homeserver's word, clamped
    to a sensible year; who decides by it bounds it further. ``foreign`` is True when the encrypted session does not
    belong to any device of the sender: act on nothing it says. ``megolm`` is (session id, message index) of an
    encrypted event: the same pair under another event id is a replay. A decrypted event is never state and never a
    redaction.
    """

    room_id: str
    event_id: str
    sender: str
    type: str
    content: dict[str, Any]
    state_key: str | None = None
    redacts: str | None = None
    sent_at: datetime
    encrypted: bool = False
    own_transaction: str | None = None
    foreign: bool = False
    megolm: tuple[str, int] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreadable:
    """An encrypted event whose key has not arrived; ``Homeserver.read_again`` tries once more when it has.

    ``refers_to`` is the event that it says in clear to be about.
    """

    room_id: str
    event_id: str
    sender: str
    session_id: str
    sent_at: datetime
    refers_to: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Poison:
    """An event that cannot be processed: ``reason`` names the class of the fault, ``raw`` is kept for the operator."""

    room_id: str
    event_id: str | None
    sender: str | None
    reason: str
    raw: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """A stretch of a room's history that is still missing, from the newer token back to the older one."""

    from_token: str
    to_token: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RoomBatch:
    """What one sync says about one room: apply ``state`` first, then ``timeline`` in order."""

    room_id: str
    membership: Membership
    state: tuple[Event | Poison, ...] = ()
    timeline: tuple[Event | Unreadable | Poison, ...] = ()
    gap: Gap | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RoomKey:
    """A key that has arrived with a sync: events of this session that were unreadable can be read again."""

    room_id: str
    session_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """One sync response, sanitised, decrypted and with its gaps filled.

    Commit all of it and ``next_batch`` in one transaction. ``dropped`` counts messages to our device and whole rooms
    that were too malformed to keep.
    """

    since: str | None
    next_batch: str
    rooms: tuple[RoomBatch, ...]
    keys: tuple[RoomKey, ...] = ()
    dropped: int = 0
