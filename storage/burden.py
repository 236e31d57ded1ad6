"""What rooms are asked: counted from what was sent and what is planned, for each branch and day."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from msgspec.structs import replace
from sqlalchemy import func, or_, select, union

from content.burden import LOOKED_AHEAD, Asked, Cap, Caps, Meter, Room, caps_from, is_quiet
from content.checkins import State
from content.identifiers import OccurrenceId, OrganisationId
from content.lessons import ASKING
from content.occurrences import State as OccurrenceState
from content.organisations import Kind, Organisation
from content.settings import BY_NAME, held_at
from storage import settings
from storage.audit import audit
from storage.checkins import cards, tallies
from storage.lessons import lesson_revisions, lessons
from storage.members import members
from storage.organisations import branches_of, organisation_closure, organisations, tree, within
from storage.polls import polls
from storage.schedules import occurrences
from storage.unit import AnyRow, Reading


async def caps(unit: Reading, nodes: Iterable[OrganisationId]) -> dict[OrganisationId, Caps]:
    """Return the caps that hold at each of these nodes."""
    chosen = await settings.chosen(unit)
    parents = {node.id: node.parent for node in await tree(unit)}
    return {
        node: caps_from({cap: held_at(node, BY_NAME[cap], chosen=chosen, parents=parents).value for cap in Cap})
        for node in nodes
    }


async def rooms(
    unit: Reading,
    audience: OrganisationId,
    *,
    since: date,
    until: date,
    without: frozenset[OccurrenceId] = frozenset(),
) -> tuple[Room, ...]:
    """Return the branches in whose rooms an audience is reached, with what they are asked in whole months around.

    ``without`` are left out, because they are about to be moved.
    """
    reached = branches_of().where(within(organisation_closure.c.descendant_id, [audience])).subquery()
    query = select(organisations).where(organisations.c.id.in_(select(reached.c.ancestor_id)))
    branches = [row for row in await unit.rows(query) if row.closed_at is None]
    zones = {OrganisationId(row.id): row.timezone for row in branches}
    period = (since.replace(day=1), until + timedelta(days=LOOKED_AHEAD + 31))
    asked: dict[OrganisationId, list[Asked]] = {id: [] for id in zones}  # noqa: A001
    for row in await _occurrences(unit, zones, *period):
        if row.id not in without and (row.reached or row.state == OccurrenceState.PLANNED):
            asked[OrganisationId(row.branch)].append(Asked(on=row.local_date, minutes=row.minutes))
    for branch, at in await _polls(unit, zones, *period):
        asked[branch].append(Asked(on=at.date()))
    held = await caps(unit, zones)
    return tuple({Room(caps=held[branch], asked=tuple(sorted(found))) for branch, found in asked.items()})


async def meters(
    unit: Reading, branches: Collection[Organisation], *, since: date, until: date
) -> dict[OrganisationId, Meter]:
    """Return what the rooms of these branches were asked in a month, and what is planned in it."""
    zones = {node.id: node.timezone for node in branches if node.kind is Kind.BRANCH}
    found = {branch: Meter() for branch in zones}
    for row in await _occurrences(unit, zones, since, until):
        branch = OrganisationId(row.branch)
        one = found[branch]
        if row.state == OccurrenceState.PLANNED:
            found[branch] = replace(one, planned=one.planned + 1)
        elif row.reached:
            at_night = row.opened_at is not None and is_quiet(row.opened_at.astimezone(ZoneInfo(zones[branch])))
            found[branch] = replace(
                one,
                posts=one.posts + 1,
                asks=one.asks + (row.kind in ASKING),
                minutes=one.minutes + row.minutes,
                at_night=one.at_night + at_night,
            )
    for branch, at in await _polls(unit, zones, since, until):
        one = found[branch]
        found[branch] = replace(one, posts=one.posts + 1, asks=one.asks + 1, at_night=one.at_night + is_quiet(at))
    return found


async def _occurrences(unit: Reading, zones: Collection[OrganisationId], since: date, until: date) -> list[AnyRow]:
    """Return what concerns each branch: whoever is above it, the branch, and its groups meet in its one room."""
    path = organisation_closure
    above = select(path.c.descendant_id.label("branch"), path.c.ancestor_id.label("audience")).where(
        path.c.descendant_id.in_(list(zones))
    )
    below = select(path.c.ancestor_id.label("branch"), path.c.descendant_id.label("audience")).where(
        path.c.ancestor_id.in_(list(zones))
    )
    reach = union(above, below).subquery()
    revision = func.coalesce(occurrences.c.lesson_revision, lessons.c.revision)
    asked = select(tallies.c.number).where(
        tallies.c.occurrence_id == occurrences.c.id,
        tallies.c.branch_id == reach.c.branch,
        tallies.c.state != State.NOT_OFFERED,
        tallies.c.number > 0,
    )
    # Of a bulletin nobody is counted, so that its cards tell where it was heard.
    shown = select(cards.c.id).where(
        cards.c.occurrence_id == occurrences.c.id, cards.c.branch_id == reach.c.branch, lessons.c.kind.not_in(ASKING)
    )
    query: Any = (
        select(
            reach.c.branch,
            occurrences.c.id,
            occurrences.c.local_date,
            occurrences.c.state,
            occurrences.c.opened_at,
            lesson_revisions.c.minutes,
            or_(asked.exists(), shown.exists()).label("reached"),
            lessons.c.kind,
        )
        .join(occurrences, occurrences.c.audience_id == reach.c.audience)
        .join(lessons, lessons.c.id == occurrences.c.lesson_id)
        .join(
            lesson_revisions,
            (lesson_revisions.c.lesson_id == lessons.c.id) & (lesson_revisions.c.revision == revision),
        )
        .where(
            occurrences.c.state.in_([OccurrenceState.PLANNED, OccurrenceState.OPEN, OccurrenceState.CLOSED]),
            occurrences.c.withdrawn_at.is_(None),
            occurrences.c.local_date >= since,
            occurrences.c.local_date <= until,
        )
    )
    return list(await unit.rows(query))


async def _polls(
    unit: Reading, zones: dict[OrganisationId, str], since: date, until: date
) -> list[tuple[OrganisationId, datetime]]:
    """Return when a poll of ours was begun in which branch, by its own clock."""
    first, last = (datetime.combine(day, time(), UTC) for day in (since, until))
    query = select(polls.c.organisation_id, polls.c.opened_at).where(
        polls.c.organisation_id.in_(list(zones)),
        polls.c.starter.is_(None),
        polls.c.opened_at >= first - timedelta(days=1),
        polls.c.opened_at < last + timedelta(days=2),
    )
    found = [
        (OrganisationId(row.organisation_id), row.opened_at.astimezone(ZoneInfo(zones[row.organisation_id])))
        for row in await unit.rows(query)
    ]
    return [(branch, at) for branch, at in found if since <= at.date() <= until]


async def taken_away(unit: Reading, roots: Collection[OrganisationId], *, since: datetime, until: datetime) -> int:
    """Return how many tables and reports of these organisations were taken out of the records, not filled in by hand.

    One that speaks of several belongs to where its person stands.
    """
    place = func.coalesce(audit.c.place, members.c.organisation_id)
    query = (
        select(func.count())
        .select_from(audit.outerjoin(members, members.c.user_id == audit.c.actor))
        .where(audit.c.at >= since, audit.c.at < until, audit.c.action == "exported", within(place, roots))
    )
    return int(await unit.value(query) or 0)
