"""Shifts: how the groups of each place take turns, and who has a seat in which session of a lesson."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, time

from sqlalchemy import JSON, Column, Date, ForeignKey, Table, delete, select

from content.checkins import Expectation, OwnSession, State
from content.identifiers import OccurrenceId, OrganisationId, ScheduleId
from content.occurrences import Seat
from content.occurrences import State as OccurrenceState
from content.shifts import Group, Pattern, Plan, ShiftsDropped, ShiftsSet, Turn, heard_by, hears
from storage import audiences, schedules
from storage.checkins import cards, expectations
from storage.members import members
from storage.organisations import organisation_closure, organisations, within
from storage.schedules import Entry
from storage.tables import metadata
from storage.unit import Reading, Writing

shift_patterns = Table(
    "shift_patterns",
    metadata,
    Column("organisation_id", ForeignKey("organisations.id"), primary_key=True),
    Column("since", Date, primary_key=True),
    Column("turns", JSON, nullable=False),
    Column("groups", JSON, nullable=False),
)
"""What a place has holds below it too, as far as no place there has patterns of its own."""


_HELD = frozenset({OccurrenceState.OPEN, OccurrenceState.CLOSED})


async def ever(unit: Reading) -> bool:
    """Tell whether anybody here works in shifts."""
    return await unit.first(select(shift_patterns.c.since).limit(1)) is not None


async def anyone_at(unit: Reading, audience: OrganisationId) -> bool:
    """Tell whether anybody at or below a place works in shifts."""
    return bool(await plans(unit, [audience]))


async def own(unit: Reading, node: OrganisationId) -> tuple[Pattern, ...]:
    """Return the patterns that a place itself has, the earliest first."""
    return (await _patterns(unit)).get(node, ())


async def plan_at(unit: Reading, node: OrganisationId) -> Plan:
    """Return how the groups of a place take turns; without a pattern nobody does."""
    zone = await unit.value(select(organisations.c.timezone).where(organisations.c.id == node))
    return (await plans(unit, [node])).get(node, Plan(timezone=str(zone or "UTC")))


async def source_of(unit: Reading, node: OrganisationId) -> OrganisationId | None:
    """Return the place whose patterns hold at another: itself, or the nearest above it that has any."""
    paths = organisation_closure
    query = (
        select(paths.c.ancestor_id)
        .where(paths.c.descendant_id == node, paths.c.ancestor_id.in_(select(shift_patterns.c.organisation_id)))
        .order_by(paths.c.depth)
        .limit(1)
    )
    found: OrganisationId | None = await unit.value(query)
    return found


async def plans(unit: Reading, roots: Iterable[OrganisationId]) -> dict[OrganisationId, Plan]:
    """Return how the groups take turns at each place at or below the roots where a pattern holds."""
    patterns = await _patterns(unit)
    if not patterns:
        return {}
    paths = organisation_closure
    query = (
        select(paths.c.descendant_id, paths.c.ancestor_id, organisations.c.timezone)
        .join(organisations, organisations.c.id == paths.c.ancestor_id)
        .where(within(paths.c.descendant_id, list(roots)), paths.c.ancestor_id.in_(list(patterns)))
        .order_by(paths.c.depth)
    )
    found: dict[OrganisationId, Plan] = {}
    for row in await unit.rows(query):
        found.setdefault(row.descendant_id, Plan(timezone=row.timezone, patterns=patterns[row.ancestor_id]))
    return found


async def _patterns(unit: Reading) -> dict[OrganisationId, tuple[Pattern, ...]]:
    found: dict[OrganisationId, tuple[Pattern, ...]] = {}
    for row in await unit.rows(select(shift_patterns).order_by(shift_patterns.c.since)):
        one = Pattern(
            since=row.since,
            turns=tuple(
                Turn(name=name, begins=time.fromisoformat(begins), ends=time.fromisoformat(ends))
                for name, begins, ends in row.turns
            ),
            groups=tuple(Group(name=name, cycle=tuple(cycle)) for name, cycle in row.groups),
        )
        found[row.organisation_id] = (*found.get(row.organisation_id, ()), one)
    return found


async def seats(unit: Reading, entry: Entry) -> tuple[Seat, ...]:
    """Return who is asked in an occurrence: its whole audience, or in one of several sessions those who hear that one.

    Who has a place in another session has none here, and the last that is still to come has room for everybody else.
    So each is counted once, also who changes the group between two sessions or comes to the roster.
    """
    everybody = await audiences.seats(unit, entry.occurrence.audience)
    if entry.sessions == 1:
        return everybody
    beside = await schedules.sessions_beside(unit, entry.occurrence.id)
    taken = await _taken(unit, [one.id for one in beside])
    rest = tuple(seat for seat in everybody if seat.member not in taken)
    coming = sorted(
        [(entry.occurrence.due_at, entry.session)]
        + [(one.due_at, one.session) for one in beside if one.state is OccurrenceState.PLANNED]
    )
    if len(coming) == 1:
        return rest
    times = [at for at, _ in coming]
    here = [session for _, session in coming].index(entry.session)
    heard = await _hearing(unit, entry, times)
    return tuple(seat for seat in rest if heard.get(seat.member) == here)


async def left_out(unit: Reading, entry: Entry) -> tuple[Seat, ...]:
    """Return who would hear no session of a lesson without this one, the last to come after others."""
    planned = OccurrenceState.PLANNED
    if entry.sessions == 1 or entry.occurrence.state is not planned or not entry.occurrence.asks:
        return ()
    stands = {one.state for one in await schedules.sessions_beside(unit, entry.occurrence.id)}
    if planned in stands or not stands & _HELD:
        return ()
    return await seats(unit, entry)


async def left_out_by_end(unit: Reading, schedule: ScheduleId) -> dict[OccurrenceId, tuple[Seat, ...]]:
    """Return the same for a series of which nothing more goes out, by the last session of each lesson."""
    held, last = schedules.occurrences.alias("held"), schedules.occurrences.alias("last")
    query = (
        select(last.c.id, last.c.meant)
        .where(
            last.c.schedule_id == schedule,
            last.c.state == OccurrenceState.PLANNED,
            select(held.c.id)
            .where(held.c.schedule_id == schedule, held.c.meant == last.c.meant, held.c.state.in_(sorted(_HELD)))
            .exists(),
        )
        .order_by(last.c.due_at, last.c.session)
    )
    found: dict[OccurrenceId, tuple[Seat, ...]] = {}
    for id in {row.meant: row.id for row in await unit.rows(query)}.values():  # noqa: A001
        entry = await schedules.entry(unit, id)
        if entry is None or not entry.occurrence.asks:
            continue
        taken = await _taken(unit, [one.id for one in await schedules.sessions_beside(unit, id)])
        everybody = await audiences.seats(unit, entry.occurrence.audience)
        found[id] = tuple(seat for seat in everybody if seat.member not in taken)
    return found


async def own_session(unit: Reading, expectation: Expectation) -> OwnSession | None:
    """Return the session that somebody hears who has a place in another, if it is to come or stands open to them."""
    entry = await schedules.entry(unit, expectation.occurrence.id)
    if entry is None or entry.sessions == 1:
        return None
    beside = [
        one
        for one in await schedules.sessions_beside(unit, entry.occurrence.id)
        if one.state is OccurrenceState.PLANNED
        or (one.state is OccurrenceState.OPEN and one.due_at > entry.occurrence.due_at)
    ]
    coming = sorted([(entry.occurrence.due_at, entry.session)] + [(one.due_at, one.session) for one in beside])
    heard = await _hearing(unit, entry, [at for at, _ in coming])
    if expectation.member not in heard:
        return None
    session = coming[heard[expectation.member]][1]
    own = next((one for one in beside if one.session == session), None)
    everybody = await audiences.seats(unit, entry.occurrence.audience)
    seat = next((one for one in everybody if one.member == expectation.member), None)
    if own is None or seat is None:
        return None
    if own.state is OccurrenceState.PLANNED:
        return OwnSession(occurrence=own.id, branch=seat.branch)
    here = (cards.c.occurrence_id == own.id) & (cards.c.branch_id == seat.branch)
    card = await unit.value(select(cards.c.id).where(here))
    return OwnSession(occurrence=own.id, branch=seat.branch, card=card) if card is not None else None


async def _taken(unit: Reading, sessions: Sequence[OccurrenceId]) -> set[str]:
    """Return who has a place in one of these sessions that was offered to them, or to an entry merged into theirs."""
    query = (
        select(expectations.c.member_id, members.c.merged_into)
        .join(members, members.c.id == expectations.c.member_id)
        .where(expectations.c.occurrence_id.in_(sessions), expectations.c.state != State.NOT_OFFERED)
    )
    rows = await unit.rows(query)
    found, new = {row.member_id for row in rows}, {row.merged_into for row in rows if row.merged_into is not None}
    while new := new - found:
        found |= new
        further = select(members.c.merged_into).where(members.c.id.in_(sorted(new)), members.c.merged_into.is_not(None))
        new = {row.merged_into for row in await unit.rows(further)}
    return found


async def _hearing(unit: Reading, entry: Entry, times: Sequence[datetime]) -> dict[str, int]:
    """Return which of these times each member of an audience hears."""
    audience = entry.occurrence.audience
    known, nothing = await plans(unit, [audience]), Plan(timezone=entry.timezone)
    query = select(members.c.id, members.c.organisation_id, members.c.shift).where(
        within(members.c.organisation_id, [audience]), members.c.left_at.is_(None)
    )
    found: dict[tuple[str, str], int] = {}
    heard: dict[str, int] = {}
    for row in await unit.rows(query):
        key = (row.organisation_id, row.shift)
        if key not in found:
            found[key] = hears(known.get(row.organisation_id, nothing), row.shift, times)
        heard[row.id] = found[key]
    return heard


async def told(unit: Reading, audience: OrganisationId, times: Sequence[datetime]) -> tuple[tuple[str, ...], ...]:
    """Return for each session which groups would hear it, by all patterns that hold at or below its audience."""
    known = (*dict.fromkeys((await plans(unit, [audience])).values()),) or (await plan_at(unit, audience),)
    heard = [heard_by(one, times) for one in known]
    return tuple(tuple(dict.fromkeys(name for one in heard for name in one[place])) for place in range(len(times)))


async def write_set(unit: Writing, fact: ShiftsSet) -> None:
    """Keep how a place works from a day on."""
    values = {
        "organisation_id": fact.organisation,
        "since": fact.pattern.since,
        "turns": [[one.name, one.begins.isoformat(), one.ends.isoformat()] for one in fact.pattern.turns],
        "groups": [[one.name, list(one.cycle)] for one in fact.pattern.groups],
    }
    await unit.put(shift_patterns, values, key=["organisation_id", "since"])


async def write_dropped(unit: Writing, fact: ShiftsDropped) -> None:
    """Let go of a pattern."""
    own_one = (shift_patterns.c.organisation_id == fact.organisation, shift_patterns.c.since == fact.since)
    await unit.execute(delete(shift_patterns).where(*own_one))
