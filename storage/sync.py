"""Where the bot stands in the homeserver's stream, and what of it could not be read or understood."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct
from sqlalchemy import Column, Index, LargeBinary, String, Table, bindparam, func, select

from content.decision import Fact, Observed
from content.identifiers import EventId, RoomId, UserId, derive
from storage.prepared import Prepared
from storage.tables import Instant, metadata
from storage.unit import AnyRow, Reading, Writing

checkpoints = Table(
    "checkpoints",
    metadata,
    Column("account", String(255), primary_key=True),
    Column("since", String(2000), nullable=False),
    Column("at", Instant, nullable=False),
)

gaps = Table(
    "gaps",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("room_id", String(255), nullable=False),
    Column("from_token", String(2000), nullable=False),
    Column("to_token", String(2000), nullable=False),
    Column("found_at", Instant, nullable=False),
    Column("given_up_at", Instant),
    Column("reason", String(60)),
)

dead_letters = Table(
    "dead_letters",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("cause", String(300), nullable=False, unique=True),
    Column("room_id", String(255)),
    Column("sender", String(255)),
    Column("reason", String(300), nullable=False),
    Column("raw", LargeBinary),
    Column("at", Instant, nullable=False),
    Column("event_id", String(255)),
    Column("asked_at", Instant),
    Column("tried_at", Instant),
    Column("aside_at", Instant),
)

unreadable = Table(
    "unreadable",
    metadata,
    Column("event_id", String(255), primary_key=True),
    Column("room_id", String(255), nullable=False),
    Column("session_id", String(255), nullable=False),
    Column("sender", String(255), nullable=False),
    Column("at", Instant, nullable=False),
    Column("refers_to", String(255), index=True),
    Column("told_at", Instant),
    Index("ix_unreadable_session", "room_id", "session_id"),
)


class Heard(Fact, frozen=True, kw_only=True):
    """Everything of the stream before ``since`` is dealt with; committed together with what it brought about."""

    account: UserId
    since: str
    at: datetime


class GapFound(Fact, frozen=True, kw_only=True):
    """Part of a room's history could not be read back."""

    room: RoomId
    from_token: str
    to_token: str
    at: datetime


class Buried(Fact, frozen=True, kw_only=True):
    """Something could not be processed; it is kept with its reason instead of stopping the rest."""

    cause: str
    room: RoomId | None
    sender: UserId | None
    reason: str
    raw: bytes | None
    at: datetime
    event_id: EventId | None = None


class NotReadable(Observed, frozen=True, kw_only=True):
    """An encrypted event came for which there is no key; ``refers_to`` is the event it is about, if it says so."""

    room: RoomId
    session_id: str
    sender: UserId
    at: datetime
    refers_to: EventId | None = None


class Readable(Fact, frozen=True, kw_only=True):
    """The key of an event came after all."""

    event_id: EventId


class GapFilled(Fact, frozen=True, kw_only=True):
    """A stretch of a room's history was read back after all."""

    id: str


class OpenGap(Struct, frozen=True, kw_only=True):
    """A stretch of a room's history that is still missing, from the newer token back to the older one."""

    id: str
    room: RoomId
    from_token: str
    to_token: str
    found_at: datetime


async def open_gaps(unit: Reading) -> tuple[OpenGap, ...]:
    """Return what is still missing and may yet be read, oldest first."""
    query = select(gaps).where(gaps.c.given_up_at.is_(None))
    rows = await unit.rows(query.order_by(gaps.c.found_at, gaps.c.id))
    return tuple(
        OpenGap(id=row.id, room=row.room_id, from_token=row.from_token, to_token=row.to_token, found_at=row.found_at)
        for row in rows
    )


async def waiting_for_key(unit: Reading, room: RoomId, session_id: str) -> tuple[tuple[EventId, datetime], ...]:
    """Return the events of a session that could not be read, each with when it came."""
    query = select(unreadable.c.event_id, unreadable.c.at).where(
        unreadable.c.room_id == room, unreadable.c.session_id == session_id
    )
    return tuple((EventId(row.event_id), row.at) for row in await unit.rows(query.order_by(unreadable.c.at)))


