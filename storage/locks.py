"""Locks of rooms: which hold until when, how far each has come, and what its room said before."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy import JSON, Column, ForeignKey, Index, Integer, String, Table, bindparam, exists, select, update

from content.identifiers import EventId, LockId, OrganisationId, RoomId, UserId
from content.levels import Entry
from content.locks import (
    Before,
    Lock,
    LockMoved,
    LockNoted,
    LockSettled,
    Part,
    Place,
    RoomLockAsked,
    RoomLockDropped,
    RoomLocked,
    RoomUnlocked,
    State,
)
from content.sanctions import CONFIRM_WITHIN, Hindrance, PlaceState, Site
from storage.outbox import Kind, outbox
from storage.outbox import State as Row
from storage.prepared import Prepared
from storage.rooms import as_room, room_state, rooms, state_of
from storage.tables import Instant, metadata
from storage.unit import AnyRow, Reading, Writing
from storage.upkeep import standings

KEPT = timedelta(days=3 * 365)
"""How long a lock that is over is kept, as who did what to whom is."""

room_locks = Table(
    "room_locks",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("room_id", String(255), nullable=False, index=True),
    Column("organisation_id", ForeignKey("organisations.id"), nullable=False, index=True),
    Column("part", String(10), nullable=False),
    Column("by_user", String(255)),
    Column("at", Instant, nullable=False),
    Column("seconds", Integer),
    Column("until", Instant),
    Column("state", String(10), nullable=False),
    Column("ended_at", Instant),
    Column("ended_by", String(255)),
    Column("place", String(10), nullable=False),
    Column("before", JSON),
    Column("why", String(12)),
    Column("settled_at", Instant),
    Column("gap", Integer),
    Column("who", String(10)),
    Index("ix_room_locks_state_until", "state", "until"),
)
"""``place`` is how far it has come in its room, ``before`` what the room said before it was changed.

``gap`` is in seconds, of slow mode alone; ``who`` may write, of rooms for announcements alone.
"""


class Told(Struct, frozen=True, kw_only=True):
    """A lock with how far it has come in its room and, where it was changed, what it said before."""

    lock: Lock
    place: PlaceState
    before: Before | None
    why: Hindrance | None
    ended_at: datetime | None
    ended_by: UserId | None


def _lock(row: AnyRow) -> Lock:
    return Lock(
        id=LockId(row.id),
        room=RoomId(row.room_id),
        organisation=OrganisationId(row.organisation_id),
        part=Part(row.part),
        by=row.by_user,
        at=row.at,
        state=State(row.state),
        lasts=timedelta(seconds=row.seconds) if row.seconds is not None else None,
        until=row.until,
        gap=timedelta(seconds=row.gap) if row.gap is not None else None,
        who=row.who,
    )


def _told(row: AnyRow) -> Told:
    return Told(
        lock=_lock(row),
        place=PlaceState(row.place),
        before=msgspec.convert(row.before, Before) if row.before is not None else None,
        why=Hindrance(row.why) if row.why else None,
        ended_at=row.ended_at,
        ended_by=row.ended_by,
    )


async def told(unit: Reading, id: LockId) -> Told | None:  # noqa: A002
    """Return a lock with how far it has come."""
    row = await unit.first(select(room_locks).where(room_locks.c.id == id))
    return _told(row) if row else None


async def held(unit: Reading, ids: Collection[RoomId]) -> dict[RoomId, tuple[Told, ...]]:
    """Return of some rooms the locks that hold, or are still to be undone, oldest first."""
    standing = (room_locks.c.state == State.HELD) | (
        (room_locks.c.state == State.OVER) & (room_locks.c.place != PlaceState.UNDONE)
    )
    query = select(room_locks).where(room_locks.c.room_id.in_(list(ids)), standing)
    found: dict[RoomId, tuple[Told, ...]] = {}
    for row in await unit.rows(query.order_by(room_locks.c.at, room_locks.c.id)):
        room = RoomId(row.room_id)
        found[room] = (*found.get(room, ()), _told(row))
    return found


async def place(unit: Reading, room: RoomId, me: UserId) -> Place | None:
    """Return what is known of a room that is to be locked; nothing of one that does not work or is nobody's."""
    return (await places(unit, [room], me)).get(room)


