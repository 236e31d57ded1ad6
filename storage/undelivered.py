"""Broadcasts that were given up in some room, of which whoever answers for them has not been told."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import literal, select

from content.identifiers import OrganisationId, UserId
from content.organisations import RIGHTS, Right, Role
from content.undelivered import Missed, Undelivered
from storage.audit import causes
from storage.checkins import cards
from storage.lessons import lessons
from storage.organisations import duties, may, organisation_closure, organisations
from storage.outbox import Kind, State, outbox
from storage.polls import polls
from storage.schedules import SHOWN_TITLE, occurrences, schedules
from storage.unit import Reading

RECENT = timedelta(days=2)
"""What was given up longer ago is told of no more: it stands at the desk."""

_CAUSE = "undelivered:"


def cause_of(id: str) -> str:  # noqa: A002
    """Return the cause by which a broadcast's owner is told, once for the whole of it."""
    return _CAUSE + id


async def untold(unit: Reading) -> tuple[tuple[Undelivered, OrganisationId], ...]:
    """Return what did not arrive everywhere, each with the node it was for."""
    return (*await _lessons(unit), *await _polls(unit))


def _untold(kind: Kind, broadcast: Any, *, since: datetime) -> Any:
    """Return the condition that a row of a kind ended unsent, and nobody was told so of its broadcast."""
    told = select(causes.c.cause).where(causes.c.cause == literal(_CAUSE).concat(broadcast))
    ended = outbox.c.state.in_([State.FAILED, State.EXPIRED]) & (outbox.c.done_at > since)
    return ended & (outbox.c.kind == kind) & ~told.exists()


async def _lessons(unit: Reading) -> tuple[tuple[Undelivered, OrganisationId], ...]:
    query = (
        select(
            occurrences.c.id,
            occurrences.c.audience_id,
            schedules.c.author,
            SHOWN_TITLE,
            organisations.c.name,
            outbox.c.last_error,
        )
        .join(cards, cards.c.id == outbox.c.card_id)
        .join(occurrences, occurrences.c.id == cards.c.occurrence_id)
        .join(lessons, lessons.c.id == occurrences.c.lesson_id)
        .join(schedules, schedules.c.id == occurrences.c.schedule_id)
        .join(organisations, organisations.c.id == cards.c.branch_id)
        .where(_untold(Kind.POST, cards.c.occurrence_id, since=unit.now - RECENT))
        .order_by(outbox.c.number)
    )
    return _gathered(
        (row.id, row.audience_id, row.author, row.title, row.name, row.last_error) for row in await unit.rows(query)
    )


async def _polls(unit: Reading) -> tuple[tuple[Undelivered, OrganisationId], ...]:
    query = (
        select(
            polls.c.id,
            polls.c.organisation_id,
            polls.c.author,
            polls.c.question,
            organisations.c.name,
            outbox.c.last_error,
        )
        .join(polls, polls.c.id == outbox.c.poll_id)
        .join(organisations, organisations.c.id == polls.c.organisation_id)
        .where(_untold(Kind.POLL, polls.c.id, since=unit.now - RECENT))
        .order_by(outbox.c.number)
    )
    return _gathered(
        (row.id, row.organisation_id, row.author, row.question, row.name, row.last_error)
        for row in await unit.rows(query)
    )


def _gathered(
    rows: Iterable[tuple[str, OrganisationId, UserId, str, str, str | None]],
) -> tuple[tuple[Undelivered, OrganisationId], ...]:
    found: dict[str, tuple[Undelivered, OrganisationId]] = {}
    for id, node, author, title, name, error in rows:  # noqa: A001
        missed = Missed(name=name, why=(error or "refused").split(" ")[0])
        before = found[id][0].missed if id in found else ()
        # A card has several parts, which fail together.
        more = () if missed.name in {one.name for one in before} else (missed,)
        found[id] = (Undelivered(id=id, title=title, author=author, missed=(*before, *more)), node)
    return tuple(found.values())


async def owners(unit: Reading, author: UserId, node: OrganisationId) -> tuple[UserId, ...]:
    """Return who answers for a broadcast: who planned it while that is still theirs to do, else who leads nearest."""
    if await may(unit, author, Right.SCHEDULE, node):
        return (author,)
    return await leaders(unit, node)


async def leaders(unit: Reading, node: OrganisationId) -> tuple[UserId, ...]:
    """Return who leads at a node, or at the nearest node above it where anybody does."""
    query = (
        select(duties.c.user_id, organisation_closure.c.depth)
        .join(organisation_closure, organisation_closure.c.ancestor_id == duties.c.organisation_id)
        .where(
            organisation_closure.c.descendant_id == node,
            duties.c.role.in_([role for role in Role if Right.SCHEDULE in RIGHTS[role]]),
        )
        .order_by(organisation_closure.c.depth, duties.c.user_id)
    )
    rows = await unit.rows(query)
    return tuple(dict.fromkeys(UserId(row.user_id) for row in rows if row.depth == rows[0].depth))
