"""Who is trusted with what: giving a person a role at a node and ending it, and what of that takes two persons."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta

from content import approvals
from content.approvals import Act, Proposal
from content.decision import Decision, Refusal, Tell, Words, refused, words
from content.identifiers import ProposalId, UserId
from content.members import Member
from content.organisations import (
    RIGHTS,
    Duty,
    DutyEnded,
    DutyGranted,
    Kind,
    Organisation,
    Right,
    Role,
    rights_of,
)

TAKES_TWO = frozenset({Role.SECRETARY})
"""Roles that nobody gives or ends alone where there is a second person who could agree."""

KEPT_AT_THE_TOP = (Right.GRANT_DUTIES, Right.OPERATE)
"""Rights that somebody always holds for the whole organisation, so that nobody is locked out."""

SETTLES = timedelta(days=7)
"""How long whoever was given a duty counts as one with who gave it, where an act takes two."""

LONGEST_ACCOUNT = 255
_ACCOUNT = re.compile(r"@[^\s:]+:[^\s:/]+(:\d{1,5})?")


def is_account(text: str) -> bool:
    """Tell whether a text has the form of a chat account with the server's part."""
    return len(text) <= LONGEST_ACCOUNT and _ACCOUNT.fullmatch(text) is not None


def fits(role: Role, kind: Kind) -> bool:
    """Tell whether a role can be held at a node of a kind: a group is led in the group."""
    return role is not Role.GROUP_LEADER or kind is Kind.GROUP


def may_give(role: Role, held: frozenset[Right]) -> bool:
    """Tell whether who holds these rights may give or end a role: nobody gives more than they hold."""
    return Right.GRANT_DUTIES in held and RIGHTS[role] <= held


def givers(role: Role, over: Collection[Duty]) -> frozenset[UserId]:
    """Return who may give a role at a node, by the duties that anyone holds there or above it."""
    return frozenset(user for user in {duty.user for duty in over} if may_give(role, rights_of(over, user)))


def second_persons(act: Act, duty: Duty, over: Collection[Duty], *, by: UserId) -> frozenset[UserId]:
    """Return who could agree to a change that one person wants: nobody agrees to become something themselves.

    Who is to lose a role may agree to that, and where only two lead they have to.
    """
    others = givers(duty.role, over) - {by}
    return others - {duty.user} if act is Act.GRANT_DUTY else others


def same_hand(user: UserId, given: Iterable[tuple[UserId, UserId]]) -> frozenset[UserId]:
    """Return who counts as one person with another where an act takes two.

    ``given`` says from whom each got the duty by which they could agree, where that was within the last days: who has
    just made somebody a second person, or was just made one, is no second to them, nor to others of the same making.
    """
    pairs, found, new = [frozenset(pair) for pair in given], frozenset({user}), frozenset({user})
    while new:
        new = frozenset[UserId]().union(*(pair for pair in pairs if pair & new)) - found
        found |= new
    return found


def refuse_letting_go(
    changes: Iterable[tuple[Member, Member]], held: Mapping[UserId, Collection[tuple[Duty, bool]]]
) -> Refusal | None:
    """Tell why accounts may not change hands: one that is nobody's would keep its duties where nobody sees whose.

    ``held`` are the duties of accounts, each with whether the person who asks may give it.
    """
    changes = list(changes)
    taken = {after.user for _, after in changes}
    for before, after in changes:
        user = before.user
        if user is None or user == after.user or not held.get(user):
            continue
        if user not in taken:
            return refused("accounts.holds_duties", user=user)
        if not all(may for _, may in held[user]):
            return refused("accounts.duty_not_yours", user=user)
    return None


def grant_duty(
    duty: Duty, at: Organisation, over: Collection[Duty], *, by: UserId, now: datetime
) -> Decision | Refusal:
    """Give a person a role at a node; ``over`` are the duties that anyone holds there or above it."""
    refusal = _refuse_giving(duty, at, over, by)
    if refusal is not None:
        return refusal
    told = words("duties.told_granted", place=at.name, role=_role(duty.role))
    return Decision(
        facts=(DutyGranted(duty=duty, by=by, at=now),), effects=(Tell(user=duty.user, words=told, unasked=True),)
    )


def end_duty(duty: Duty, at: Organisation, over: Collection[Duty], *, by: UserId) -> Decision | Refusal:
    """End a role that a person holds at a node; everybody may lay down their own."""
    if duty not in over:
        return refused("duties.not_held")
    if by != duty.user and not may_give(duty.role, rights_of(over, by)):
        return refused("duties.not_yours")
    if at.parent is None and not _stays_led(duty, over):
        return refused("duties.last", role=_role(duty.role), place=at.name)
    told = words("duties.told_ended", place=at.name, role=_role(duty.role))
    effects = () if by == duty.user else (Tell(user=duty.user, words=told, unasked=True),)
    return Decision(facts=(DutyEnded(duty=duty),), effects=effects)


