"""What it takes two organisers for in a secret ballot: to open it, to close it early, and to let it come to nothing."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from msgspec import Struct

from content import approvals
from content.approvals import Act, Proposal
from content.ballots import Admitted, Ballot, State, cancel, close, open_voting
from content.decision import Decision, Refusal, Tell, refused, words
from content.identifiers import ProposalId, UserId

ACTS = frozenset({Act.OPEN_BALLOT, Act.CLOSE_BALLOT, Act.CANCEL_BALLOT})
LONGEST_REASON = 200


class Closing(Struct, frozen=True, kw_only=True):
    """A close before its time: for which reason, and what stands in the box at that moment."""

    reason: str
    listed: tuple[str, ...]
    turnout: int
    issued: int


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
    closing: Closing | None = None,
) -> Decision | Refusal:
    """Ask another organiser to agree to a step; a draft is cancelled at once, for nothing of it is fixed.

    ``may`` are the organisers of the ballot. Where one of them asked for the same before, this is the agreement.
    ``admitted`` is to whom a vote is open that decides something; ``closing`` says why one is closed early, which who
    asked for it has said.
    """
    done = _take(act, ballot, now=now, admitted=admitted, closing=closing)
    if isinstance(done, Refusal) or (act is Act.CANCEL_BALLOT and ballot.state is State.DRAFT):
        return done
    before = waiting_for(act, ballot, waiting)
    if before is not None and before.by != by:
        return approvals.approve(before, by=by, may=may, act=lambda: done, now=now)
    if before is not None:
        return refused("approvals.waits_already")
    detail = " ".join(closing.reason.split()) if closing is not None else ""
    if closing is not None and not 1 <= len(detail) <= LONGEST_REASON:
        return refused("ballot.no_reason", most=LONGEST_REASON)
    proposal = Proposal(
        id=id, act=act, organisation=ballot.organisation, subject=ballot.id, detail=detail, by=by, at=now
    )
    proposed = approvals.propose(proposal, waiting=waiting)
    if isinstance(proposed, Refusal):
        return proposed
    said = words(f"ballot.asked_{act}", by=by, title=ballot.title)
    asked = tuple(Tell(user=one, words=said, unasked=True) for one in sorted(set(may) - {by}))
    return Decision(facts=proposed.facts, effects=asked)


def waiting_for(act: Act, ballot: Ballot, waiting: Collection[Proposal]) -> Proposal | None:
    """Return the proposal of a step that waits for a second organiser."""
    return next((one for one in waiting if one.act is act and one.subject == ballot.id), None)


def _take(
    act: Act, ballot: Ballot, *, now: datetime, admitted: Admitted | Refusal | None, closing: Closing | None
) -> Decision | Refusal:
    if closing is not None:
        box = {"turnout": closing.turnout, "issued": closing.issued}
        reason = " ".join(closing.reason.split())
        return close(ballot, closing.listed, **box, now=now, early=True, reason=reason)
    return open_voting(ballot, now=now, admitted=admitted) if act is Act.OPEN_BALLOT else cancel(ballot)
