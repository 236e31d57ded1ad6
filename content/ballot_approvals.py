"""What it takes two organisers for in a secret ballot: to open it, and to let it come to nothing."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from content import approvals
from content.approvals import Act, Proposal
from content.ballots import Admitted, Ballot, State, cancel, open_voting
from content.decision import Decision, Refusal, Tell, words
from content.identifiers import ProposalId, UserId

ACTS = frozenset({Act.OPEN_BALLOT, Act.CANCEL_BALLOT})


def want(
    act: Act,
    ballot: Ballot,
    *,
    by: UserId,
    may: Collection[UserId],
    waiting: Collection[Proposal],
    id: ProposalId,  # noqa: A002
    now: datetime,
    admitted: Admitted | Refusal | None = None,
) -> Decision | Refusal:
    """Ask another organiser to agree to a step; a draft is cancelled at once, for nothing of it is fixed.

    ``may`` are the organisers of the ballot. Where one of them asked for the same before, this is the agreement.
    ``admitted`` is to whom a vote is open that decides something.
    """
    done = _take(act, ballot, now=now, admitted=admitted)
    if isinstance(done, Refusal) or (act is Act.CANCEL_BALLOT and ballot.state is State.DRAFT):
        return done
    before = waiting_for(act, ballot, waiting)
    if before is not None and before.by != by:
        return approvals.approve(before, by=by, may=may, act=lambda: done, now=now)
    proposal = Proposal(id=id, act=act, organisation=ballot.organisation, subject=ballot.id, detail="", by=by, at=now)
    proposed = approvals.propose(proposal, waiting=waiting)
    if isinstance(proposed, Refusal):
        return proposed
    said = words(f"ballot.asked_{act}", by=by, title=ballot.title)
    asked = tuple(Tell(user=one, words=said, unasked=True) for one in sorted(set(may) - {by}))
    return Decision(facts=proposed.facts, effects=asked)


def waiting_for(act: Act, ballot: Ballot, waiting: Collection[Proposal]) -> Proposal | None:
    """Return the proposal of a step that waits for a second organiser."""
    return next((one for one in waiting if one.act is act and one.subject == ballot.id), None)


def _take(act: Act, ballot: Ballot, *, now: datetime, admitted: Admitted | Refusal | None) -> Decision | Refusal:
    return open_voting(ballot, now=now, admitted=admitted) if act is Act.OPEN_BALLOT else cancel(ballot)
