"""Who asks from outside to be let into a room, since when, and what became of it."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Boolean, Column, String, Table, select, update

from content.identifiers import RoomId, UserId
from content.knocks import Knock, KnockAnswered, Knocked
from storage.tables import Instant, metadata
from storage.unit import Reading, Writing

KEPT = timedelta(days=365)
"""How long it is kept that somebody knocked, and who answered."""

knocks = Table(
    "knocks",
    metadata,
    Column("room_id", String(255), primary_key=True),
    Column("user_id", String(255), primary_key=True),
    Column("at", Instant, nullable=False),
    Column("answered_at", Instant),
    Column("answered_by", String(255)),
    Column("is_let_in", Boolean),
)


async def since(unit: Reading, ids: Collection[RoomId]) -> dict[tuple[RoomId, UserId], datetime]:
    """Return since when somebody knocks at some rooms and waits for an answer."""
    query = select(knocks).where(knocks.c.room_id.in_(list(ids)), knocks.c.answered_at.is_(None))
    return {(RoomId(row.room_id), UserId(row.user_id)): row.at for row in await unit.rows(query)}


async def late(unit: Reading, before: datetime) -> tuple[Knock, ...]:
    """Return who knocks since before an instant, and was not answered."""
    query = select(knocks).where(knocks.c.at <= before, knocks.c.answered_at.is_(None))
    rows = await unit.rows(query.order_by(knocks.c.at, knocks.c.room_id, knocks.c.user_id))
    return tuple(Knock(room=RoomId(row.room_id), user=UserId(row.user_id), at=row.at) for row in rows)


def _at(room: RoomId, user: UserId) -> Any:
    return (knocks.c.room_id == room) & (knocks.c.user_id == user)


async def write_knocked(unit: Writing, fact: Knocked) -> None:
    """Keep that somebody knocks, since the first time that was not answered."""
    answered = _at(fact.room, fact.user) & knocks.c.answered_at.is_not(None)
    await unit.execute(knocks.delete().where(answered))
    await unit.add_missing(knocks, {"room_id": fact.room, "user_id": fact.user, "at": fact.at})


async def write_answered(unit: Writing, fact: KnockAnswered) -> None:
    """Keep what became of it."""
    values = {"answered_at": fact.at, "answered_by": fact.by, "is_let_in": fact.let_in}
    await unit.execute(update(knocks).where(_at(fact.room, fact.user)).values(**values))


async def forget_past(unit: Writing, now: datetime) -> None:
    """Forget who knocked long ago."""
    await unit.execute(knocks.delete().where(knocks.c.at < now - KEPT))
