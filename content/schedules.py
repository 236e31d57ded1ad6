"""When things fall due: a rule in local wall time, and the dates and instants it yields."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from msgspec import Struct

from content.decision import Decision, Fact, Refusal, refused
from content.identifiers import LessonId, OccurrenceId, OrganisationId, ScheduleId, UserId, derive

LATEST_AHEAD = timedelta(days=5 * 366)
"""Nobody means a date further away than this; it is a slip of the finger."""

FIRST_DAY = date(2000, 1, 1)
"""What lies before it is a slip of the finger too, and far enough back no instant at all."""

MOST_OCCURRENCES = 200
"""More than this from one rule is a slip as well."""


SAME_TIME = timedelta(minutes=5)
"""Two plans for the same lesson and people that are closer than this are one that was made twice."""


class Recurrence(StrEnum):
    """How often a rule yields a date."""

    ONCE = "once"
    WEEKLY = "weekly"


class Schedule(Struct, frozen=True, kw_only=True):
    """A rule that yields occurrences.

    ``start`` is the first local date, ``at`` the local wall time, ``timezone`` the IANA zone both are meant in.
    ``weekdays`` (0 = Monday) and ``count`` matter to weekly rules only. The n-th occurrence teaches lesson n of
    ``lessons``, beginning anew after the last. ``window`` is how long the check-in stays open, ``late`` how long
    after its time a card may still go out; after that the occurrence is missed.
    """

    id: ScheduleId
    owner: OrganisationId
    audience: OrganisationId
    lessons: tuple[LessonId, ...]
    recurrence: Recurrence
    start: date
    at: time
    timezone: str
    window: timedelta
    late: timedelta
    weekdays: frozenset[int] = frozenset()
    count: int = 1


class Planned(Struct, frozen=True, kw_only=True):
    """One occurrence that a rule yields: the date it means, and the instant on which that falls due."""

    id: OccurrenceId
    schedule: ScheduleId
    lesson: LessonId
    local_date: date
    due_at: datetime


class LessonsScheduled(Fact, frozen=True, kw_only=True):
    """A rule was accepted, with every occurrence it yields."""

    schedule: Schedule
    planned: tuple[Planned, ...]
    author: UserId


class OccurrenceCancelled(Fact, frozen=True, kw_only=True):
    """A planned occurrence was called off before it opened."""

    occurrence: OccurrenceId
    by: UserId


class OccurrenceRestored(Fact, frozen=True, kw_only=True):
    """What had been called off is planned again, for the time it had."""

    occurrence: OccurrenceId
    by: UserId


class OccurrenceMoved(Fact, frozen=True, kw_only=True):
    """A planned occurrence goes out at another time; ``local_date`` is the date of it where it was planned."""

    occurrence: OccurrenceId
    due_at: datetime
    local_date: date
    by: UserId


def instant(day: date, at: time, timezone: str) -> datetime:
    """Return the UTC instant of a local wall time.

    A time that occurs twice means its first occurrence; one that does not exist (clocks go forward, or the day is left
    out altogether) means the first instant after the gap.
    """
    zone = ZoneInfo(timezone)
    naive = datetime.combine(day, at)
    early = naive.replace(tzinfo=zone, fold=0).astimezone(UTC)
    if early.astimezone(zone).replace(tzinfo=None, fold=0) == naive:
        return early
    late = naive.replace(tzinfo=zone, fold=1).astimezone(UTC)
    return _first_after_gap(min(early, late), max(early, late), zone)


def _first_after_gap(before: datetime, after: datetime, zone: ZoneInfo) -> datetime:
    """Find, to the second, the transition that lies between two instants."""
    offset = before.astimezone(zone).utcoffset()
    low, high = int(before.timestamp()), int(after.timestamp())
    while high - low > 1:
        middle = (low + high) // 2
        if datetime.fromtimestamp(middle, UTC).astimezone(zone).utcoffset() == offset:
            low = middle
        else:
            high = middle
    return datetime.fromtimestamp(high, UTC)


def dates(schedule: Schedule) -> Iterator[date]:
    """Yield the local dates that the rule means, earliest first."""
    if schedule.recurrence is Recurrence.ONCE:
        yield schedule.start
        return
    day, found = schedule.start, 0
    while found < schedule.count:
        if day.weekday() in schedule.weekdays:
            found += 1
            yield day
        day += timedelta(days=1)


def materialise(schedule: Schedule) -> tuple[Planned, ...]:
    """Return every occurrence of the rule; the same rule always yields the same identifiers."""
    return tuple(
        Planned(
            id=OccurrenceId(derive(schedule.id, "occurrence", day.isoformat())),
            schedule=schedule.id,
            lesson=schedule.lessons[number % len(schedule.lessons)],
            local_date=day,
            due_at=instant(day, schedule.at, schedule.timezone),
        )
        for number, day in enumerate(dates(schedule))
    )


def refuse_twice(planned: Iterable[Planned], there: Iterable[tuple[LessonId, datetime]]) -> Refusal | None:
    """Refuse to plan what goes to the same people at the same time already, until it is said that this is meant."""
    known = list(there)
    for one in planned:
        for lesson, due_at in known:
            if lesson == one.lesson and abs(due_at - one.due_at) <= SAME_TIME:
                return refused("schedule.twice", field="again", due=due_at)
    return None


def schedule_lessons(schedule: Schedule, *, author: UserId, now: datetime) -> Decision | Refusal:
    """Accept a rule, unless it asks for what cannot be meant; times in the past are refused, never moved."""
    if not schedule.lessons:
        return refused("schedule.no_lesson", field="lessons")
    if schedule.recurrence is Recurrence.ONCE and len(schedule.lessons) > 1:
        return refused("schedule.one_at_a_time", field="when")
    if schedule.recurrence is Recurrence.WEEKLY and not schedule.weekdays & set(range(7)):
        return refused("schedule.no_weekday", field="weekdays")
    if not 1 <= schedule.count <= MOST_OCCURRENCES:
        return refused("schedule.count_out_of_range", field="count", most=MOST_OCCURRENCES)
    if schedule.window < timedelta(minutes=5):
        return refused("schedule.window_too_short", field="window")
    if schedule.start > (now + LATEST_AHEAD).date():
        return refused("schedule.too_far", field="date")
    planned = materialise(schedule)
    if planned[0].due_at < now - timedelta(minutes=1):
        return refused("schedule.in_the_past", field="date", due=planned[0].due_at)
    return Decision(facts=(LessonsScheduled(schedule=schedule, planned=planned, author=author),))
