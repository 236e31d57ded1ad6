"""The working days of China: the order of the week, a year's published exceptions, and how far they are known."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from enum import StrEnum

from msgspec import Struct, field

from content.decision import Decision, Fact, Refusal, refused
from content.published_workdays import published
from content.workday_lists import FIRST_YEAR, LAST_YEAR, LONGEST_NAME, MOST_DAYS, Day, name_of

ASKED_FROM = 12
"""The month from which next year's list is asked for; it is mostly published in November."""

_ONE = timedelta(days=1)
_FRIDAY = 4


class Source(StrEnum):
    """Where a year's list comes from."""

    PUBLISHED = "published"
    """It came with the program."""
    LISTED = "listed"
    """It was entered here."""
    NONE = "none"
    """Nobody has it: the order of the week is a guess."""


class Reckoned(Struct, frozen=True, kw_only=True):
    """A date that was reckoned in working days; not ``confirmed`` where a year without a list was passed through."""

    date: date
    confirmed: bool


class Stretch(Struct, frozen=True, kw_only=True):
    """Days one after the other that are alike, as a list of the year shows them."""

    first: date
    last: date
    works: bool
    name: str
    by_hand: bool

    @property
    def number(self) -> int:
        """Return of how many days it is."""
        return (self.last - self.first).days + 1


class WorkCalendar(Struct, frozen=True, kw_only=True):
    """What is known of working days; make one with ``calendar``.

    ``days`` are the exceptions by date, ``sources`` says of a year where its list comes from, and ``by_hand`` are the
    days that were set one by one. What is asked of a year without a list is answered by the order of the week, and
    every answer says so.
    """

    days: Mapping[date, Day]
    sources: Mapping[int, Source]
    by_hand: frozenset[date] = field(default_factory=frozenset)

    def works(self, day: date) -> bool:
        """Tell whether a day is a working day, as far as is known."""
        exception = self.days.get(day)
        return exception.works if exception is not None else day.weekday() <= _FRIDAY

    def knows(self, day: date) -> bool:
        """Tell whether the year of a day has its list."""
        return self.source(day.year) is not Source.NONE

    def source(self, year: int) -> Source:
        """Return where the list of a year comes from."""
        return self.sources.get(year, Source.NONE)

    def known_until(self, today: date) -> date | None:
        """Return the last day up to which everything from today on is known, ``None`` where this year's is missing."""
        year = today.year
        while self.source(year) is not Source.NONE:
            year += 1
        return date(year - 1, 12, 31) if year > today.year else None

    def missing(self, today: date) -> int | None:
        """Return the year whose list somebody should enter now: this one, or from December on the next."""
        wanted = [today.year, *([today.year + 1] if today.month >= ASKED_FROM else [])]
        return next((year for year in wanted if self.source(year) is Source.NONE), None)

    def on_or_after(self, day: date) -> Reckoned:
        """Return the day itself if it is a working day, else the next one."""
        return self._walk(day, _ONE, 1, counts_start=True)

    def on_or_before(self, day: date) -> Reckoned:
        """Return the day itself if it is a working day, else the one before."""
        return self._walk(day, -_ONE, 1, counts_start=True)

    def after(self, day: date, number: int = 1) -> Reckoned:
        """Return the n-th working day after a day, which does not count itself."""
        return self._walk(day, _ONE, number, counts_start=False)

    def before(self, day: date, number: int = 1) -> Reckoned:
        """Return the n-th working day before a day, which does not count itself."""
        return self._walk(day, -_ONE, number, counts_start=False)

    def nth_from(self, day: date, number: int) -> Reckoned:
        """Return the n-th working day from a day on, which counts as the first if it is one."""
        return self._walk(day, _ONE, number, counts_start=True)

    def nth_between(self, first: date, last: date, number: int) -> Reckoned | None:
        """Return the n-th working day of a stretch, from its end for a negative number; ``None`` if it has fewer."""
        found = self.nth_from(first, number) if number > 0 else self._walk(last, -_ONE, -number, counts_start=True)
        return found if first <= found.date <= last else None

    def nth_of_month(self, year: int, month: int, number: int) -> Reckoned | None:
        """Return the n-th working day of a month, from its end for a negative number; ``None`` if it has fewer."""
        first = date(year, month, 1)
        return self.nth_between(first, (first + timedelta(days=31)).replace(day=1) - _ONE, number)

    def number(self, first: date, last: date) -> int:
        """Return how many working days a stretch has, both ends included."""
        return sum(self.works(first + timedelta(days=day)) for day in range((last - first).days + 1))

    def year(self, year: int) -> tuple[Stretch, ...]:
        """Return the exceptions of a year in order, days that are alike and follow each other as one."""
        found: list[Stretch] = []
        for at in sorted(day for day in self.days if day.year == year):
            one, hand = self.days[at], at in self.by_hand
            last = found[-1] if found else None
            if last and last.last + _ONE == at and (last.works, last.name, last.by_hand) == (one.works, one.name, hand):
                at, found[-1:] = last.first, []
            found.append(Stretch(first=at, last=one.date, works=one.works, name=one.name, by_hand=hand))
        return tuple(found)

    def _walk(self, day: date, step: timedelta, number: int, *, counts_start: bool) -> Reckoned:
        if number < 1:
            raise ValueError("working days are counted from one")
        confirmed = self.knows(day)
        if not counts_start:
            day += step
        while True:
            confirmed = confirmed and self.knows(day)
            number -= self.works(day)
            if not number:
                return Reckoned(date=day, confirmed=confirmed)
            day += step


