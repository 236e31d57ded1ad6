"""Who is told of dues: who handles them in a branch, or above it where nobody does, and of what was spoken before."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from sqlalchemy import func, or_, select

from content.dues import Reminder
from content.identifiers import MemberId, OrganisationId, UserId
from content.organisations import Kind, Role
from storage.dues import dues_assessments, dues_reminders
from storage.members import members
from storage.organisations import ROOTS, duties, organisation_closure, organisations, within
from storage.prepared import Prepared
from storage.unit import AnyRow, Reading

_HANDLING = (Role.ORGANISING_MEMBER, Role.SECRETARY)


def _first(rows: Collection[AnyRow]) -> tuple[UserId, ...]:
    """Return of who holds a duty at one place the organising members, where there is none the secretaries."""
    found = [tuple(UserId(row.user_id) for row in rows if row.role == role) for role in _HANDLING]
    return next((users for users in found if users), ())


async def handlers(unit: Reading, branch: OrganisationId, *, beside: UserId | None = None) -> tuple[UserId, ...]:
    """Return who handles the dues of a branch: its own organising members, where there is none its secretaries.

    Of somebody's own dues it is another than themselves, ``beside`` whom the others are looked for.
    """
    held = duties.c
    query = select(held.user_id, held.role).where(held.organisation_id == branch, held.role.in_(_HANDLING))
    rows = await unit.rows(query.order_by(held.user_id))
    return _first([row for row in rows if row.user_id != beside])


async def handlers_above(unit: Reading, branch: OrganisationId, *, beside: UserId | None = None) -> tuple[UserId, ...]:
    """Return who organises at the nearest place above a branch at which anybody else does."""
    held, tree = duties.c, organisation_closure.c
    query = (
        select(held.user_id, held.role, tree.depth)
        .join(organisation_closure, tree.ancestor_id == held.organisation_id)
        .where(tree.descendant_id == branch, tree.depth > 0, held.role.in_(_HANDLING))
        .order_by(tree.depth, held.user_id)
    )
    rows = [row for row in await unit.rows(query) if row.user_id != beside]
    return _first([row for row in rows if row.depth == rows[0].depth])


async def handling_role(unit: Reading, branch: OrganisationId) -> Role:
    """Return by which duty they do: a secretary is not called an organising member."""
    own = duties.c.organisation_id == branch, duties.c.role == Role.ORGANISING_MEMBER
    found = await unit.value(select(duties.c.user_id).where(*own).limit(1))
    return Role.SECRETARY if found is None else Role.ORGANISING_MEMBER


async def handler_name(unit: Reading, branch: OrganisationId) -> str:
    """Return what who handles the dues of a branch is called, empty where the roster does not say."""
    users = await handlers(unit, branch)
    name = await unit.value(select(members.c.name).where(members.c.user_id.in_(list(users))).order_by(members.c.name))
    return str(name or "")


async def told_of(unit: Reading, member: MemberId) -> Mapping[Reminder, str]:
    """Return of which months a member, or who handles dues, was spoken to."""
    rows = await unit.rows(select(dues_reminders).where(dues_reminders.c.member_id == member))
    return {Reminder(row.reminder): row.last for row in rows}


async def branches_with_dues(unit: Reading) -> tuple[OrganisationId, ...]:
    """Return the branches in which somebody's dues were ever fixed, or in which somebody is whose dues were."""
    tree, held = organisation_closure.c, dues_assessments.c
    moved = (
        select(tree.ancestor_id)
        .join(organisations, organisations.c.id == tree.ancestor_id)
        .join(members, members.c.organisation_id == tree.descendant_id)
        .join(dues_assessments, held.member_id == members.c.id)
        .where(organisations.c.kind == Kind.BRANCH, members.c.left_at.is_(None))
    )
    both = select(held.organisation_id).union(moved).subquery()
    rows = await unit.rows(select(both.c.organisation_id))
    return tuple(sorted(OrganisationId(row.organisation_id) for row in rows))


_UNHANDLED = Prepared(
    select(func.count().label("number"))
    .select_from(organisations)
    .where(
        organisations.c.kind == Kind.BRANCH,
        organisations.c.closed_at.is_(None),
        within(organisations.c.id, ROOTS),
        ~select(duties.c.user_id)
        .where(duties.c.organisation_id == organisations.c.id, duties.c.role.in_(_HANDLING))
        .exists(),
        or_(
            select(dues_assessments.c.id).where(dues_assessments.c.organisation_id == organisations.c.id).exists(),
            select(dues_assessments.c.id)
            .join(members, members.c.id == dues_assessments.c.member_id)
            .where(members.c.organisation_id == organisations.c.id, members.c.left_at.is_(None))
            .exists(),
        ),
    )
)


async def number_unhandled(unit: Reading, roots: Iterable[OrganisationId]) -> int:
    """Return in how many branches at or below the roots dues are fixed, and nobody handles them."""
    return int(await unit.value(_UNHANDLED, {"roots": list(roots)}) or 0)
