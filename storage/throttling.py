"""How often it was tried to prove who one is; in the database, so that all consoles count together."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Column, Integer, String, Table, select

from content.throttling import KEPT, Tried, Tries, TriesForgotten
from storage.tables import Instant, metadata
from storage.unit import Reading, Writing

tries = Table(
    "tries",
    metadata,
    Column("key", String(64), primary_key=True),
    Column("number", Integer, nullable=False),
    Column("last_at", Instant, nullable=False),
)


async def tries_of(unit: Reading, key: str) -> Tries:
    """Return how often it was tried under a key."""
    row = await unit.first(select(tries).where(tries.c.key == key))
    return Tries(number=row.number, last=row.last_at) if row else Tries()


async def write_tried(unit: Writing, fact: Tried) -> None:
    """Count a try."""
    for key in fact.keys:
        known = await tries_of(unit, key)
        before = known.number if known.last is not None and fact.at - known.last < KEPT else 0
        await unit.put(tries, {"key": key, "number": before + 1, "last_at": fact.at}, key=["key"])


async def write_forgotten(unit: Writing, fact: TriesForgotten) -> None:
    """Forget the tries of an account."""
    await unit.execute(tries.delete().where(tries.c.key == fact.key))


async def forget_past(unit: Writing, at: datetime) -> None:
    """Forget tries that count no more."""
    await unit.execute(tries.delete().where(tries.c.last_at < at - KEPT))
