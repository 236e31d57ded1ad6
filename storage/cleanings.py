"""Cleanings: what of whom is taken back in which rooms, how much was found there, and how far it has come."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from typing import Any

from msgspec import Struct
from sqlalchemy import Boolean, Column, ForeignKey, Integer, String, Table, Text, false, func, select, update

from content.cleanings import (
    LOOKED_LASTS,
    Cleaning,
    CleaningAdvanced,
    CleaningAsked,
    CleaningBegun,
    CleaningCounted,
    CleaningDropped,
    CleaningReady,
    CleaningStopped,
    CleaningStuck,
    RoomState,
    State,
)
from content.identifiers import CleaningId, EventId, OrganisationId, RoomId, UserId
from content.sanctions import Reason
from storage.organisations import within
from storage.outbox import Kind, outbox
from storage.rooms import rooms
from storage.tables import Instant, metadata
from storage.unit import AnyRow, Reading, Writing

KEPT = timedelta(days=3 * 365)
"""How long it is kept that something was taken back, as who did what to whom is."""

cleanings = Table(
    "cleanings",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("organisation_id", ForeignKey("organisations.id"), nullable=False, index=True),
    Column("user_id", String(255), nullable=False, index=True),
    Column("by_user", String(255), nullable=False),
    Column("at", Instant, nullable=False),
    Column("since", Instant),
    Column("reason", String(12), nullable=False),
    Column("said", String(300), nullable=False),
    Column("state", String(10), nullable=False),
    Column("in_chat", Boolean, nullable=False, server_default=false()),
    Column("ready_at", Instant),
    Column("begun_at", Instant),
    Column("ended_at", Instant),
    Column("ended_by", String(255)),
)

cleaning_rooms = Table(
    "cleaning_rooms",
    metadata,
    Column("cleaning_id", ForeignKey("cleanings.id"), primary_key=True),
    Column("room_id", String(255), primary_key=True),
    Column("state", String(10), nullable=False),
    Column("found", Integer),
    Column("is_more", Boolean, nullable=False, server_default=false()),
    Column("taken_back", Integer, nullable=False),
    Column("token", Text),
)
"""``token`` is the place in the room's history up to which everything is taken back, from the newest on."""


class Place(Struct, frozen=True, kw_only=True):
    """How far a cleaning has come in a room."""

    room: RoomId
    name: str
    state: RoomState
    found: int | None
    more: bool
    taken_back: int
    token: str | None


class Told(Struct, frozen=True, kw_only=True):
    """A cleaning with its rooms, as its page tells it."""

    cleaning: Cleaning
    places: tuple[Place, ...]
    begun_at: datetime | None
    ended_at: datetime | None
    ended_by: UserId | None

    @property
    def found(self) -> int:
        """Return how many messages were found."""
        return sum(one.found or 0 for one in self.places)

    @property
    def taken_back(self) -> int:
        """Return how many messages were taken back."""
        return sum(one.taken_back for one in self.places)

    @property
    def left(self) -> tuple[RoomId, ...]:
        """Return the rooms in which it is not done."""
        return tuple(one.room for one in self.places if one.state is not RoomState.DONE)


def _cleaning(row: AnyRow, where: Iterable[RoomId]) -> Cleaning:
    return Cleaning(
        id=CleaningId(row.id),
        organisation=OrganisationId(row.organisation_id),
        user=UserId(row.user_id),
        by=UserId(row.by_user),
        at=row.at,
        since=row.since,
        reason=Reason(row.reason),
        said=row.said,
        rooms=tuple(where),
        state=State(row.state),
        in_chat=row.in_chat,
        ready_at=row.ready_at,
    )


async def _places(unit: Reading, ids: Collection[str]) -> dict[str, list[Place]]:
    query = (
        select(cleaning_rooms, rooms.c.name)
        .outerjoin(rooms, rooms.c.id == cleaning_rooms.c.room_id)
        .where(cleaning_rooms.c.cleaning_id.in_(list(ids)))
        .order_by(rooms.c.name, cleaning_rooms.c.room_id)
    )
    found: dict[str, list[Place]] = {id: [] for id in ids}  # noqa: A001
    for row in await unit.rows(query) if ids else ():
        found[row.cleaning_id].append(
            Place(
                room=RoomId(row.room_id),
                name=row.name or row.room_id,
                state=RoomState(row.state),
                found=row.found,
                more=row.is_more,
                taken_back=row.taken_back,
                token=row.token,
            )
        )
    return found


