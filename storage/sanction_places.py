"""In which rooms a measure is to be carried out or undone, and what each of them said before."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from msgspec import Struct
from msgspec.structs import asdict
from sqlalchemy import exists, func, select, update

from content.identifiers import RoomId, SanctionId, UserId
from content.sanctions import Level, LevelNoted, PlaceMoved, PlaceSettled, PlaceState, Sanction, State, Step
from storage.outbox import State as Row
from storage.outbox import outbox
from storage.rooms import rooms
from storage.sanctions import rows_of, sanction, sanction_places, sanctions, with_rooms
from storage.unit import Reading, Writing

_IS_OVER = sanctions.c.state.in_([State.ENDED, State.LIFTED])


class Left(Struct, frozen=True, kw_only=True):
    """What a measure that is over has left in a room until it is undone."""

    id: SanctionId
    before: Level
    muted: int | None


async def in_room(unit: Reading, room: RoomId) -> tuple[Sanction, ...]:
    """Return the measures that hold in a room, wait for a second person's word, or are over and not undone there."""
    held = select(sanction_places.c.sanction_id).where(sanction_places.c.room_id == room)
    left = held.where(sanction_places.c.state != PlaceState.UNDONE)
    standing = sanctions.c.state.in_([State.ACTIVE, State.WAITING]) & sanctions.c.id.in_(held)
    over = _IS_OVER & sanctions.c.step.in_([Step.MUTE, Step.BAN]) & sanctions.c.id.in_(left)
    query = rows_of().where(standing | over)
    return tuple(one for _, one in await with_rooms(unit, query.order_by(sanctions.c.at, sanctions.c.id)))


async def unsettled(unit: Reading) -> tuple[tuple[Sanction, RoomId], ...]:
    """Return what is to be done or undone in a room that works, and for which nothing is under way."""
    under_way = exists().where(
        outbox.c.matter_id == sanctions.c.id,
        outbox.c.room_id == sanction_places.c.room_id,
        outbox.c.state.in_([Row.PENDING, Row.LEASED]),
    )
    begun = sanction_places.c.state.in_([PlaceState.WAITING, PlaceState.STUCK])
    to_do = begun & (sanctions.c.state == State.ACTIVE)
    over = _IS_OVER & (sanctions.c.step != Step.REMOVAL)
    to_undo = over & (sanction_places.c.state != PlaceState.UNDONE)
    query = (
        select(sanction_places.c.sanction_id, sanction_places.c.room_id)
        .join(sanctions, sanctions.c.id == sanction_places.c.sanction_id)
        .join(rooms, rooms.c.id == sanction_places.c.room_id)
        .where(to_do | to_undo, ~under_way, rooms.c.lost.is_(None))
        .order_by(sanction_places.c.sanction_id, sanction_places.c.room_id)
    )
    found = []
    for row in await unit.rows(query):
        one = await sanction(unit, SanctionId(row.sanction_id))
        if one is not None:
            found.append((one, RoomId(row.room_id)))
    return tuple(found)


async def held_in_rooms(unit: Reading, accounts: Collection[UserId]) -> int:
    """Return how many measures against some accounts a room still holds: they last, or are still to be undone."""
    lasts = sanctions.c.state == State.ACTIVE
    over = _IS_OVER & (sanction_places.c.state != PlaceState.UNDONE)
    query = (
        select(func.count(sanctions.c.id.distinct()))
        .select_from(sanctions.join(sanction_places, sanction_places.c.sanction_id == sanctions.c.id))
        .outerjoin(rooms, rooms.c.id == sanction_places.c.room_id)
        .where(
            sanctions.c.user_id.in_(list(accounts)),
            sanctions.c.step.in_([Step.MUTE, Step.BAN]),
            lasts | over,
            rooms.c.lost.is_(None),
        )
    )
    return int(await unit.value(query) or 0)


async def left_in(unit: Reading, one: Sanction, room: RoomId) -> tuple[Left, ...]:
    """Return what measures of the same kind before this one have left in a room for the same person, oldest first."""
    query = (
        select(sanction_places)
        .join(sanctions, sanctions.c.id == sanction_places.c.sanction_id)
        .where(
            sanctions.c.id != one.id,
            sanctions.c.user_id == one.user,
            sanctions.c.step == one.step,
            _IS_OVER,
            sanction_places.c.room_id == room,
            sanction_places.c.state != PlaceState.UNDONE,
        )
        .order_by(sanctions.c.at, sanctions.c.id)
    )
    return tuple(
        Left(id=SanctionId(row.sanction_id), before=Level(**row.before), muted=row.muted)
        for row in await unit.rows(query)
        if row.before is not None
    )


def _at(id: SanctionId, room: RoomId) -> Any:  # noqa: A002
    return (sanction_places.c.sanction_id == id) & (sanction_places.c.room_id == room)


async def write_level(unit: Writing, fact: LevelNoted) -> None:
    """Keep what stood in a room's levels, before they are changed."""
    change = update(sanction_places).where(_at(fact.id, fact.room))
    await unit.execute(change.values(before=asdict(fact.before), muted=fact.muted))


async def write_place(unit: Writing, fact: PlaceSettled) -> None:
    """Keep how far a measure has come in a room."""
    change = update(sanction_places).where(_at(fact.id, fact.room))
    await unit.execute(change.values(state=fact.state, at=fact.at, why=fact.why))


async def write_moved(unit: Writing, fact: PlaceMoved) -> None:
    """Let a measure go on in the room that took another's place; what was before is still what is put back."""
    new = select(sanction_places.c.room_id).where(_at(fact.id, fact.new))
    if await unit.value(new) is None:
        moved = update(sanction_places).where(_at(fact.id, fact.old))
        await unit.execute(moved.values(room_id=fact.new, state=PlaceState.WAITING, why=None, is_moved=True))
