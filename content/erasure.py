"""Erasing what is held about a person: two people agree, nothing rests on them any more, and only sums stay."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime

from msgspec import Struct

from content import approvals
from content.approvals import Act, Proposal
from content.decision import Decision, Fact, Refusal, Tell, refused, words
from content.identifiers import MemberId, ProposalId, UserId
from content.members import Member
from content.organisations import Duty, Right, rights_of
from content.rooms import Remove, Room


class PersonErased(Fact, frozen=True, kw_only=True):
    """Everything by which a person could be known was taken out of every table; counts stay as they were.

    ``members`` are all entries of the person, ``accounts`` all that were ever theirs and are nobody else's now.
    """

    members: tuple[MemberId, ...]
    accounts: tuple[UserId, ...]
    at: datetime


class Held(Struct, frozen=True, kw_only=True):
    """How things stand with a person who is to be erased.

    ``on_the_way`` counts what still waits to be sent to them or done about them, ``rooms`` those of the organisation in
    which they still are, ``duties`` those that an account of theirs holds. ``ballots`` are the titles of the secret
    ballots that are not over and rest on them: they stand on the roll, as a candidate or as a teller. The title of one
    that is outside of what may be seen is empty. ``measures`` counts the mutes and bans that a room still holds against
    them, and that only their case knows how to undo.
    """

    entries: Collection[MemberId]
    accounts: Collection[UserId]
    on_the_way: int = 0
    rooms: int = 0
    duties: int = 0
    ballots: tuple[str, ...] = ()
    measures: int = 0


def in_the_way(member: Member, held: Held) -> tuple[Refusal, ...]:
    """Return everything that has to be done before a person can be erased, in the order in which to do it."""
    if member.erased:
        return (refused("erasure.is_erased"),)
    if member.merged_into is not None:
        return (refused("erasure.of_double", name=member.name),)
    found: list[Refusal] = []
    if member.left is None:
        found.append(refused("erasure.leave_first", name=member.name))
    if held.duties:
        found.append(refused("erasure.holds_duties", n=held.duties))
    for title in held.ballots:
        found.append(refused("erasure.on_a_ballot", title=title) if title else refused("erasure.on_a_ballot_elsewhere"))
    if held.measures:
        found.append(refused("erasure.measures_hold", n=held.measures))
    if held.rooms:
        found.append(refused("erasure.still_in_rooms", n=held.rooms))
    if held.on_the_way:
        found.append(refused("erasure.on_the_way", n=held.on_the_way))
    return tuple(found)


def erase(
    member: Member, held: Held, *, by: UserId, approved_by: UserId | None, typed: str, now: datetime
) -> Decision | Refusal:
    """Erase a person who has left the roster; a second person has agreed, and who does it has typed the name."""
    for first in in_the_way(member, held):
        return first
    if approved_by is None or approved_by == by:
        return refused("erasure.second_person")
    if {by, approved_by} & set(held.accounts):
        return refused("erasure.not_oneself")
    if typed.strip() != member.name:
        return refused("erasure.type_name", field="typed", name=member.name)
    fact = PersonErased(members=tuple(sorted(held.entries)), accounts=tuple(sorted(held.accounts)), at=now)
    return Decision(facts=(fact,))


def second_persons(over: Collection[Duty], held: Held, *, by: UserId) -> frozenset[UserId]:
    """Return who could agree: whoever may change the roster there, but for who asks and whom it is about."""
    able = {duty.user for duty in over if Right.IMPORT_ROSTER in rights_of(over, duty.user)}
    return frozenset(able - {by} - set(held.accounts))


def propose_erasure(
    member: Member,
    held: Held,
    over: Collection[Duty],
    *,
    by: UserId,
    typed: str,
    waiting: Collection[Proposal],
    id: ProposalId,  # noqa: A002
    now: datetime,
) -> Decision | Refusal:
    """Put the erasure of a person before others; ``over`` are the duties that anyone holds at or above their place."""
    others = second_persons(over, held, by=by)
    # Decided as if another had agreed, so that nobody is asked for what could not be done.
    done = erase(member, held, by=by, approved_by=next(iter(sorted(others)), UserId("")), typed=typed, now=now)
    if isinstance(done, Refusal):
        return done
    if not others:
        return refused("erasure.nobody_else")
    proposal = Proposal(
        id=id, act=Act.ERASE_PERSON, organisation=member.organisation, subject=member.id, detail="", by=by, at=now
    )
    proposed = approvals.propose(proposal, waiting=waiting)
    if isinstance(proposed, Refusal):
        return proposed
    # Without the name: what is said in private rooms stays there.
    asked = tuple(Tell(user=one, words=words("erasure.asked"), unasked=True) for one in sorted(others))
    return Decision(facts=proposed.facts, effects=asked)


def agree(
    proposal: Proposal, member: Member, held: Held, over: Collection[Duty], *, by: UserId, typed: str, now: datetime
) -> Decision | Refusal:
    """Agree to the erasure of a person, so that it is done."""
    answer = approvals.approve(
        proposal,
        by=by,
        may=second_persons(over, held, by=proposal.by),
        act=lambda: erase(member, held, by=proposal.by, approved_by=by, typed=typed, now=now),
        now=now,
    )
    return _telling(answer, proposal, by, "erasure.told_done")


def decline(proposal: Proposal, held: Held, over: Collection[Duty], *, by: UserId, now: datetime) -> Decision | Refusal:
    """Decline the erasure of a person, or take one's own proposal back."""
    answer = approvals.decline(proposal, by=by, may=second_persons(over, held, by=proposal.by), now=now)
    return _telling(answer, proposal, by, "erasure.told_declined")


def show_out(rooms: Iterable[Room], accounts: Collection[UserId]) -> Decision | Refusal:
    """Have the accounts of a person shown out of rooms; the bot looks again before it acts."""
    effects = tuple(
        Remove(room=room.id, organisation=room.organisation, user=user) for room in rooms for user in sorted(accounts)
    )
    return Decision(effects=effects) if effects else refused("erasure.no_room_chosen")


def _telling(answer: Decision | Refusal, proposal: Proposal, by: UserId, key: str) -> Decision | Refusal:
    if isinstance(answer, Refusal) or by == proposal.by:
        return answer
    told = Tell(user=proposal.by, words=words(key), unasked=True)
    return Decision(facts=answer.facts, effects=(*answer.effects, told))