def change_duty(
    act: Act,
    duty: Duty,
    at: Organisation,
    over: Collection[Duty],
    *,
    by: UserId,
    waiting: Collection[Proposal],
    id: ProposalId,  # noqa: A002
    now: datetime,
) -> Decision | Refusal:
    """Give or end a role, or propose it where that takes two and somebody is there to agree.

    Where nobody else could agree it is done at once: whoever founded an organisation alone must be able to bring in the
    second person.
    """
    done = _now(act, duty, at, over, by=by, now=now)
    others = second_persons(act, duty, over, by=by)
    if isinstance(done, Refusal) or duty.role not in TAKES_TWO or not others:
        return done
    proposal = Proposal(id=id, act=act, organisation=at.id, subject=duty.user, detail=duty.role.value, by=by, at=now)
    proposed = approvals.propose(proposal, waiting=waiting)
    if isinstance(proposed, Refusal):
        return proposed
    said = words(f"duties.asked_{act}", by=by, user=duty.user, place=at.name, role=_role(duty.role))
    asked = tuple(Tell(user=one, words=said, unasked=True) for one in sorted(others))
    return Decision(facts=proposed.facts, effects=asked)


def approve_change(
    proposal: Proposal, at: Organisation, over: Collection[Duty], *, by: UserId, now: datetime
) -> Decision | Refusal:
    """Agree to a change that somebody proposed; it must still be theirs to make."""
    act, duty = proposal.act, duty_of(proposal)
    answer = approvals.approve(
        proposal,
        by=by,
        may=second_persons(act, duty, over, by=proposal.by),
        act=lambda: _now(act, duty, at, over, by=proposal.by, now=now),
        now=now,
    )
    return _telling(answer, proposal, at, "duties.told_approved")


def decline_change(
    proposal: Proposal, at: Organisation, over: Collection[Duty], *, by: UserId, now: datetime
) -> Decision | Refusal:
    """Decline a change that somebody proposed, or take one's own proposal back."""
    may = second_persons(proposal.act, duty_of(proposal), over, by=proposal.by)
    answer = approvals.decline(proposal, by=by, may=may, now=now)
    return answer if by == proposal.by else _telling(answer, proposal, at, "duties.told_declined")


def duty_of(proposal: Proposal) -> Duty:
    """Return the duty that a proposal is about."""
    return Duty(user=UserId(proposal.subject), organisation=proposal.organisation, role=Role(proposal.detail))


def _now(
    act: Act, duty: Duty, at: Organisation, over: Collection[Duty], *, by: UserId, now: datetime
) -> Decision | Refusal:
    if act is Act.GRANT_DUTY:
        return grant_duty(duty, at, over, by=by, now=now)
    return end_duty(duty, at, over, by=by)


def _telling(answer: Decision | Refusal, proposal: Proposal, at: Organisation, key: str) -> Decision | Refusal:
    if isinstance(answer, Refusal):
        return answer
    duty = duty_of(proposal)
    said = words(key, user=duty.user, place=at.name, role=_role(duty.role))
    return Decision(facts=answer.facts, effects=(*answer.effects, Tell(user=proposal.by, words=said, unasked=True)))


def _refuse_giving(duty: Duty, at: Organisation, over: Collection[Duty], by: UserId) -> Refusal | None:
    if not is_account(duty.user):
        return refused("duties.no_account", field="user")
    held = rights_of(over, by)
    if Right.GRANT_DUTIES not in held:
        return refused("duties.not_yours")
    if not may_give(duty.role, held):
        return refused("duties.more_than_yours", field="role")
    if not fits(duty.role, at.kind):
        return refused("duties.only_in_groups", field="role")
    if duty in over:
        return refused("duties.held_already", field="user")
    return None


def _stays_led(duty: Duty, over: Iterable[Duty]) -> bool:
    """Tell whether a secretary is left at the top without a duty, and somebody who may do what must be possible."""
    left = [one for one in over if one != duty]
    needs_secretary = duty.role is Role.SECRETARY and not any(one.role is Role.SECRETARY for one in left)
    return not needs_secretary and all(any(right in RIGHTS[one.role] for one in left) for right in KEPT_AT_THE_TOP)


def _role(role: Role) -> tuple[Words, ...]:
    return (words(f"duties.role_{role}"),)
