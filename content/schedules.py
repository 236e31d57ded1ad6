"""When things fall due: a rule in local wall time, and the dates and instants it yields."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from msgspec import Struct
from msgspec.structs import replace

from content.burden import Asked
from content.decision import Decision, Fact, Refusal, refused
from content.identifiers import LessonId, OccurrenceId, OrganisationId, ScheduleId, UserId, derive
from content.lectures import Lecture, begins
from content.lessons import Kind, Lesson
from content.quiet import Hush
from content.recurrences import Day, OffDays, Pattern, Recurrence, days
from content.reviews import Stage
from content.workdays import Reckoned, WorkCalendar, calendar

LATEST_AHEAD = timedelta(days=5 * 366)
"""Nobody means a date further away than this; it is a slip of the finger."""

FIRST_DAY = date(2000, 1, 1)
"""What lies before it is a slip of the finger too, and far enough back no instant at all."""

MOST_OCCURRENCES = 200
"""More than this from one rule is a slip as well."""

AHEAD = timedelta(days=60)
"""How far ahead a rule is planned, and at every start and every hour anew."""

LONGEST_REASON = 200
SHORTEST_WINDOW = timedelta(minutes=5)

LAST_DAY_OF_DRIP = 366
"""No lesson of a drip comes later than this after it begins."""

MOST_EVERY = 12
MOST_NTH = {
    Recurrence.MONTHLY: 31,
    Recurrence.WEEKDAY: 5,
    Recurrence.WORKDAY: 20,
    Recurrence.OF_WEEK: 5,
}
"""Up to which number days of a month or a week are counted; what counts none is not here."""

BY_WEEKDAY = frozenset({Recurrence.WEEKLY, Recurrence.WEEKDAY})

LATE_EVENT = timedelta(hours=2)

LONGEST_DAY = timedelta(days=1, hours=2)
"""No day of any clock is longer."""

MOST_SESSIONS = 3
"""A lesson goes out so often at most, each time to those of other shifts."""

SESSIONS_APART = timedelta(minutes=30)
LAST_SESSION = timedelta(days=7)
"""How close sessions may follow each other, and how long after the first the last may be."""

SAME_TIME = timedelta(minutes=5)
"""Two plans for the same lesson and people that are closer than this are one that was made twice."""


class Change(Struct, frozen=True, kw_only=True):
    """What holds of a rule from a day on that it means: the time, and by how many days and working days it is moved.

    ``sessions`` are ``None`` where they are those that the rule began with.
    """

    since: date
    at: time
    days: int = 0
    workdays: int = 0
    window: timedelta
    late: timedelta | None
    sessions: tuple[timedelta, ...] | None = None


class Schedule(Struct, frozen=True, kw_only=True):
    """A rule that yields occurrences.

    ``start`` is the first local date, ``at`` the local wall time, ``timezone`` the IANA zone both are meant in.
    ``weekdays`` are counted from Monday as 0; what else says on which days it falls is told by ``Pattern``. The n-th
    occurrence teaches lesson n of ``lessons``, beginning anew after the last. ``window`` is how long the check-in stays
    open, ``late`` how long after its time a card may still go out, ``None`` until that local day ends; after that the
    occurrence is missed. ``urgent`` is why it may go out in quiet hours, empty where it may not. ``changes`` were made
    to it since, for what it means from a day on, the newest last. ``sessions`` tells how long after the first, by the
    clock on the wall, each lesson goes out again to those of other shifts.
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
    late: timedelta | None
    weekdays: frozenset[int] = frozenset()
    count: int = 1
    every: int = 1
    nth: int = 1
    off_days: OffDays = OffDays.KEEP
    urgent: str = ""
    changes: tuple[Change, ...] = ()
    sessions: tuple[timedelta, ...] = ()
    on_days: tuple[int, ...] = ()

    @property
    def pattern(self) -> Pattern:
        """Return on which days it falls."""
        return Pattern(
            recurrence=self.recurrence,
            start=self.start,
            weekdays=self.weekdays,
            every=self.every,
            nth=self.nth,
            off_days=self.off_days,
            count=self.count,
            on_days=self.on_days,
        )

    def since(self, meant: date) -> Change:
        """Return what holds for a day that it means."""
        first = Change(since=date.min, at=self.at, window=self.window, late=self.late)
        return next((one for one in reversed(self.changes) if one.since <= meant), first)

    def sessions_of(self, meant: date) -> tuple[timedelta, ...]:
        """Return how long after the first each further session is of a day that it means."""
        changed = self.since(meant).sessions
        return self.sessions if changed is None else changed


