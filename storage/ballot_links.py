"""The links to ballots and to pages of surveys, and whose browsers they are; only hashes, and no time of use."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Column, ColumnElement, ForeignKey, Integer, String, Table, and_, func, or_, select, update

from content.ballot_links import (
    BallotLink,
    BallotLinkAsked,
    BallotLinkIssued,
    BrowserLeft,
    LinkMissed,
    LinkUsed,
)
from content.survey_links import SurveyLink, SurveyLinkAsked
from content.surveys import SurveyCancelled, SurveyClosed
from storage.ballots import ballot_roll, ballots
from storage.tables import Instant, metadata
from storage.unit import AnyRow, Query, Reading, Writing


def _links_table(name: str, leads_to: Column[str]) -> Table:
    return Table(
        name,
        metadata,
        leads_to,
        Column("member_id", ForeignKey("members.id"), primary_key=True),
        Column("token_hash", String(64), nullable=False, unique=True),
        Column("code_hash", String(64), nullable=False, server_default=""),
        Column("tries", Integer, nullable=False, server_default="0"),
        Column("browser_hash", String(64), unique=True),
        Column("expires_at", Instant, nullable=False),
        sqlite_with_rowid=False,
    )


ballot_links = _links_table("ballot_links", Column("ballot_id", ForeignKey("ballots.id"), primary_key=True))
survey_links = _links_table("survey_links", Column("survey_id", ForeignKey("surveys.id"), primary_key=True))
_TABLES = (ballot_links, survey_links)


def _kept(row: AnyRow) -> dict[str, Any]:
    return {
        "member": row.member_id,
        "code_hash": row.code_hash,
        "tries": row.tries,
        "expires_at": row.expires_at,
        "used": row.browser_hash is not None and row.browser_hash != row.browser_hash.upper(),
    }


async def by_token(unit: Reading, token_hash: str) -> BallotLink | None:
    """Return the link to a ballot by the hash of its token."""
    row = await unit.first(select(ballot_links).where(ballot_links.c.token_hash == token_hash))
    return BallotLink(ballot=row.ballot_id, **_kept(row)) if row else None


async def by_browser(unit: Reading, browser_hash: str) -> BallotLink | None:
    """Return the link to a ballot that a browser has used, as long as it lasts."""
    row = await unit.first(_used_by(ballot_links, browser_hash, unit.now))
    return BallotLink(ballot=row.ballot_id, **_kept(row)) if row else None


async def survey_by_token(unit: Reading, token_hash: str) -> SurveyLink | None:
    """Return the link to a survey by the hash of its token."""
    row = await unit.first(select(survey_links).where(survey_links.c.token_hash == token_hash))
    return SurveyLink(survey=row.survey_id, **_kept(row)) if row else None


async def survey_by_browser(unit: Reading, browser_hash: str) -> SurveyLink | None:
    """Return the link to a survey that a browser has used, as long as it lasts."""
    row = await unit.first(_used_by(survey_links, browser_hash, unit.now))
    return SurveyLink(survey=row.survey_id, **_kept(row)) if row else None


def _used_by(table: Table, browser_hash: str, now: datetime) -> Query:
    return select(table).where(_is(table, browser_hash), table.c.expires_at > now)


def _is(table: Table, browser_hash: str) -> ColumnElement[bool]:
    """Tell whose browser it is, by the link that is kept or by the one before."""
    return table.c.browser_hash.in_((browser_hash, browser_hash.upper()))


async def write_issued(unit: Writing, fact: BallotLinkIssued | BallotLinkAsked) -> None:
    """Keep a link in the place of the one before. When all were sent theirs is known; of who asked it is not.

    Who asked wants whoever came in by the one before out. What is sent to all leaves them at their paper: their
    browser's hash stays, in capitals, until the new link is used.
    """
    values = {"ballot_id": fact.ballot, **_new(fact)}
    if isinstance(fact, BallotLinkIssued):
        del values["browser_hash"]
        own = and_(ballot_links.c.ballot_id == fact.ballot, ballot_links.c.member_id == fact.member)
        await unit.execute(update(ballot_links).where(own).values(browser_hash=func.upper(ballot_links.c.browser_hash)))
    await unit.put(ballot_links, values, key=["ballot_id", "member_id"])
    own = and_(ballot_roll.c.ballot_id == fact.ballot, ballot_roll.c.member_id == fact.member)
    await unit.execute(update(ballot_roll).where(own, ~ballot_roll.c.issued).values(issued=True))
    if isinstance(fact, BallotLinkIssued):
        earlier = or_(ballots.c.told_at.is_(None), ballots.c.told_at < unit.now)
        await unit.execute(update(ballots).where(ballots.c.id == fact.ballot, earlier).values(told_at=unit.now))


async def write_asked(unit: Writing, fact: SurveyLinkAsked) -> None:
    """Keep the link to a survey in the place of the one before."""
    await unit.put(survey_links, {"survey_id": fact.survey, **_new(fact)}, key=["survey_id", "member_id"])


def _new(fact: BallotLinkIssued | BallotLinkAsked | SurveyLinkAsked) -> dict[str, Any]:
    return {
        "member_id": fact.member,
        "token_hash": fact.token_hash,
        "code_hash": fact.code_hash,
        "tries": 0,
        "browser_hash": None,
        "expires_at": fact.expires_at,
    }


async def write_missed(unit: Writing, fact: LinkMissed) -> None:
    """Count a wrong code, without saying when it was typed."""
    for table in _TABLES:
        one = table.c.token_hash == fact.token_hash
        await unit.execute(update(table).where(one).values(tries=table.c.tries + 1))


async def write_left(unit: Writing, fact: BrowserLeft) -> None:
    """Let a browser be nobody's any more; the link stays used."""
    for table in _TABLES:
        await unit.execute(update(table).where(_is(table, fact.browser_hash)).values(browser_hash=fact.spent_hash))


async def write_used(unit: Writing, fact: LinkUsed) -> None:
    """Bind a link to the browser that used it first."""
    for table in _TABLES:
        free = or_(table.c.browser_hash.is_(None), table.c.browser_hash == func.upper(table.c.browser_hash))
        unused = update(table).where(table.c.token_hash == fact.token_hash, free)
        await unit.execute(unused.values(browser_hash=fact.browser_hash))


async def forget_past(unit: Writing, now: datetime) -> None:
    """Forget links that lead nowhere any more."""
    for table in _TABLES:
        await unit.execute(table.delete().where(table.c.expires_at < now))


async def forget_of_survey(unit: Writing, fact: SurveyClosed | SurveyCancelled) -> None:
    """Forget who asked for the page of a survey that is over."""
    await unit.execute(survey_links.delete().where(survey_links.c.survey_id == fact.survey))
