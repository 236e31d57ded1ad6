"""Signs of life: when each part of the program last did its round, and what state it was in."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from msgspec import Struct, field
from sqlalchemy import JSON, Column, String, Table, select

from content.decision import Fact
from storage.tables import Instant, metadata
from storage.unit import Reading, Writing

SILENT_AFTER = timedelta(seconds=90)
"""Parts of the program beat every twenty seconds; four missed beats are no accident."""

ALIVE = ("ticking", "listening")

BACKUP = "backup"
"""Under this name the signs of life say how the last daily backup went."""

GOOD, FAILED = "good", "failed"

TIME = "time"
"""Under this name the signs of life say when the wall clock was last found to have been set."""

heartbeats = Table(
    "heartbeats",
    metadata,
    Column("role", String(20), primary_key=True),
    Column("state", String(60), nullable=False),
    Column("at", Instant, nullable=False),
    Column("measures", JSON),
    Column("version", String(20)),
)


class Beat(Fact, frozen=True, kw_only=True):
    """A part of the program (``clock``, ``bot``, ``backup``, ``time``) did its round and is in this state.

    ``measures`` are numbers that it took since the last one; they and the states name no person and no room.
    """

    role: str
    state: str
    at: datetime
    measures: Mapping[str, float] = field(default_factory=dict)
    version: str = ""


class Sign(Struct, frozen=True, kw_only=True):
    """The last sign of life of a part, with what it measured and the version that it runs."""

    state: str
    at: datetime
    measures: Mapping[str, float]
    version: str


def life(role: str, beats: Mapping[str, tuple[str, datetime]], *, now: datetime) -> str:
    """Return ``ok``, ``silent`` or ``never`` for a part of the program, or what holds it up.

    A bot that waits for its homeserver is ``waiting``, one that must be signed in anew ``sign_in_needed``; a clock that
    turns without effect is ``stalled``. A sign from the future is none: the clock was set back since it was given.
    """
    beat = beats.get(role)
    if beat is None:
        return "never"
    state, at = beat
    if abs(now - at) >= SILENT_AFTER:
        return "silent"
    return "ok" if state in ALIVE else state


def failed_at(beats: Mapping[str, tuple[str, datetime]]) -> datetime | None:
    """Return when the last daily backup failed, ``None`` when it did not."""
    state, at = beats.get(BACKUP, (GOOD, None))
    return at if state.startswith(FAILED) else None


def backup_failed(signs: Mapping[str, Sign]) -> datetime | None:
    """Return when the last daily backup failed, ``None`` where none did or a newer one was seen since."""
    failed = failed_at({role: (sign.state, sign.at) for role, sign in signs.items()})
    newest = moment(signs, "bot", "backup_at")
    return failed if failed is not None and (newest is None or newest < failed) else None


def moment(signs: Mapping[str, Sign], role: str, measure: str) -> datetime | None:
    """Return a measure that is a time, if it was taken."""
    sign = signs.get(role)
    seconds = sign.measures.get(measure) if sign else None
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


async def signs(unit: Reading) -> dict[str, Sign]:
    """Return the last sign of life of each part."""
    return {
        row.role: Sign(state=row.state, at=row.at, measures=row.measures or {}, version=row.version or "")
        for row in await unit.rows(select(heartbeats))
    }


async def beats(unit: Reading) -> dict[str, tuple[str, datetime]]:
    """Return the last state and time of each part."""
    return {role: (sign.state, sign.at) for role, sign in (await signs(unit)).items()}


async def newest(unit: Reading) -> datetime | None:
    """Return when the last sign of life of any part was left, ``None`` before the first."""
    return max((at for _, at in (await beats(unit)).values()), default=None)


async def write_beat(unit: Writing, fact: Beat) -> None:
    """Keep the last sign of life."""
    kept = {"state": fact.state, "at": fact.at, "measures": dict(fact.measures), "version": fact.version}
    await unit.put(heartbeats, {"role": fact.role, **kept}, key=["role"])