class Planned(Struct, frozen=True, kw_only=True):
    """One occurrence that a rule yields: the date it ``meant``, that on which it falls, and the instant of it.

    It is ``provisional`` where it was reckoned by working days of which nobody has the list. ``session`` counts from 0
    where a lesson goes out several times, to some of its people each time.
    """

    id: OccurrenceId
    schedule: ScheduleId
    lesson: LessonId
    meant: date
    local_date: date
    due_at: datetime
    window: timedelta
    late: timedelta
    provisional: bool = False
    session: int = 0

    def asking(self, minutes: int, hush: Hush) -> Asked:
        """Return what it asks of a room, and when: each member hears one session, so a lesson's minutes count once."""
        return Asked(on=hush.heard_on(self.due_at), minutes=0 if self.session else minutes)


class LessonsScheduled(Fact, frozen=True, kw_only=True):
    """A rule was accepted, with every occurrence it yields."""

    schedule: Schedule
    planned: tuple[Planned, ...]
    author: UserId
    review: Stage = Stage.APPROVED
    """Whether it may go out as it is, or somebody else looks at it first."""


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
    window: timedelta
    late: timedelta
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


def materialise(
    schedule: Schedule, known: WorkCalendar | None = None, *, since: date = date.min, until: date | None = None
) -> tuple[Planned, ...]:
    """Return every occurrence of the rule for the days that it means up to a date, of those before another only number.

    The same rule always yields the same identifiers. Of one without end that is all within ``AHEAD`` of its start.
    """
    known = known or calendar()
    if until is None and not schedule.count:
        until = schedule.start + AHEAD
    return tuple(planned for first in _firsts(schedule, known, since, until) for planned in _sessions(schedule, first))


def _firsts(schedule: Schedule, known: WorkCalendar, since: date, until: date | None) -> Iterator[Planned]:
    """Yield when each lesson goes out first; a drip that is shifted by working days has one lesson a day still."""
    drip, before = schedule.recurrence is Recurrence.DRIP, date.min
    for number, day in enumerate(days(schedule.pattern, known, until=until)):
        if day.meant < since and not drip:
            continue
        change = schedule.since(day.meant)
        on = _changed(day, change, known)
        if drip and change.workdays and on.date <= before:
            pushed = known.on_or_after(before + timedelta(days=1))
            on = Reckoned(date=pushed.date, confirmed=on.confirmed and pushed.confirmed)
        before = on.date
        if day.meant >= since:
            yield _planned(schedule, number, day.meant, on)


def _sessions(schedule: Schedule, first: Planned) -> tuple[Planned, ...]:
    """Return the one time that a lesson goes out, or all of its sessions."""
    begins = datetime.combine(first.local_date, schedule.since(first.meant).at)
    further = (
        _session(schedule, first, number, begins + length)
        for number, length in enumerate(schedule.sessions_of(first.meant), start=1)
    )
    return (first, *further)


def _session(schedule: Schedule, first: Planned, number: int, local: datetime) -> Planned:
    due_at = instant(local.date(), local.time(), schedule.timezone)
    return replace(
        first,
        id=OccurrenceId(derive(schedule.id, "occurrence", first.meant.isoformat(), "session", str(number))),
        local_date=local.date(),
        due_at=due_at,
        late=late_after(due_at, schedule.since(first.meant).late, schedule.timezone),
        session=number,
    )


def _changed(day: Day, change: Change, known: WorkCalendar) -> Reckoned:
    """Return on which date something falls for a day that the rule means, as the rule was changed."""
    on = day.on + timedelta(days=change.days)
    if not change.workdays:
        return Reckoned(date=on, confirmed=day.confirmed)
    walked = (known.after if change.workdays > 0 else known.before)(on, abs(change.workdays))
    return Reckoned(date=walked.date, confirmed=day.confirmed and walked.confirmed)


