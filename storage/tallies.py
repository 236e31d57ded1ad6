"""How many members of a branch are in which state: of each occurrence, and added up by the branch's months."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import date

from sqlalchemy import Column, Date, ForeignKey, Index, Integer, String, Table, bindparam, select, update

from content.checkins import State
from content.identifiers import OccurrenceId, OrganisationId
from storage.organisations import each_within
from storage.prepared import Prepared
from storage.tables import RAISED, metadata
from storage.unit import Reading, Writing

tallies = Table(
    "tallies",
    metadata,
    Column("occurrence_id", ForeignKey("occurrences.id"), primary_key=True),
    Column("branch_id", ForeignKey("organisations.id"), primary_key=True),
    Column("state", String(12), primary_key=True),
    Column("local_date", Date, nullable=False),
    Column("number", Integer, nullable=False, info=RAISED),
    Index("ix_tallies_branch_date", "branch_id", "local_date"),
)

branch_months = Table(
    "branch_months",
    metadata,
    Column("branch_id", ForeignKey("organisations.id"), primary_key=True),
    Column("month", Date, primary_key=True),
    *(Column(state.value, Integer, nullable=False, info=RAISED) for state in State),
    sqlite_with_rowid=False,
)
"""The tallies of a branch added up by the month of their local date, so that years are read as quickly as weeks.

A month is one row with a column for each state: so all years of hundreds of branches are thousands of rows.
"""

_NUMBERS = Prepared(
    select(tallies.c.state, tallies.c.number).where(
        tallies.c.occurrence_id == bindparam("occurrence"), tallies.c.branch_id == bindparam("branch")
    )
)


async def numbers(unit: Reading, occurrence: OccurrenceId, branch: OrganisationId) -> Counter[State]:
    """Return how many members of a branch are in each state."""
    await unit.settled()
    rows = await unit.rows(_NUMBERS, {"occurrence": occurrence, "branch": branch})
    return Counter({State(row.state): row.number for row in rows if row.number})


async def numbers_by_branch(
    unit: Reading, occurrence: OccurrenceId, roots: Iterable[OrganisationId]
) -> dict[OrganisationId, Counter[State]]:
    """Return the same for every branch at or below the roots that was asked."""
    query = select(tallies).where(
        tallies.c.occurrence_id == occurrence, each_within(tallies.c.branch_id, roots), tallies.c.number > 0
    )
    found: dict[OrganisationId, Counter[State]] = {}
    for row in await unit.rows(query):
        found.setdefault(OrganisationId(row.branch_id), Counter())[State(row.state)] = row.number
    return found


async def count(unit: Writing, changes: Mapping[tuple[str, str, date, State], int]) -> None:
    """Change the counts of (occurrence, branch, local date, state), and those of the branch's month with them."""
    months: Counter[tuple[str, date, State]] = Counter()
    for (_, branch, day, state), step in changes.items():
        months[branch, day.replace(day=1), state] += step
    await unit.raise_by(
        tallies,
        [
            {"occurrence_id": occurrence, "branch_id": branch, "local_date": day, "state": state, "number": step}
            for (occurrence, branch, day, state), step in changes.items()
        ],
    )
    await _count_months(unit, months)


async def count_on(unit: Writing, occurrence: OccurrenceId, on: date) -> None:
    """Let an occurrence count on another local date, and in the month of that."""
    await unit.settled()
    months: Counter[tuple[str, date, State]] = Counter()
    moved = select(tallies).where(tallies.c.occurrence_id == occurrence, tallies.c.local_date != on)
    for row in await unit.rows(moved):
        months[row.branch_id, row.local_date.replace(day=1), State(row.state)] -= row.number
        months[row.branch_id, on.replace(day=1), State(row.state)] += row.number
    await _count_months(unit, months)
    await unit.execute(update(tallies).where(tallies.c.occurrence_id == occurrence).values(local_date=on))


async def count_no_more(unit: Writing, occurrence: OccurrenceId) -> None:
    """Let an occurrence count nowhere."""
    await unit.settled()
    counted = await unit.rows(select(tallies).where(tallies.c.occurrence_id == occurrence))
    await count(
        unit, {(row.occurrence_id, row.branch_id, row.local_date, State(row.state)): -row.number for row in counted}
    )
    await unit.settled()
    await unit.execute(tallies.delete().where(tallies.c.occurrence_id == occurrence))


async def _count_months(unit: Writing, changes: Mapping[tuple[str, date, State], int]) -> None:
    """Change the sums of (branch, first day of the month, state)."""
    steps: dict[tuple[str, date], Counter[State]] = {}
    for (branch, month, state), step in changes.items():
        if step:
            steps.setdefault((branch, month), Counter())[state] += step
    rows = [
        {"branch_id": branch, "month": month, **{state.value: by_state[state] for state in State}}
        for (branch, month), by_state in steps.items()
    ]
    await unit.raise_by(branch_months, rows)
