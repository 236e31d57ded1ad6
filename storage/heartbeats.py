"""Signs of life: when each part of the program last did its round, and what state it was in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Column, String, Table, select

from content.decision import Fact
from storage.tables import Instant, metadata
from storage.unit import Reading, Writing

SILENT_AFTER = timedelta(seconds=90)
"""Parts of the program beat every twenty seconds; four missed beats are no accident."""

ALIVE = ("ticking", "listening")

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


def life(role: str, beats: Mapping[str, tuple[str, datetime]], *, now: datetime) -> str:
    """Return ``ok``, ``silent`` or ``never`` for a part of the program, or what holds it up.

    A bot that waits for its homeserver is ``waiting``, one that must be signed in anew ``sign_in_needed``.
    """
    beat = beats.get(role)
    if beat is None:
        return "never"
    state, at = beat
    if now - at >= SILENT_AFTER:
        return "silent"
    return "ok" if state in ALIVE else state


async def beats(unit: Reading) -> dict[str, tuple[str, datetime]]:
    """Return the last state and time of each part."""
    return {row.role: (row.state, row.at) for row in await unit.rows(select(heartbeats))}


async def newest(unit: Reading) -> datetime | None:
    """Return when the last sign of life of any part was left, ``None`` before the first."""
    return max((at for _, at in (await beats(unit)).values()), default=None)


async def write_beat(unit: Writing, fact: Beat) -> None:
    """Keep the last sign of life."""
    await unit.put(heartbeats, {"role": fact.role, "state": fact.state, "at": fact.at}, key=["role"])
