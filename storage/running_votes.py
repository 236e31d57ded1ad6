"""What is being voted on, chosen or asked just now and rests on an entry of the roster, so that it cannot be merged."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import ColumnElement, Select, case, or_, select

from content.ballots import State as BallotState
from content.identifiers import MemberId, OrganisationId
from content.members import Member
from content.model_members import OVER, Stage
from content.paper_elections import State as PaperState
from content.surveys import State as SurveyState
from storage import model_members
from storage.ballots import ballot_candidates, ballot_roll, ballot_tellers, ballots
from storage.organisations import stands_below, within
from storage.paper_elections import paper_candidates, paper_elections, paper_officers, paper_roll
from storage.surveys import survey_people, surveys
from storage.unit import Reading

_BALLOTS = (BallotState.DRAFT, BallotState.FROZEN, BallotState.OPEN, BallotState.CLOSED, BallotState.OPENED)
_PAPERS = (PaperState.DRAFT, PaperState.FIXED, PaperState.COUNTING)


async def resting_on(unit: Reading, member: Member, roots: Iterable[OrganisationId]) -> tuple[str, ...]:
    """Return the titles of what is not over and rests on an entry; those that stand elsewhere are not named.

    Every selection counts that is held where the entry stands, whether it takes part or not: else whoever merges would
    learn who has nominated or objected.
    """
    roots = tuple(roots)
    chosen = await model_members.at_stage(unit, frozenset(Stage) - OVER, member.organisation)
    found = [one.title if await stands_below(unit, one.organisation, roots) else "" for one in chosen]
    for query, place, title in _running(member.id):
        named = case((within(place, roots), title), else_="")
        found += [row[0] for row in await unit.rows(query.with_only_columns(named).order_by(named))]
    return tuple(found)


def _running(member: MemberId) -> Iterable[tuple[Select[Any], ColumnElement[Any], ColumnElement[str]]]:
    """Yield for each kind which of them are running and name the entry."""
    ballot = [table.c.ballot_id for table in (ballot_roll, ballot_candidates, ballot_tellers)]
    yield (
        select(ballots).where(ballots.c.state.in_(_BALLOTS), _names(ballots.c.id, ballot, member)),
        ballots.c.organisation_id,
        ballots.c.title,
    )
    paper = [table.c.election_id for table in (paper_roll, paper_candidates, paper_officers)]
    held = paper_elections.c
    yield (
        select(paper_elections).where(held.state.in_(_PAPERS), _names(held.id, paper, member)),
        held.organisation_id,
        held.title,
    )
    yield (
        select(surveys).where(
            surveys.c.state == SurveyState.OPEN, _names(surveys.c.id, [survey_people.c.survey_id], member)
        ),
        surveys.c.organisation_id,
        surveys.c.title,
    )


def _names(id: ColumnElement[Any], columns: Iterable[Any], member: MemberId) -> ColumnElement[bool]:  # noqa: A002
    return or_(*(id.in_(select(column).where(column.table.c.member_id == member)) for column in columns))
