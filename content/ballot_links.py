"""The private link that leads to one's ballot: sent by the bot, used once, then bound to the browser that used it.

The link alone opens nothing: a code comes with it in a message of its own, so that a link which was passed on, or read
over somebody's shoulder, leads nowhere.
"""

from __future__ import annotations

import hashlib
import hmac
from datetime import UTC, datetime, timedelta

from msgspec import Struct

from content.ballots import Ballot, State
from content.decision import Decision, Fact, Refusal, Secret, Tell, Untraced, refused, words
from content.identifiers import BallotId, MemberId, UserId
from content.surveys import Survey

LASTS = timedelta(hours=24)
SITTING = timedelta(hours=1)
"""How long a browser that came in stays with its voter."""
AFTER = timedelta(minutes=10)
"""How long it stays once an envelope is in the box: others may sit down at the same machine."""
MOST_TRIES = 5
DIGITS = 6
_INVITED = {"appraisal": "appraisal.invited", "survey": "survey.invited"}


class PrivateLink(Struct, frozen=True, kw_only=True):
    """A link as it is remembered: hashes only, of its token, its code and the browser that used it."""

    member: MemberId
    code_hash: str
    tries: int
    expires_at: datetime
    used: bool


class BallotLink(PrivateLink, frozen=True, kw_only=True):
    """A link that leads to a ballot."""

    ballot: BallotId


class Invited(Struct, frozen=True, kw_only=True):
    """Someone who is sent a link and its code; the hashes are what is kept of them."""

    member: MemberId
    user: UserId
    link: Secret
    code: Secret
    token_hash: str
    code_hash: str


class BallotLinkIssued(Fact, frozen=True, kw_only=True):
    """A member was given a link to their ballot; one that they had before works no more."""

    token_hash: str
    code_hash: str
    ballot: BallotId
    member: MemberId
    expires_at: datetime


class BallotLinkAsked(Untraced, frozen=True, kw_only=True):
    """One member was given a link that they asked for, or whose own was tried by somebody: they may vote just then."""

    token_hash: str
    code_hash: str
    ballot: BallotId
    member: MemberId
    expires_at: datetime


class LinkUsed(Fact, frozen=True, kw_only=True):
    """A link was used up, and belongs to one browser from now on."""

    token_hash: str
    browser_hash: str


class LinkMissed(Fact, frozen=True, kw_only=True):
    """A wrong code was typed for a link."""

    token_hash: str


class BrowserLeft(Fact, frozen=True, kw_only=True):
    """Who had come in has left; the browser is nobody's any more."""

    browser_hash: str
    spent_hash: str


def lasts_until(what: Ballot | Survey, now: datetime) -> datetime:
    """Return until when a link works that is sent now."""
    return min(now + LASTS, what.closes_at)


def day_after(until: datetime) -> datetime:
    """Return the end that is kept of a link: the end of its day, from which nobody can tell when it was sent."""
    return until.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)


def invited(
    member: MemberId, user: UserId, *, origin: str, token: str, noise: str, until: datetime, to: str = "ballot"
) -> Invited:
    """Return someone with a link and a code of their own, made of two secrets that nobody can guess.

    ``to`` is the page that it leads to. The link ends of itself, so that what is kept of it need not say when it was
    sent.
    """
    token = f"{token}.{int(until.timestamp())}"
    code = f"{int(hash_secret(noise), 16) % 10**DIGITS:0{DIGITS}d}"
    return Invited(
        member=member,
        user=user,
        link=Secret(f"{origin}/{to}/enter/{token}"),
        code=Secret(code),
        token_hash=hash_secret(token),
        code_hash=hash_secret(f"{token}{code}"),
    )


def browser_secret(noise: str, *, now: datetime) -> str:
    """Return what a browser that came in is known by, which ends of itself: its hash is kept, and with it no time."""
    return f"{noise}.{int((now + SITTING).timestamp())}"


def is_over(held: str, *, now: datetime) -> bool:
    """Tell whether what a browser is known by has come to its end; who writes another end is known by another hash."""
    until = held.rpartition(".")[2]
    return not (until.isascii() and until.isdigit() and len(until) < 12) or now.timestamp() >= int(until)


def link_is_over(token: str, *, now: datetime) -> bool:
    """Tell whether a link has come to the end that it names; one that names none ends as it is kept."""
    return "." in token and is_over(token, now=now)


def hash_secret(secret: str) -> str:
    """Return what is kept of a secret."""
    return hashlib.sha256(secret.encode()).hexdigest()


def invite(ballot: Ballot, people: tuple[Invited, ...], *, now: datetime, asked: bool = False) -> Decision | Refusal:
    """Send their links to people, in one text for all, whether it is the first, a reminder, or ``asked`` for."""
    if ballot.state is not State.OPEN or now >= ballot.closes_at:
        return refused("ballot.too_late", closes=ballot.closes_at)
    until = lasts_until(ballot, now)
    day = day_after(until)
    issued = BallotLinkAsked if asked else BallotLinkIssued
    facts = tuple(
        issued(token_hash=one.token_hash, code_hash=one.code_hash, ballot=ballot.id, member=one.member, expires_at=day)
        for one in people
    )
    # To vote is a right and no news: who has asked for silence is told all the same.
    told = tuple(
        Tell(user=one.user, words=said)
        for one in people
        for said in (
            words(
                _INVITED.get(ballot.election.pack.id, "ballot.invited"),
                title=ballot.title,
                closes=ballot.closes_at,
                link=one.link,
                until=until,
            ),
            words("ballot.code", title=ballot.title, code=one.code),
        )
    )
    return Decision(facts=facts, effects=told)


def send_all(ballot: Ballot, people: tuple[Invited, ...], *, peace: bool, now: datetime) -> Decision | Refusal:
    """Send links because an organiser wants it; in ``peace`` the people are those who were sent none yet.

    Where there are none, that says nothing of who has voted: nobody votes without a link.
    """
    answer = invite(ballot, people, now=now)
    return refused("ballot.links_fresh") if isinstance(answer, Decision) and peace and not people else answer


def enter(
    link: PrivateLink | None,
    *,
    token_hash: str,
    code_hash: str,
    browser_hash: str,
    signed_in: UserId | None,
    owner: UserId | None,
    now: datetime,
    over: bool = False,
    ballot: Ballot | None = None,
    anew: Invited | None = None,
) -> Decision | Refusal:
    """Use a link up for one browser; ``signed_in`` is who else is known there, ``owner`` whose link it is.

    ``over`` is whether it has come to the end that it names.

    Whoever has only the link must not keep its owner out: with the last wrong code they are sent another, ``anew``.
    """
    if link is None or link.used:
        return refused("ballot.link_used")
    if over or link.expires_at <= now:
        return refused("ballot.link_expired")
    if signed_in is not None and signed_in != owner:
        return refused("ballot.other_account")
    if link.tries >= MOST_TRIES:
        return refused("ballot.link_locked")
    if not hmac.compare_digest(link.code_hash, code_hash):
        missed = LinkMissed(token_hash=token_hash)
        if link.tries + 1 < MOST_TRIES or ballot is None or anew is None:
            return Decision(facts=(missed,))
        again = invite(ballot, (anew,), now=now, asked=True)
        if isinstance(again, Refusal):
            return Decision(facts=(missed,))
        told = Tell(user=anew.user, words=words("ballot.link_was_tried", title=ballot.title))
        return Decision(facts=(missed, *again.facts), effects=(told, *again.effects))
    return Decision(facts=(LinkUsed(token_hash=token_hash, browser_hash=browser_hash),))