def _planned(schedule: Schedule, number: int, meant: date, on: Reckoned) -> Planned:
    change = schedule.since(meant)
    due_at = instant(on.date, change.at, schedule.timezone)
    return Planned(
        id=OccurrenceId(derive(schedule.id, "occurrence", meant.isoformat())),
        schedule=schedule.id,
        lesson=schedule.lessons[number % len(schedule.lessons)],
        meant=meant,
        local_date=on.date,
        due_at=due_at,
        window=change.window,
        late=late_after(due_at, change.late, schedule.timezone),
        provisional=not on.confirmed,
    )


def late_after(due_at: datetime, late: timedelta | None, timezone: str) -> timedelta:
    """Return how long after its time something may still go out; ``None`` is until the end of that local day."""
    if late is not None:
        return late
    local = due_at.astimezone(ZoneInfo(timezone))
    if local.date() == date.max:
        return LONGEST_DAY
    return instant(local.date() + timedelta(days=1), time(), timezone) - due_at


def refuse_twice(planned: Iterable[Planned], there: Iterable[tuple[LessonId, datetime]]) -> Refusal | None:
    """Refuse to plan what goes to the same people at the same time already, until it is said that this is meant."""
    known = list(there)
    for one in planned:
        for lesson, due_at in known:
            if lesson == one.lesson and abs(due_at - one.due_at) <= SAME_TIME:
                return refused("schedule.twice", field="again", due=due_at)
    return None


def refuse_unannounced(rule: Schedule, lessons: Iterable[Lesson], planned: Iterable[Planned]) -> Refusal | None:
    """Refuse to announce a lecture again and again, with another thing, or when it has begun already.

    Sessions are for what is learned when it goes out: a lecture has its own, and a bulletin asks nobody.
    """
    chosen = [one for one in lessons if one.id in rule.lessons]
    if rule.sessions and any(one.kind in (Kind.LECTURE, Kind.BULLETIN) for one in chosen):
        return refused("schedule.no_sessions", field="sessions")
    lectures = [one.lecture for one in chosen if one.lecture is not None]
    first = next(iter(planned), None)
    if not lectures or first is None:
        return None
    if rule.recurrence is not Recurrence.ONCE:
        return refused("lecture.once", field="when")
    if begins(lectures[0]) <= first.due_at:
        return refused("lecture.announced_late", field="date", begins=begins(lectures[0]))
    return None


def refuse_held_past(lecture: Lecture, *, until: datetime, field: str | None) -> Refusal | None:
    """Refuse to announce a lecture where quiet hours would hold that until it has begun."""
    if until < begins(lecture):
        return None
    return refused("lecture.held_past", field=field, until=until, begins=begins(lecture))


def schedule_lessons(
    schedule: Schedule,
    *,
    author: UserId,
    now: datetime,
    known: WorkCalendar | None = None,
    review: Stage = Stage.APPROVED,
) -> Decision | Refusal:
    """Accept a rule, unless it asks for what cannot be meant; times in the past are refused, never moved."""
    refusal = next(unmeant(schedule, now), None)
    if refusal is not None:
        return refusal
    all_known = foreseen(schedule, now, known)
    if not all_known:
        return refused("schedule.never", field="when")
    if all_known[0].due_at < now - timedelta(minutes=1):
        return refused("schedule.in_the_past", field="date", due=all_known[0].due_at)
    number = len({one.meant for one in all_known})
    if schedule.count and number < schedule.count:
        return refused("schedule.ends_too_late", field="count", n=number)
    last = horizon(schedule, now)
    planned = tuple(one for one in all_known if one.meant <= last) or _of_first_day(all_known)
    return Decision(facts=(LessonsScheduled(schedule=schedule, planned=planned, author=author, review=review),))


def horizon(schedule: Schedule, now: datetime) -> date:
    """Return up to which day a rule is planned now; of one whose first day lies further ahead, that day."""
    return max(now.date(), schedule.start) + AHEAD


