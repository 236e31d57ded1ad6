"""What the sample branch has before it to learn: people in shifts, a lecture, and a lesson in two sessions."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime, time, timedelta
from typing import Any

from msgspec.structs import replace

from content import lessons
from content.decision import Decision, Refusal
from content.identifiers import LessonId, OrganisationId, ScheduleId, UserId
from content.lectures import Lecture, Session
from content.lessons import Kind, Lesson
from content.members import Member, MemberChanged
from content.organisations import Organisation
from content.recurrences import Recurrence
from content.schedules import Schedule, schedule_lessons
from content.shifts import Pattern, read_pattern, set_shifts
from storage.unit import Reading
from zhibu.demo import sample

At = Callable[[int, time], datetime]
Take = Callable[..., Awaitable[None]]

_MORNING, _EVENING = time(10), time(20)


class Teaching:
    """What is planned for a branch; ``take`` decides it once, ``at`` tells an instant so many days from today."""

    def __init__(self, *, take: Take, at: At, identify: Callable[..., str], organiser: UserId, timezone: str) -> None:
        self._take = take
        self._at = at
        self._id = identify
        self._organiser = organiser
        self._timezone = timezone

    async def plan(self, place: Organisation, people: list[Member]) -> None:
        """Let the people of a place work in shifts, and plan a lecture and a lesson in two sessions for them."""
        await self._take(shifts=self._shifts(place, people))
        lecture = Lesson(
            id=LessonId(self._id("lecture")),
            owner=place.id,
            kind=Kind.LECTURE,
            title=sample.LECTURE_TITLE,
            body=sample.LECTURE_BODY,
            minutes=60,
            lecture=Lecture(
                speaker=sample.LECTURE_SPEAKER,
                sessions=(
                    Session(begins=self._at(4, _MORNING), place=sample.LECTURE_PLACE),
                    Session(begins=self._at(5, _EVENING), place=sample.LECTURE_PLACE),
                ),
                party=True,
            ),
        )
        announced = self._rule("lecture", lecture, place.id, self._at(1, _MORNING))
        await self._take(lecture=self._written(lecture), announcement=self._planned(announced))
        title, body = sample.IN_SESSIONS
        lesson = Lesson(id=LessonId(self._id("in sessions")), owner=place.id, kind=Kind.LESSON, title=title, body=body)
        rule = self._rule("in sessions", lesson, place.id, self._at(2, _MORNING))
        twice = replace(rule, sessions=(timedelta(hours=_EVENING.hour - _MORNING.hour),))
        await self._take(in_sessions=self._written(lesson), sessions=self._planned(twice))

    def _rule(self, name: str, lesson: Lesson, audience: OrganisationId, due: datetime) -> Schedule:
        return Schedule(
            id=ScheduleId(self._id("schedule", name)),
            owner=audience,
            audience=audience,
            lessons=(lesson.id,),
            recurrence=Recurrence.ONCE,
            start=due.date(),
            at=due.time(),
            timezone=self._timezone,
            window=timedelta(days=1),
            late=timedelta(hours=2),
        )

    def _shifts(self, place: Organisation, people: list[Member]) -> Any:
        async def decide(unit: Reading) -> Any:
            since = self._at(-28, time()).date()
            pattern = read_pattern(since.isoformat(), sample.TURNS, sample.GROUPS)
            assert isinstance(pattern, Pattern)
            answer = set_shifts(place, pattern, now=unit.now)
            if isinstance(answer, Refusal):
                return answer
            names = [one.name for one in pattern.groups]
            working = tuple(
                MemberChanged(member=replace(one, shift=names[number % len(names)]))
                for number, one in enumerate(people)
            )
            return Decision(facts=(*answer.facts, *working))

        return decide

    def _written(self, lesson: Lesson) -> Any:
        async def decide(_: Reading) -> Any:
            return lessons.write_lesson(lesson, author=self._organiser)

        return decide

    def _planned(self, rule: Schedule) -> Any:
        async def decide(unit: Reading) -> Any:
            return schedule_lessons(rule, author=self._organiser, now=unit.now)

        return decide
