"""What is quiet at an organisation, and until when something the bot begins is held back."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import bindparam, select

from content.identifiers import OccurrenceId, OrganisationId, UserId
from content.occurrences import Occurrence, State
from content.quiet import Hush, Quiet, free_at, quiet_from
from content.settings import BY_NAME, QUIET_DAYS, QUIET_HOURS
from content.shifts import on_duty_from
from content.workdays import calendar
from storage import shifts, workdays
from storage.members import members
from storage.organisations import duties, organisation_closure, organisations
from storage.prepared import Prepared
from storage.settings import organisation_settings, value_of
from storage.unit import Reading


async def at(unit: Reading, node: OrganisationId) -> Quiet:
    """Return what is quiet at an organisation."""
    zone = await unit.value(select(organisations.c.timezone).where(organisations.c.id == node))
    return quiet_from(await value_of(unit, node, QUIET_HOURS), await value_of(unit, node, QUIET_DAYS), str(zone))


async def free_for(unit: Reading, node: OrganisationId, now: datetime) -> datetime:
    """Return from when on something may be said at an organisation."""
    quiet = await at(unit, node)
    return free_at(quiet, now, await workdays.calendar(unit)) if quiet.ever else now


@cache
def _set() -> Prepared:
    paths, own = organisation_closure.c, organisation_settings.c
    nodes: Any = bindparam("nodes", expanding=True)
    return Prepared(
        select(organisations.c.id, organisations.c.timezone, own.name, own.value)
        .join(organisation_closure, paths.descendant_id == organisations.c.id)
        .outerjoin(
            organisation_settings,
            (own.organisation_id == paths.ancestor_id) & own.name.in_([QUIET_HOURS, QUIET_DAYS]),
        )
        .where(organisations.c.id.in_(nodes))
        .order_by(paths.depth.desc())
    )


async def hushes(unit: Reading, nodes: Collection[OrganisationId]) -> dict[OrganisationId, Hush]:
    """Return when what falls due at each of these organisations is heard there; read together, in two questions."""
    if not nodes:
        return {}
    zones, chosen = dict[OrganisationId, str](), dict[OrganisationId, dict[str, str]]()
    for row in await unit.rows(_set(), {"nodes": list(nodes)}):
        zones[OrganisationId(row.id)] = str(row.timezone)
        if row.name is not None:
            # The nearest comes last, and holds.
            chosen.setdefault(OrganisationId(row.id), {})[row.name] = str(row.value)
    usual = {name: BY_NAME[name].default for name in (QUIET_HOURS, QUIET_DAYS)}
    held = {id: usual | chosen.get(id, {}) for id in zones}  # noqa: A001
    quiets = {id: quiet_from(one[QUIET_HOURS], one[QUIET_DAYS], zones[id]) for id, one in held.items()}  # noqa: A001
    known = await workdays.calendar(unit) if any(one.ever for one in quiets.values()) else calendar()
    return {id: Hush(quiet=one, known=known) for id, one in quiets.items()}  # noqa: A001


async def hush(unit: Reading, node: OrganisationId, *, urgent: bool = False) -> Hush:
    """Return when what falls due at an organisation is heard there; what is urgent is at once."""
    found = (await hushes(unit, [node]))[node]
    return found.none() if urgent else found


async def waiting(unit: Reading, occurrences: Iterable[Occurrence]) -> dict[OccurrenceId, datetime]:
    """Return which of these will wait for quiet hours to end once they are due, and until when each does.

    What was called off would wait so if it were planned again. What is urgent waits for nothing. However many they
    are, what is quiet at their audiences is read at once.
    """
    ahead = (State.PLANNED, State.CANCELLED)
    those = [one for one in occurrences if one.state in ahead and not one.urgent]
    heard = await hushes(unit, {one.audience for one in those})
    due = {one.id: max(one.due_at, unit.now) for one in those}
    free = {one.id: heard[one.audience].free(due[one.id]) for one in those}
    return {id: until for id, until in free.items() if until > due[id]}  # noqa: A001


async def anywhere(unit: Reading) -> bool:
    """Tell whether any organisation has set what is quiet."""
    named = organisation_settings.c.name.in_([QUIET_HOURS, QUIET_DAYS])
    return await unit.first(select(organisation_settings.c.name).where(named).limit(1)) is not None


async def free_for_person(unit: Reading, user: UserId) -> datetime:
    """Return from when on a person may be told what they did not ask for: by their shift, and where they stand."""
    member = await unit.first(select(members.c.organisation_id, members.c.shift).where(members.c.user_id == user))
    at = unit.now
    if member is not None and member.shift:
        plan = await shifts.plan_at(unit, member.organisation_id)
        at = on_duty_from(plan, member.shift, at)
    if not await anywhere(unit):
        return at
    leads = select(duties.c.organisation_id).where(duties.c.user_id == user).order_by(duties.c.organisation_id)
    node = member.organisation_id if member is not None else await unit.value(leads.limit(1))
    return await free_for(unit, node, at) if node is not None else at
