"""How many members of a branch are in which state: of each occurrence, and added up by the branch's months."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from sqlalchemy import Column, Date, ForeignKey, Index, Integer, Table, bindparam, func, select, update

from content.checkins import TOOK_PART, State
from content.identifiers import OccurrenceId, OrganisationId
from storage.organisations import each_within
from storage.prepared import Prepared
from storage.tables import RAISED, metadata
from storage.unit import AnyRow, Reading, Writing


def _by_state() -> tuple[Column[int], ...]:
    return tuple(Column(state.value, Integer, nullable=False, info=RAISED) for state in State)


tallies = Table(
    "tallies",
    metadata,
    Column("occurrence_id", ForeignKey("occurrences.id"), primary_key=True),
    Column("branch_id", ForeignKey("organisations.id"), primary_key=True),
    Column("local_date", Date, nullable=False),
    *_by_state(),
    Index("ix_tallies_branch_date", "branch_id", "local_date"),
    sqlite_with_rowid=False,
)
"""A row for each occurrence and branch, with a column for each state: an answer changes one row, and pages read few."""

branch_months = Table(
    "branch_months",
    metadata,
    Column("branch_id", ForeignKey("organisations.id"), primary_key=True),
    Column("month", Date, primary_key=True),
    *_by_state(),
    sqlite_with_rowid=False,
)
"""The tallies of a branch added up by the month of their local date, so that years are read as quickly as weeks."""

OFFERED = tuple(state for state in State if state is not State.NOT_OFFERED)


def number(counts: Any, *states: State) -> Any:
    """Return how many are in one of these states by a row of counts; without any, in whichever."""
    first, *others = (counts.c[state.value] for state in states or State)
    return sum(others, start=first)


def sums(counts: Any) -> tuple[Any, ...]:
    """Return the columns of a share, in its fields' order, added up from rows of counts."""

    def of(*states: State) -> Any:
        return func.coalesce(func.sum(number(counts, *states)), 0)

    return (
        of(*sorted(TOOK_PART)).label("took_part"),
        of(*OFFERED).label("asked"),
        of(State.EXCUSED).label("excused"),
        of(State.OPEN).label("waiting"),
        of(State.UNANSWERED).label("unanswered"),
        of(State.ABSENT).label("absent"),
    )


def by_state(row: AnyRow) -> Counter[State]:
    """Return a row's counts, zeros left out."""
    counts = {state: int(getattr(row, state.value)) for state in State}
    return Counter({state: number for state, number in counts.items() if number})


_NUMBERS = Prepared(
    select(tallies).where(
        tallies.c.occurrence_id == bindparam("occurrence"), tallies.c.branch_id == bindparam("branch")
    )
)


async def numbers(unit: Reading, occurrence: OccurrenceId, branch: OrganisationId) -> Counter[State]:
    """Return how many members of a branch are in each state."""
    await unit.settled()
    row = await unit.first(_NUMBERS, {"occurrence": occurrence, "branch": branch})
    return Counter() if row is None else by_state(row)


async def numbers_by_branch(
    unit: Reading, occurrence: OccurrenceId, roots: Iterable[OrganisationId]
) -> dict[OrganisationId, Counter[State]]:
    """Return the same for every branch at or below the roots that was asked."""
    query = select(tallies).where(
        tallies.c.occurrence_id == occurrence, each_within(tallies.c.branch_id, roots), number(tallies) > 0
    )
    return {OrganisationId(row.branch_id): by_state(row) for row in await unit.rows(query)}


Steps = dict[tuple[Any, ...], list[int]]
"""By which number each state is to be changed, in the order of their columns, of the rows with these keys."""

_PLACE = {state: place for place, state in enumerate(State)}


async def count(unit: Writing, changes: Mapping[tuple[str, str, date, State], int]) -> None:
    """Change the counts of (occurrence, branch, local date, state), and those of the branch's month with them."""
    places: Steps = {}
    months: Steps = {}
    for (occurrence, branch, day, state), step in changes.items():
        _step(places, (occurrence, branch, day), state, step)
        _step(months, (branch, day.replace(day=1)), state, step)
    await unit.raise_by(tallies, places)
    await unit.raise_by(branch_months, months)


def _step(steps: Steps, key: tuple[Any, ...], state: State, step: int) -> None:
    steps.setdefault(key, [0] * len(_PLACE))[_PLACE[state]] += step


async def count_on(unit: Writing, occurrence: OccurrenceId, on: date) -> None:
    """Let an occurrence count on another local date, and in the month of that."""
    await unit.settled()
    own = tallies.c.occurrence_id == occurrence
    months: Steps = {}
    for row in await unit.rows(select(tallies).where(own, tallies.c.local_date != on)):
        for state, number in by_state(row).items():
            _step(months, (row.branch_id, row.local_date.replace(day=1)), state, -number)
            _step(months, (row.branch_id, on.replace(day=1)), state, number)
    await unit.raise_by(branch_months, months)
    await unit.execute(update(tallies).where(own).values(local_date=on))


async def count_no_more(unit: Writing, occurrence: OccurrenceId) -> None:
    """Let an occurrence count nowhere."""
    await unit.settled()
    counted = await unit.rows(select(tallies).where(tallies.c.occurrence_id == occurrence))
    steps = {
        (row.occurrence_id, row.branch_id, row.local_date, state): -number
        for row in counted
        for state, number in by_state(row).items()
    }
    await count(unit, steps)
    await unit.settled()
    await unit.execute(tallies.delete().where(tallies.c.occurrence_id == occurrence))
