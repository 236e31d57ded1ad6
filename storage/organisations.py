"""The tree of organisations and the duties held in it; every question of scope is answered by a join here."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import BindParameter, Column, Date, ForeignKey, Integer, String, Table, bindparam, func, select

from content.duties import SETTLES, same_hand
from content.identifiers import OrganisationId, UserId
from content.organisations import (
    LEADING,
    RIGHTS,
    Duty,
    DutyEnded,
    DutyGranted,
    Kind,
    Organisation,
    OrganisationFounded,
    Right,
    Role,
)
from storage.audit import DONE, audit
from storage.prepared import Prepared
from storage.tables import Instant, metadata
from storage.unit import Query, Reading, Writing

organisations = Table(
    "organisations",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("parent_id", ForeignKey("organisations.id"), index=True),
    Column("kind", String(20), nullable=False),
    Column("name", String(120), nullable=False),
    Column("timezone", String(64), nullable=False),
    Column("language", String(8), nullable=False),
    Column("place", Integer, nullable=False),
    Column("closed_at", Instant),
    Column("founded_on", Date),
)

organisation_closure = Table(
    "organisation_closure",
    metadata,
    Column("ancestor_id", ForeignKey("organisations.id"), primary_key=True),
    Column("descendant_id", ForeignKey("organisations.id"), primary_key=True, index=True),
    Column("depth", Integer, nullable=False),
)

duties = Table(
    "duties",
    metadata,
    Column("user_id", String(255), primary_key=True),
    Column("organisation_id", ForeignKey("organisations.id"), primary_key=True),
    Column("role", String(20), primary_key=True),
    Column("granted_at", Instant),
    Column("granted_by", String(255)),
)


# Under a name of its own: asked about a column of the same table, the question would otherwise be about itself.
_PATH = organisation_closure.alias("path")
_BELOW = select(_PATH.c.descendant_id)
_DEPTH = select(_PATH.c.depth)


ROOTS: BindParameter[Any] = bindparam("roots", expanding=True)
"""The gap of a prepared question for the list of the organisations at and below which it asks."""


def within(column: Any, roots: Iterable[OrganisationId] | BindParameter[Any]) -> Any:
    """Return the condition that a column names an organisation at or below one of the roots."""
    return column.in_(_BELOW.where(_one_of(_PATH.c.ancestor_id, roots)))


def each_within(column: Any, roots: Iterable[OrganisationId] | BindParameter[Any]) -> Any:
    """Return the same condition to be looked up row by row: where few rows are looked at, or hardly any left out."""
    return _DEPTH.where(_PATH.c.descendant_id == column, _one_of(_PATH.c.ancestor_id, roots)).exists()


def _one_of(column: Any, wanted: Iterable[OrganisationId] | BindParameter[Any]) -> Any:
    return column.in_(wanted if isinstance(wanted, BindParameter) else list(wanted))


FEW = 20
"""Up to how many organisations count as few, where it matters for how something is found."""


_BREADTH = Prepared(
    select(func.count().label("number")).select_from(
        select(_PATH.c.depth).where(_PATH.c.ancestor_id == bindparam("root")).limit(FEW + 1).subquery()
    )
)


async def breadth(unit: Reading, roots: Iterable[OrganisationId]) -> int:
    """Return how many organisations stand at or below the roots, counted until they are more than few."""
    path, roots = organisation_closure, list(roots)
    if len(roots) == 1:
        return int(await unit.value(_BREADTH, {"root": roots[0]}) or 0)
    below = select(path.c.depth).where(path.c.ancestor_id.in_(roots)).limit(FEW + 1)
    return int(await unit.value(select(func.count()).select_from(below.subquery())) or 0)


_NODES = select(
    *(organisations.c.id, organisations.c.parent_id, organisations.c.kind, organisations.c.name),
    *(organisations.c.timezone, organisations.c.language, organisations.c.closed_at),
    organisations.c.founded_on,
)
"""What a node is made of, in the order in which ``_node`` takes it."""


@lru_cache(maxsize=4096)
def _node(
    id: str,  # noqa: A002
    parent: str | None,
    kind: str,
    name: str,
    timezone: str,
    language: str,
    closed: datetime | None,
    founded: date | None,
) -> Organisation:
    # Every page reads the tree, and it hardly ever changes; the values are frozen, so they may be shared.
    return Organisation(
        id=OrganisationId(id),
        parent=OrganisationId(parent) if parent is not None else None,
        kind=Kind(kind),
        name=name,
        timezone=timezone,
        language=language,
        closed=closed,
        founded=founded,
    )


_BY_ID = Prepared(_NODES.where(organisations.c.id == bindparam("id")))
_WHOLE = Prepared(_NODES.order_by(organisations.c.place))
_BELOW_ONE = Prepared(
    _NODES.where(organisations.c.id.in_(_BELOW.where(_PATH.c.ancestor_id == bindparam("root")))).order_by(
        organisations.c.place
    )
)
"""Nearly everybody leads one part of the tree, and each page reads it."""


async def organisation(unit: Reading, id: OrganisationId) -> Organisation | None:  # noqa: A002
    """Return one node of the tree."""
    row = await unit.first(_BY_ID, {"id": id})
    return _node(*row) if row else None


async def tree(unit: Reading, roots: Iterable[OrganisationId] | None = None) -> tuple[Organisation, ...]:
    """Return the nodes at or below the roots (all without roots), parents before their children."""
    if roots is None:
        return tuple(_node(*row) for row in await unit.rows(_WHOLE))
    roots = list(roots)
    if len(roots) == 1:
        return tuple(_node(*row) for row in await unit.rows(_BELOW_ONE, {"root": roots[0]}))
    query = _NODES.where(within(organisations.c.id, roots)).order_by(organisations.c.place)
    return tuple(_node(*row) for row in await unit.rows(query))


_PARENTS = Prepared(
    select(organisations.c.id, organisations.c.parent_id).where(
        organisations.c.id.in_(
            select(organisation_closure.c.ancestor_id).where(
                organisation_closure.c.descendant_id.in_(bindparam("nodes", expanding=True))
            )
        )
    )
)


async def above_each(unit: Reading, nodes: Iterable[OrganisationId]) -> dict[OrganisationId, OrganisationId | None]:
    """Return the parent of each of these nodes and of each that stands above one, ``None`` at the top."""
    rows = await unit.rows(_PARENTS, {"nodes": list(nodes)})
    return {OrganisationId(row.id): OrganisationId(row.parent_id) if row.parent_id else None for row in rows}


async def stands_below(unit: Reading, node: OrganisationId, roots: Iterable[OrganisationId]) -> bool:
    """Tell whether an organisation stands at or below one of the roots."""
    path = organisation_closure
    query = select(path.c.depth).where(path.c.descendant_id == node, path.c.ancestor_id.in_(list(roots)))
    return await unit.first(query) is not None


def branches_of() -> Query:
    """Return the query that yields ``ancestor_id``, the branch, for each ``descendant_id`` at or below one."""
    return (
        select(organisation_closure.c.ancestor_id, organisation_closure.c.descendant_id)
        .join(organisations, organisations.c.id == organisation_closure.c.ancestor_id)
        .where(organisations.c.kind == Kind.BRANCH)
    )


async def branch_above(unit: Reading, node: OrganisationId) -> OrganisationId:
    """Return the branch at or above an organisation; one that stands above branches stands for itself."""
    found = branches_of().where(organisation_closure.c.descendant_id == node)
    return OrganisationId(await unit.value(found) or node)


_OF_ONE = Prepared(select(duties).where(duties.c.user_id == bindparam("user")))


async def duties_of(unit: Reading, user: UserId) -> tuple[Duty, ...]:
    """Return the roles a person holds."""
    rows = await unit.rows(_OF_ONE, {"user": user})
    return tuple(Duty(user=row.user_id, organisation=row.organisation_id, role=Role(row.role)) for row in rows)


async def every_duty(unit: Reading) -> tuple[Duty, ...]:
    """Return every role that anyone holds."""
    rows = await unit.rows(select(duties).order_by(duties.c.user_id, duties.c.organisation_id, duties.c.role))
    return tuple(Duty(user=row.user_id, organisation=row.organisation_id, role=Role(row.role)) for row in rows)


async def duties_over(unit: Reading, organisation_id: OrganisationId) -> tuple[Duty, ...]:
    """Return every role that anyone holds at a node or anywhere above it."""
    query = (
        select(duties)
        .join(organisation_closure, organisation_closure.c.ancestor_id == duties.c.organisation_id)
        .where(organisation_closure.c.descendant_id == organisation_id)
        .order_by(organisation_closure.c.depth, duties.c.user_id, duties.c.role)
    )
    rows = await unit.rows(query)
    return tuple(Duty(user=row.user_id, organisation=row.organisation_id, role=Role(row.role)) for row in rows)


async def duties_reaching(unit: Reading, user: UserId, nodes: Iterable[OrganisationId]) -> tuple[Duty, ...]:
    """Return the roles that a person holds at or above any of some nodes."""
    path = organisation_closure.c
    reaching = select(path.ancestor_id).where(path.descendant_id.in_(list(nodes)))
    query = select(duties).where(duties.c.user_id == user, duties.c.organisation_id.in_(reaching))
    rows = await unit.rows(query.order_by(duties.c.organisation_id, duties.c.role))
    return tuple(Duty(user=row.user_id, organisation=row.organisation_id, role=Role(row.role)) for row in rows)


async def same_hand_at(unit: Reading, node: OrganisationId, right: Right, user: UserId) -> frozenset[UserId]:
    """Return who counts as one with a person where an act at a node takes two who have a right; see ``same_hand``.

    A duty that was given within that time counts as well where it has ended since, as the record says.
    """
    path, roles = organisation_closure.c, [role for role, rights in RIGHTS.items() if right in rights]
    query = (
        select(duties)
        .join(organisation_closure, path.ancestor_id == duties.c.organisation_id)
        .where(path.descendant_id == node, duties.c.role.in_(roles))
    )
    rows, since = await unit.rows(query), unit.now - SETTLES
    settled = {
        row.user_id for row in rows if row.granted_by is None or row.granted_at is None or row.granted_at <= since
    }
    given = [(row.user_id, row.granted_by) for row in rows if row.user_id not in settled]
    recorded = (
        select(audit.c.subject, audit.c.actor)
        .join(organisation_closure, path.ancestor_id == audit.c.place)
        .where(
            audit.c.at > since,
            audit.c.action == "duty_granted",
            audit.c.outcome == DONE,
            audit.c.after.in_([f"duties.role_{role}" for role in roles]),
            path.descendant_id == node,
            audit.c.subject.is_not(None),
            audit.c.actor.is_not(None),
        )
    )
    given += [(row.subject, row.actor) for row in await unit.rows(recorded) if row.subject not in settled]
    return same_hand(user, given)


async def may(unit: Reading, user: UserId, right: Right, organisation_id: OrganisationId) -> bool:
    """Tell whether a person has a right at a node, by a duty held there or anywhere above it."""
    query = (
        select(duties.c.role, duties.c.organisation_id)
        .join(organisation_closure, organisation_closure.c.ancestor_id == duties.c.organisation_id)
        .where(organisation_closure.c.descendant_id == organisation_id, duties.c.user_id == user)
    )
    held = [Duty(user=user, organisation=row.organisation_id, role=Role(row.role)) for row in await unit.rows(query)]
    unit.authority = [duty for duty in held if right in RIGHTS[duty.role]]
    return bool(unit.authority)


async def holders(unit: Reading, organisation_id: OrganisationId) -> tuple[UserId, ...]:
    """Return who holds a writing duty at a node or anywhere above it."""
    query = (
        select(duties.c.user_id)
        .join(organisation_closure, organisation_closure.c.ancestor_id == duties.c.organisation_id)
        .where(organisation_closure.c.descendant_id == organisation_id, duties.c.role.in_(sorted(LEADING)))
        .distinct()
        .order_by(duties.c.user_id)
    )
    return tuple(UserId(row.user_id) for row in await unit.rows(query))


async def holders_of(unit: Reading, organisation_id: OrganisationId, right: Right) -> tuple[UserId, ...]:
    """Return who has a right at a node, by a duty held there or anywhere above it, the nearest first."""
    query = (
        select(duties.c.user_id)
        .join(organisation_closure, organisation_closure.c.ancestor_id == duties.c.organisation_id)
        .where(
            organisation_closure.c.descendant_id == organisation_id,
            duties.c.role.in_([role for role in Role if right in RIGHTS[role]]),
        )
        .order_by(organisation_closure.c.depth, duties.c.user_id)
    )
    return tuple(dict.fromkeys(UserId(row.user_id) for row in await unit.rows(query)))


async def levels_of(unit: Reading, organisation_id: OrganisationId, right: Right) -> tuple[tuple[int, UserId], ...]:
    """Return who has a right at a node, each with how far above it they hold the duty, the nearest first."""
    depth = func.min(organisation_closure.c.depth)
    query = (
        select(depth.label("depth"), duties.c.user_id)
        .join(organisation_closure, organisation_closure.c.ancestor_id == duties.c.organisation_id)
        .where(
            organisation_closure.c.descendant_id == organisation_id,
            duties.c.role.in_([role for role in Role if right in RIGHTS[role]]),
        )
        .group_by(duties.c.user_id)
        .order_by(depth, duties.c.user_id)
    )
    return tuple((int(row.depth), UserId(row.user_id)) for row in await unit.rows(query))


async def operators(unit: Reading) -> tuple[UserId, ...]:
    """Return who operates the program: whoever holds that duty, else who may do it for the whole tree."""
    above = select(organisations.c.id).where(organisations.c.parent_id.is_(None))
    able = [role for role, rights in RIGHTS.items() if Right.OPERATE in rights]
    for wanted in (duties.c.role == Role.OPERATOR, duties.c.role.in_(able) & duties.c.organisation_id.in_(above)):
        rows = await unit.rows(select(duties.c.user_id).where(wanted).distinct().order_by(duties.c.user_id))
        if rows:
            return tuple(UserId(row.user_id) for row in rows)
    return ()


async def write_founded(unit: Writing, fact: OrganisationFounded) -> None:
    """Add the node, and its place below every ancestor."""
    node = fact.organisation
    last = await unit.value(select(func.max(organisations.c.place)))
    await unit.add(
        organisations,
        {
            "id": node.id,
            "parent_id": node.parent,
            "kind": node.kind,
            "name": node.name,
            "timezone": node.timezone,
            "language": node.language,
            "founded_on": node.founded,
            "place": 0 if last is None else last + 1,
        },
    )
    above = await unit.rows(
        select(organisation_closure.c.ancestor_id, organisation_closure.c.depth).where(
            organisation_closure.c.descendant_id == node.parent
        )
    )
    paths = [{"ancestor_id": row.ancestor_id, "descendant_id": node.id, "depth": row.depth + 1} for row in above]
    await unit.add(organisation_closure, [{"ancestor_id": node.id, "descendant_id": node.id, "depth": 0}, *paths])


async def write_granted(unit: Writing, fact: DutyGranted) -> None:
    """Keep a duty."""
    duty = fact.duty
    row = {"user_id": duty.user, "organisation_id": duty.organisation, "role": duty.role}
    await unit.add_missing(duties, row | {"granted_at": fact.at, "granted_by": fact.by})


async def write_ended(unit: Writing, fact: DutyEnded) -> None:
    """Let go of a duty."""
    duty = fact.duty
    await unit.execute(
        duties.delete().where(
            duties.c.user_id == duty.user, duties.c.organisation_id == duty.organisation, duties.c.role == duty.role
        )
    )
