"""Makes changes to the tree so: names, places and ends of organisations, and the paths between them."""

from __future__ import annotations

from sqlalchemy import delete, func, select, update

from content.identifiers import OrganisationId
from content.structure import (
    InUse,
    OrganisationClosed,
    OrganisationDated,
    OrganisationMoved,
    OrganisationRenamed,
    OrganisationReopened,
    SiblingsOrdered,
)
from storage.members import members
from storage.organisations import organisation_closure, organisations
from storage.rooms import rooms
from storage.schedules import occurrences
from storage.unit import Reading, Writing

_UNFINISHED = ("planned", "open")


async def in_use(unit: Reading, node: OrganisationId) -> InUse:
    """Return what still hangs on a node."""
    standing = select(func.count()).where(members.c.organisation_id == node, members.c.left_at.is_(None))
    below = select(func.count()).where(organisations.c.parent_id == node, organisations.c.closed_at.is_(None))
    working = select(func.count()).where(rooms.c.organisation_id == node, rooms.c.lost.is_(None))
    planned = select(func.count()).where(occurrences.c.audience_id == node, occurrences.c.state.in_(_UNFINISHED))
    return InUse(
        members=await unit.value(standing),
        below=await unit.value(below),
        rooms=await unit.value(working),
        planned=await unit.value(planned),
    )


async def write_renamed(unit: Writing, fact: OrganisationRenamed) -> None:
    """Give a node its new name."""
    await unit.execute(update(organisations).where(organisations.c.id == fact.organisation).values(name=fact.name))


async def write_dated(unit: Writing, fact: OrganisationDated) -> None:
    """Keep when a node was founded."""
    named = organisations.c.id == fact.organisation
    await unit.execute(update(organisations).where(named).values(founded_on=fact.founded))


async def write_moved(unit: Writing, fact: OrganisationMoved) -> None:
    """Cut the paths that led to a node and all below it from above, and lay those that lead there now.

    The nodes get places after all others, in their own order, so that parents still come before their children.
    """
    paths = organisation_closure
    under = select(paths.c.descendant_id, paths.c.depth).where(paths.c.ancestor_id == fact.organisation)
    moved = {row.descendant_id: row.depth for row in await unit.rows(under)}
    outside = paths.c.ancestor_id.not_in(list(moved))
    await unit.execute(delete(paths).where(paths.c.descendant_id.in_(list(moved)), outside))
    above = await unit.rows(select(paths.c.ancestor_id, paths.c.depth).where(paths.c.descendant_id == fact.parent))
    await unit.add(
        paths,
        [
            {"ancestor_id": row.ancestor_id, "descendant_id": node, "depth": row.depth + 1 + depth}
            for row in above
            for node, depth in moved.items()
        ],
    )
    new_parent = {"parent_id": fact.parent}
    await unit.execute(update(organisations).where(organisations.c.id == fact.organisation).values(**new_parent))
    last = int(await unit.value(select(func.max(organisations.c.place))) or 0)
    ordered = select(organisations.c.id).where(organisations.c.id.in_(list(moved))).order_by(organisations.c.place)
    for place, row in enumerate(await unit.rows(ordered), start=last + 1):
        await unit.execute(update(organisations).where(organisations.c.id == row.id).values(place=place))


async def write_ordered(unit: Writing, fact: SiblingsOrdered) -> None:
    """Give the places that siblings and all below them have to the same nodes in their new order.

    What stands below a sibling follows it, so that parents still come before their children.
    """
    paths, order = organisation_closure, {node: number for number, node in enumerate(fact.order)}
    below = (
        select(paths.c.ancestor_id, organisations.c.id, organisations.c.place)
        .join(organisations, organisations.c.id == paths.c.descendant_id)
        .where(paths.c.ancestor_id.in_(list(order)))
    )
    rows = await unit.rows(below)
    wanted = sorted(rows, key=lambda row: (order[row.ancestor_id], row.place))
    last = -1
    for row, place in zip(wanted, sorted(row.place for row in rows), strict=True):
        last = max(place, last + 1)
        if row.place != last:
            await unit.execute(update(organisations).where(organisations.c.id == row.id).values(place=last))


async def write_closed(unit: Writing, fact: OrganisationClosed) -> None:
    """Note since when a node is no longer in use."""
    await unit.execute(update(organisations).where(organisations.c.id == fact.organisation).values(closed_at=fact.at))


async def write_reopened(unit: Writing, fact: OrganisationReopened) -> None:
    """Let a node be in use again."""
    await unit.execute(update(organisations).where(organisations.c.id == fact.organisation).values(closed_at=None))
