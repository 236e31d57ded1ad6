"""Signing in to the console: a one-time link from the bot, then a session that can be ended."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from content.decision import Decision, Fact, Refusal, refused
from content.identifiers import UserId

LINK_LASTS = timedelta(minutes=15)
IDLE = timedelta(minutes=60)
LONGEST = timedelta(hours=12)


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A one-time link as it is remembered: never the token itself, only its SHA-256."""

    token_hash: str
    user: UserId
    expires_at: datetime
    used: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A signed-in browser; ``id_hash`` is the SHA-256 of what its cookie holds."""

    id_hash: str
    user: UserId
    csrf: str
    made_at: datetime
    seen_at: datetime
    language: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkIssued(Fact):
    """A one-time link was made for a person with duties."""

    token_hash: str
    user: UserId
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedIn(Fact):
    """A link was used up for a new session."""

    token_hash: str
    session: Session


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionSeen(Fact):
    """A session was used again."""

    id_hash: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class LanguageChosen(Fact):
    """A session's language was changed."""

    id_hash: str
    language: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedOut(Fact):
    """A session was ended."""

    id_hash: str


def sign_in(link: Link | None, session_id: str, csrf: str, *, now: datetime) -> Decision | Refusal:
    """Exchange a link for a session; ``session_id`` is the hash under which it will be found."""
    if link is None or link.used:
        return refused("sign_in.used")
    if link.expires_at <= now:
        return refused("sign_in.expired")
    session = Session(id_hash=session_id, user=link.user, csrf=csrf, made_at=now, seen_at=now)
    return Decision(facts=(SignedIn(token_hash=link.token_hash, session=session),))


def is_alive(session: Session, *, now: datetime) -> bool:
    """Tell whether a session may still be used."""
    return now - session.seen_at < IDLE and now - session.made_at < LONGEST