class YearListed(Fact, frozen=True, kw_only=True):
    """The list of a year was entered; it takes the place of all that was known of this year."""

    year: int
    days: tuple[Day, ...]


class YearForgotten(Fact, frozen=True, kw_only=True):
    """What was entered of a year is dropped, its single days too; what came with the program stands again."""

    year: int


class WorkdaySet(Fact, frozen=True, kw_only=True):
    """One day was set to be worked or rested on."""

    day: Day


class Entered(Struct, frozen=True, kw_only=True):
    """What was entered of a year: its list, and the days that were set one by one."""

    year: int
    listed: tuple[Day, ...] = ()
    alone: tuple[Day, ...] = ()


class YearPutBack(Fact, frozen=True, kw_only=True):
    """What was entered of a year is again what it was before the last change to it."""

    entered: Entered

    @property
    def year(self) -> int:
        """Return which year it is."""
        return self.entered.year


def calendar(listed: Iterable[int] = (), days: Iterable[Day] = (), by_hand: Iterable[Day] = ()) -> WorkCalendar:
    """Return the calendar of what came with the program, of the years entered here and their days, and of single days.

    A year that was entered takes the place of the one that came with the program; a single day stands above both.
    """
    own, alone = frozenset(listed), tuple(by_hand)
    shipped = {year: one for year, one in published().items() if year not in own}
    kept = [day for of_year in shipped.values() for day in of_year]
    return WorkCalendar(
        days={day.date: day for day in [*kept, *days, *alone]},
        sources=dict.fromkeys(shipped, Source.PUBLISHED) | dict.fromkeys(own, Source.LISTED),
        by_hand=frozenset(day.date for day in alone),
    )


def set_day(day: date | None, *, works: bool, name: str) -> Decision | Refusal:
    """Set one day to be worked or rested on; everything else of its year stays."""
    name = name_of(name)
    if day is None or not FIRST_YEAR <= day.year <= LAST_YEAR:
        return refused("workdays.which_day", field="date")
    if len(name) > LONGEST_NAME:
        return refused("workdays.name_is_long", field="name", most=LONGEST_NAME)
    return Decision(facts=(WorkdaySet(day=Day(date=day, works=works, name=name)),))


def list_years(days: Sequence[Day]) -> Decision | Refusal:
    """Take the days of a pasted list: whole years, and the few of a neighbouring year that such lists also name.

    A list is whole when it rests on 1 January, 1 May and 1 October, as every year's does; single days alone are set
    one by one, because a part taken for the whole would make the rest look certain.
    """
    rests = {day.date for day in days if not day.works}
    years = sorted({day.date.year for day in days})
    whole = [year for year in years if {date(year, 1, 1), date(year, 5, 1), date(year, 10, 1)} <= rests]
    if not whole:
        return refused("workdays.not_whole", field="list")
    facts: list[Fact] = [
        YearListed(year=year, days=tuple(day for day in days if day.date.year == year)) for year in whole
    ]
    facts += [WorkdaySet(day=day) for day in days if day.date.year not in whole]
    return Decision(facts=tuple(facts))


def forget_year(known: WorkCalendar, year: int) -> Decision | Refusal:
    """Drop what was entered of a year, where there is anything."""
    if known.source(year) is not Source.LISTED and all(day.year != year for day in known.by_hand):
        return refused("workdays.nothing_entered")
    return Decision(facts=(YearForgotten(year=year),))


def put_back(before: Sequence[Entered]) -> Decision | Refusal:
    """Let what was entered of some years be as it was; ``before`` comes from a form, and may hold anything."""
    for one in before:
        days = (*one.listed, *one.alone)
        if not FIRST_YEAR <= one.year <= LAST_YEAR or len(days) > MOST_DAYS:
            return refused("workdays.changed_since")
        if any(day.date.year != one.year or len(day.name) > LONGEST_NAME for day in days):
            return refused("workdays.changed_since")
        if len({day.date for day in days}) < len(days):
            return refused("workdays.changed_since")
    return Decision(facts=tuple(YearPutBack(entered=one) for one in before))
