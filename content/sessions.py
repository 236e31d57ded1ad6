"""Signing in to the console: a one-time link from the bot, then a session that can be ended."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum

from msgspec import Struct
from msgspec.structs import replace

from content.decision import Decision, Fact, Refusal, refused
from content.identifiers import UserId

LINK_LASTS = timedelta(minutes=15)
IDLE = timedelta(minutes=60)
LONGEST = timedelta(hours=12)
FRESH = timedelta(minutes=5)
"""How long ago somebody must have proved who they are for what matters most."""

LONGEST_CLIENT = 60


class Level(StrEnum):
    """How far a session is trusted."""

    FIRST = "first"
    """By a link or a password: the second factor is still to come."""
    ENROLLING = "enrolling"
    """Nothing may be done yet but to set a second factor up."""
    FULL = "full"


class Way(StrEnum):
    """By what somebody came in."""

    LINK = "link"
    PASSWORD = "password"  # noqa: S105 - the way, not the word
    PASSKEY = "passkey"


class Link(Struct, frozen=True, kw_only=True):
    """A one-time link as it is remembered: never the token itself, only its SHA-256."""

    token_hash: str
    user: UserId
    expires_at: datetime
    used: bool


class Session(Struct, frozen=True, kw_only=True):
    """A signed-in browser; ``id_hash`` is the SHA-256 of what its cookie holds.

    A session gets a new id with every step of signing in and when its person's duties change; ``family`` stays.
    ``duties`` is a digest of them. ``client`` is the kind of browser, so that people know their sessions apart.
    """

    id_hash: str
    user: UserId
    csrf: str
    made_at: datetime
    seen_at: datetime
    language: str | None = None
    family: str = ""
    level: Level = Level.FULL
    way: Way = Way.LINK
    proved_at: datetime | None = None
    client: str = ""
    duties: str = ""


class LinkIssued(Fact, frozen=True, kw_only=True):
    """A one-time link was made for a person with duties."""

    token_hash: str
    user: UserId
    expires_at: datetime


class SignedIn(Fact, frozen=True, kw_only=True):
    """Somebody came in, by a link that is used up now or without one."""

    token_hash: str | None
    session: Session


class SessionRenewed(Fact, frozen=True, kw_only=True):
    """A session goes on under a new id; the old one is dead."""

    id_hash: str
    session: Session


class SessionSeen(Fact, frozen=True, kw_only=True):
    """A session was used again."""

    id_hash: str
    at: datetime


class LanguageChosen(Fact, frozen=True, kw_only=True):
    """A session's language was changed."""

    id_hash: str
    language: str


class SignedOut(Fact, frozen=True, kw_only=True):
    """A session was ended."""

    family: str


class SignedOutElsewhere(Fact, frozen=True, kw_only=True):
    """All sessions of a person were ended, but for one where it is named."""

    user: UserId
    but: str = ""


def refuse_link(link: Link | None, *, now: datetime) -> Refusal | None:
    """Return why a link does not let anyone in."""
    if link is None or link.used:
        return refused("sign_in.used")
    return refused("sign_in.expired") if link.expires_at <= now else None


def sign_in(link: Link | None, session: Session, *, now: datetime) -> Decision | Refusal:
    """Exchange a link for a session."""
    refusal = refuse_link(link, now=now)
    if refusal is not None or link is None:
        return refusal or refused("sign_in.used")
    return Decision(facts=(SignedIn(token_hash=link.token_hash, session=session),))


def level_of(*, enrolled: bool, has_factor: bool, demanded: bool, proved: bool) -> Level:
    """Return how far a session is trusted: by what its person has, must have, and has shown."""
    if enrolled and not proved:
        return Level.FIRST
    return Level.ENROLLING if demanded and not has_factor else Level.FULL


def prove(session: Session, id_hash: str, *, now: datetime, level: Level = Level.FULL) -> Decision:
    """Let a session go on whose person has just shown their second factor."""
    renewed = proven(session, id_hash, now=now, level=level)
    return Decision(facts=(SessionRenewed(id_hash=session.id_hash, session=renewed),))


def proven(session: Session, id_hash: str, *, now: datetime, level: Level) -> Session:
    """Return a session as it goes on, under a new id."""
    return replace(session, id_hash=id_hash, level=level, proved_at=now, seen_at=now)


def is_alive(session: Session, *, now: datetime) -> bool:
    """Tell whether a session may still be used; one that is not in yet, for as long as a link lasts."""
    longest = LONGEST if session.level is Level.FULL else LINK_LASTS
    return now - session.seen_at < IDLE and now - session.made_at < longest


def is_fresh(session: Session, *, now: datetime) -> bool:
    """Tell whether the person has shown their second factor just now."""
    return session.proved_at is not None and now - session.proved_at < FRESH
