"""The links to ballots and the browsers that they belong to; only hashes are kept, and no time of use."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Column, ForeignKey, Integer, String, Table, and_, select, update

from content.ballot_links import (
    BallotLeft,
    BallotLink,
    BallotLinkAsked,
    BallotLinkIssued,
    BallotLinkMissed,
    BallotLinkUsed,
)
from storage.ballots import ballot_roll
from storage.tables import Instant, metadata
from storage.unit import AnyRow, Reading, Writing

ballot_links = Table(
    "ballot_links",
    metadata,
    Column("ballot_id", ForeignKey("ballots.id"), primary_key=True),
    Column("member_id", ForeignKey("members.id"), primary_key=True),
    Column("token_hash", String(64), nullable=False, unique=True),
    Column("code_hash", String(64), nullable=False, server_default=""),
    Column("tries", Integer, nullable=False, server_default="0"),
    Column("browser_hash", String(64), unique=True),
    Column("expires_at", Instant, nullable=False),
    sqlite_with_rowid=False,
)


def _link(row: AnyRow) -> BallotLink:
    return BallotLink(
        ballot=row.ballot_id,
        member=row.member_id,
        code_hash=row.code_hash,
        tries=row.tries,
        expires_at=row.expires_at,
        used=row.browser_hash is not None,
    )


async def by_token(unit: Reading, token_hash: str) -> BallotLink | None:
    """Return a link by the hash of its token."""
    row = await unit.first(select(ballot_links).where(ballot_links.c.token_hash == token_hash))
    return _link(row) if row else None


async def by_browser(unit: Reading, browser_hash: str) -> BallotLink | None:
    """Return the link that a browser has used, as long as it lasts."""
    row = await unit.first(
        select(ballot_links).where(ballot_links.c.browser_hash == browser_hash, ballot_links.c.expires_at > unit.now)
    )
    return _link(row) if row else None


async def write_issued(unit: Writing, fact: BallotLinkIssued | BallotLinkAsked) -> None:
    """Keep a link in the place of the one before."""
    values = {
        "ballot_id": fact.ballot,
        "member_id": fact.member,
        "token_hash": fact.token_hash,
        "code_hash": fact.code_hash,
        "tries": 0,
        "browser_hash": None,
        "expires_at": fact.expires_at,
    }
    await unit.put(ballot_links, values, key=["ballot_id", "member_id"])
    own = and_(ballot_roll.c.ballot_id == fact.ballot, ballot_roll.c.member_id == fact.member)
    await unit.execute(update(ballot_roll).where(own, ~ballot_roll.c.issued).values(issued=True))


async def write_missed(unit: Writing, fact: BallotLinkMissed) -> None:
    """Count a wrong code, without saying when it was typed."""
    one = ballot_links.c.token_hash == fact.token_hash
    await unit.execute(update(ballot_links).where(one).values(tries=ballot_links.c.tries + 1))


async def write_left(unit: Writing, fact: BallotLeft) -> None:
    """Let a browser be nobody's any more; the link stays used."""
    one = ballot_links.c.browser_hash == fact.browser_hash
    await unit.execute(update(ballot_links).where(one).values(browser_hash=fact.spent_hash))


async def write_used(unit: Writing, fact: BallotLinkUsed) -> None:
    """Bind a link to the browser that used it first."""
    unused = update(ballot_links).where(
        ballot_links.c.token_hash == fact.token_hash, ballot_links.c.browser_hash.is_(None)
    )
    await unit.execute(unused.values(browser_hash=fact.browser_hash))


async def forget_past(unit: Writing, now: datetime) -> None:
    """Forget links that lead nowhere any more."""
    await unit.execute(ballot_links.delete().where(ballot_links.c.expires_at < now))
