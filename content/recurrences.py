"""On which days a rule falls: a subset of RFC 5545, working days, and what becomes of a day that is none."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from enum import StrEnum
from itertools import count

from msgspec import Struct

from content.workdays import Reckoned, WorkCalendar

LONGEST = timedelta(days=5 * 366)
"""No rule is followed further than this from its first day."""

_DAY = timedelta(days=1)
_WEEK = 7
_LAST_YEAR = 9999


class Recurrence(StrEnum):
    """How often a rule yields a date."""

    ONCE = "once"
    WEEKLY = "weekly"
    MONTHLY = "monthly"
    """On the n-th day of the month; a month that has none is left out, and -1 is the last day of any."""
    WEEKDAY = "weekday"
    """On the n-th of a day of the week in the month, -1 for the last."""
    YEARLY = "yearly"
    """On the day and month of the first date; 29 February comes in leap years only."""
    WORKDAYS = "workdays"
    """On every working day."""
    WORKDAY = "workday"
    """On the n-th working day of the month, -1 for the last."""
    OF_WEEK = "of_week"
    """On the n-th working day of the week, -1 for the last."""
    DRIP = "drip"
    """On given days after it begins, each with its own lesson."""


class OffDays(StrEnum):
    """What becomes of a date that is no working day."""

    KEEP = "keep"
    SKIP = "skip"
    PREVIOUS = "previous"
    NEXT = "next"


class Pattern(Struct, frozen=True, kw_only=True):
    """Which days a rule means: ``every`` counts weeks, months or years, ``nth`` days of a month or a week.

    ``count`` is how many dates it yields in all; zero is without end. ``on_days`` are those of a drip, of which the day
    that it begins is 1.
    """

    recurrence: Recurrence
    start: date
    weekdays: frozenset[int] = frozenset()
    every: int = 1
    nth: int = 1
    off_days: OffDays = OffDays.KEEP
    count: int = 1
    on_days: tuple[int, ...] = ()


class Day(Struct, frozen=True, kw_only=True):
    """A date that a rule yields: the one it ``meant``, and the one ``on`` which it falls.

    It is not ``confirmed`` where a year without a list of working days was passed through to find it.
    """

    meant: date
    on: date
    confirmed: bool = True


def days(pattern: Pattern, calendar: WorkCalendar, *, until: date | None = None) -> Iterator[Day]:
    """Yield the days of a rule up to a date that it means, earliest first, no date twice.

    Where two days of a drip would fall on one, the later goes to the next working day, so that no lesson is left out.
    """
    last = min(until or date.max, pattern.start + min(LONGEST, date.max - pattern.start))
    number, before = 0, date.min
    for day in _days(pattern, calendar, last):
        if day.meant > last or (pattern.count and number == pattern.count):
            return
        moved = _moved(day, pattern, calendar)
        if moved is not None and moved.on <= before and pattern.recurrence is Recurrence.DRIP:
            pushed = calendar.on_or_after(before + _DAY)
            moved = Day(meant=day.meant, on=pushed.date, confirmed=moved.confirmed and pushed.confirmed)
        if moved is None or moved.on <= before:
            continue
        number, before = number + 1, moved.on
        yield moved


def _moved(day: Day, pattern: Pattern, calendar: WorkCalendar) -> Day | None:
    if pattern.off_days is OffDays.KEEP or pattern.recurrence is Recurrence.ONCE:
        return day
    found = Reckoned(date=day.on, confirmed=calendar.knows(day.on))
    if not calendar.works(day.on):
        match pattern.off_days:
            case OffDays.SKIP:
                return None
            case OffDays.PREVIOUS:
                found = calendar.on_or_before(day.on)
            case _:
                found = calendar.on_or_after(day.on)
    return Day(meant=day.meant, on=found.date, confirmed=day.confirmed and found.confirmed)


def _days(pattern: Pattern, calendar: WorkCalendar, last: date) -> Iterator[Day]:
    match pattern.recurrence:
        case Recurrence.ONCE:
            yield Day(meant=pattern.start, on=pattern.start)
        case Recurrence.WEEKLY:
            yield from (Day(meant=day, on=day) for day in _weekly(pattern, last))
        case Recurrence.YEARLY:
            yield from (Day(meant=day, on=day) for day in _yearly(pattern))
        case Recurrence.DRIP:
            yield from (Day(meant=day, on=day) for day in _drip(pattern))
        case Recurrence.WORKDAYS:
            yield from _workdays(pattern.start, last, calendar)
        case Recurrence.OF_WEEK:
            yield from _of_week(pattern, calendar, last)
        case _:
            yield from _of_month(pattern, calendar, last)


def _weekly(pattern: Pattern, last: date) -> Iterator[date]:
    day, first_week = pattern.start, _monday(pattern.start)
    while day <= last:
        weeks = (day - first_week).days // _WEEK
        if day.weekday() in pattern.weekdays and weeks % pattern.every == 0:
            yield day
        if day == date.max:
            return
        day += _DAY


def _monday(day: date) -> date:
    return day - timedelta(days=min(day.weekday(), day.toordinal() - 1))


def _yearly(pattern: Pattern) -> Iterator[date]:
    start = pattern.start
    for year in range(start.year, _LAST_YEAR + 1, pattern.every):
        if (start.month, start.day) != (2, 29) or _is_leap(year):
            yield start.replace(year=year)


def _drip(pattern: Pattern) -> Iterator[date]:
    for number in pattern.on_days:
        if pattern.start.toordinal() + number - 1 <= date.max.toordinal():
            yield pattern.start + (number - 1) * _DAY


def _is_leap(year: int) -> bool:
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


def _workdays(start: date, last: date, calendar: WorkCalendar) -> Iterator[Day]:
    day = start
    while day <= last:
        if calendar.works(day):
            yield Day(meant=day, on=day, confirmed=calendar.knows(day))
        if day == date.max:
            return
        day += _DAY


def _of_week(pattern: Pattern, calendar: WorkCalendar, last: date) -> Iterator[Day]:
    monday = _monday(pattern.start)
    while monday <= last:
        found = calendar.nth_between(monday, monday + 6 * _DAY, pattern.nth)
        if found is not None and found.date >= pattern.start:
            yield Day(meant=monday, on=found.date, confirmed=found.confirmed)
        monday += pattern.every * _WEEK * _DAY


def _of_month(pattern: Pattern, calendar: WorkCalendar, last: date) -> Iterator[Day]:
    for number in count(0, pattern.every):
        year, month = divmod(pattern.start.year * 12 + pattern.start.month - 1 + number, 12)
        if year > _LAST_YEAR - 1:
            return
        first = date(year, month + 1, 1)
        if first > last:
            return
        found = _in_month(first, pattern, calendar)
        if found is not None and found.on >= pattern.start:
            yield found


def _in_month(first: date, pattern: Pattern, calendar: WorkCalendar) -> Day | None:
    """Return the day of a month that the rule means; the first stands for the month where working days are counted."""
    last = (first + 31 * _DAY).replace(day=1) - _DAY
    if pattern.recurrence is Recurrence.WORKDAY:
        found = calendar.nth_of_month(first.year, first.month, pattern.nth)
        return None if found is None else Day(meant=first, on=found.date, confirmed=found.confirmed)
    if pattern.recurrence is Recurrence.MONTHLY:
        day = last + (pattern.nth + 1) * _DAY if pattern.nth < 0 else first + (pattern.nth - 1) * _DAY
    else:
        (weekday,) = pattern.weekdays
        if pattern.nth < 0:
            day = last - timedelta(days=(last.weekday() - weekday) % _WEEK + (-pattern.nth - 1) * _WEEK)
        else:
            day = first + timedelta(days=(weekday - first.weekday()) % _WEEK + (pattern.nth - 1) * _WEEK)
    return Day(meant=day, on=day) if first <= day <= last else None
