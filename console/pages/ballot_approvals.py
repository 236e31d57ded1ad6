"""What it takes two organisers for in a secret ballot: each asks for a step or agrees to it, or declines."""

from __future__ import annotations

from flask import Blueprint, request
from msgspec.structs import replace

from console.access import here, requires
from console.addresses import link
from console.answering import Answer, onward
from console.desk import cause, desk, settle
from console.fresh import fresh
from console.pages.ballots import admitted_to, mark_of_presence, presence_of, visible_ballot
from content import approvals as rule_of_two
from content import ballot_news
from content.approvals import Act, Proposed
from content.ballot_approvals import ACTS, Closing, waiting_for, want
from content.ballots import Ballot, BallotClosed, BallotOpened, State
from content.decision import Decision, Refusal, refused
from content.duties import SETTLES
from content.identifiers import BallotId, OrganisationId, ProposalId, UserId, derive
from content.organisations import RIGHTS, Right
from storage import approvals, electronic_elections, organisations
from storage import ballots as stored
from storage.store import Answer as Decided
from storage.unit import Reading

pages = Blueprint("ballot_approvals", __name__)

_DONE = {
    Act.OPEN_BALLOT: "ballot_open_now",
    Act.CLOSE_BALLOT: "ballot_closed_early",
    Act.CANCEL_BALLOT: "ballot_cancelled",
}


@pages.post("/ballots/<id>/open")
@requires(Right.SCHEDULE)
@fresh
def open_voting(id: str) -> Answer:  # noqa: A002
    """Want a ballot open, or agree to it as the second of two."""
    return _want(Act.OPEN_BALLOT, id)


@pages.post("/ballots/<id>/close")
@requires(Right.SCHEDULE)
@fresh
def close_early(id: str) -> Answer:  # noqa: A002
    """Want a ballot closed before its time, for a reason that the room is told, or agree to it as the second of two."""
    answer = _want(Act.CLOSE_BALLOT, id)
    if visible_ballot(id).state is State.VOID:
        desk().bridge(desk().store.forget_deleted())
    return answer


@pages.post("/ballots/<id>/cancel")
@requires(Right.SCHEDULE)
@fresh
def cancel(id: str) -> Answer:  # noqa: A002
    """Want a ballot to come to nothing, or agree to it as the second of two."""
    answer = _want(Act.CANCEL_BALLOT, id)
    if visible_ballot(id).state is State.VOID:
        desk().bridge(desk().store.forget_deleted())
    return answer


@pages.post("/ballots/<id>/wishes/<proposal>/decline")
@requires(Right.SCHEDULE)
def decline(id: str, proposal: str) -> Answer:  # noqa: A002
    """Decline what another organiser wants, or take one's own wish back."""
    roots, user = here().roots, here().user

    async def decide(unit: Reading) -> Decided:
        found = await approvals.proposal(unit, ProposalId(proposal), roots)
        if found is None or found.act not in ACTS or found.subject != id:
            return None
        may = await _organisers(unit, found.organisation)
        return rule_of_two.decline(found, by=user, may=may, now=unit.now)

    return onward(settle(decide, actor=user), to=link("ballots.show_one", id=id), done="proposal_declined")


def _want(act: Act, id: str) -> Answer:  # noqa: A002
    roots, user, proposal = here().roots, here().user, ProposalId(derive(cause(), "proposal"))
    mark = request.form.get("mark", "")
    reason = (request.form.get("reason") or mark) if act is Act.CLOSE_BALLOT else ""

    async def decide(unit: Reading) -> Decided:
        ballot = await stored.visible(unit, roots, BallotId(id))
        if ballot is None:
            return None
        waiting = await approvals.waiting(unit, [ballot.organisation], acts=ACTS)
        may, before = await _organisers(unit, ballot.organisation), waiting_for(act, ballot, waiting)
        asks = before.by if before is not None else user
        newly = await organisations.same_hand_at(unit, ballot.organisation, Right.SCHEDULE, asks) - {asks}
        if user in newly:
            return refused("approvals.too_new", days=SETTLES.days)
        may -= newly
        admitted = await admitted_to(unit, ballot) if act is Act.OPEN_BALLOT else None
        if before is not None and before.by != user and before.detail != reason:
            return refused("ballot.reason_changed")
        closing = await _closing(unit, ballot, reason) if act is Act.CLOSE_BALLOT else None
        answer = want(
            act,
            ballot,
            by=user,
            may=may,
            waiting=waiting,
            id=proposal,
            now=unit.now,
            admitted=admitted,
            closing=closing,
        )
        if isinstance(answer, Refusal):
            return answer
        if act is Act.OPEN_BALLOT:
            known = await electronic_elections.of_ballot(unit, ballot.id)
            if mark_of_presence(await presence_of(unit, known)) != mark:
                return refused("electronic.presence_changed")
        rooms = await stored.voters_rooms(unit, ballot)
        for fact in answer.facts:
            if isinstance(fact, BallotOpened):
                return replace(answer, effects=ballot_news.opened(ballot, rooms))
            if isinstance(fact, BallotClosed):
                told = ballot_news.closed(ballot, fact.turnout, fact.set_hash, rooms)
                return replace(answer, effects=(*ballot_news.closed_early(ballot, reason, rooms), *told))
        return answer

    outcome = settle(decide, actor=user)
    facts = outcome.answer.facts if isinstance(outcome.answer, Decision) else ()
    done = "ballot_wanted" if any(isinstance(fact, Proposed) for fact in facts) else _DONE[act]
    return onward(outcome, to=link("ballots.show_one", id=id), done=done)


async def _closing(unit: Reading, ballot: Ballot, reason: str) -> Closing:
    """Return what stands in the box of a ballot that is closed now."""
    return Closing(
        reason=reason,
        listed=await stored.listed(unit, ballot.id),
        turnout=await stored.turnout(unit, ballot.id),
        issued=await stored.issued(unit, ballot.id),
    )


async def _organisers(unit: Reading, organisation: OrganisationId) -> frozenset[UserId]:
    over = await organisations.duties_over(unit, organisation)
    return frozenset(one.user for one in over if Right.SCHEDULE in RIGHTS[one.role])
