"""Signs of life: when each part of the program last did its round, and what state it was in."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Column, String, Table, select

from content.decision import Fact
from storage.tables import Instant, metadata
from storage.unit import Reading, Writing

heartbeats = Table(
    "heartbeats",
    metadata,
    Column("role", String(20), primary_key=True),
    Column("state", String(60), nullable=False),
    Column("at", Instant, nullable=False),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Beat(Fact):
    """A part of the program (``clock``, ``hearing``, ``delivery``) did its round and is in this state."""

    role: str
    state: str
    at: datetime


async def beats(unit: Reading) -> dict[str, tuple[str, datetime]]:
    """Return the last state and time of each part."""
    return {row.role: (row.state, row.at) for row in await unit.rows(select(heartbeats))}


async def write_beat(unit: Writing, fact: Beat) -> None:
    """Keep the last sign of life."""
    await unit.put(heartbeats, {"role": fact.role, "state": fact.state, "at": fact.at}, key=["role"])
