"""What the tellers of a secret ballot do, each by themselves: prove their share, agree, confirm, destroy."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from datetime import date

from content.ballots import (
    Ballot,
    BallotCertified,
    State,
    Teller,
    look_alike,
    may_be_opened,
    not_now,
)
from content.decision import Decision, Fact, Refusal, refused
from content.elections import Outcome
from content.identifiers import BallotId, MemberId, UserId


class PossessionAsked(Fact, frozen=True, kw_only=True):
    """Something random was sealed for a teller; its hash is kept until they answer."""

    ballot: BallotId
    index: int
    asked: str


class PossessionProven(Fact, frozen=True, kw_only=True):
    """A teller has shown that they hold their share."""

    ballot: BallotId
    index: int


class OpeningAgreed(Fact, frozen=True, kw_only=True):
    """A teller wants the box opened."""

    ballot: BallotId
    index: int


class CountConfirmed(Fact, frozen=True, kw_only=True):
    """A teller stands by the count."""

    ballot: BallotId
    index: int


class ShareDestroyed(Fact, frozen=True, kw_only=True):
    """A teller has said that their share is destroyed."""

    ballot: BallotId
    index: int
    on: date


def refuse_tellers(ballot: Ballot, names: Mapping[MemberId, str], users: Mapping[MemberId, UserId]) -> Refusal | None:
    """Tell why these cannot be the tellers: each signs in by an account of their own, and none of them stands.

    Whoever stands without an entry of the roster is compared by how the name looks.
    """
    accounts = [users.get(one.member) for one in ballot.tellers]
    if None in accounts:
        return refused("ballot.teller_without_account", field="tellers")
    if len(set(accounts)) < len(accounts):
        return refused("ballot.teller_twice", field="tellers")
    if ballot.election.questions:
        return None
    standing = [one for one in ballot.candidates if one.member is None]
    if any(look_alike(names.get(teller.member, ""), one.name) for teller in ballot.tellers for one in standing):
        return refused("ballot.teller_stands", field="tellers")
    if set(accounts) & {users.get(one.member) for one in ballot.candidates if one.member is not None}:
        return refused("ballot.teller_stands", field="tellers")
    return None


def teller_of(ballot: Ballot, member: MemberId | None) -> Teller | None:
    """Return the teller that a member is."""
    return next((one for one in ballot.tellers if one.member == member), None)


def ask_possession(ballot: Ballot, member: MemberId | None, asked: bytes) -> Decision | Refusal:
    """Ask a teller for a proof, by something random that is sealed for who holds their share."""
    teller = teller_of(ballot, member)
    if teller is None:
        return refused("ballot.not_a_teller")
    if ballot.state is not State.FROZEN:
        return not_now(ballot)
    return Decision(facts=(PossessionAsked(ballot=ballot.id, index=teller.index, asked=_hash(asked)),))


def prove(ballot: Ballot, member: MemberId | None, answer: bytes) -> Decision | Refusal:
    """Take a teller's own proof: what was sealed for them last."""
    teller = teller_of(ballot, member)
    if teller is None:
        return refused("ballot.not_a_teller")
    if ballot.state is not State.FROZEN:
        return not_now(ballot)
    if teller.asked != _hash(answer):
        return refused("ballot.not_proven", index=teller.index)
    return Decision(facts=(PossessionProven(ballot=ballot.id, index=teller.index),))


def agree(ballot: Ballot, member: MemberId | None) -> Decision | Refusal:
    """Agree to the opening of the box, as a teller; nobody agrees for another."""
    teller = teller_of(ballot, member)
    if teller is None:
        return refused("ballot.not_a_teller")
    if not may_be_opened(ballot):
        return not_now(ballot)
    return Decision(facts=(OpeningAgreed(ballot=ballot.id, index=teller.index),))


def agreed(ballot: Ballot) -> Collection[int]:
    """Return the shares with which the box may be opened: those of tellers who agreed."""
    return frozenset(one.index for one in ballot.tellers if one.agreed)


def confirm(ballot: Ballot, member: MemberId | None, *, today: date) -> Decision | Refusal:
    """Stand by a count, as a teller; with as many as it takes to open the box it is certified."""
    teller = teller_of(ballot, member)
    if teller is None:
        return refused("ballot.not_a_teller")
    if ballot.state is not State.OPENED:
        return not_now(ballot)
    if ballot.flag is Outcome.RECOUNT_NEEDED:
        return refused("ballot.recount_first")
    confirmed = CountConfirmed(ballot=ballot.id, index=teller.index)
    standing = {teller.index, *(one.index for one in ballot.tellers if one.confirmed)}
    if len(standing) < ballot.needed:
        return Decision(facts=(confirmed,))
    return Decision(facts=(confirmed, BallotCertified(ballot=ballot.id, on=today)))


def destroy_share(ballot: Ballot, member: MemberId | None, *, today: date) -> Decision | Refusal:
    """Note that a teller has destroyed their share, once the envelopes are gone."""
    teller = teller_of(ballot, member)
    if teller is None:
        return refused("ballot.not_a_teller")
    if ballot.state not in (State.ARCHIVED, State.VOID):
        return not_now(ballot)
    return Decision(facts=(ShareDestroyed(ballot=ballot.id, index=teller.index, on=today),))


def _hash(value: bytes) -> str:
    return hashlib.sha256(value).hexdigest()
