"""Who wants to hear nothing in private that the bot begins, and until when."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Column, String, Table, select

from content.identifiers import UserId
from content.mutes import Muted, Unmuted
from storage.tables import Instant, metadata
from storage.unit import Reading, Writing

mutes = Table(
    "mutes",
    metadata,
    Column("user_id", String(255), primary_key=True),
    Column("since", Instant, nullable=False),
    Column("until", Instant, nullable=False),
)


async def muted_until(unit: Reading, user: UserId) -> datetime | None:
    """Return until when a person wants silence, ``None`` where they do not."""
    query = select(mutes.c.until).where(mutes.c.user_id == user, mutes.c.until > unit.now)
    until: datetime | None = await unit.value(query)
    return until


async def silent_since(unit: Reading, user: UserId) -> datetime | None:
    """Return since when a person wants the silence that holds, ``None`` where they want none."""
    query = select(mutes.c.since).where(mutes.c.user_id == user, mutes.c.until > unit.now)
    since: datetime | None = await unit.value(query)
    return since


async def write_muted(unit: Writing, fact: Muted) -> None:
    """Remember the silence; a later wish takes the place of an earlier."""
    await unit.put(mutes, {"user_id": fact.user, "since": fact.at, "until": fact.until}, key=["user_id"])


async def write_unmuted(unit: Writing, fact: Unmuted) -> None:
    """Forget the silence."""
    await unit.execute(mutes.delete().where(mutes.c.user_id == fact.user))


async def forget_past(unit: Writing, now: datetime) -> None:
    """Forget silences that are over."""
    await unit.execute(mutes.delete().where(mutes.c.until <= now))
