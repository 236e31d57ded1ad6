"""Moving a part of the tree where others lead it by that: rights follow the tree, and who is secretary takes two."""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import datetime

from msgspec import Struct

from content import approvals
from content.approvals import Act, Proposal
from content.decision import Decision, Refusal, Tell, refused, words
from content.duties import TAKES_TWO, givers, may_give
from content.identifiers import ProposalId, UserId
from content.organisations import Duty, Organisation, Right, rights_of


class Ends(Struct, frozen=True, kw_only=True):
    """A node, where it is to stand, and the duties that anyone holds at or above its two places."""

    node: Organisation
    to: Organisation
    before: tuple[Duty, ...]
    after: tuple[Duty, ...]


def refuse_moving(ends: Ends, *, by: UserId) -> Refusal | None:
    """Tell why a person may not move a node from below one place to another, for rights follow the tree.

    Nobody gives others more over a node, or takes from them, than they could by giving and ending those duties.
    """
    mine = rights_of(ends.before, by) & rights_of(ends.after, by)
    if Right.ARRANGE not in mine:
        return refused("structure.moves_rights", field="parent")
    changed = {(one.user, one.role) for one in ends.before} ^ {(one.user, one.role) for one in ends.after}
    return refused("structure.moves_rights", field="parent") if any(not may_give(r, mine) for _, r in changed) else None


def second_persons(ends: Ends, *, by: UserId) -> frozenset[UserId]:
    """Return who could agree to a move that one person wants; none where nobody becomes or ceases to be secretary.

    Who becomes secretary of the node by it does not count, who is to be one no longer does.
    """
    led, will_lead = _leading(ends.before), _leading(ends.after)
    if led == will_lead:
        return frozenset()
    able = frozenset[UserId]().union(*(givers(role, side) for role in TAKES_TWO for side in (ends.before, ends.after)))
    return able - {by} - {user for user, _ in will_lead - led}


def _leading(over: Collection[Duty]) -> set[tuple[UserId, str]]:
    return {(one.user, one.role) for one in over if one.role in TAKES_TWO}


def move(
    ends: Ends,
    done: Decision | Refusal,
    *,
    by: UserId,
    waiting: Collection[Proposal],
    id: ProposalId,  # noqa: A002
    now: datetime,
) -> Decision | Refusal:
    """Move a node as was decided, or propose it where that changes who is secretary and somebody is there to agree."""
    refusal = refuse_moving(ends, by=by)
    others = second_persons(ends, by=by)
    if refusal is not None or isinstance(done, Refusal) or not others:
        return refusal or done
    node, to = ends.node, ends.to
    proposal = Proposal(id=id, act=Act.MOVE_NODE, organisation=node.id, subject=to.id, detail="", by=by, at=now)
    proposed = approvals.propose(proposal, waiting=waiting)
    if isinstance(proposed, Refusal):
        return proposed
    said = words("duties.asked_move_node", by=by, node=node.name, place=to.name)
    return Decision(
        facts=proposed.facts, effects=tuple(Tell(user=one, words=said, unasked=True) for one in sorted(others))
    )


def approve(
    proposal: Proposal, ends: Ends, done: Callable[[], Decision | Refusal], *, by: UserId, now: datetime
) -> Decision | Refusal:
    """Agree to a move that somebody proposed; it must still be theirs to make."""
    answer = approvals.approve(
        proposal,
        by=by,
        may=second_persons(ends, by=proposal.by),
        act=lambda: refuse_moving(ends, by=proposal.by) or done(),
        now=now,
    )
    return _telling(answer, proposal, ends, "duties.told_move_approved")


def decline(proposal: Proposal, ends: Ends, *, by: UserId, now: datetime) -> Decision | Refusal:
    """Decline a move that somebody proposed, or take one's own proposal back."""
    answer = approvals.decline(proposal, by=by, may=second_persons(ends, by=proposal.by), now=now)
    return answer if by == proposal.by else _telling(answer, proposal, ends, "duties.told_move_declined")


def _telling(answer: Decision | Refusal, proposal: Proposal, ends: Ends, key: str) -> Decision | Refusal:
    if isinstance(answer, Refusal):
        return answer
    said = words(key, node=ends.node.name, place=ends.to.name)
    return Decision(facts=answer.facts, effects=(*answer.effects, Tell(user=proposal.by, words=said, unasked=True)))
