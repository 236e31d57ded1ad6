"""Whom and where an audience is reached: its members, each with their branch, and the rooms of its branches."""

from __future__ import annotations

from sqlalchemy import select

from content.identifiers import OrganisationId
from content.occurrences import Seat, Stage
from content.rooms import Purpose
from storage.members import members
from storage.organisations import branches_of, organisation_closure, within
from storage.rooms import rooms
from storage.unit import Reading


async def seats(unit: Reading, audience: OrganisationId) -> tuple[Seat, ...]:
    """Return the members at or below an organisation, each with the branch in which they are counted."""
    branch = branches_of().subquery()
    query = (
        select(members.c.id, branch.c.ancestor_id)
        .join(branch, branch.c.descendant_id == members.c.organisation_id)
        .where(within(members.c.organisation_id, [audience]), members.c.left_at.is_(None))
        .order_by(members.c.id)
    )
    return tuple(Seat(member=row.id, branch=row.ancestor_id) for row in await unit.rows(query))


async def stages(unit: Reading, audience: OrganisationId) -> tuple[Stage, ...]:
    """Return the branch rooms that an audience is reached in: those of its branches, or of the branch it is part of."""
    branches = select(
        branches_of().where(within(organisation_closure.c.descendant_id, [audience])).subquery().c.ancestor_id
    )
    query = (
        select(rooms.c.id, rooms.c.organisation_id)
        .where(rooms.c.purpose == Purpose.BRANCH, rooms.c.lost.is_(None), rooms.c.organisation_id.in_(branches))
        .order_by(rooms.c.id)
    )
    return tuple(Stage(room=row.id, branch=row.organisation_id) for row in await unit.rows(query))
