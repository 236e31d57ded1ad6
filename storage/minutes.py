"""What the recorders of meetings have written, version by version."""

from __future__ import annotations

from sqlalchemy import JSON, Boolean, Column, ForeignKey, Integer, String, Table, delete, select

from content.identifiers import OccurrenceId, UserId
from content.minutes import Minutes, MinutesWritten, Part
from storage.tables import Instant, metadata
from storage.unit import AnyRow, Reading, Writing

meeting_minutes = Table(
    "meeting_minutes",
    metadata,
    Column("occurrence_id", ForeignKey("meetings.occurrence_id"), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("texts", JSON, nullable=False),
    Column("ended_at", Instant),
    Column("done", Boolean, nullable=False),
    Column("by_user", String(255), nullable=False),
    Column("at", Instant, nullable=False),
)


async def versions(unit: Reading, id: OccurrenceId) -> tuple[Minutes, ...]:  # noqa: A002
    """Return the versions of a meeting's minutes, the newest first."""
    query = select(meeting_minutes).where(meeting_minutes.c.occurrence_id == id)
    return tuple(_minutes(row) for row in await unit.rows(query.order_by(meeting_minutes.c.number.desc())))


async def newest(unit: Reading, id: OccurrenceId) -> Minutes | None:  # noqa: A002
    """Return the newest of them."""
    found = await versions(unit, id)
    return found[0] if found else None


def _minutes(row: AnyRow) -> Minutes:
    return Minutes(
        occurrence=OccurrenceId(row.occurrence_id),
        number=row.number,
        texts={Part(name): text for name, text in row.texts.items()},
        ended_at=row.ended_at,
        done=row.done,
        by=UserId(row.by_user),
        at=row.at,
    )


async def write_written(unit: Writing, fact: MinutesWritten) -> None:
    """Keep a version beside the earlier ones, or in the place of a draft."""
    one, own = fact.minutes, meeting_minutes.c
    if fact.instead is not None:
        gone = (own.occurrence_id == one.occurrence, own.number == fact.instead)
        await unit.execute(delete(meeting_minutes).where(*gone))
    values = {"occurrence_id": one.occurrence, "number": one.number, "texts": dict(one.texts), "done": one.done}
    await unit.add(meeting_minutes, values | {"ended_at": one.ended_at, "by_user": one.by, "at": one.at})
