"""Who took part in what: read from the running counts where numbers are shown, from the places where names are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import func, select

from content.checkins import State
from content.identifiers import MemberId, OccurrenceId, OrganisationId
from content.occurrences import State as OccurrenceState
from storage.checkins import answers, expectations, tallies
from storage.lessons import lessons
from storage.members import members
from storage.organisations import organisations, within
from storage.schedules import SHOWN_TITLE, occurrences
from storage.unit import Query, Reading


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """Local dates from ``since`` to ``until``, both included; ``None`` leaves an end open."""

    since: date | None = None
    until: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One member and one occurrence, as the export has it.

    ``note`` is what they added to having taken part; ``by_hand`` tells that who keeps the record set the state.
    """

    organisation: str
    member: MemberId
    name: str
    user_id: str
    lesson: str
    occurrence: OccurrenceId
    due_at: datetime
    state: State
    note: str | None = None
    by_hand: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class OccurrenceLine:
    """One occurrence and the numbers of the branches asked for."""

    id: OccurrenceId
    title: str
    kind: str
    due_at: datetime
    local_date: date
    state: OccurrenceState
    numbers: Counter[State]


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberLine:
    """One member and the numbers of their own answers."""

    id: MemberId
    name: str
    branch: OrganisationId
    numbers: Counter[State]


def _in_period(query: Query, period: Period) -> Query:
    if period.since is not None:
        query = query.where(occurrences.c.local_date >= period.since)
    if period.until is not None:
        query = query.where(occurrences.c.local_date <= period.until)
    return query


async def by_day(
    unit: Reading, roots: Iterable[OrganisationId], period: Period
) -> tuple[tuple[OrganisationId, date, State, int], ...]:
    """Return (branch, local date, state, number) for the branches at or below the roots."""
    query = (
        select(
            tallies.c.branch_id, occurrences.c.local_date, tallies.c.state, func.sum(tallies.c.number).label("total")
        )
        .join(occurrences, occurrences.c.id == tallies.c.occurrence_id)
        .where(within(tallies.c.branch_id, roots), tallies.c.number > 0)
        .group_by(tallies.c.branch_id, occurrences.c.local_date, tallies.c.state)
        .order_by(occurrences.c.local_date, tallies.c.branch_id)
    )
    rows = await unit.rows(_in_period(query, period))
    return tuple((OrganisationId(row.branch_id), row.local_date, State(row.state), int(row.total)) for row in rows)


async def by_occurrence(
    unit: Reading, roots: Iterable[OrganisationId], period: Period, *, limit: int | None = None
) -> tuple[OccurrenceLine, ...]:
    """Return the occurrences in which branches at or below the roots were counted, newest first."""
    columns = (occurrences.c.id, SHOWN_TITLE, lessons.c.kind, occurrences.c.due_at, occurrences.c.local_date)
    query = (
        select(*columns, occurrences.c.state)
        .join(lessons, lessons.c.id == occurrences.c.lesson_id)
        .where(
            select(tallies.c.number)
            .where(tallies.c.occurrence_id == occurrences.c.id, within(tallies.c.branch_id, roots))
            .exists()
        )
        .order_by(occurrences.c.due_at.desc(), occurrences.c.id)
        .limit(limit)
    )
    found = await unit.rows(_in_period(query, period))
    numbers: dict[str, Counter[State]] = {row.id: Counter() for row in found}
    count = select(tallies.c.occurrence_id, tallies.c.state, func.sum(tallies.c.number).label("total")).where(
        tallies.c.occurrence_id.in_(list(numbers)), within(tallies.c.branch_id, roots), tallies.c.number > 0
    )
    for row in await unit.rows(count.group_by(tallies.c.occurrence_id, tallies.c.state)):
        numbers[row.occurrence_id][State(row.state)] = int(row.total)
    return tuple(
        OccurrenceLine(
            id=row.id,
            title=row.title,
            kind=row.kind,
            due_at=row.due_at,
            local_date=row.local_date,
            state=OccurrenceState(row.state),
            numbers=numbers[row.id],
        )
        for row in found
    )


