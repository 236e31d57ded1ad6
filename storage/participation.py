"""Who took part in what: read from the running counts where numbers are shown, from the places where names are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from typing import Any

from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy import Date, bindparam, func, select, union_all

from content.checkins import State
from content.identifiers import MemberId, OccurrenceId, OrganisationId
from content.occurrences import State as OccurrenceState
from content.organisations import Kind
from content.participation import Months, Share, months
from storage.checkins import answers, expectations
from storage.lessons import lessons
from storage.members import members
from storage.organisations import FEW, ROOTS, breadth, each_within, organisations, within
from storage.prepared import Prepared
from storage.schedules import HELD_AT, SHOWN_TITLE, number_of_sessions, occurrences, schedules
from storage.tallies import branch_months, by_state, number, sums, tallies
from storage.unit import AnyRow, Query, Reading

_MEANT = func.coalesce(occurrences.c.meant, occurrences.c.local_date).label("meant")
"""By its rule and the day that this means, a lesson is known whose sessions are several occurrences."""

_OF_RULE = (schedules.c.sessions, schedules.c.changes)
_BEFORE_ALL = date(1900, 1, 1)
_PORTION = 500
"""How many members one question names."""


class Period(Struct, frozen=True, kw_only=True):
    """Local dates from ``since`` to ``until``, both included; ``None`` leaves an end open."""

    since: date | None = None
    until: date | None = None

    @property
    def ends(self) -> dict[str, date]:
        """Return both ends for a question that asks between them; an open one lies before or after all that is kept."""
        return {"since": self.since or _BEFORE_ALL, "until": self.until or date.max}

    def __contains__(self, day: date) -> bool:
        return (self.since is None or self.since <= day) and (self.until is None or day <= self.until)


class Line(Struct, frozen=True, kw_only=True):
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


class OccurrenceLine(Struct, frozen=True, kw_only=True):
    """One occurrence, or all sessions of one lesson added up, and the numbers of the branches asked for.

    ``due_at`` of a lecture is when it is given for the first time, not when it is announced.
    """

    id: OccurrenceId
    title: str
    kind: str
    due_at: datetime
    local_date: date
    state: OccurrenceState
    numbers: Counter[State]
    sessions: int = 1


class MemberLine(Struct, frozen=True, kw_only=True):
    """One member and the numbers of their own answers."""

    id: MemberId
    name: str
    branch: OrganisationId
    numbers: Counter[State]


def _in_period(query: Query, period: Period) -> Query:
    if period.since is not None:
        query = query.where(occurrences.c.local_date >= period.since, _due_since(_earliest(period.since)))
    if period.until is not None:
        query = query.where(occurrences.c.local_date <= period.until)
    return query


def _earliest(day: date) -> datetime:
    return datetime.combine(day, time(), UTC) - timedelta(days=1)


def _due_since(earliest: Any) -> Any:
    # But for lectures and meetings, of which people are told long before, nothing falls due before its local date.
    return (occurrences.c.due_at >= earliest) | (occurrences.c.begins_at >= earliest)


def _share(row: AnyRow) -> Share:
    return Share(
        took_part=int(row.took_part),
        asked=int(row.asked),
        excused=int(row.excused),
        waiting=int(row.waiting),
        unanswered=int(row.unanswered),
        absent=int(row.absent),
    )


def _between(query: Any, column: Any, since: date | None, until: date | None) -> Any:
    if since is not None:
        query = query.where(column >= since)
    if until is not None:
        query = query.where(column <= until)
    return query


async def by_branch(unit: Reading, roots: Iterable[OrganisationId], period: Period) -> dict[OrganisationId, Share]:
    """Return what the branches at or below the roots add up to: whole months as such, the rest by the day."""
    apart = months(period.since, period.until)
    query = _shares(months=not apart.none, edges=len(apart.edges), apart=True)
    rows = await unit.rows(query, {"roots": list(roots), **_ends_of(apart)})
    return {OrganisationId(row.branch_id): _share(row) for row in rows}


async def total(unit: Reading, roots: Iterable[OrganisationId], period: Period) -> Share:
    """Return what they add up to all together."""
    apart = months(period.since, period.until)
    query = _shares(months=not apart.none, edges=len(apart.edges), apart=False)
    (row,) = await unit.rows(query, {"roots": list(roots), **_ends_of(apart)})
    return _share(row)


def _ends_of(apart: Months) -> dict[str, date]:
    """Return what goes into the gaps of ``_shares``; an open end lies before or after all that is kept."""
    ends = {"since": apart.since or _BEFORE_ALL, "before": apart.before or date.max}
    for place, (first, last) in enumerate(apart.edges):
        ends |= {f"first{place}": first or _BEFORE_ALL, f"last{place}": last or date.max}
    return ends


@cache
def _shares(*, months: bool, edges: int, apart: bool) -> Prepared:
    """Return the question for the shares of the branches at or below the roots, each ``apart`` or all together.

    Of each branch there is a row for the whole months and one for the days of each edge.
    """
    by_month, own = select(branch_months.c.branch_id, *_counted(branch_months)), branch_months.c
    by_month = by_month.where(
        within(own.branch_id, ROOTS), own.month >= bindparam("since"), own.month < bindparam("before")
    )
    by_day = select(tallies.c.branch_id, *_counted(tallies)).where(within(tallies.c.branch_id, ROOTS))
    parts = [
        by_day.where(tallies.c.local_date.between(bindparam(f"first{place}"), bindparam(f"last{place}")))
        for place in range(edges)
    ]
    whole = [by_month.group_by(own.branch_id)] if months else []
    found = union_all(*whole, *(part.group_by(tallies.c.branch_id) for part in parts)).subquery()
    if not apart:
        return Prepared(select(*_added_up(found)))
    by_branch = select(found.c.branch_id, *_added_up(found)).group_by(found.c.branch_id)
    return Prepared(by_branch.having(func.sum(found.c.counted) > 0))


def _counted(counts: Any) -> tuple[Any, ...]:
    return (*sums(counts), func.sum(number(counts)).label("counted"))


def _added_up(shares: Any) -> tuple[Any, ...]:
    return tuple(func.coalesce(func.sum(shares.c[name]), 0).label(name) for name in Share.__struct_fields__)


_BY_DAY = Prepared(
    select(tallies.c.branch_id, tallies.c.local_date, *sums(tallies))
    .where(
        within(tallies.c.branch_id, ROOTS),
        number(tallies) > 0,
        tallies.c.local_date.between(bindparam("since"), bindparam("until")),
    )
    .group_by(tallies.c.branch_id, tallies.c.local_date)
    .order_by(tallies.c.local_date, tallies.c.branch_id)
)


async def by_day(
    unit: Reading, roots: Iterable[OrganisationId], period: Period
) -> tuple[tuple[OrganisationId, date, Share], ...]:
    """Return (branch, local date, share) for the branches at or below the roots, oldest first."""
    rows = await unit.rows(_BY_DAY, {"roots": list(roots), **period.ends})
    return tuple((OrganisationId(row.branch_id), row.local_date, _share(row)) for row in rows)


_DAYS = Prepared(
    select(tallies.c.local_date, *sums(tallies))
    .where(
        within(tallies.c.branch_id, ROOTS),
        number(tallies) > 0,
        tallies.c.local_date.between(bindparam("since"), bindparam("until")),
    )
    .group_by(tallies.c.local_date)
    .order_by(tallies.c.local_date)
)


async def by_date(unit: Reading, roots: Iterable[OrganisationId], period: Period) -> tuple[tuple[date, Share], ...]:
    """Return (local date, share) over all branches at or below the roots, oldest first."""
    rows = await unit.rows(_DAYS, {"roots": list(roots), **period.ends})
    return tuple((row.local_date, _share(row)) for row in rows)


async def ends(unit: Reading, roots: Iterable[OrganisationId], period: Period) -> tuple[date | None, date | None]:
    """Return the first and the last local date of the period on which branches at or below the roots were counted."""
    days = select(tallies.c.local_date).where(tallies.c.branch_id == organisations.c.id, number(tallies) > 0)
    days = _between(days, tallies.c.local_date, period.since, period.until).limit(1)
    # From each branch its own ends: the engines walk an index to those, and would sort everything for a common one.
    first = days.order_by(tallies.c.local_date).scalar_subquery()
    last = days.order_by(tallies.c.local_date.desc()).scalar_subquery()
    of_branches = (organisations.c.kind == Kind.BRANCH, within(organisations.c.id, roots))
    found = await unit.rows(select(first, last).where(*of_branches))
    firsts, lasts = [row[0] for row in found if row[0]], [row[1] for row in found if row[1]]
    return min(firsts, default=None), max(lasts, default=None)


@cache
def _held(*, few: bool) -> Prepared:
    since, until = bindparam("since", type_=Date), bindparam("until", type_=Date)
    counted = select(tallies.c.occurrence_id)
    own = counted.where(within(tallies.c.branch_id, ROOTS), tallies.c.local_date.between(since, until))
    below = counted.where(each_within(tallies.c.branch_id, ROOTS), tallies.c.occurrence_id == occurrences.c.id)
    once = (
        select(occurrences.c.schedule_id, _MEANT)
        .where(
            occurrences.c.state.in_([OccurrenceState.OPEN, OccurrenceState.CLOSED]),
            occurrences.c.id.in_(own) if few else below.exists(),
            occurrences.c.local_date.between(since, until),
            _due_since(bindparam("earliest")),
        )
        .distinct()
        .subquery()
    )
    return Prepared(select(func.count().label("number")).select_from(once))


async def held(unit: Reading, roots: Iterable[OrganisationId], period: Period) -> int:
    """Return how often something was held in which branches at or below the roots were counted; sessions are one."""
    roots = list(roots)
    few, ends = await breadth(unit, roots) <= FEW, period.ends
    at = {"roots": roots, **ends, "earliest": _earliest(ends["since"])}
    return int(await unit.value(_held(few=few), at) or 0)


async def by_occurrence(
    unit: Reading,
    roots: Iterable[OrganisationId],
    period: Period,
    *,
    states: Iterable[OccurrenceState] = (),
    limit: int | None = None,
    apart: bool = False,
) -> tuple[OccurrenceLine, ...]:
    """Return the occurrences in which branches at or below the roots were counted, newest first.

    The sessions of a lesson are one, unless they are wanted ``apart``.
    """
    roots = list(roots)
    few = await breadth(unit, roots) <= FEW
    columns = (occurrences.c.id, SHOWN_TITLE, lessons.c.kind, HELD_AT, occurrences.c.local_date)
    query = (
        select(*columns, occurrences.c.state, occurrences.c.schedule_id, _MEANT, *_OF_RULE)
        .join(lessons, lessons.c.id == occurrences.c.lesson_id)
        .join(schedules, schedules.c.id == occurrences.c.schedule_id)
        .where(_concerned(roots, period, few=few))
        .order_by(occurrences.c.due_at.desc(), occurrences.c.id)
    )
    if states := list(states):
        query = query.where(occurrences.c.state.in_(states))
    query = _in_period(query, period)
    found = list(await unit.rows(query.limit(limit)))
    if not apart and limit is not None and (cut := {row.schedule_id for row in found if number_of_sessions(row) > 1}):
        # Sessions of the lessons that are shown, beyond the last row that is.
        known, lessons_shown = {row.id for row in found}, {(row.schedule_id, row.meant) for row in found}
        beyond = await unit.rows(query.where(occurrences.c.schedule_id.in_(cut)))
        found += [row for row in beyond if row.id not in known and (row.schedule_id, row.meant) in lessons_shown]
    # Of few branches each is looked up; of many, all that were counted are gone through.
    inside = within(tallies.c.branch_id, roots) if few else each_within(tallies.c.branch_id, roots)
    by_each = tuple(func.sum(tallies.c[state.value]).label(state.value) for state in State)
    counts = select(tallies.c.occurrence_id, *by_each).where(
        tallies.c.occurrence_id.in_([row.id for row in found]), inside
    )
    numbers = {row.occurrence_id: by_state(row) for row in await unit.rows(counts.group_by(tallies.c.occurrence_id))}
    groups: dict[tuple[str, object], list[OccurrenceLine]] = {}
    for row in found:
        line = OccurrenceLine(
            id=row.id,
            title=row.title,
            kind=row.kind,
            due_at=row.held_at,
            local_date=row.local_date,
            state=OccurrenceState(row.state),
            numbers=numbers.get(row.id, Counter()),
        )
        groups.setdefault((row.schedule_id, row.id if apart else row.meant), []).append(line)
    return tuple(sorted(map(_together, groups.values()), key=lambda one: one.due_at, reverse=True))


def _together(sessions: list[OccurrenceLine]) -> OccurrenceLine:
    """Return the sessions of a lesson as one: at the time of the first, and open as long as one of them is."""
    first = min(sessions, key=lambda one: (one.due_at, one.id))
    if len(sessions) == 1:
        return first
    stands = {one.state for one in sessions}
    state = next((one for one in (OccurrenceState.OPEN, OccurrenceState.CLOSED) if one in stands), first.state)
    numbers = sum((one.numbers for one in sessions), Counter[State]())
    return replace(first, state=state, numbers=numbers, sessions=len(sessions))


def _concerned(roots: list[OrganisationId], period: Period, *, few: bool) -> Any:
    """Return the condition that branches at or below the roots were counted in an occurrence.

    Of few organisations the occurrences are found from their own counts, of many by walking the calendar until enough
    is found.
    """
    counted = select(tallies.c.occurrence_id)
    if few:
        own = counted.where(within(tallies.c.branch_id, roots))
        return occurrences.c.id.in_(_between(own, tallies.c.local_date, period.since, period.until))
    below = counted.where(each_within(tallies.c.branch_id, roots))
    return below.where(tallies.c.occurrence_id == occurrences.c.id).exists()


async def by_member(
    unit: Reading,
    roots: Iterable[OrganisationId],
    period: Period,
    *,
    after: tuple[str, str] | None = None,
    limit: int | None = None,
) -> tuple[MemberLine, ...]:
    """Return the members counted in branches at or below the roots, by name and never by their totals.

    ``after`` is the (name, id) of the last member of the page before.
    """
    roots = list(roots)
    here = select(expectations.c.member_id).where(within(expectations.c.branch_id, roots))
    inside = _between(here, expectations.c.local_date, period.since, period.until)
    people = (
        select(members.c.id, members.c.name)
        .where(members.c.id.in_(here), inside.where(expectations.c.member_id == members.c.id).exists())
        .order_by(members.c.name, members.c.id)
        .limit(limit)
    )
    if after is not None:
        people = people.where((members.c.name > after[0]) | ((members.c.name == after[0]) & (members.c.id > after[1])))
    lines: dict[str, MemberLine] = {}
    found = await unit.rows(people)
    for start in range(0, len(found), _PORTION):
        names = {row.id: row.name for row in found[start : start + _PORTION]}
        lines |= await _lines_of(unit, names, roots, period)
    return tuple(lines.values())


async def _lines_of(
    unit: Reading, names: Mapping[str, str], roots: list[OrganisationId], period: Period
) -> dict[str, MemberLine]:
    key = (expectations.c.member_id, expectations.c.branch_id, expectations.c.state)
    query = select(*key, func.count().label("total")).where(
        expectations.c.member_id.in_(list(names)), within(expectations.c.branch_id, roots)
    )
    query = _between(query, expectations.c.local_date, period.since, period.until)
    found: dict[str, MemberLine] = {}
    for row in await unit.rows(query.group_by(*key).order_by(*key)):
        line = MemberLine(id=row.member_id, name=names[row.member_id], branch=row.branch_id, numbers=Counter())
        found.setdefault(row.member_id, line).numbers[State(row.state)] += int(row.total)
    return {member: found[member] for member in names}


async def lines(
    unit: Reading,
    roots: Iterable[OrganisationId] | None = None,
    period: Period | None = None,
    *,
    occurrence: OccurrenceId | None = None,
    member: MemberId | None = None,
    newest: int | None = None,
) -> tuple[Line, ...]:
    """Return every place at or below the roots (everywhere without roots), oldest occurrence first, then by name.

    With ``newest`` only that many, those of the newest occurrences.
    """
    order = (occurrences.c.due_at, occurrences.c.id, organisations.c.place, members.c.name, members.c.id)
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
        .order_by(*(order if newest is None else [column.desc() for column in order]))
        .limit(newest)
    )
    if roots is not None:
        query = query.where(within(expectations.c.branch_id, roots))
    if period is not None:
        query = _between(query, expectations.c.local_date, period.since, period.until)
    if occurrence is not None:
        query = query.where(occurrences.c.id == occurrence)
    if member is not None:
        query = query.where(expectations.c.member_id == member)
    rows = await unit.rows(query)
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
        for row in (rows if newest is None else rows[::-1])
    )


async def numbers_of(
    unit: Reading, member: MemberId, period: Period, roots: Iterable[OrganisationId] | None = None
) -> Counter[State]:
    """Return in how many occurrences a member is in each state, counted at or below the roots, or anywhere."""
    query = (
        select(expectations.c.state, func.count().label("total"))
        .where(expectations.c.member_id == member)
        .group_by(expectations.c.state)
    )
    if roots is not None:
        query = query.where(within(expectations.c.branch_id, roots))
    rows = await unit.rows(_between(query, expectations.c.local_date, period.since, period.until))
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
