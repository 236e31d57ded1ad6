"""Working days as they were entered here: whole years in place of the program's own lists, and single days."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from sqlalchemy import Boolean, Column, Date, String, Table, select

from content.workday_lists import LONGEST_NAME, Day
from content.workdays import Entered, WorkCalendar, WorkdaySet, YearForgotten, YearListed, YearPutBack
from content.workdays import calendar as made_of
from storage.tables import metadata
from storage.unit import Reading, Writing

workdays = Table(
    "workdays",
    metadata,
    Column("date", Date, primary_key=True),
    Column("works", Boolean, nullable=False),
    Column("name", String(LONGEST_NAME), nullable=False),
    Column("listed", Boolean, nullable=False),
)
"""``listed`` days came with the list of their year, which is known by them; the others were set one by one."""


async def calendar(unit: Reading) -> WorkCalendar:
    """Return everything that is known of working days."""
    listed, alone = list[Day](), list[Day]()
    for row in await unit.rows(select(workdays)):
        (listed if row.listed else alone).append(Day(date=row.date, works=row.works, name=row.name))
    return made_of({day.date.year for day in listed}, listed, alone)


async def entered(unit: Reading, years: Iterable[int]) -> tuple[Entered, ...]:
    """Return what was entered here of each of these years, in their order."""
    wanted = sorted(set(years))
    listed: dict[int, list[Day]] = {year: [] for year in wanted}
    alone: dict[int, list[Day]] = {year: [] for year in wanted}
    for row in await unit.rows(select(workdays).order_by(workdays.c.date)):
        if row.date.year in listed:
            of_year = (listed if row.listed else alone)[row.date.year]
            of_year.append(Day(date=row.date, works=row.works, name=row.name))
    return tuple(Entered(year=year, listed=tuple(listed[year]), alone=tuple(alone[year])) for year in wanted)


async def write_listed(unit: Writing, fact: YearListed) -> None:
    """Put the list in the place of all that was entered of its year."""
    await _forget(unit, fact.year)
    await unit.add(workdays, [_row(day, listed=True) for day in fact.days])


async def write_set(unit: Writing, fact: WorkdaySet) -> None:
    """Keep one day."""
    await unit.put(workdays, _row(fact.day, listed=False), key=["date"])


async def write_forgotten(unit: Writing, fact: YearForgotten) -> None:
    """Drop what was entered of a year."""
    await _forget(unit, fact.year)


async def write_put_back(unit: Writing, fact: YearPutBack) -> None:
    """Put what was entered of a year before in the place of all that is."""
    await _forget(unit, fact.year)
    rows = [_row(day, listed=True) for day in fact.entered.listed]
    await unit.add(workdays, [*rows, *(_row(day, listed=False) for day in fact.entered.alone)])


def _row(day: Day, *, listed: bool) -> dict[str, object]:
    return {"date": day.date, "works": day.works, "name": day.name, "listed": listed}


async def _forget(unit: Writing, year: int) -> None:
    await unit.execute(workdays.delete().where(workdays.c.date.between(date(year, 1, 1), date(year, 12, 31))))
