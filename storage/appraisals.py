"""What was written down of each member in an appraisal, beside the votes that they were given."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Column, ForeignKey, String, Table, and_, select, update

from content.appraisals import Appraised, OutcomeTold
from content.forms import Grade
from content.identifiers import BallotId, MemberId
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


async def grades(unit: Reading, ballot: BallotId) -> dict[MemberId, Appraised]:
    """Return what was written down of each member."""
    rows = await unit.rows(select(appraisal_grades).where(appraisal_grades.c.ballot_id == ballot))
    return {
        MemberId(row.member_id): Appraised(
            ballot=row.ballot_id,
            member=row.member_id,
            own=_grade(row.own),
            mutual=_grade(row.mutual),
            final=_grade(row.final),
        )
        for row in rows
    }


async def told(unit: Reading, ballot: BallotId) -> Mapping[MemberId, Grade]:
    """Return which outcome each member was told last."""
    query = select(appraisal_grades.c.member_id, appraisal_grades.c.told).where(
        appraisal_grades.c.ballot_id == ballot, appraisal_grades.c.told.is_not(None)
    )
    return {MemberId(row.member_id): Grade(row.told) for row in await unit.rows(query)}


def _grade(written: str | None) -> Grade | None:
    return Grade(written) if written else None


async def write_appraised(unit: Writing, fact: Appraised) -> None:
    """Keep what was written down of a member."""
    values = {
        "ballot_id": fact.ballot,
        "member_id": fact.member,
        "own": fact.own,
        "mutual": fact.mutual,
        "final": fact.final,
    }
    await unit.put(appraisal_grades, values, key=["ballot_id", "member_id"])


async def write_told(unit: Writing, fact: OutcomeTold) -> None:
    """Remember which outcome a member was told."""
    own = and_(appraisal_grades.c.ballot_id == fact.ballot, appraisal_grades.c.member_id == fact.member)
    await unit.execute(update(appraisal_grades).where(own).values(told=fact.final))
