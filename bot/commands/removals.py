"""Whether the removal of a message counts: it comes from the room where that stood, and from who may remove it there.

The homeserver judges the same; but which message a removal names is read from what its sender wrote.
"""

from __future__ import annotations

from msgspec import Struct

from bot.matrix.power import may, powers_from
from content.identifiers import EventId, MemberId, RoomId, UserId
from storage import members, rooms
from storage.unit import Reading


class Removal(Struct, frozen=True, kw_only=True):
    """That somebody asks in a room to have a message removed."""

    room: RoomId
    target: EventId
    by: UserId


async def may_redact(unit: Reading, room: RoomId, user: str) -> bool:
    """Tell whether a room lets somebody remove what others wrote; not where its powers are not known."""
    create = await rooms.state(unit, room, "m.room.create")
    levels = await rooms.state(unit, room, "m.room.power_levels")
    sender, content = create or (None, {})
    known = powers_from(sender=sender, create=content, levels=levels[1] if levels else None)
    return may(known, user, "redact")


async def counts(unit: Reading, removal: Removal, *, room: RoomId | None, author: UserId | None) -> bool:
    """Tell whether a removal counts of a message that stood in a room; where that is not known, its author's does."""
    if room is None:
        return removal.by == author
    return removal.room == room and (removal.by == author or await may_redact(unit, room, removal.by))


async def counts_of(unit: Reading, removal: Removal, *, room: RoomId | None, member: MemberId | None) -> bool:
    """Tell the same of the message of a member."""
    author = await members.member(unit, member) if member is not None else None
    return await counts(unit, removal, room=room, author=author.user if author is not None else None)
