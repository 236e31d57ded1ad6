"""What the homeserver told us, as values: events, what could not be read, and the batch of one sync."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from msgspec import Struct

from content.discreet import repr_without

Membership = Literal["join", "leave", "invite", "knock"]


class Event(Struct, frozen=True, kw_only=True):
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


class Unreadable(Struct, frozen=True, kw_only=True):
    """An encrypted event whose key has not arrived; ``Homeserver.read_again`` tries once more when it has.

    ``refers_to`` is the event that it says in clear to be about.
    """

    room_id: str
    event_id: str
    sender: str
    session_id: str
    sent_at: datetime
    refers_to: str | None = None


class Poison(Struct, frozen=True, kw_only=True):
    """An event that cannot be processed: ``reason`` names the class of the fault, ``raw`` is kept for the operator."""

    room_id: str
    event_id: str | None
    sender: str | None
    reason: str
    raw: bytes

    def __repr__(self) -> str:
        return repr_without(self, "raw")


class Gap(Struct, frozen=True, kw_only=True):
    """A stretch of a room's history that is still missing, from the newer token back to the older one."""

    from_token: str
    to_token: str


class RoomBatch(Struct, frozen=True, kw_only=True):
    """What one sync says about one room: apply ``state`` first, then ``timeline`` in order."""

    room_id: str
    membership: Membership
    state: tuple[Event | Poison, ...] = ()
    timeline: tuple[Event | Unreadable | Poison, ...] = ()
    gap: Gap | None = None


class RoomKey(Struct, frozen=True, kw_only=True):
    """A key that has arrived with a sync: events of this session that were unreadable can be read again."""

    room_id: str
    session_id: str


class Batch(Struct, frozen=True, kw_only=True):
    """One sync response, sanitised, decrypted and with its gaps filled.

    Commit all of it and ``next_batch`` in one transaction. ``dropped`` counts messages to our device and whole rooms
    that were too malformed to keep.
    """

    since: str | None
    next_batch: str
    rooms: tuple[RoomBatch, ...]
    keys: tuple[RoomKey, ...] = ()
    dropped: int = 0
