"""One-time sign-in links and the sessions of the console; only hashes of secrets are kept."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Column, String, Table, bindparam, select, update

from content.credentials import CredentialsReset
from content.identifiers import UserId
from content.sessions import (
    LanguageChosen,
    Level,
    Link,
    LinkIssued,
    Session,
    SessionRenewed,
    SessionSeen,
    SignedIn,
    SignedOut,
    SignedOutElsewhere,
    Way,
)
from storage.prepared import Prepared
from storage.tables import Instant, metadata
from storage.unit import AnyRow, Reading, Writing

sign_in_links = Table(
    "sign_in_links",
    metadata,
    Column("token_hash", String(64), primary_key=True),
    Column("user_id", String(255), nullable=False, index=True),
    Column("expires_at", Instant, nullable=False),
    Column("used_at", Instant),
)

sessions = Table(
    "sessions",
    metadata,
    Column("id_hash", String(64), primary_key=True),
    Column("user_id", String(255), nullable=False, index=True),
    Column("csrf", String(64), nullable=False),
    Column("language", String(8)),
    Column("made_at", Instant, nullable=False),
    Column("seen_at", Instant, nullable=False),
    Column("family", String(64), nullable=False, index=True),
    Column("level", String(12), nullable=False),
    Column("way", String(12), nullable=False),
    Column("proved_at", Instant),
    Column("client", String(60), nullable=False),
    Column("duties", String(64), nullable=False),
)


async def link(unit: Reading, token_hash: str) -> Link | None:
    """Return a one-time link by the hash of its token."""
    row = await unit.first(select(sign_in_links).where(sign_in_links.c.token_hash == token_hash))
    if row is None:
        return None
    return Link(
        token_hash=row.token_hash, user=UserId(row.user_id), expires_at=row.expires_at, used=row.used_at is not None
    )


_BY_HASH = Prepared(select(sessions).where(sessions.c.id_hash == bindparam("id_hash")))


async def session(unit: Reading, id_hash: str) -> Session | None:
    """Return a session by the hash of its cookie."""
    row = await unit.first(_BY_HASH, {"id_hash": id_hash})
    return _session(row) if row else None


async def of_family(unit: Reading, family: str) -> Session | None:
    """Return a session by what stays of it whatever its cookie holds by now."""
    row = await unit.first(select(sessions).where(sessions.c.family == family))
    return _session(row) if row else None


async def sessions_of(unit: Reading, user: UserId) -> tuple[Session, ...]:
    """Return the sessions of a person, the newest first."""
    query = select(sessions).where(sessions.c.user_id == user).order_by(sessions.c.seen_at.desc(), sessions.c.family)
    return tuple(_session(row) for row in await unit.rows(query))


def _session(row: AnyRow) -> Session:
    return Session(
        id_hash=row.id_hash,
        user=UserId(row.user_id),
        csrf=row.csrf,
        made_at=row.made_at,
        seen_at=row.seen_at,
        language=row.language,
        family=row.family,
        level=Level(row.level),
        way=Way(row.way),
        proved_at=row.proved_at,
        client=row.client,
        duties=row.duties,
    )


def _values(session: Session) -> dict[str, Any]:
    return {
        "id_hash": session.id_hash,
        "user_id": session.user,
        "csrf": session.csrf,
        "language": session.language,
        "made_at": session.made_at,
        "seen_at": session.seen_at,
        "family": session.family,
        "level": session.level,
        "way": session.way,
        "proved_at": session.proved_at,
        "client": session.client,
        "duties": session.duties,
    }


async def write_issued(unit: Writing, fact: LinkIssued) -> None:
    """Keep a link; the person's earlier unused links stop working."""
    await unit.execute(
        sign_in_links.delete().where(sign_in_links.c.user_id == fact.user, sign_in_links.c.used_at.is_(None))
    )
    await unit.add(
        sign_in_links,
        {"token_hash": fact.token_hash, "user_id": fact.user, "expires_at": fact.expires_at, "used_at": None},
    )


async def write_signed_in(unit: Writing, fact: SignedIn) -> None:
    """Use the link up, if it was one, and keep the session."""
    session = fact.session
    if fact.token_hash is not None:
        used = update(sign_in_links).where(sign_in_links.c.token_hash == fact.token_hash)
        await unit.execute(used.values(used_at=session.made_at))
    await unit.add(sessions, _values(session))


async def write_renewed(unit: Writing, fact: SessionRenewed) -> None:
    """Let a session go on under a new id; one that was ended meanwhile stays ended."""
    change = update(sessions).where(sessions.c.id_hash == fact.id_hash)
    await unit.execute(change.values(**_values(fact.session)))


async def write_seen(unit: Writing, fact: SessionSeen) -> None:
    """Remember that a session was used."""
    await unit.execute(update(sessions).where(sessions.c.id_hash == fact.id_hash).values(seen_at=fact.at))


async def write_language(unit: Writing, fact: LanguageChosen) -> None:
    """Remember in which language a session reads."""
    await unit.execute(update(sessions).where(sessions.c.id_hash == fact.id_hash).values(language=fact.language))


async def write_signed_out(unit: Writing, fact: SignedOut) -> None:
    """End a session."""
    await unit.execute(sessions.delete().where(sessions.c.family == fact.family))


async def write_signed_out_elsewhere(unit: Writing, fact: SignedOutElsewhere) -> None:
    """End the sessions of a person."""
    await unit.execute(sessions.delete().where(sessions.c.user_id == fact.user, sessions.c.family != fact.but))


async def write_reset(unit: Writing, fact: CredentialsReset) -> None:
    """End the sessions of a person whose credentials are gone."""
    await unit.execute(sessions.delete().where(sessions.c.user_id == fact.user))
