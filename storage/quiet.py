"""What is quiet at an organisation, and until when something the bot begins is held back."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date, datetime

from sqlalchemy import select

from content.identifiers import OccurrenceId, OrganisationId, UserId
from content.occurrences import Occurrence, State
from content.quiet import Quiet, QuietDays, free_at, is_day_of_rest, quiet_from
from content.settings import QUIET_DAYS, QUIET_HOURS
from content.shifts import on_duty_from
from storage import shifts, workdays
from storage.members import members
from storage.organisations import duties, organisations
from storage.settings import organisation_settings, value_of, values_of
from storage.unit import Reading


async def at(unit: Reading, node: OrganisationId) -> Quiet:
    """Return what is quiet at an organisation."""
    zone = await unit.value(select(organisations.c.timezone).where(organisations.c.id == node))
    return quiet_from(await value_of(unit, node, QUIET_HOURS), await value_of(unit, node, QUIET_DAYS), str(zone))


async def free_for(unit: Reading, node: OrganisationId, now: datetime) -> datetime:
    """Return from when on something may be said at an organisation."""
    quiet = await at(unit, node)
    return free_at(quiet, now, await workdays.calendar(unit)) if quiet.ever else now


async def waiting(unit: Reading, occurrences: Iterable[Occurrence]) -> dict[OccurrenceId, datetime]:
    """Return which of these will wait for quiet hours to end once they are due, and until when each does.

    What was called off would wait so if it were planned again. What is urgent waits for nothing. However many they
    are, what is quiet at their audiences is read at once.
    """
    ahead = (State.PLANNED, State.CANCELLED)
    those = [one for one in occurrences if one.state in ahead and not one.urgent]
    quiet_at = await _at_each(unit, {one.audience for one in those}) if those else {}
    if not any(quiet.ever for quiet in quiet_at.values()):
        return {}
    known = await workdays.calendar(unit)
    due = {one.id: max(one.due_at, unit.now) for one in those}
    free = {one.id: free_at(quiet_at[one.audience], due[one.id], known) for one in those}
    return {id: until for id, until in free.items() if until > due[id]}  # noqa: A001


async def _at_each(unit: Reading, nodes: Iterable[OrganisationId]) -> dict[OrganisationId, Quiet]:
    """Return what is quiet at each of some organisations."""
    zones = select(organisations.c.id, organisations.c.timezone).where(organisations.c.id.in_(list(nodes)))
    zone_of = {OrganisationId(row.id): str(row.timezone) for row in await unit.rows(zones)}
    hours, days = await values_of(unit, zone_of, QUIET_HOURS), await values_of(unit, zone_of, QUIET_DAYS)
    return {node: quiet_from(hours[node], days[node], zone) for node, zone in zone_of.items()}


async def days_of_rest(unit: Reading, node: OrganisationId) -> Callable[[date], bool]:
    """Return how to tell on which days nothing is said at an organisation."""
    quiet = await at(unit, node)
    if quiet.days is QuietDays.NONE:
        return lambda _: False
    known = await workdays.calendar(unit)
    return lambda day: is_day_of_rest(quiet, day, known)


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
