"""Questions to lectures: their words, their day and what became of them; of who asked without a name nothing."""

from __future__ import annotations

from datetime import date, timedelta

from sqlalchemy import Column, Date, ForeignKey, String, Table, Text, select, update

from content.identifiers import LectureQuestionId, MemberId, OccurrenceId
from content.lecture_questions import (
    UNSETTLED,
    LectureQuestioned,
    LectureQuestionedUnnamed,
    LectureQuestionSettled,
    LectureQuestionWithdrawn,
    Question,
    State,
)
from storage.lessons import lessons
from storage.schedules import SHOWN_TITLE, occurrences
from storage.tables import metadata
from storage.unit import AnyRow, Reading, Writing

lecture_questions = Table(
    "lecture_questions",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("occurrence_id", ForeignKey("occurrences.id"), nullable=False, index=True),
    Column("member_id", ForeignKey("members.id")),
    Column("text", String(300), nullable=False),
    Column("asked_on", Date, nullable=False),
    Column("answer", Text, nullable=False),
    Column("state", String(10), nullable=False),
    sqlite_with_rowid=False,
)
"""Rows lie in the order of their names, which for questions without a person are random, and not as they came."""

WRITTEN_ANEW = timedelta(days=7)
"""So long they are written anew with each sweep: longer than a bot is away."""


async def of_lecture(unit: Reading, occurrence: OccurrenceId) -> tuple[Question, ...]:
    """Return the questions to a lecture by day, those of one day in no order that tells when they came."""
    query = select(lecture_questions).where(lecture_questions.c.occurrence_id == occurrence)
    rows = await unit.rows(query.order_by(lecture_questions.c.asked_on, lecture_questions.c.id))
    return tuple(_question(row) for row in rows)


async def question(unit: Reading, id: LectureQuestionId) -> Question | None:  # noqa: A002
    """Return one question."""
    row = await unit.first(select(lecture_questions).where(lecture_questions.c.id == id))
    return _question(row) if row is not None else None


async def asked_by(unit: Reading, member: MemberId) -> tuple[tuple[Question, str], ...]:
    """Return all that somebody asked under their name, settled or not, each with the title of its lecture."""
    query = (
        select(lecture_questions, SHOWN_TITLE)
        .join(occurrences, occurrences.c.id == lecture_questions.c.occurrence_id)
        .join(lessons, lessons.c.id == occurrences.c.lesson_id)
        .where(lecture_questions.c.member_id == member)
        .order_by(lecture_questions.c.asked_on, lecture_questions.c.id)
    )
    return tuple((_question(row), row.title) for row in await unit.rows(query))


async def waiting(unit: Reading, member: MemberId) -> bool:
    """Tell whether something that somebody asked under their name waits for an answer."""
    return any(one.state in UNSETTLED for one, _ in await asked_by(unit, member))


def _question(row: AnyRow) -> Question:
    return Question(
        id=row.id,
        occurrence=row.occurrence_id,
        text=row.text,
        asked_on=row.asked_on,
        member=row.member_id,
        answer=row.answer,
        state=State(row.state),
    )


async def write_asked(unit: Writing, fact: LectureQuestioned | LectureQuestionedUnnamed) -> None:
    """Keep a question."""
    one = fact.question
    await unit.add_missing(
        lecture_questions,
        [
            {
                "id": one.id,
                "occurrence_id": one.occurrence,
                "member_id": one.member,
                "text": one.text,
                "asked_on": one.asked_on,
                "answer": one.answer,
                "state": one.state,
            }
        ],
    )


async def write_settled(unit: Writing, fact: LectureQuestionSettled) -> None:
    """Keep what became of a question."""
    own = update(lecture_questions).where(lecture_questions.c.id == fact.question)
    await unit.execute(own.values(state=fact.state, answer=fact.answer))


async def write_withdrawn(unit: Writing, fact: LectureQuestionWithdrawn) -> None:
    """Keep that a question was taken back, and no word of it."""
    own = update(lecture_questions).where(lecture_questions.c.id == fact.question)
    await unit.execute(own.values(state=State.WITHDRAWN, text="", answer=""))


async def write_anew(unit: Writing, today: date) -> None:
    """Write the questions without a name once more, all together and in the order of their names.

    PostgreSQL keeps beside each row which transaction wrote it. The first one wrote the cause too, which leads to the
    message and so to its sender.
    """
    if unit.engine != "postgresql":
        return
    young = lecture_questions.c.asked_on >= today - WRITTEN_ANEW
    taken = lecture_questions.delete().where(lecture_questions.c.member_id.is_(None), young)
    rows = await unit.returning(taken.returning(*lecture_questions.c))
    await unit.add(lecture_questions, [dict(row._mapping) for row in sorted(rows, key=lambda row: str(row.id))])


async def forget_past(unit: Writing, before: date) -> None:
    """Forget questions that were asked before a day."""
    await unit.execute(lecture_questions.delete().where(lecture_questions.c.asked_on < before))
