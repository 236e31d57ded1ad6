"""What places have set about guards, the entries of their lists, and where guards struck lately."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime

from msgspec import Struct
from sqlalchemy import Column, Index, String, Table, func, select, update

from content.guards import Guard, GuardEntriesAdded, GuardEntryDropped, GuardSet, Level, Lists, Sort
from content.identifiers import EventId, OrganisationId, RoomId, StrikeId, UserId
from content.strikes import KEPT, GuardStruck, Strike
from content.upgrades import RoomMoved
from storage.members import members
from storage.organisations import duties, organisations, within
from storage.outbox import Kind, State, outbox
from storage.rooms import rooms
from storage.tables import Instant, metadata
from storage.unit import AnyRow, Reading, Writing

guard_settings = Table(
    "guard_settings",
    metadata,
    Column("place", String(255), primary_key=True),
    Column("name", String(40), primary_key=True),
    Column("value", String(100), nullable=False),
)
"""``place`` is a node of the tree or a room of one; the two never look alike."""

guard_entries = Table(
    "guard_entries",
    metadata,
    Column("place", String(255), primary_key=True),
    Column("sort", String(10), primary_key=True),
    Column("entry", String(200), primary_key=True),
)

strikes = Table(
    "strikes",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("organisation_id", String(32), nullable=False),
    Column("room_id", String(255), nullable=False),
    Column("event_id", String(255), nullable=False),
    Column("user_id", String(255), nullable=False, index=True),
    Column("guard", String(10), nullable=False),
    Column("level", String(10), nullable=False),
    Column("at", Instant, nullable=False),
    Index("ix_strikes_room_id_at", "room_id", "at"),
)


class Count(Struct, frozen=True, kw_only=True):
    """How often a guard struck in a room at a level."""

    room: RoomId
    guard: Guard
    level: Level
    number: int


async def lists(unit: Reading) -> Lists:
    """Return what all places have set."""
    chosen: dict[OrganisationId, dict[str, str]] = {}
    for row in await unit.rows(select(guard_settings)):
        chosen.setdefault(row.place, {})[row.name] = row.value
    entries: dict[OrganisationId, dict[Sort, tuple[str, ...]]] = {}
    query = select(guard_entries).order_by(guard_entries.c.place, guard_entries.c.sort, guard_entries.c.entry)
    for row in await unit.rows(query):
        own = entries.setdefault(row.place, {})
        own[Sort(row.sort)] = (*own.get(Sort(row.sort), ()), row.entry)
    nodes = await unit.rows(select(organisations.c.id, organisations.c.parent_id))
    housed = await unit.rows(select(rooms.c.id, rooms.c.organisation_id))
    parents = {OrganisationId(row[0]): row[1] for row in (*nodes, *housed)}
    return Lists(chosen=chosen, entries=entries, parents=parents)


async def strike(unit: Reading, id: StrikeId) -> Strike | None:  # noqa: A002
    """Return where a guard struck."""
    row = await unit.first(select(strikes).where(strikes.c.id == id))
    return _strike(row) if row else None


async def has_struck(unit: Reading, room: RoomId, guard: Guard, *, since: datetime) -> bool:
    """Tell whether a guard struck in a room at or after an instant."""
    query = select(strikes.c.id).where(strikes.c.room_id == room, strikes.c.at >= since, strikes.c.guard == guard)
    return await unit.first(query.limit(1)) is not None


async def is_told(unit: Reading, room: RoomId, user: UserId, guard: Guard, *, since: datetime) -> bool:
    """Tell whether somebody whom a guard struck in a room after an instant is told so, or will be."""
    query = (
        select(strikes.c.id)
        .join(outbox, outbox.c.matter_id == strikes.c.id)
        .where(
            strikes.c.user_id == user,
            strikes.c.room_id == room,
            strikes.c.guard == guard,
            strikes.c.at > since,
            outbox.c.lane == f"hide:{room}",
            outbox.c.kind == Kind.HIDE,
            outbox.c.quiet.is_(False),
            outbox.c.state != State.FAILED,
        )
    )
    return await unit.first(query.limit(1)) is not None


async def strangers(unit: Reading, people: Collection[UserId]) -> tuple[UserId, ...]:
    """Return who of some people stands on no roster and holds no duty, in the order in which they are given."""
    if not people:
        return ()
    known = {
        row.user_id
        for table in (members, duties)
        for row in await unit.rows(select(table.c.user_id).where(table.c.user_id.in_(list(people))))
    }
    return tuple(one for one in people if one not in known)


def _strike(row: AnyRow) -> Strike:
    return Strike(
        id=StrikeId(row.id),
        organisation=OrganisationId(row.organisation_id),
        room=RoomId(row.room_id),
        event=EventId(row.event_id),
        user=UserId(row.user_id),
        guard=Guard(row.guard),
        level=Level(row.level),
        at=row.at,
    )


async def counts(unit: Reading, roots: Iterable[OrganisationId], since: datetime) -> tuple[Count, ...]:
    """Return how often guards struck since an instant in the rooms at or below the roots; nobody is named."""
    query = (
        select(strikes.c.room_id, strikes.c.guard, strikes.c.level, func.count().label("number"))
        .where(within(strikes.c.organisation_id, roots), strikes.c.at >= since)
        .group_by(strikes.c.room_id, strikes.c.guard, strikes.c.level)
        .order_by(strikes.c.room_id, strikes.c.guard, strikes.c.level)
    )
    return tuple(
        Count(room=RoomId(row.room_id), guard=Guard(row.guard), level=Level(row.level), number=int(row.number))
        for row in await unit.rows(query)
    )


async def write_set(unit: Writing, fact: GuardSet) -> None:
    """Keep what a place has set, or let go of it."""
    place, own = fact.room or fact.organisation, guard_settings
    if fact.value is None:
        await unit.execute(own.delete().where(own.c.place == place, own.c.name == fact.name))
    else:
        await unit.put(own, {"place": place, "name": fact.name, "value": fact.value}, key=["place", "name"])


async def write_added(unit: Writing, fact: GuardEntriesAdded) -> None:
    """Put entries on a list of a place."""
    place = fact.room or fact.organisation
    rows = [{"place": place, "sort": fact.sort, "entry": one} for one in fact.entries]
    await unit.add_missing(guard_entries, rows)


async def write_dropped(unit: Writing, fact: GuardEntryDropped) -> None:
    """Take an entry off a list of a place."""
    own, place = guard_entries, fact.room or fact.organisation
    named = (own.c.place == place, own.c.sort == fact.sort, own.c.entry == fact.entry)
    await unit.execute(own.delete().where(*named))


async def write_struck(unit: Writing, fact: GuardStruck) -> None:
    """Remember where a guard struck."""
    one = fact.strike
    row = {
        "id": one.id,
        "organisation_id": one.organisation,
        "room_id": one.room,
        "event_id": one.event,
        "user_id": one.user,
        "guard": one.guard,
        "level": one.level,
        "at": one.at,
    }
    await unit.add_missing(strikes, row)


async def write_moved(unit: Writing, fact: RoomMoved) -> None:
    """Let what a room has set hold in the one that took its place, unless that has set something itself."""
    for table in (guard_settings, guard_entries):
        has = await unit.first(select(table.c.place).where(table.c.place == fact.new.id).limit(1))
        if has is None:
            await unit.execute(update(table).where(table.c.place == fact.old).values(place=fact.new.id))


async def forget_past(unit: Writing, now: datetime) -> None:
    """Forget where guards struck long ago."""
    await unit.execute(strikes.delete().where(strikes.c.at < now - KEPT))
