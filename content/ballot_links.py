"""The private link that leads to one's ballot: sent by the bot, used once, then bound to the browser that used it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from content.ballots import Ballot, State
from content.decision import Decision, Fact, Refusal, Secret, Tell, refused, words
from content.identifiers import BallotId, MemberId, UserId

LASTS = timedelta(hours=24)


@dataclass(frozen=True, slots=True, kw_only=True)
class BallotLink:
    """A link as it is remembered: hashes only, of its token and of the browser that used it."""

    ballot: BallotId
    member: MemberId
    expires_at: datetime
    used: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Invited:
    """Someone who is sent a link; ``token_hash`` is what is kept of it."""

    member: MemberId
    user: UserId
    link: Secret
    token_hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BallotLinkIssued(Fact):
    """A member was given a link to their ballot; one that they had before works no more."""

    token_hash: str
    ballot: BallotId
    member: MemberId
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class BallotLinkUsed(Fact):
    """A link was used up, and belongs to one browser from now on."""

    token_hash: str
    browser_hash: str


def invite(ballot: Ballot, people: tuple[Invited, ...], *, now: datetime) -> Decision | Refusal:
    """Send their links to people, in one text for all, whether it is the first or a reminder."""
    if ballot.state is not State.OPEN or now >= ballot.closes_at:
        return refused("ballot.too_late", closes=ballot.closes_at)
    until = min(now + LASTS, ballot.closes_at)
    facts = tuple(
        BallotLinkIssued(token_hash=one.token_hash, ballot=ballot.id, member=one.member, expires_at=until)
        for one in people
    )
    told = tuple(
        Tell(
            user=one.user,
            words=words("ballot.invited", title=ballot.title, closes=ballot.closes_at, link=one.link, until=until),
            unasked=True,
        )
        for one in people
    )
    return Decision(facts=facts, effects=told)


def enter(link: BallotLink | None, *, token_hash: str, browser_hash: str, now: datetime) -> Decision | Refusal:
    """Use a link up for one browser."""
    if link is None or link.used:
        return refused("ballot.link_used")
    if link.expires_at <= now:
        return refused("ballot.link_expired")
    return Decision(facts=(BallotLinkUsed(token_hash=token_hash, browser_hash=browser_hash),))
