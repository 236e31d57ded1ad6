"""A lecture that stands in the rooms of a seeded house, with two questions about it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from bot.clock import opening
from content.identifiers import LectureQuestionId, LessonId, OccurrenceId, derive
from content.lecture_questions import LectureQuestioned, LectureQuestionedUnnamed, Question
from content.lectures import Lecture, Session
from content.lessons import Kind, Lesson, LessonWritten
from content.schedules import LessonsScheduled
from storage import schedules
from storage.store import Store
from tests.console.console_seeding import NOW, SECRETARY, Seeded, put
from tests.schedules_once import once

NAMED, UNNAMED = (LectureQuestionId(derive("lecture question", name)) for name in ("named", "unnamed"))


async def announce_lecture(
    store: Store, seeded: Seeded, organisation: str = "one", *, at: datetime = NOW
) -> OccurrenceId:
    """Announce a lecture with two sessions, and let two people of the first branch ask about it; once in a store."""
    place = seeded.organisations[organisation]
    sessions = tuple(Session(begins=at + timedelta(days=days), place="二楼会议室") for days in (2, 3))
    lesson = Lesson(
        id=LessonId(derive("lecture", organisation)),
        owner=place,
        kind=Kind.LECTURE,
        title="读懂党章",
        body="- 总纲\n- 党员的权利和义务",
        minutes=90,
        lecture=Lecture(speaker="陈老师", sessions=sessions, party=True),
    )
    rule, planned = once(lesson.id, place, at)
    if await store.read(lambda unit: schedules.entry(unit, planned.id)) is not None:
        return planned.id
    asked: dict[str, Any] = {"occurrence": planned.id, "asked_on": at.date()}
    await put(
        store,
        f"lecture {organisation}",
        LessonWritten(lesson=lesson, author=SECRETARY),
        LessonsScheduled(schedule=rule, planned=(planned,), author=SECRETARY),
    )
    await store.settle([opening(planned.id, at)])
    named = Question(id=NAMED, member=seeded.members["白云"], text="党费可以季度交吗", **asked)
    unnamed = Question(id=UNNAMED, text="食堂能早点开吗", **asked)
    if organisation == "one":
        await put(store, "asked", LectureQuestioned(question=named))
        await put(store, "asked without a name", LectureQuestionedUnnamed(question=unnamed))
    return planned.id
