"""What the first page asks that no other page does: whether a part of the tree lives, and what ends there soon."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import and_, bindparam, func, or_, select

from content.approvals import LASTS, Act
from content.approvals import State as Proposal
from content.ballot_approvals import ACTS
from content.ballots import State as BallotState
from content.home import BallotStanding, Facts, SelectionStanding
from content.identifiers import (
    BallotId,
    MemberId,
    OrganisationId,
    PaperElectionId,
    PollId,
    SelectionId,
    SurveyId,
    UserId,
)
from content.model_members import Stage
from content.occurrences import State as OccurrenceState
from content.organisations import RIGHTS, Kind, Right
from content.paper_elections import PaperElection
from content.paper_elections import State as PaperState
from content.polls import State as PollState
from content.rooms import Purpose
from content.surveys import State as SurveyState
from storage import electronic_elections, members, model_members, paper_elections
from storage.approvals import approvals, waiting
from storage.ballots import ballot_tellers, ballots
from storage.heartbeats import heartbeats
from storage.lessons import lessons
from storage.organisations import ROOTS, duties, organisation_closure, organisations, within
from storage.polls import polls
from storage.prepared import Prepared
from storage.rooms import rooms
from storage.schedules import occurrences
from storage.surveys import surveys
from storage.unit import Reading

MOST = 20
"""Of each kind, so many are shown."""

FEW = 5
"""Of what is read whole, so many are looked at."""

_STEADY = (BallotState.FROZEN, BallotState.OPEN, BallotState.CLOSED, BallotState.OPENED)


def _working() -> Any:
    return and_(rooms.c.purpose == Purpose.BRANCH, rooms.c.lost.is_(None))


_ABOVE = select(organisation_closure.c.ancestor_id).where(organisation_closure.c.descendant_id.in_(ROOTS))
_CONCERNED = or_(within(occurrences.c.audience_id, ROOTS), occurrences.c.audience_id.in_(_ABOVE))
_LEADING = [role for role, rights in RIGHTS.items() if Right.SCHEDULE in rights]

_BOT_SEEN = Prepared(select(heartbeats.c.role).where(heartbeats.c.role == "bot"))
_A_ROOM = Prepared(select(rooms.c.id).where(_working(), within(rooms.c.organisation_id, ROOTS)).limit(1))
_A_LESSON = Prepared(select(lessons.c.id).where(within(lessons.c.owner_id, ROOTS)).limit(1))
_A_PLAN = Prepared(select(occurrences.c.id).where(_CONCERNED).limit(1))
_TWO_IN_CHARGE = Prepared(
    select(duties.c.user_id)
    .where(
        duties.c.role.in_(_LEADING),
        or_(duties.c.organisation_id.in_(_ABOVE), duties.c.organisation_id.in_(ROOTS)),
    )
    .distinct()
    .limit(2)
)
_HELD = Prepared(
    select(occurrences.c.id)
    .where(_CONCERNED, occurrences.c.state.in_([OccurrenceState.OPEN, OccurrenceState.CLOSED]))
    .limit(1)
)


async def facts(unit: Reading, roots: Iterable[OrganisationId]) -> Facts:
    """Return what tells whether the organisations at and below the roots live."""
    at = {"roots": list(roots)}
    number, bound = await members.count(unit, at["roots"])
    return Facts(
        bot_seen=await unit.first(_BOT_SEEN) is not None,
        members=number,
        bound=bound,
        rooms=len(await unit.rows(_A_ROOM, at)),
        written=await unit.first(_A_LESSON, at) is not None,
        planned=await unit.first(_A_PLAN, at) is not None,
        in_charge=len(await unit.rows(_TWO_IN_CHARGE, at)),
        held=await unit.first(_HELD, at) is not None,
    )


_LOST = Prepared(
    select(func.count().label("number"))
    .select_from(rooms)
    .where(rooms.c.lost.is_not(None), within(rooms.c.organisation_id, ROOTS))
)


async def rooms_lost(unit: Reading, roots: Iterable[OrganisationId]) -> int:
    """Return in how many rooms at or below the roots the bot is no more."""
    return int(await unit.value(_LOST, {"roots": list(roots)}) or 0)


_WITHOUT_ROOM = Prepared(
    select(func.count().label("number"))
    .select_from(organisations)
    .where(
        organisations.c.kind == Kind.BRANCH,
        organisations.c.closed_at.is_(None),
        within(organisations.c.id, ROOTS),
        ~select(rooms.c.id).where(_working(), rooms.c.organisation_id == organisations.c.id).exists(),
    )
)


async def branches_without_room(unit: Reading, roots: Iterable[OrganisationId]) -> int:
    """Return how many branches at or below the roots have no room in which anything could be said."""
    return int(await unit.value(_WITHOUT_ROOM, {"roots": list(roots)}) or 0)


_UNPROVEN = (
    select(func.count())
    .where(ballot_tellers.c.ballot_id == ballots.c.id, ballot_tellers.c.proven.is_(False))
    .scalar_subquery()
)
_ASKED_BY = (
    select(approvals.c.proposed_by)
    .where(
        approvals.c.subject == ballots.c.id,
        approvals.c.act.in_(sorted(ACTS)),
        approvals.c.state == Proposal.WAITING,
        approvals.c.proposed_at > bindparam("asked_since"),
    )
    .order_by(approvals.c.proposed_at.desc())
    .limit(1)
    .scalar_subquery()
)
_BALLOTS = Prepared(
    select(
        ballots.c.id,
        ballots.c.title,
        ballots.c.state,
        ballots.c.closes_at,
        _UNPROVEN.label("unproven"),
        _ASKED_BY.label("asked_by"),
    )
    .where(within(ballots.c.organisation_id, ROOTS), ballots.c.state.in_(_STEADY))
    .order_by(ballots.c.closes_at, ballots.c.id)
    .limit(MOST)
)


async def ballots_under_way(unit: Reading, roots: Iterable[OrganisationId]) -> tuple[BallotStanding, ...]:
    """Return the secret ballots at or below the roots that are neither drafts nor done, by when they close."""
    return tuple(
        BallotStanding(
            id=BallotId(row.id),
            title=row.title,
            state=BallotState(row.state),
            closes_at=row.closes_at,
            unproven=int(row.unproven),
            asked_by=UserId(row.asked_by) if row.asked_by else None,
        )
        for row in await unit.rows(_BALLOTS, {"roots": list(roots), "asked_since": unit.now - LASTS})
    )


_POLLS = Prepared(
    select(polls.c.id, polls.c.question, polls.c.closes_at)
    .where(
        within(polls.c.organisation_id, ROOTS),
        polls.c.state == PollState.OPEN,
        polls.c.closes_at.is_not(None),
        polls.c.closes_at <= bindparam("until"),
    )
    .order_by(polls.c.closes_at, polls.c.id)
    .limit(MOST)
)


async def polls_ending(
    unit: Reading, roots: Iterable[OrganisationId], *, until: datetime
) -> tuple[tuple[PollId, str, datetime], ...]:
    """Return the open polls at or below the roots that close by then, each with its question and its end."""
    rows = await unit.rows(_POLLS, {"roots": list(roots), "until": until})
    return tuple((PollId(row.id), row.question, row.closes_at) for row in rows)


_SURVEYS = Prepared(
    select(surveys.c.id, surveys.c.title, surveys.c.closes_at)
    .where(
        surveys.c.state == SurveyState.OPEN,
        surveys.c.closes_at <= bindparam("until"),
        within(surveys.c.organisation_id, ROOTS),
    )
    .order_by(surveys.c.closes_at, surveys.c.id)
    .limit(MOST)
)


async def surveys_ending(
    unit: Reading, roots: Iterable[OrganisationId], *, until: datetime
) -> tuple[tuple[SurveyId, str, datetime], ...]:
    """Return the surveys that are being asked at or below the roots and close by then, each with title and end."""
    rows = await unit.rows(_SURVEYS, {"roots": list(roots), "until": until})
    return tuple((SurveyId(row.id), row.title, row.closes_at) for row in rows)


_PAPER = paper_elections.paper_elections.c
_PAPERS = Prepared(
    select(_PAPER.id)
    .where(
        _PAPER.state.in_([PaperState.FIXED, PaperState.COUNTING, PaperState.COUNTED]),
        _PAPER.id.not_in(electronic_elections.voted_on_now()),
        within(_PAPER.organisation_id, ROOTS),
    )
    .order_by(_PAPER.held_on, _PAPER.id)
    .limit(FEW)
)


async def elections_under_way(unit: Reading, roots: Iterable[OrganisationId]) -> tuple[PaperElection, ...]:
    """Return the elections on paper at or below the roots whose roll is fixed and whose result is not announced.

    One that is voted on electronically just now waits for nobody but those whom its ballot waits for.
    """
    rows = await unit.rows(_PAPERS, {"roots": list(roots)})
    found = [await paper_elections.paper(unit, PaperElectionId(row.id)) for row in rows]
    return tuple(one for one in found if one is not None)


_SELECTION = model_members.selections.c
_SELECTIONS = Prepared(
    select(_SELECTION.id)
    .where(
        _SELECTION.stage.in_([Stage.CALLED, Stage.CONSIDERED, Stage.PUBLIC]),
        within(_SELECTION.organisation_id, ROOTS),
    )
    .order_by(_SELECTION.nominate_until, _SELECTION.id)
    .limit(FEW)
)


async def selections_under_way(
    unit: Reading, roots: Iterable[OrganisationId], user: UserId
) -> tuple[SelectionStanding, ...]:
    """Return the selections at or below the roots that may wait for somebody, by when nominations ended."""
    found = []
    for row in await unit.rows(_SELECTIONS, {"roots": list(roots)}):
        one = await model_members.selection(unit, SelectionId(row.id))
        assert one is not None
        hears = one.stage is Stage.PUBLIC and user in await model_members.hearers(unit, one)
        number = await model_members.waiting(unit, one.id) if hears else 0
        found.append(SelectionStanding(selection=one, objections=number))
    return tuple(found)


async def erasures_waiting(unit: Reading, roots: Iterable[OrganisationId], user: UserId) -> int:
    """Return how many erasures that others proposed wait for an answer; nobody answers one of themselves."""
    asked = [one for one in await waiting(unit, roots, acts=[Act.ERASE_PERSON]) if one.by != user]
    own = await members.by_user(unit, user) if asked else None
    return sum(1 for one in asked if own is None or MemberId(one.subject) != own.id)