def foreseen(schedule: Schedule, now: datetime, known: WorkCalendar | None = None) -> tuple[Planned, ...]:
    """Return what a rule is known to bring: all of one that ends, of another what is planned now, and one at least."""
    if schedule.count:
        return materialise(schedule, known)
    within_reach = materialise(schedule, known, until=horizon(schedule, now))
    return within_reach or _of_first_day(materialise(schedule, known, until=date.max))


def _of_first_day(planned: tuple[Planned, ...]) -> tuple[Planned, ...]:
    """Return what is planned for the first day that a rule means."""
    return tuple(one for one in planned if one.meant == planned[0].meant)


def late_of(kinds: Iterable[Kind]) -> timedelta | None:
    """Return how late something may go out as its kind has it: a lesson that day, an event soon."""
    return LATE_EVENT if Kind.EVENT in set(kinds) else None


def unmeant(schedule: Schedule, now: datetime) -> Iterator[Refusal]:
    """Yield all that no rule can mean, whatever dates it would yield."""
    kind = schedule.recurrence
    if not schedule.lessons:
        yield refused("schedule.no_lesson", field="lessons")
    if kind is Recurrence.ONCE and len(schedule.lessons) > 1:
        yield refused("schedule.one_at_a_time", field="when")
    if kind in BY_WEEKDAY and not schedule.weekdays & set(range(7)):
        yield refused("schedule.no_weekday", field="weekdays")
    if kind is Recurrence.WEEKDAY and len(schedule.weekdays) > 1:
        yield refused("schedule.one_weekday", field="weekdays")
    if not 1 <= schedule.every <= MOST_EVERY:
        yield refused("schedule.every_out_of_range", field="every", most=MOST_EVERY)
    if kind in MOST_NTH and not (schedule.nth and -5 <= schedule.nth <= MOST_NTH[kind]):
        yield refused("schedule.nth_out_of_range", field="nth", most=MOST_NTH[kind])
    if kind is Recurrence.DRIP and (refusal := _unmeant_drip(schedule)) is not None:
        yield refusal
    if not 0 <= schedule.count <= MOST_OCCURRENCES or (kind is Recurrence.ONCE and not schedule.count):
        yield refused("schedule.count_out_of_range", field="count", most=MOST_OCCURRENCES)
    if len(schedule.urgent) > LONGEST_REASON:
        yield refused("missed.reason_is_long", field="urgent", most=LONGEST_REASON)
    if schedule.window < SHORTEST_WINDOW:
        yield refused("schedule.window_too_short", field="window")
    if schedule.start > (now + LATEST_AHEAD).date():
        yield refused("schedule.too_far", field="date")
    if (refusal := unmeant_sessions(schedule.sessions)) is not None:
        yield refusal


def _unmeant_drip(schedule: Schedule) -> Refusal | None:
    """Refuse days that do not follow each other, or are not one for each lesson; none of these is left out."""
    days_of = schedule.on_days
    if not days_of or any(after <= before for before, after in pairwise((0, *days_of))):
        return refused("schedule.bad_days", field="on_days")
    if days_of[-1] > LAST_DAY_OF_DRIP:
        return refused("schedule.days_too_far", field="on_days", most=LAST_DAY_OF_DRIP)
    if len(days_of) != len(schedule.lessons):
        return refused("schedule.day_for_each", field="on_days", n=len(schedule.lessons), days=len(days_of))
    if schedule.off_days is OffDays.SKIP:
        return refused("schedule.drip_skips", field="off_days")
    return None


def unmeant_sessions(sessions: tuple[timedelta, ...]) -> Refusal | None:
    """Refuse sessions that do not follow each other, or too closely, or too long after the first."""
    ends = (timedelta(), *sessions)
    if any(after - before < SESSIONS_APART for before, after in pairwise(ends)):
        return refused("schedule.sessions_close", field="sessions", n=int(SESSIONS_APART.total_seconds()) // 60)
    if ends[-1] > LAST_SESSION or len(ends) > MOST_SESSIONS:
        return refused("schedule.sessions_far", field="sessions", n=LAST_SESSION.days)
    return None
