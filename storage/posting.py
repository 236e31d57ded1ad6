"""Rooms for announcements: whom their places let write there, and what holds in each by now."""

from __future__ import annotations

from collections.abc import Collection

from msgspec import Struct
from sqlalchemy import or_, select

from content.identifiers import OrganisationId, RoomId, UserId
from content.locks import Part, State
from content.organisations import LEADING
from content.posting import SETTING, Who
from content.power import Powers
from content.rooms import Purpose
from storage import locks, rooms, settings
from storage.locks import Told, room_locks
from storage.organisations import duties, organisation_closure, within
from storage.settings import organisation_settings
from storage.unit import Reading


class Announcing(Struct, frozen=True, kw_only=True):
    """A room for announcements: what its place has set, what holds there, and what its own levels say.

    ``locked`` tells that writing is locked there, or is still being opened; ``version`` is the state that its levels
    were read from.
    """

    room: RoomId
    organisation: OrganisationId
    who: Who
    held: Told | None
    locked: bool
    powers: Powers | None
    voices: frozenset[UserId]
    version: str


async def announcing(unit: Reading, me: UserId, *, only: Collection[RoomId] | None = None) -> tuple[Announcing, ...]:
    """Return the rooms for announcements that work, all or some; none where no place has set anything of them."""
    chosen = select(organisation_settings.c.name).where(organisation_settings.c.name == SETTING).limit(1)
    held = select(room_locks.c.id).where(room_locks.c.part == Part.POSTING, room_locks.c.state == State.HELD).limit(1)
    if await unit.first(chosen) is None and await unit.first(held) is None:
        return ()
    own = rooms.rooms.c
    query = select(own.id, own.organisation_id).where(own.purpose == Purpose.ANNOUNCEMENT, own.lost.is_(None))
    if only is not None:
        query = query.where(own.id.in_(list(only)))
    found = {RoomId(row.id): OrganisationId(row.organisation_id) for row in await unit.rows(query.order_by(own.id))}
    places, there = await locks.places(unit, found, me), await locks.held(unit, found)
    lines = []
    for room, organisation in found.items():
        who = Who(await settings.value_of(unit, organisation, SETTING))
        standing = there.get(room, ())
        lines.append(
            Announcing(
                room=room,
                organisation=organisation,
                who=who,
                held=next((one for one in standing if _holds(one, Part.POSTING)), None),
                locked=any(one.lock.part is Part.TALK for one in standing),
                powers=places[room].site.powers if room in places else None,
                voices=await voices(unit, organisation, room) if who is Who.DUTIES else frozenset(),
                version=await rooms.version_of(unit, room, "m.room.power_levels") or "",
            )
        )
    return tuple(lines)


def _holds(one: Told, part: Part) -> bool:
    return one.lock.part is part and one.lock.state is State.HELD


async def voices(unit: Reading, organisation: OrganisationId, room: RoomId) -> frozenset[UserId]:
    """Return who of those in a room has a duty by which one leads: at its place, above it, or below it."""
    above = select(organisation_closure.c.ancestor_id).where(organisation_closure.c.descendant_id == organisation)
    at = or_(within(duties.c.organisation_id, [organisation]), duties.c.organisation_id.in_(above))
    rows = await unit.rows(select(duties.c.user_id).where(at, duties.c.role.in_(list(LEADING))))
    return frozenset(UserId(row.user_id) for row in rows) & frozenset(await rooms.joined(unit, room))


async def is_locked(unit: Reading, room: RoomId) -> bool:
    """Tell whether writing is locked in a room, or is still being opened."""
    return any(one.lock.part is Part.TALK for one in (await locks.held(unit, [room])).get(room, ()))
