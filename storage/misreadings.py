"""When each person was last told that they were not understood."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Column, Integer, String, Table, select

from content.identifiers import UserId
from content.misreadings import WINDOW, Misread, Misreading
from storage.tables import Instant, metadata
from storage.unit import Reading, Writing

misreadings = Table(
    "misreadings",
    metadata,
    Column("user_id", String(255), primary_key=True),
    Column("since", Instant, nullable=False),
    Column("last", Instant, nullable=False),
    Column("number", Integer, nullable=False),
)


async def misreading(unit: Reading, user: UserId) -> Misreading | None:
    """Return how often a person was told so lately."""
    row = await unit.first(select(misreadings).where(misreadings.c.user_id == user))
    return Misreading(since=row.since, last=row.last, number=row.number) if row else None


async def write_misread(unit: Writing, fact: Misread) -> None:
    """Remember that a person was told so."""
    await unit.put(
        misreadings,
        {"user_id": fact.user, "since": fact.since, "last": fact.at, "number": fact.number},
        key=["user_id"],
    )


async def forget_past(unit: Writing, now: datetime) -> None:
    """Forget what no longer keeps anyone from being told."""
    await unit.execute(misreadings.delete().where(misreadings.c.last < now - WINDOW))