async def _told(unit: Reading, query: Any) -> tuple[Told, ...]:
    rows = await unit.rows(query)
    places = await _places(unit, [row.id for row in rows])
    return tuple(
        Told(
            cleaning=_cleaning(row, [one.room for one in places[row.id]]),
            places=tuple(places[row.id]),
            begun_at=row.begun_at,
            ended_at=row.ended_at,
            ended_by=row.ended_by,
        )
        for row in rows
    )


async def told(
    unit: Reading,
    id: CleaningId,  # noqa: A002
    roots: Iterable[OrganisationId] | None = None,
    *,
    reader: UserId | None = None,
) -> Told | None:
    """Return a cleaning, where roots are given one at or below them; nobody reads one of their own words."""
    query = select(cleanings).where(cleanings.c.id == id)
    if roots is not None:
        query = query.where(within(cleanings.c.organisation_id, roots))
    if reader is not None:
        query = query.where(cleanings.c.user_id != reader)
    return next(iter(await _told(unit, query)), None)


async def newest(unit: Reading, roots: Iterable[OrganisationId], *, reader: UserId, limit: int) -> tuple[Told, ...]:
    """Return the cleanings at or below the roots, the newest first."""
    query = select(cleanings).where(within(cleanings.c.organisation_id, roots), cleanings.c.user_id != reader)
    return await _told(unit, query.order_by(cleanings.c.at.desc(), cleanings.c.id).limit(limit))


async def under_way(unit: Reading, user: UserId) -> tuple[Cleaning, ...]:
    """Return the cleanings of what a person wrote that are going on, or wait to be begun or gone on with."""
    going = [State.LOOKING, State.READY, State.RUNNING]
    query = select(cleanings).where(cleanings.c.user_id == user, cleanings.c.state.in_(going))
    lately = query.where((cleanings.c.state == State.RUNNING) | (cleanings.c.at > unit.now - LOOKED_LASTS))
    return tuple(one.cleaning for one in await _told(unit, lately))


async def takes_all_of(unit: Reading, user: UserId, room: RoomId) -> bool:
    """Tell whether everything that a person ever wrote in a room is being taken back."""
    query = (
        select(cleanings.c.id)
        .join(cleaning_rooms, cleaning_rooms.c.cleaning_id == cleanings.c.id)
        .where(
            cleanings.c.user_id == user,
            cleaning_rooms.c.room_id == room,
            cleanings.c.since.is_(None),
            cleanings.c.state.in_([State.RUNNING, State.DONE]),
        )
    )
    return await unit.first(query) is not None


async def asked_by(unit: Reading, event: EventId, user: UserId) -> CleaningId | None:
    """Return the cleaning about which a message of ours asked a person."""
    query = (
        select(cleanings.c.id)
        .join(outbox, outbox.c.matter_id == cleanings.c.id)
        .where(outbox.c.event_id == event, outbox.c.user_id == user, outbox.c.kind == Kind.TELL)
    )
    found: CleaningId | None = await unit.value(query)
    return found


async def write_asked(unit: Writing, fact: CleaningAsked) -> None:
    """Keep what is to be counted."""
    one = fact.cleaning
    row = {
        "id": one.id,
        "organisation_id": one.organisation,
        "user_id": one.user,
        "by_user": one.by,
        "at": one.at,
        "since": one.since,
        "reason": one.reason,
        "said": one.said,
        "state": one.state,
        "in_chat": one.in_chat,
    }
    await unit.put(cleanings, row, key=["id"])
    waiting = [
        {"cleaning_id": one.id, "room_id": room, "state": RoomState.WAITING, "is_more": False, "taken_back": 0}
        for room in one.rooms
    ]
    await unit.add_missing(cleaning_rooms, waiting)


