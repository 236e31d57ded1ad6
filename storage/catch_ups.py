"""Cards that catch up on lectures: which bulletin each is, and what its organiser wrote for it."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Table, Text, select

from content.catch_ups import CatchUp, CatchUpKept, Given
from content.identifiers import OccurrenceId
from content.lessons import Lesson
from content.occurrences import State
from storage import lecture_questions, members
from storage.schedules import Entry, entry, occurrences
from storage.tables import metadata
from storage.unit import Reading, Writing

catch_ups = Table(
    "catch_ups",
    metadata,
    Column("occurrence_id", ForeignKey("occurrences.id"), primary_key=True),
    Column("lesson_id", ForeignKey("lessons.id"), nullable=False),
    Column("schedule_id", ForeignKey("schedules.id"), nullable=False),
    Column("summary", Text, nullable=False),
)

STANDS = (State.PLANNED, State.OPEN, State.CLOSED)
"""A card that goes out, or has; one that was called off, missed or withdrawn can be planned again."""


async def of_lecture(unit: Reading, occurrence: OccurrenceId) -> CatchUp | None:
    """Return the card that catches up on a lecture."""
    row = await unit.first(select(catch_ups).where(catch_ups.c.occurrence_id == occurrence))
    if row is None:
        return None
    return CatchUp(occurrence=row.occurrence_id, lesson=row.lesson_id, schedule=row.schedule_id, summary=row.summary)


async def its_occurrence(unit: Reading, card: CatchUp) -> Entry | None:
    """Return when a card goes out, or went."""
    id = await unit.value(select(occurrences.c.id).where(occurrences.c.schedule_id == card.schedule))  # noqa: A001
    return await entry(unit, OccurrenceId(id)) if id is not None else None


async def given(unit: Reading, of: Entry, lesson: Lesson) -> Given:
    """Return a lecture with all that its card is made of."""
    questions = await lecture_questions.of_lecture(unit, of.occurrence.id)
    askers = await members.by_ids(unit, {one.member for one in questions if one.member is not None})
    return Given(
        occurrence=of.occurrence.id,
        lesson=lesson,
        owner=of.occurrence.audience,
        questions=questions,
        names={one.id: one.name for one in askers},
        make_up_until=of.occurrence.make_up_until,
    )


async def write_kept(unit: Writing, fact: CatchUpKept) -> None:
    """Keep which card a lecture has."""
    values = {
        "occurrence_id": fact.occurrence,
        "lesson_id": fact.lesson,
        "schedule_id": fact.schedule,
        "summary": fact.summary,
    }
    await unit.put(catch_ups, values, key=["occurrence_id"])
