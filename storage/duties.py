"""Who holds which duty, as the page of duties shows it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from msgspec import Struct
from sqlalchemy import select

from content import moves
from content.approvals import OF_DUTIES, Act, Proposal
from content.duties import duty_of, second_persons
from content.identifiers import OrganisationId, UserId
from content.organisations import Duty, Role
from storage import approvals
from storage import organisations as organisations_of
from storage.members import members
from storage.organisations import duties, organisations, within
from storage.unit import Reading


class Held(Struct, frozen=True, kw_only=True):
    """A duty, where it is held, by whom as the roster names them, and since when by whose word."""

    duty: Duty
    place: str
    name: str | None
    since: datetime | None
    by: UserId | None


async def held_within(unit: Reading, roots: Iterable[OrganisationId]) -> tuple[Held, ...]:
    """Return every role that anyone holds at or below the roots, by place in the tree."""
    query = (
        select(duties, organisations.c.name.label("place"), members.c.name)
        .join(organisations, organisations.c.id == duties.c.organisation_id)
        .outerjoin(members, members.c.user_id == duties.c.user_id)
        .where(within(duties.c.organisation_id, roots))
        .order_by(organisations.c.place, duties.c.granted_at, duties.c.user_id, duties.c.role)
    )
    return tuple(
        Held(
            duty=Duty(user=row.user_id, organisation=row.organisation_id, role=Role(row.role)),
            place=row.place,
            name=row.name,
            since=row.granted_at,
            by=row.granted_by,
        )
        for row in await unit.rows(query)
    )


async def names_of(unit: Reading, users: Iterable[str]) -> dict[str, str]:
    """Return the names of those accounts that belong to somebody on the roster."""
    query = select(members.c.user_id, members.c.name).where(members.c.user_id.in_(sorted(set(users))))
    return {row.user_id: row.name for row in await unit.rows(query)}


async def accounts_by_name(unit: Reading, name: str, roots: Iterable[OrganisationId]) -> tuple[UserId | None, ...]:
    """Return the accounts of the people of a name at or below the roots; ``None`` for one who has no account."""
    query = select(members.c.user_id).where(
        members.c.name == name, members.c.left_at.is_(None), within(members.c.organisation_id, roots)
    )
    return tuple(row.user_id for row in await unit.rows(query.order_by(members.c.id)))


async def proposals(unit: Reading, roots: Iterable[OrganisationId], user: UserId) -> tuple[tuple[Proposal, bool], ...]:
    """Return what waits for a second person at or below the roots, each with whether it waits for this one."""
    found = []
    for one in await approvals.waiting(unit, roots, acts=OF_DUTIES):
        if one.act is Act.MOVE_NODE:
            ends = await ends_of_move(unit, one.organisation, OrganisationId(one.subject))
            others = moves.second_persons(ends, by=one.by) if ends is not None else frozenset()
        else:
            over = await organisations_of.duties_over(unit, one.organisation)
            others = second_persons(one.act, duty_of(one), over, by=one.by)
        found.append((one, user in others))
    return tuple(found)


async def ends_of_move(unit: Reading, node: OrganisationId, to: OrganisationId) -> moves.Ends | None:
    """Return who leads where a node stands and where it is to stand; ``None`` where there is no such node."""
    moved, below = await organisations_of.organisation(unit, node), await organisations_of.organisation(unit, to)
    if moved is None or below is None:
        return None
    before = await organisations_of.duties_over(unit, moved.parent) if moved.parent is not None else ()
    return moves.Ends(node=moved, to=below, before=before, after=await organisations_of.duties_over(unit, to))
