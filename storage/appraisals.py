"""What was written down of each member in an appraisal, secret or on paper, beside the votes that they were given."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Column, ForeignKey, String, Table, and_, select, update

from content.appraisals import Appraised, OutcomeTold
from content.forms import Grade
from content.identifiers import MemberId
from storage.tables import metadata
from storage.unit import Reading, Writing

appraisal_grades = Table(
    "appraisal_grades",
    metadata,
    Column("ballot_id", ForeignKey("ballots.id"), primary_key=True),
    Column("member_id", ForeignKey("members.id"), primary_key=True, index=True),
    Column("own", String(1)),
    Column("mutual", String(1)),
    Column("final", String(1)),
    Column("told", String(1)),
)


paper_grades = Table(
    "paper_grades",
    metadata,
    Column("election_id", ForeignKey("paper_elections.id"), primary_key=True),
    Column("member_id", ForeignKey("members.id"), primary_key=True, index=True),
    Column("own", String(1)),
    Column("mutual", String(1)),
    Column("final", String(1)),
    Column("told", String(1)),
)


def _table(*, on_paper: bool) -> Table:
    return paper_grades if on_paper else appraisal_grades


def _of(table: Table) -> Column[str]:
    """Return the column that says in which appraisal."""
    return table.columns[0]


async def grades(unit: Reading, appraisal: str, *, on_paper: bool = False) -> dict[MemberId, Appraised]:
    """Return what was written down of each member."""
    table = _table(on_paper=on_paper)
    rows = await unit.rows(select(table).where(_of(table) == appraisal))
    return {
        MemberId(row.member_id): Appraised(
            ballot=appraisal,
            member=row.member_id,
            on_paper=on_paper,
            own=_grade(row.own),
            mutual=_grade(row.mutual),
            final=_grade(row.final),
        )
        for row in rows
    }


async def told(unit: Reading, appraisal: str, *, on_paper: bool = False) -> Mapping[MemberId, Grade]:
    """Return which outcome each member was told last."""
    table = _table(on_paper=on_paper)
    query = select(table.c.member_id, table.c.told).where(_of(table) == appraisal, table.c.told.is_not(None))
    return {MemberId(row.member_id): Grade(row.told) for row in await unit.rows(query)}


def _grade(written: str | None) -> Grade | None:
    return Grade(written) if written else None


async def write_appraised(unit: Writing, fact: Appraised) -> None:
    """Keep what was written down of a member."""
    table = _table(on_paper=fact.on_paper)
    values = {
        _of(table).name: fact.ballot,
        "member_id": fact.member,
        "own": fact.own,
        "mutual": fact.mutual,
        "final": fact.final,
    }
    await unit.put(table, values, key=[_of(table).name, "member_id"])


async def write_told(unit: Writing, fact: OutcomeTold) -> None:
    """Remember which outcome a member was told."""
    table = _table(on_paper=fact.on_paper)
    own = and_(_of(table) == fact.ballot, table.c.member_id == fact.member)
    await unit.execute(update(table).where(own).values(told=fact.final))