async def places(unit: Reading, ids: Collection[RoomId], me: UserId) -> dict[RoomId, Place]:
    """Return of some rooms what is known of those that can be locked; a space is none."""
    query = select(rooms).where(rooms.c.id.in_(list(ids)), rooms.c.lost.is_(None), rooms.c.purpose != "space")
    kept = [as_room(row) for row in await unit.rows(query.order_by(rooms.c.name, rooms.c.id))]
    wanted = [one.id for one in kept]
    known = await standings(unit, wanted, me, kinds=("m.room.create", "m.room.power_levels"))
    said = await unit.rows(
        state_of(wanted).where(room_state.c.type == "m.room.join_rules", room_state.c.state_key == "")
    )
    rules, there = {RoomId(row.room_id): dict(row.content) for row in said}, await held(unit, wanted)
    return {
        one.id: Place(
            site=Site(room=one.id, name=one.name, powers=known[one.id].powers if one.id in known else None),
            organisation=one.organisation,
            rule=rules.get(one.id),
            held=tuple(told.lock for told in there.get(one.id, ()) if told.lock.state is State.HELD),
            undoing=frozenset(told.lock.part for told in there.get(one.id, ()) if told.lock.state is State.OVER),
        )
        for one in kept
    }


async def past_of(unit: Reading, room: RoomId, limit: int) -> tuple[Told, ...]:
    """Return the locks of a room that are over, the newest first."""
    query = select(room_locks).where(room_locks.c.room_id == room, room_locks.c.state == State.OVER)
    rows = await unit.rows(query.order_by(room_locks.c.at.desc(), room_locks.c.id).limit(limit))
    return tuple(_told(row) for row in rows)


_DUE = Prepared(
    select(room_locks.c.id)
    .where(room_locks.c.state == State.HELD, room_locks.c.until <= bindparam("now", type_=Instant))
    .order_by(room_locks.c.until, room_locks.c.id)
)


async def due(unit: Reading, now: datetime) -> tuple[LockId, ...]:
    """Return the locks whose time is over."""
    return tuple(LockId(row.id) for row in await unit.rows(_DUE, {"now": now}))


async def unsettled(unit: Reading) -> tuple[Lock, ...]:
    """Return what is to be locked or opened in a room that works, and for which nothing is under way."""
    under_way = exists().where(
        outbox.c.matter_id == room_locks.c.id,
        outbox.c.kind.in_([Kind.LOCK, Kind.UNLOCK]),
        outbox.c.state.in_([Row.PENDING, Row.LEASED]),
    )
    to_do = (room_locks.c.state == State.HELD) & (room_locks.c.place != PlaceState.DONE)
    to_undo = (room_locks.c.state == State.OVER) & (room_locks.c.place != PlaceState.UNDONE)
    query = (
        select(room_locks)
        .join(rooms, rooms.c.id == room_locks.c.room_id)
        .where(to_do | to_undo, ~under_way, rooms.c.lost.is_(None))
        .order_by(room_locks.c.at, room_locks.c.id)
    )
    return tuple(_lock(row) for row in await unit.rows(query))


async def left_in(unit: Reading, lock: Lock) -> tuple[Told, ...]:
    """Return what locks of the same part before this one have left in a room, the newest first."""
    query = select(room_locks).where(
        room_locks.c.id != lock.id,
        room_locks.c.room_id == lock.room,
        room_locks.c.part == lock.part,
        room_locks.c.state == State.OVER,
        room_locks.c.place != PlaceState.UNDONE,
        room_locks.c.before.is_not(None),
    )
    rows = await unit.rows(query.order_by(room_locks.c.at.desc(), room_locks.c.id.desc()))
    return tuple(_told(row) for row in rows)