async def waiting_sessions(unit: Reading) -> tuple[tuple[RoomId, str], ...]:
    """Return the sessions, as (room, session), of which something could not be read."""
    query = select(unreadable.c.room_id, unreadable.c.session_id).distinct()
    rows = await unit.rows(query.order_by(unreadable.c.room_id, unreadable.c.session_id))
    return tuple((RoomId(row.room_id), row.session_id) for row in rows)


async def unreadable_about(unit: Reading, room: RoomId, event: EventId) -> int:
    """Return how many events about another event of a room could not be read."""
    query = select(func.count()).select_from(unreadable)
    return int(await unit.value(query.where(unreadable.c.room_id == room, unreadable.c.refers_to == event)))


async def account(unit: Reading) -> UserId | None:
    """Return the chat account that this installation hears with; ``None`` before it has heard anything."""
    query = select(checkpoints.c.account).order_by(checkpoints.c.at.desc(), checkpoints.c.account).limit(1)
    return await unit.value(query)  # type: ignore[no-any-return]


_POSITION = Prepared(select(checkpoints).where(checkpoints.c.account == bindparam("account")))


async def checkpoint(unit: Reading, account: UserId) -> tuple[str, datetime] | None:
    """Return the position from which to go on listening, and when it was reached."""
    row = await unit.first(_POSITION, {"account": account})
    return (row.since, row.at) if row else None


async def troubles(unit: Reading) -> dict[str, int]:
    """Return how many gaps, dead letters that nobody has put aside, and unreadable events there are."""
    numbers = {table.name: select(func.count()).select_from(table) for table in (gaps, dead_letters, unreadable)}
    numbers[dead_letters.name] = numbers[dead_letters.name].where(dead_letters.c.aside_at.is_(None))
    return {name: int(await unit.value(query)) for name, query in numbers.items()}


async def buried(unit: Reading, *, limit: int = 100) -> Sequence[AnyRow]:
    """Return the newest dead letters without their raw content."""
    columns = (
        dead_letters.c.id,
        dead_letters.c.cause,
        dead_letters.c.room_id,
        dead_letters.c.reason,
        dead_letters.c.at,
    )
    return await unit.rows(select(*columns).order_by(dead_letters.c.at.desc()).limit(limit))


async def write_heard(unit: Writing, fact: Heard) -> None:
    """Move the position."""
    await unit.put(checkpoints, {"account": fact.account, "since": fact.since, "at": fact.at}, key=["account"])


async def write_gap(unit: Writing, fact: GapFound) -> None:
    """Keep a gap in sight."""
    await unit.add_missing(
        gaps,
        {
            "id": derive(fact.room, fact.from_token, fact.to_token),
            "room_id": fact.room,
            "from_token": fact.from_token,
            "to_token": fact.to_token,
            "found_at": fact.at,
        },
    )


async def write_gap_filled(unit: Writing, fact: GapFilled) -> None:
    """Forget a gap that is closed."""
    await unit.execute(gaps.delete().where(gaps.c.id == fact.id))


async def write_buried(unit: Writing, fact: Buried) -> None:
    """Keep a dead letter, once for its cause."""
    await unit.add_missing(
        dead_letters,
        {
            "id": derive(fact.cause, "dead"),
            "cause": fact.cause,
            "room_id": fact.room,
            "sender": fact.sender,
            "reason": fact.reason[:300],
            "raw": fact.raw,
            "at": fact.at,
            "event_id": fact.event_id,
        },
    )


async def write_unreadable(unit: Writing, fact: NotReadable) -> None:
    """Keep an event in sight until its key comes."""
    await unit.add_missing(
        unreadable,
        {
            "event_id": fact.event_id,
            "room_id": fact.room,
            "session_id": fact.session_id,
            "sender": fact.sender,
            "at": fact.at,
            "refers_to": fact.refers_to,
        },
    )


async def write_readable(unit: Writing, fact: Readable) -> None:
    """Forget an event that could be read after all."""
    await unit.execute(unreadable.delete().where(unreadable.c.event_id == fact.event_id))
