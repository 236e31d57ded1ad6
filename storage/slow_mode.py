"""How slow rooms are: for a while by a lock, or for good by what a place has set about guards."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from sqlalchemy import select

from content.guards import BY_NAME, GAP, Guard, Level, Lists, Place
from content.identifiers import RoomId
from content.locks import Part, State
from content.rooms import Room
from content.slow_mode import Slowed
from storage import guards, rooms
from storage.locks import room_locks
from storage.unit import Reading


async def slowed(unit: Reading) -> dict[RoomId, Slowed]:
    """Return the rooms in which slow mode holds for a while."""
    own = room_locks.c
    query = select(own.room_id, own.gap, own.until).where(own.state == State.HELD, own.part == Part.SLOW)
    return {
        RoomId(row.room_id): Slowed(gap=timedelta(seconds=row.gap), until=row.until) for row in await unit.rows(query)
    }


async def gap_in(unit: Reading, room: RoomId) -> timedelta | None:
    """Return the gap of the slow mode that holds in a room as of now, nothing where there is none."""
    kept = await rooms.room(unit, room)
    return (await gaps_in(unit, [kept])).get(room) if kept is not None else None


async def usual_gap(unit: Reading, room: RoomId) -> timedelta | None:
    """Return the gap that a room's place has set for good, whatever holds for a while; nothing where it has set none.

    Of a room that is not ours there is none.
    """
    kept = await rooms.room(unit, room)
    return _set(kept, await guards.lists(unit)) if kept is not None else None


def _set(room: Room, lists: Lists) -> timedelta | None:
    place = Place(organisation=room.organisation, room=room.id)
    if lists.held(place, BY_NAME[Guard.SLOW]).value == Level.OFF:
        return None
    return timedelta(seconds=int(lists.held(place, BY_NAME[GAP]).value))


async def gaps_in(unit: Reading, of: Iterable[Room]) -> dict[RoomId, timedelta]:
    """Return of those rooms that are slow as of now the gap: for a while, else as their places have set it."""
    for_a_while, lists = await slowed(unit), await guards.lists(unit)
    found: dict[RoomId, timedelta] = {}
    for room in of:
        own = for_a_while.get(room.id)
        gap = own.at(unit.now) if own is not None else None
        gap = _set(room, lists) if gap is None else gap
        if gap is not None:
            found[room.id] = gap
    return found