async def by_member(unit: Reading, roots: Iterable[OrganisationId], period: Period) -> tuple[MemberLine, ...]:
    """Return the members counted in branches at or below the roots, by name and never by their totals."""
    query = (
        select(
            members.c.id, members.c.name, expectations.c.branch_id, expectations.c.state, func.count().label("total")
        )
        .join(members, members.c.id == expectations.c.member_id)
        .join(occurrences, occurrences.c.id == expectations.c.occurrence_id)
        .where(within(expectations.c.branch_id, roots))
        .group_by(members.c.id, members.c.name, expectations.c.branch_id, expectations.c.state)
        .order_by(members.c.name, members.c.id)
    )
    lines: dict[str, MemberLine] = {}
    for row in await unit.rows(_in_period(query, period)):
        line = lines.setdefault(row.id, MemberLine(id=row.id, name=row.name, branch=row.branch_id, numbers=Counter()))
        line.numbers[State(row.state)] += int(row.total)
    return tuple(lines.values())


async def lines(
    unit: Reading,
    roots: Iterable[OrganisationId] | None = None,
    period: Period | None = None,
    *,
    occurrence: OccurrenceId | None = None,
    member: MemberId | None = None,
) -> tuple[Line, ...]:
    """Return every place at or below the roots (everywhere without roots), oldest occurrence first, then by name."""
    query: Any = (
        select(
            organisations.c.name.label("organisation"),
            members.c.id.label("member_id"),
            members.c.name,
            members.c.user_id,
            SHOWN_TITLE,
            occurrences.c.id,
            occurrences.c.due_at,
            expectations.c.state,
            expectations.c.note,
            expectations.c.recorded_by,
        )
        .join(members, members.c.id == expectations.c.member_id)
        .join(organisations, organisations.c.id == expectations.c.branch_id)
        .join(occurrences, occurrences.c.id == expectations.c.occurrence_id)
        .join(lessons, lessons.c.id == occurrences.c.lesson_id)
        .order_by(occurrences.c.due_at, occurrences.c.id, organisations.c.place, members.c.name, members.c.id)
    )
    if roots is not None:
        query = query.where(within(expectations.c.branch_id, roots))
    if period is not None:
        query = _in_period(query, period)
    if occurrence is not None:
        query = query.where(occurrences.c.id == occurrence)
    if member is not None:
        query = query.where(members.c.id == member)
    return tuple(
        Line(
            organisation=row.organisation,
            member=row.member_id,
            name=row.name,
            user_id=row.user_id or "",
            lesson=row.title,
            occurrence=row.id,
            due_at=row.due_at,
            state=State(row.state),
            note=row.note,
            by_hand=row.recorded_by is not None,
        )
        for row in await unit.rows(query)
    )


async def numbers_of(unit: Reading, member: MemberId, period: Period) -> Counter[State]:
    """Return in how many occurrences a member is in each state."""
    query = (
        select(expectations.c.state, func.count().label("total"))
        .join(occurrences, occurrences.c.id == expectations.c.occurrence_id)
        .where(expectations.c.member_id == member)
        .group_by(expectations.c.state)
    )
    rows = await unit.rows(_in_period(query, period))
    return Counter({State(row.state): int(row.total) for row in rows})


async def reasons(unit: Reading, roots: Iterable[OrganisationId], occurrence: OccurrenceId) -> dict[MemberId, str]:
    """Return why members at or below the roots asked leave; only for who keeps the record there."""
    query = select(expectations.c.member_id, expectations.c.reason).where(
        expectations.c.occurrence_id == occurrence,
        expectations.c.state == State.EXCUSED,
        expectations.c.reason.is_not(None),
        within(expectations.c.branch_id, roots),
    )
    return {MemberId(row.member_id): row.reason for row in await unit.rows(query)}


async def explanations(unit: Reading, roots: Iterable[OrganisationId], occurrence: OccurrenceId) -> dict[MemberId, str]:
    """Return why states were set by hand, where they still stand; only for who keeps the record there."""
    query = (
        select(expectations.c.member_id, answers.c.explanation)
        .join(
            answers,
            (answers.c.occurrence_id == expectations.c.occurrence_id)
            & (answers.c.member_id == expectations.c.member_id)
            & (answers.c.cause == expectations.c.decided_by),
        )
        .where(
            expectations.c.occurrence_id == occurrence,
            expectations.c.recorded_by.is_not(None),
            answers.c.explanation.is_not(None),
            within(expectations.c.branch_id, roots),
        )
    )
    return {MemberId(row.member_id): row.explanation for row in await unit.rows(query)}