def _at(id: CleaningId, room: RoomId) -> Any:  # noqa: A002
    return (cleaning_rooms.c.cleaning_id == id) & (cleaning_rooms.c.room_id == room)


async def write_counted(unit: Writing, fact: CleaningCounted) -> None:
    """Keep how much was found in a room."""
    change = update(cleaning_rooms).where(_at(fact.id, fact.room))
    await unit.execute(change.values(state=RoomState.LOOKED, found=fact.found, is_more=fact.more))


async def _change(unit: Writing, id: CleaningId, **values: Any) -> None:  # noqa: A002
    await unit.execute(update(cleanings).where(cleanings.c.id == id).values(**values))


async def write_ready(unit: Writing, fact: CleaningReady) -> None:
    """Let it wait for a yes."""
    await _change(unit, fact.cleaning.id, state=fact.cleaning.state, ready_at=fact.cleaning.ready_at)


async def write_begun(unit: Writing, fact: CleaningBegun) -> None:
    """Let it go on."""
    begun = func.coalesce(cleanings.c.begun_at, fact.at, type_=Instant)
    await _change(unit, fact.cleaning.id, state=fact.cleaning.state, begun_at=begun, ended_at=None, ended_by=None)
    stuck = (cleaning_rooms.c.cleaning_id == fact.cleaning.id) & (cleaning_rooms.c.state == RoomState.STUCK)
    await unit.execute(update(cleaning_rooms).where(stuck).values(state=RoomState.LOOKED))


async def write_stopped(unit: Writing, fact: CleaningStopped) -> None:
    """Let it stop."""
    await _change(unit, fact.cleaning.id, state=fact.cleaning.state, ended_at=fact.at, ended_by=fact.by)


async def write_dropped(unit: Writing, fact: CleaningDropped) -> None:
    """Let it be."""
    await _change(unit, fact.cleaning.id, state=fact.cleaning.state, ended_at=fact.at)


async def write_advanced(unit: Writing, fact: CleaningAdvanced) -> None:
    """Keep how far it has come in a room, and with the last room that it is done."""
    values: dict[str, Any] = {"taken_back": cleaning_rooms.c.taken_back + fact.taken_back, "token": fact.token}
    if fact.over:
        values["state"] = RoomState.DONE
    await unit.execute(update(cleaning_rooms).where(_at(fact.id, fact.room)).values(**values))
    left = select(func.count()).where(cleaning_rooms.c.cleaning_id == fact.id, cleaning_rooms.c.state != RoomState.DONE)
    if fact.over and not await unit.value(left):
        done = (cleanings.c.id == fact.id) & (cleanings.c.state == State.RUNNING)
        await unit.execute(update(cleanings).where(done).values(state=State.DONE, ended_at=fact.at))


async def write_stuck(unit: Writing, fact: CleaningStuck) -> None:
    """Keep that it does not go on in a room."""
    await unit.execute(update(cleaning_rooms).where(_at(fact.id, fact.room)).values(state=RoomState.STUCK))


async def forget_past(unit: Writing, now: datetime) -> None:
    """Forget what was only counted, and what was taken back long ago."""
    counted = cleanings.c.state.in_([State.LOOKING, State.READY, State.DROPPED]) & (cleanings.c.at < now - LOOKED_LASTS)
    old = cleanings.c.at < now - KEPT
    rows = await unit.rows(select(cleanings.c.id).where(counted | old))
    await _forget(unit, [row.id for row in rows])


async def forget_people(unit: Writing, accounts: Collection[UserId]) -> None:
    """Forget what was taken back of some accounts."""
    rows = await unit.rows(select(cleanings.c.id).where(cleanings.c.user_id.in_(list(accounts))))
    await _forget(unit, [row.id for row in rows])


async def _forget(unit: Writing, ids: Collection[str]) -> None:
    if ids:
        await unit.execute(cleaning_rooms.delete().where(cleaning_rooms.c.cleaning_id.in_(list(ids))))
        await unit.execute(cleanings.delete().where(cleanings.c.id.in_(list(ids))))
