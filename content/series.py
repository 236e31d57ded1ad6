"""A rule after it was accepted: its occurrences moved or shifted together, planned further, and reckoned anew."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from enum import StrEnum

from msgspec import Struct
from msgspec.structs import replace

from content.decision import Decision, Fact, Refusal, refused
from content.identifiers import OccurrenceId, ScheduleId, UserId
from content.occurrences import Seat, State, leave_out
from content.schedules import (
    AHEAD,
    LATEST_AHEAD,
    Change,
    Planned,
    Schedule,
    horizon,
    materialise,
    unmeant_sessions,
)
from content.workdays import WorkCalendar

MOST_WORKDAYS = 60
"""By more working days nobody shifts a series; it is planned anew."""


class Scope(StrEnum):
    """How much of a series a change is meant for."""

    ONE = "one"
    FOLLOWING = "following"
    SERIES = "series"


class Standing(Struct, frozen=True, kw_only=True):
    """An occurrence of a series as it stands; ``touched`` where it alone was moved or called off by hand."""

    planned: Planned
    state: State
    touched: bool


class Series(Struct, frozen=True, kw_only=True):
    """A rule and all its occurrences, by the day that each means.

    ``former`` are its changes before the last one, where that can be taken back; ``ended`` since when nothing more
    goes out.
    """

    schedule: Schedule
    standing: tuple[Standing, ...]
    former: tuple[Change, ...] | None = None
    ended: datetime | None = None

    @property
    def unfinished(self) -> bool:
        """Tell whether the rule yields more than is planned yet."""
        return not self.schedule.count or len({one.planned.meant for one in self.standing}) < self.schedule.count

    @property
    def coming(self) -> tuple[Standing, ...]:
        """Return what has not gone out yet."""
        return tuple(one for one in self.standing if one.state is State.PLANNED)


class SeriesReplanned(Fact, frozen=True, kw_only=True):
    """The occurrences of a rule that have not gone out were reckoned anew; ``gone`` are those that it yields no more.

    ``former`` are the changes that it had before, kept so that this can be taken back.
    """

    schedule: ScheduleId
    changes: tuple[Change, ...]
    former: tuple[Change, ...] | None
    moved: tuple[Planned, ...]
    added: tuple[Planned, ...]
    gone: tuple[OccurrenceId, ...]
    by: UserId | None


class SeriesContinued(Fact, frozen=True, kw_only=True):
    """A rule was planned further ahead; what is ``above`` a cap waits for somebody to move it or to let it go out."""

    schedule: ScheduleId
    added: tuple[Planned, ...]
    above: tuple[OccurrenceId, ...] = ()


class SeriesEnded(Fact, frozen=True, kw_only=True):
    """Nothing more of a rule goes out; what was still planned is called off with it."""

    schedule: ScheduleId
    at: datetime
    by: UserId


class SeriesResumed(Fact, frozen=True, kw_only=True):
    """A rule that was ended goes on; what was called off with it is planned again where its time is still to come."""

    schedule: ScheduleId
    at: datetime
    by: UserId


class Difference(Struct, frozen=True, kw_only=True):
    """What becomes of one occurrence: nothing stood there before, or nothing will."""

    before: Planned | None
    after: Planned | None


class Replan(Struct, frozen=True, kw_only=True):
    """What would change if a rule had these changes."""

    changes: tuple[Change, ...]
    differences: tuple[Difference, ...]

    @property
    def after(self) -> tuple[Planned, ...]:
        """Return everything that would be planned otherwise than it is."""
        return tuple(one.after for one in self.differences if one.after is not None)

    @property
    def before(self) -> frozenset[OccurrenceId]:
        """Return what would give up its place."""
        return frozenset(one.before.id for one in self.differences if one.before is not None)


def replan(
    series: Series,
    changes: tuple[Change, ...],
    *,
    known: WorkCalendar,
    now: datetime,
    anew: OccurrenceId | None = None,
) -> Replan:
    """Reckon what of a series would stand otherwise with these changes.

    What went out, was called off or was moved alone stays as it is; ``anew`` follows the rule again.
    """
    furthest = max((one.planned.meant for one in series.standing), default=series.schedule.start)
    until = max(furthest, horizon(series.schedule, now))
    wanted = materialise(replace(series.schedule, changes=changes), known, until=until)
    return Replan(changes=changes, differences=_compared(series, wanted, now=now, anew=anew))


def drifted(stretch: Series, *, known: WorkCalendar, now: datetime) -> tuple[Difference, ...]:
    """Return what of a stretch of a series would fall otherwise by what is known now.

    Its ``standing`` is everything for the days that the rule means between the first and the last of them, and no other
    day is reckoned.
    """
    if not stretch.standing:
        return ()
    first, last = stretch.standing[0].planned.meant, stretch.standing[-1].planned.meant
    return _compared(stretch, materialise(stretch.schedule, known, since=first, until=last), now=now)


def _compared(
    series: Series, reckoned: Iterable[Planned], *, now: datetime, anew: OccurrenceId | None = None
) -> tuple[Difference, ...]:
    wanted = {one.id: one for one in reckoned}
    standing = {one.planned.id: one for one in series.standing}
    differences = [
        Difference(before=one.planned, after=wanted.get(id))
        for id, one in standing.items()  # noqa: A001
        if one.state is State.PLANNED and (not one.touched or id == anew) and wanted.get(id) != one.planned
    ]
    differences += [
        Difference(before=None, after=one)
        for id, one in wanted.items()  # noqa: A001
        if id not in standing and one.due_at > now
    ]
    return tuple(sorted(differences, key=_meant))


def _meant(one: Difference) -> date:
    planned = one.after or one.before
    assert planned is not None
    return planned.meant


def decide(series: Series, found: Replan, *, by: UserId, now: datetime, back: bool = False) -> Decision | Refusal:
    """Let a series stand as was reckoned; what would lie in the past, or too far ahead, is refused.

    So is everything of a series that was ended, and a lesson that would get or lose a session after one of it has gone
    out. ``back`` takes the last change back, after which nothing is left to be taken back.
    """
    if series.ended is not None:
        return refused("series.nothing_coming")
    if not found.differences and found.changes == series.schedule.changes:
        return refused("series.nothing_changes", field="date")
    if _other_sessions_of_begun(series, found):
        return refused("series.begun_already", field="since")
    for one in found.after:
        if one.due_at < now:
            return refused("schedule.in_the_past", field="date", due=one.due_at)
        if one.due_at > now + LATEST_AHEAD + AHEAD:
            return refused("schedule.too_far", field="date")
    after = replace(series.schedule, changes=found.changes)
    for each in series.coming:
        if each.touched and each.planned.session > len(after.sessions_of(each.planned.meant)):
            return refused("series.session_touched", field="sessions", due=each.planned.due_at)
    known = {one.planned.id for one in series.standing}
    fact = SeriesReplanned(
        schedule=series.schedule.id,
        changes=found.changes,
        former=None if back else series.schedule.changes,
        moved=tuple(one for one in found.after if one.id in known),
        added=tuple(one for one in found.after if one.id not in known),
        gone=tuple(one.before.id for one in found.differences if one.before is not None and one.after is None),
        by=by,
    )
    return Decision(facts=(fact,))


def _other_sessions_of_begun(series: Series, found: Replan) -> bool:
    """Tell whether a lesson would get or lose a session when another one of it has gone out already."""
    begun = {one.planned.meant for one in series.standing if one.state not in (State.PLANNED, State.CANCELLED)}
    return any(_meant(one) in begun for one in found.differences if one.before is None or one.after is None)


def moved(
    series: Series,
    id: OccurrenceId,  # noqa: A002
    *,
    scope: Scope,
    on: date,
    at: time,
    window: timedelta,
    late: timedelta | None,
    known: WorkCalendar,
) -> tuple[Change, ...] | None:
    """Return the changes that bring one occurrence to a date and time, and with it those after it or all.

    ``None`` where the series does not yield it any more.
    """
    bare = replace(series.schedule, changes=(), sessions=())
    meant, session = next((one.planned.meant, one.planned.session) for one in series.standing if one.planned.id == id)
    base = next((one for one in materialise(bare, known, until=meant) if one.meant == meant), None)
    if base is None:
        return None
    since = date.min if scope is Scope.SERIES else meant
    sessions = series.schedule.sessions_of(meant)
    if session > len(sessions):
        return None
    first = datetime.combine(on, at) - (timedelta(), *sessions)[session]
    change = Change(
        since=since,
        at=first.time(),
        days=(first.date() - base.local_date).days,
        window=window,
        late=late,
        sessions=series.schedule.since(since).sessions,
    )
    return (*_before(series.schedule, since), change, *_other_sessions(series.schedule, change))


def _other_sessions(schedule: Schedule, change: Change) -> list[Change]:
    """Return a change once more for each later day from which on a lesson has other sessions."""
    found, before = list[Change](), change.sessions
    for one in schedule.changes:
        if one.since > change.since and one.sessions != before:
            found.append(replace(change, since=one.since, sessions=one.sessions))
            before = one.sessions
    return found


def divided(series: Series, meant: date, sessions: tuple[timedelta, ...]) -> tuple[Change, ...] | Refusal:
    """Return the changes that give all lessons from a day on these further sessions, which may be none.

    That day and all later ones must not have begun: who is to hear which session is settled with the first.
    """
    if meant not in undivided(series):
        return refused("series.begun_already", field="since")
    refusal = unmeant_sessions(sessions)
    return refusal or _amended(series.schedule, meant, lambda one: replace(one, sessions=sessions))


def undivided(series: Series) -> tuple[date, ...]:
    """Return the days that a rule means of which no session has gone out, and none of a later day, earliest first."""
    begun = [one.planned.meant for one in series.standing if one.state not in (State.PLANNED, State.CANCELLED)]
    last = max(begun, default=date.min)
    return tuple(sorted({one.planned.meant for one in series.coming if one.planned.meant > last}))


def shifted(series: Series, workdays: int) -> tuple[Change, ...] | Refusal:
    """Return the changes that shift everything which has not gone out by so many working days, forwards or back."""
    if not workdays or abs(workdays) > MOST_WORKDAYS:
        return refused("series.shift_out_of_range", field="workdays", most=MOST_WORKDAYS)
    if not series.coming:
        return refused("series.nothing_coming")
    since = series.coming[0].planned.meant
    return _amended(series.schedule, since, lambda one: replace(one, workdays=one.workdays + workdays))


def _amended(schedule: Schedule, since: date, amend: Callable[[Change], Change]) -> tuple[Change, ...]:
    """Return the changes of a rule with something done to all that hold from a day on."""
    later = [amend(one) for one in schedule.changes if one.since > since]
    return (*_before(schedule, since), amend(replace(schedule.since(since), since=since)), *later)


def _before(schedule: Schedule, since: date) -> tuple[Change, ...]:
    return tuple(one for one in schedule.changes if one.since < since)


def continued(series: Series, *, known: WorkCalendar, now: datetime) -> Decision | None:
    """Plan a rule further ahead; ``None`` where all within reach is planned."""
    if not series.unfinished:
        return None
    furthest = max((one.planned.meant for one in series.standing), default=date.min)
    wanted = materialise(series.schedule, known, until=horizon(series.schedule, now))
    added = tuple(one for one in wanted if one.meant > furthest)
    return Decision(facts=(SeriesContinued(schedule=series.schedule.id, added=added),)) if added else None


def end(
    series: Series, *, by: UserId, now: datetime, left_out: Mapping[OccurrenceId, Sequence[Seat]] | None = None
) -> Decision | Refusal:
    """Let nothing more of a series go out; ``left_out`` are those who then hear no session of a lesson at all."""
    if series.ended is not None or not (series.coming or series.unfinished):
        return refused("series.nothing_coming")
    ended = SeriesEnded(schedule=series.schedule.id, at=now, by=by)
    return Decision(facts=(ended, *leave_out(left_out or {})))


def resume(series: Series, *, by: UserId, now: datetime) -> Decision | Refusal:
    """Let a series that was ended go on."""
    if series.ended is None:
        return refused("series.not_ended")
    return Decision(facts=(SeriesResumed(schedule=series.schedule.id, at=now, by=by),))
