"""Quarters, and what a report on one holds: only what was recorded, and a blank to fill in where nothing was."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date, datetime, timedelta

from msgspec import Struct

from content.participation import Share

_WRITTEN = re.compile(r"(20\d\d)-([1-4])")


class Quarter(Struct, frozen=True, kw_only=True, order=True):
    """A quarter of a year; ``number`` counts from 1."""

    year: int
    number: int

    @property
    def since(self) -> date:
        """Return its first day."""
        return date(self.year, 3 * self.number - 2, 1)

    @property
    def until(self) -> date:
        """Return its last day."""
        return self.after.since - timedelta(days=1)

    @property
    def after(self) -> Quarter:
        """Return the quarter that follows."""
        return Quarter(year=self.year + self.number // 4, number=self.number % 4 + 1)

    @property
    def before(self) -> Quarter:
        """Return the quarter that went before."""
        return quarter_of(self.since - timedelta(days=1))

    @property
    def months(self) -> tuple[tuple[date, date], ...]:
        """Return the first and the last day of each of its months."""
        firsts = [date(self.year, 3 * self.number - 2 + place, 1) for place in range(3)]
        ends = [*(first - timedelta(days=1) for first in firsts[1:]), self.until]
        return tuple(zip(firsts, ends, strict=True))

    def __str__(self) -> str:
        return f"{self.year}-{self.number}"


def quarter_of(day: date) -> Quarter:
    """Return the quarter in which a day lies."""
    return Quarter(year=day.year, number=(day.month + 2) // 3)


def read_quarter(written: str) -> Quarter | None:
    """Read a quarter from an address, ``None`` where it is none."""
    found = _WRITTEN.fullmatch(written)
    return Quarter(year=int(found[1]), number=int(found[2])) if found else None


class Held(Struct, frozen=True, kw_only=True):
    """What was held: when, what, of which kind, and who took part."""

    on: date
    title: str
    kind: str
    share: Share


class Vote(Struct, frozen=True, kw_only=True):
    """A vote that ended: of ``expected`` so many voted, ``None`` where that is not known."""

    on: date
    title: str
    secret: bool
    voted: int | None
    expected: int | None


class Report(Struct, frozen=True, kw_only=True):
    """What was recorded of an organisation in a quarter, and what of it is planned for the next."""

    quarter: Quarter
    name: str
    at: datetime
    members: int
    elected_on: date | None
    term_until: date | None
    seats: int
    held: tuple[Held, ...]
    total: Share
    before: Share
    months: tuple[Share, ...]
    votes: tuple[Vote, ...]
    corrections: int
    answered: int
    planned: tuple[tuple[date, str], ...]


def by_kind(held: Iterable[Held]) -> dict[str, int]:
    """Count by its kind what was held; what reached nobody was not."""
    counted: dict[str, int] = {}
    for one in held:
        if one.share.percent is not None:
            counted[one.kind] = counted.get(one.kind, 0) + 1
    return counted