async def asked_by(unit: Reading, event: EventId, user: UserId) -> LockId | None:
    """Return the lock about which a message of ours asked a person."""
    query = (
        select(room_locks.c.id)
        .join(outbox, outbox.c.matter_id == room_locks.c.id)
        .where(outbox.c.event_id == event, outbox.c.user_id == user, outbox.c.kind == Kind.TELL)
    )
    found: LockId | None = await unit.value(query)
    return found


async def _put(unit: Writing, lock: Lock) -> None:
    row = {
        "id": lock.id,
        "room_id": lock.room,
        "organisation_id": lock.organisation,
        "part": lock.part,
        "by_user": lock.by,
        "at": lock.at,
        "seconds": int(lock.lasts.total_seconds()) if lock.lasts is not None else None,
        "until": lock.until,
        "gap": int(lock.gap.total_seconds()) if lock.gap is not None else None,
        "who": lock.who,
        "state": lock.state,
        "place": PlaceState.WAITING,
    }
    await unit.put(room_locks, row, key=["id"])


async def write_asked(unit: Writing, fact: RoomLockAsked) -> None:
    """Keep a lock that waits for who asked for it."""
    await _put(unit, fact.lock)


async def write_locked(unit: Writing, fact: RoomLocked) -> None:
    """Keep a lock that holds."""
    await _put(unit, fact.lock)


async def _change(unit: Writing, id: LockId, **values: Any) -> None:  # noqa: A002
    await unit.execute(update(room_locks).where(room_locks.c.id == id).values(**values))


async def write_unlocked(unit: Writing, fact: RoomUnlocked) -> None:
    """Let a lock hold no longer."""
    await _change(unit, fact.lock.id, state=fact.lock.state, ended_at=fact.at, ended_by=fact.by)


async def write_dropped(unit: Writing, fact: RoomLockDropped) -> None:
    """Keep that a lock is not wanted after all."""
    await _change(unit, fact.lock.id, state=fact.lock.state, ended_at=fact.at)


async def write_noted(unit: Writing, fact: LockNoted) -> None:
    """Keep what a room said before it is changed, and that this lock undoes what others have left there."""
    await _change(unit, fact.id, before=msgspec.to_builtins(fact.before))
    for one in fact.taken_over:
        await _change(unit, one, place=PlaceState.UNDONE, settled_at=fact.at, why=None)


async def write_settled(unit: Writing, fact: LockSettled) -> None:
    """Keep how far a lock has come in its room."""
    await _change(unit, fact.id, place=fact.state, settled_at=fact.at, why=fact.why)


async def write_moved(unit: Writing, fact: LockMoved) -> None:
    """Let a lock go on in the room that took another's place; what was before is still what is put back."""
    await _change(unit, fact.id, room_id=fact.room, place=PlaceState.WAITING, why=None)


async def forget_past(unit: Writing, now: datetime) -> None:
    """Forget what nobody confirmed, and locks of long ago."""
    drafts = room_locks.c.state.in_([State.DRAFT, State.DROPPED]) & (room_locks.c.at < now - CONFIRM_WITHIN)
    old = (room_locks.c.state == State.OVER) & (room_locks.c.ended_at < now - KEPT)
    await unit.execute(room_locks.delete().where(drafts | old))


async def forget_people(unit: Writing, accounts: Collection[UserId]) -> None:
    """Take accounts out of what rooms said before: there is no voice to be put back for who is gone."""
    query = select(room_locks.c.id, room_locks.c.before).where(room_locks.c.part == Part.POSTING)
    for row in await unit.rows(query.order_by(room_locks.c.id)):
        if row.before is None:
            continue
        before = msgspec.convert(row.before, Before)
        kept = replace(before, entries=_without(before.entries, accounts), earlier=_without(before.earlier, accounts))
        if kept != before:
            await _change(unit, row.id, before=msgspec.to_builtins(kept))


def _without(entries: Collection[Entry], accounts: Collection[UserId]) -> tuple[Entry, ...]:
    return tuple(one for one in entries if not one.of_user or one.name not in accounts)
