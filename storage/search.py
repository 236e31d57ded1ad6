"""Finds what has a text in its name: lessons, polls, ballots and rooms at or below the nodes that a person may see."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Column, select

from content.identifiers import OrganisationId
from storage.ballots import ballots
from storage.lessons import lessons
from storage.organisations import within
from storage.polls import polls
from storage.rooms import rooms
from storage.unit import Reading


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One thing that was found: what it is called, and whose it is."""

    id: str
    name: str
    organisation: OrganisationId


async def lessons_named(unit: Reading, roots: Iterable[OrganisationId], text: str, *, limit: int) -> tuple[Found, ...]:
    """Return lessons with a text in their title, the newest first."""
    return await _named(unit, roots, text, limit, lessons.c.title, lessons.c.owner_id, lessons.c.written_at)


async def polls_named(unit: Reading, roots: Iterable[OrganisationId], text: str, *, limit: int) -> tuple[Found, ...]:
    """Return polls with a text in their question, the newest first."""
    return await _named(unit, roots, text, limit, polls.c.question, polls.c.organisation_id, polls.c.opened_at)


async def ballots_named(unit: Reading, roots: Iterable[OrganisationId], text: str, *, limit: int) -> tuple[Found, ...]:
    """Return ballots with a text in their title, the last to close first."""
    return await _named(unit, roots, text, limit, ballots.c.title, ballots.c.organisation_id, ballots.c.closes_at)


async def rooms_named(unit: Reading, roots: Iterable[OrganisationId], text: str, *, limit: int) -> tuple[Found, ...]:
    """Return rooms with a text in their name, the newest first."""
    return await _named(unit, roots, text, limit, rooms.c.name, rooms.c.organisation_id, rooms.c.kept_at)


async def _named(
    unit: Reading,
    roots: Iterable[OrganisationId],
    text: str,
    limit: int,
    name: Column[str],
    owner: Column[str],
    at: Column[object],
) -> tuple[Found, ...]:
    table = name.table
    query = select(table.c.id, name.label("name"), owner.label("owner")).where(
        within(owner, roots), name.icontains(text, autoescape=True)
    )
    rows = await unit.rows(query.order_by(at.desc(), table.c.id).limit(limit))
    return tuple(Found(id=row.id, name=row.name, organisation=OrganisationId(row.owner)) for row in rows)
