"""Which messages counted, and as what, for those who change or remove them; never what they said."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Column, String, Table, bindparam, func, select, update

from content.counted_messages import LEAVES, Counted, MessageCounted, MessageStood, Sort
from content.identifiers import EventId, UserId
from storage.prepared import Prepared
from storage.tables import Instant, metadata
from storage.unit import Reading, Writing

KEPT = timedelta(days=30)
"""How long it is known of all but leaves, of which it is known for as long as they are."""

counted_messages = Table(
    "counted_messages",
    metadata,
    Column("event_id", String(255), primary_key=True),
    Column("room_id", String(255), nullable=False),
    Column("user_id", String(255), nullable=False, index=True),
    Column("sort", String(12), nullable=False),
    Column("about", String(32), nullable=False),
    Column("cause", String(300), nullable=False),
    Column("at", Instant, nullable=False),
    Column("told_at", Instant),
    sqlite_with_rowid=False,
)

_MESSAGE = Prepared(select(counted_messages).where(counted_messages.c.event_id == bindparam("event")))


async def message(unit: Reading, event: EventId) -> Counted | None:
    """Return as what a message counted, ``None`` for one that did not."""
    await unit.settled()
    row = await unit.first(_MESSAGE, {"event": event})
    if row is None:
        return None
    return Counted(
        event=row.event_id,
        room=row.room_id,
        user=row.user_id,
        sort=Sort(row.sort),
        about=row.about,
        cause=row.cause,
        at=row.at,
        told_at=row.told_at,
    )


async def versions(unit: Reading, one: Counted) -> tuple[EventId, ...]:
    """Return the message that counted as this one did and the edits of it, oldest first."""
    own = (counted_messages.c.user_id == one.user, counted_messages.c.cause == one.cause)
    query = select(counted_messages.c.event_id).where(*own).order_by(counted_messages.c.at, counted_messages.c.event_id)
    return tuple(EventId(row.event_id) for row in await unit.rows(query))


async def last_of(unit: Reading, user: UserId, sort: Sort) -> datetime | None:
    """Return when a person said something of a sort last, as far as it is known; ``None`` where they did not."""
    await unit.settled()
    own = (counted_messages.c.user_id == user, counted_messages.c.sort == sort)
    at: datetime | None = await unit.value(select(func.max(counted_messages.c.at, type_=Instant)).where(*own))
    return at


async def write_counted(unit: Writing, fact: MessageCounted) -> None:
    """Keep of a message that it counted."""
    one = fact.message
    await unit.add_later(
        counted_messages,
        {
            "event_id": one.event,
            "room_id": one.room,
            "user_id": one.user,
            "sort": one.sort,
            "about": one.about,
            "cause": one.cause,
            "at": one.at,
            "told_at": one.told_at,
        },
    )


async def write_stood(unit: Writing, fact: MessageStood) -> None:
    """Remember that its sender was told."""
    await unit.settled()
    this = counted_messages.c.event_id == fact.event
    await unit.execute(update(counted_messages).where(this).values(told_at=fact.at))


async def forget_past(unit: Writing, now: datetime, leaves_before: datetime) -> None:
    """Forget what nobody changes any more; leaves with those answers themselves."""
    of_leave = counted_messages.c.sort.in_(LEAVES)
    await unit.execute(counted_messages.delete().where(~of_leave, counted_messages.c.at < now - KEPT))
    await unit.execute(counted_messages.delete().where(of_leave, counted_messages.c.at < leaves_before))
