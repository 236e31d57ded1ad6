"""What was missed: who has not been told of it yet, and what became of it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import select, update

from content.identifiers import OrganisationId, UserId
from content.missed import Line, MissedTold, OccurrenceSkipped
from content.occurrences import State
from storage.lessons import lessons
from storage.schedules import SHOWN_TITLE, occurrences, schedules
from storage.unit import Reading, Writing

RECENT = timedelta(days=2)
"""What was missed longer ago is told of no more: it stands on its page."""


async def untold(unit: Reading) -> dict[tuple[UserId, OrganisationId], tuple[Line, ...]]:
    """Return what was missed and nobody was told of, by who planned it and for whom."""
    query: Any = (
        select(
            occurrences.c.id,
            occurrences.c.audience_id,
            occurrences.c.due_at,
            occurrences.c.reason,
            occurrences.c.closed_at,
            schedules.c.author,
            SHOWN_TITLE,
        )
        .join(schedules, schedules.c.id == occurrences.c.schedule_id)
        .join(lessons, lessons.c.id == occurrences.c.lesson_id)
        .where(
            occurrences.c.state == State.MISSED,
            occurrences.c.told_at.is_(None),
            occurrences.c.due_at > unit.now - RECENT,
        )
        .order_by(occurrences.c.due_at, occurrences.c.id)
    )
    found: dict[tuple[UserId, OrganisationId], list[Line]] = {}
    for row in await unit.rows(query):
        line = Line(
            occurrence=row.id,
            title=row.title,
            due_at=row.due_at,
            reason=row.reason or "too_late",
            missed_at=row.closed_at,
        )
        found.setdefault((row.author, row.audience_id), []).append(line)
    return {whom: tuple(lines) for whom, lines in found.items()}


async def write_told(unit: Writing, fact: MissedTold) -> None:
    """Remember that somebody was told."""
    these = occurrences.c.id.in_(list(fact.occurrences))
    await unit.execute(update(occurrences).where(these).values(told_at=fact.at))


async def write_skipped(unit: Writing, fact: OccurrenceSkipped) -> None:
    """Leave what was missed at that, with the reason."""
    this = occurrences.c.id == fact.occurrence
    await unit.execute(update(occurrences).where(this).values(state=State.SKIPPED, note=fact.reason, touched=True))
