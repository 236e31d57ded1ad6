"""A year of meetings in numbers, counted by the database; nobody is named."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import case, func, literal, select

from content.checkins import State as Answer
from content.identifiers import OrganisationId
from content.notices import Form, State
from content.unannounced import TOGETHER
from content.year_totals import Months, Totals, attendance, with_entered
from storage.checkins import expectations
from storage.meetings import meetings
from storage.organisations import within
from storage.resolutions import meeting_tasks, resolutions
from storage.tallies import by_state, tallies
from storage.unannounced import unannounced_meetings
from storage.unit import Query, Reading

_HELD = (State.HELD, State.CLOSED)


async def totals(
    unit: Reading, roots: Iterable[OrganisationId], *, year: int, timezone: str, months: Months | None = None
) -> tuple[Totals, ...]:
    """Return for each form the meetings that were held at or below organisations in a year, by a clock.

    ``months`` are those of ``meetings_by_month``, where they are known already.
    """
    roots = list(roots)
    there = (within(meetings.c.organisation_id, roots), meetings.c.state.in_(_HELD), *_in(year, timezone))
    if months is None:
        months = await meetings_by_month(unit, roots, year=year, timezone=timezone)
    held: Counter[Form] = Counter()
    for of_month in months.values():
        held.update(of_month)
    stood = await _stood(unit, there)
    replaced = select(resolutions.c.replaces_id).where(resolutions.c.replaces_id.is_not(None))
    decided = _by_form(
        select(func.count().label("number")).join(meetings, meetings.c.occurrence_id == resolutions.c.occurrence_id)
    ).where(*there, resolutions.c.id.not_in(replaced))
    asked = _by_form(
        select(func.count().label("number"), func.count(meeting_tasks.c.done_on).label("done")).join(
            meetings, meetings.c.occurrence_id == meeting_tasks.c.occurrence_id
        )
    ).where(*there)
    resolved = {row.form: row.number for row in await unit.rows(decided)}
    tasks = {row.form: (row.number, row.done) for row in await unit.rows(asked)}
    entered = await unit.rows(_entered(roots, year))
    found = []
    for form in Form:
        marks = attendance(stood.get(form, ()))
        number, done = tasks.get(form, (0, 0))
        one = Totals(
            form=form,
            held=held[form],
            due=sum(marks.values()),
            attendance=marks,
            resolutions=resolved.get(form, 0),
            tasks=number,
            done=done,
        )
        for hand in entered:
            if form != hand.form and not (hand.together and form in TOGETHER):
                continue
            one = with_entered(one, held=hand.number, due=hand.due or 0, present=hand.present or 0)
        found.append(one)
    return tuple(found)


async def meetings_by_month(unit: Reading, roots: Iterable[OrganisationId], *, year: int, timezone: str) -> Months:
    """Return how many meetings of each form were held in each month, by a clock."""
    month = _month(1, 12, year, ZoneInfo(timezone))
    there = (within(meetings.c.organisation_id, list(roots)), meetings.c.state.in_(_HELD), *_in(year, timezone))
    held = select(meetings.c.form, month.label("month")).where(*there).subquery()
    query = select(held.c.form, held.c.month, func.count().label("number")).group_by(held.c.form, held.c.month)
    counted: dict[int, dict[Form, int]] = {}
    for row in await unit.rows(query):
        counted.setdefault(row.month, {})[Form(row.form)] = row.number
    return counted


def _month(first: int, last: int, year: int, zone: ZoneInfo) -> Any:
    """Return the month of a meeting that lies in one of these months, found by halves: each is looked at four times."""
    if first == last:
        return literal(first)
    middle = (first + last) // 2
    end = datetime.combine(date(year, middle + 1, 1), time(), zone)
    return case(
        (meetings.c.begins_at < end, _month(first, middle, year, zone)), else_=_month(middle + 1, last, year, zone)
    )


async def _stood(unit: Reading, there: Iterable[Any]) -> dict[str, list[tuple[Answer, str | None, int]]]:
    """Return for each form how many stood how, with what they added: from the counts, which outlast the names."""
    noted: dict[tuple[str, Answer], int] = {}
    stood: dict[str, list[tuple[Answer, str | None, int]]] = {}
    added = (
        select(meetings.c.form, expectations.c.state, expectations.c.note, func.count().label("number"))
        .join(meetings, meetings.c.occurrence_id == expectations.c.occurrence_id)
        .where(expectations.c.note.is_not(None), *there)
        .group_by(meetings.c.form, expectations.c.state, expectations.c.note)
    )
    for row in await unit.rows(added):
        place = (row.form, Answer(row.state))
        noted[place] = noted.get(place, 0) + row.number
        stood.setdefault(row.form, []).append((Answer(row.state), row.note, row.number))
    sums = (func.sum(tallies.c[state.value]).label(state.value) for state in Answer)
    counted = select(meetings.c.form, *sums).join(meetings, meetings.c.occurrence_id == tallies.c.occurrence_id)
    for row in await unit.rows(counted.where(*there).group_by(meetings.c.form)):
        without = ((state, number - noted.get((row.form, state), 0)) for state, number in by_state(row).items())
        stood.setdefault(row.form, []).extend((state, None, number) for state, number in without if number)
    return stood


def _by_form(query: Any) -> Any:
    return query.add_columns(meetings.c.form).group_by(meetings.c.form)


def _in(year: int, timezone: str) -> tuple[Any, Any]:
    first, after = (datetime.combine(date(each, 1, 1), time(), ZoneInfo(timezone)) for each in (year, year + 1))
    return meetings.c.begins_at >= first, meetings.c.begins_at < after


def _entered(roots: Iterable[OrganisationId], year: int) -> Query:
    """Ask for those that were entered by hand; of people only those count of which both numbers were written."""
    own = unannounced_meetings.c
    return (
        select(
            own.form,
            own.together,
            func.count().label("number"),
            func.sum(case((own.present.is_not(None), own.due), else_=0)).label("due"),
            func.sum(case((own.due.is_not(None), own.present), else_=0)).label("present"),
        )
        .where(
            own.taken_back_at.is_(None),
            within(own.organisation_id, list(roots)),
            own.held_on >= date(year, 1, 1),
            own.held_on <= date(year, 12, 31),
        )
        .group_by(own.form, own.together)
    )
