"""Digests: when each is due and what became of it, and the numbers that one tells, by the console's own questions."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import Column, Date, ForeignKey, String, Table, select

from content.decision import Words
from content.digests import (
    MOST_LISTED,
    SETTING,
    Bar,
    Digest,
    DigestPlanned,
    DigestSettled,
    Due,
    Fate,
    Planned,
    Rhythm,
    Sort,
    rhythm_from,
    stretch,
    stretches,
)
from content.identifiers import OrganisationId, RoomId
from content.occurrences import Occurrence
from content.occurrences import State as OccurrenceState
from content.organisations import Kind, Organisation
from content.rooms import Purpose
from content.settings import BY_NAME, held_at
from content.year import suggest
from storage import away, burden, cadence, corrections, participation, quiet, schedules, settings
from storage.organisations import tree
from storage.participation import Period
from storage.prepared import Prepared
from storage.rooms import rooms
from storage.settings import organisation_settings
from storage.tables import Instant, metadata
from storage.unit import Query, Reading, Writing

digests = Table(
    "digests",
    metadata,
    Column("organisation_id", ForeignKey("organisations.id"), primary_key=True),
    Column("sort", String(8), primary_key=True),
    Column("on_day", Date, primary_key=True),
    Column("due_at", Instant, nullable=False),
    Column("fate", String(10), nullable=False, index=True),
)

PURPOSE = {Sort.WEEKLY: Purpose.COMMITTEE, Sort.MONTHLY: Purpose.BRANCH}
AHEAD = {Sort.WEEKLY: timedelta(days=7), Sort.MONTHLY: timedelta(days=31)}
MISSED_SINCE = timedelta(days=30)
"""How far back the console's first page looks for what was missed, and so does the digest."""

HELD = (OccurrenceState.OPEN, OccurrenceState.CLOSED)


async def wanted(unit: Reading) -> tuple[tuple[OrganisationId, Rhythm], ...]:
    """Return which organisations want a digest and have a room for it, and when each is due."""
    set_anywhere = select(organisation_settings.c.name).where(organisation_settings.c.name.in_(list(SETTING.values())))
    if await unit.first(set_anywhere.limit(1)) is None:
        return ()
    chosen, nodes = await settings.chosen(unit), await tree(unit)
    parents = {node.id: node.parent for node in nodes}
    housed = {(row.organisation_id, row.purpose) for row in await unit.rows(_working())}
    found = []
    for node in nodes:
        for sort in Sort:
            value = held_at(node.id, BY_NAME[SETTING[sort]], chosen=chosen, parents=parents).value
            rhythm = rhythm_from(sort, value, node.timezone)
            if rhythm is not None and node.closed is None and (node.id, PURPOSE[sort]) in housed:
                found.append((node.id, rhythm))
    return tuple(found)


def _working() -> Query:
    known = rooms.c.purpose.in_(list(PURPOSE.values())) & rooms.c.lost.is_(None)
    return select(rooms.c.organisation_id, rooms.c.purpose, rooms.c.id).where(known).order_by(rooms.c.kept_at)


_PLANNED = Prepared(
    select(digests).where(digests.c.fate == Fate.PLANNED).order_by(digests.c.due_at, digests.c.organisation_id)
)


async def planned(unit: Reading) -> tuple[Planned, ...]:
    """Return the digests that are planned, those that are due first in front."""
    return tuple(
        Planned(
            organisation=OrganisationId(row.organisation_id),
            sort=Sort(row.sort),
            due=Due(on=row.on_day, at=row.due_at),
        )
        for row in await unit.rows(_PLANNED)
    )


async def told(unit: Reading, since: date) -> frozenset[tuple[OrganisationId, Sort, date]]:
    """Return the digests that have had their time since a day, so that none is planned for the same day again."""
    over = (digests.c.on_day >= since, digests.c.fate.not_in([Fate.PLANNED, Fate.DROPPED]))
    rows = await unit.rows(select(digests).where(*over))
    return frozenset((OrganisationId(row.organisation_id), Sort(row.sort), row.on_day) for row in rows)


async def ready(unit: Reading, now: datetime) -> tuple[Planned, ...]:
    """Return the digests that are due, as far as their rooms are not to be left in peace just now."""
    due = [one for one in await planned(unit) if one.due.at <= now]
    return tuple([one for one in due if await quiet.free_for(unit, one.organisation, now) <= now])


async def rhythm_of(unit: Reading, node: Organisation, sort: Sort) -> Rhythm | None:
    """Return when an organisation wants a digest, ``None`` where it wants none."""
    if node.closed is not None:
        return None
    return rhythm_from(sort, await settings.value_of(unit, node.id, SETTING[sort]), node.timezone)


async def room_of(unit: Reading, node: OrganisationId, sort: Sort) -> RoomId | None:
    """Return the room to which an organisation's digest goes, ``None`` while there is none."""
    query = select(rooms.c.id).where(
        rooms.c.organisation_id == node, rooms.c.purpose == PURPOSE[sort], rooms.c.lost.is_(None)
    )
    found = await unit.value(query.order_by(rooms.c.kept_at).limit(1))
    return RoomId(found) if found is not None else None


async def digest(unit: Reading, node: Organisation, sort: Sort, on: date, *, console: str = "") -> Digest:
    """Return what a digest tells that is due on a day; each number is the answer to a question that pages ask too.

    What nobody has approved yet, and a date that is only guessed, is not told to a room: it may never go out.
    """
    roots, (since, until) = [node.id], stretch(sort, on)
    period = Period(since=since, until=until)
    lines = await participation.by_occurrence(unit, roots, period, states=HELD, limit=MOST_LISTED)
    coming = await schedules.calendar(
        unit,
        roots,
        since=unit.now,
        until=_start(on, node) + AHEAD[sort],
        states=[OccurrenceState.PLANNED, OccurrenceState.OPEN],
    )
    certain = [one for one in coming if one.occurrence.is_ahead(unit.now) or _is_sure(one.occurrence)]
    due = await away.due(unit, roots, today=on) if sort is Sort.WEEKLY else away.Due(proposed=0, contact=0)
    bars = []
    for first, last in stretches(sort, on):
        share = await participation.total(unit, roots, Period(since=first, until=last))
        bars.append(Bar(label=f"{first:%m-%d}" if sort is Sort.WEEKLY else f"{first:%Y-%m}", share=share))
    return Digest(
        sort=sort,
        place=node.name,
        since=since,
        until=until,
        held=await participation.held(unit, roots, period),
        titles=tuple(dict.fromkeys(line.title for line in reversed(lines))),
        share=await participation.total(unit, roots, period),
        bars=tuple(bars),
        planned=tuple((one.occurrence.held_at, one.title) for one in certain[:MOST_LISTED]),
        missed=await _missed(unit, roots) if sort is Sort.WEEKLY else 0,
        corrections=await corrections.number_waiting(unit, roots) if sort is Sort.WEEKLY else 0,
        away=due.proposed,
        contact=due.contact,
        suggestions=await _suggestions(unit, node, on) if sort is Sort.WEEKLY else (),
        burden=await _burden(unit, node, since) if sort is Sort.MONTHLY else (),
        address=_address(console, node, since, until) if sort is Sort.WEEKLY else "",
    )


def _is_sure(one: Occurrence) -> bool:
    return one.state is OccurrenceState.PLANNED and one.approved and not (one.provisional or one.over_cap)


def _start(on: date, node: Organisation) -> datetime:
    return datetime.combine(on, time(), ZoneInfo(node.timezone))


async def _missed(unit: Reading, roots: Collection[OrganisationId]) -> int:
    since = unit.now - MISSED_SINCE
    return len(await schedules.calendar(unit, roots, since=since, states=[OccurrenceState.MISSED]))


async def _suggestions(unit: Reading, node: Organisation, on: date) -> tuple[Words, ...]:
    """Return what the committee of a branch may want to hold, by what its year lacks on that day."""
    if node.kind is not Kind.BRANCH:
        return ()
    (seen,) = await cadence.years(unit, [node], year=on.year, today=on)
    return suggest(seen.columns, seen.place, on)


async def _burden(unit: Reading, node: Organisation, since: date) -> tuple[Words, ...]:
    """Return the line of the burden meter for the month of a branch's room."""
    if node.kind is not Kind.BRANCH:
        return ()
    return (await burden.line_of(unit, node, since),)


def _address(console: str, node: Organisation, since: date, until: date) -> str:
    return f"{console}/participation?org={node.id}&since={since}&until={until}" if console else ""


async def newest(unit: Reading, node: OrganisationId, sort: Sort) -> tuple[date, Fate] | None:
    """Return what became of the digest that had its time last."""
    query = select(digests).where(
        digests.c.organisation_id == node,
        digests.c.sort == sort,
        digests.c.fate.in_([Fate.POSTED, Fate.EMPTY, Fate.REPLACED]),
    )
    row = await unit.first(query.order_by(digests.c.on_day.desc()).limit(1))
    return (row.on_day, Fate(row.fate)) if row else None


async def write_planned(unit: Writing, fact: DigestPlanned) -> None:
    """Keep when a digest will be due; one that was let go and is wanted again for the same day is planned anew."""
    own = (
        digests.c.organisation_id == fact.organisation,
        digests.c.sort == fact.sort,
        digests.c.on_day == fact.due.on,
    )
    await unit.execute(digests.delete().where(*own, digests.c.fate == Fate.DROPPED))
    values = {
        "organisation_id": fact.organisation,
        "sort": fact.sort,
        "on_day": fact.due.on,
        "due_at": fact.due.at,
        "fate": Fate.PLANNED,
    }
    await unit.add_missing(digests, values)


async def write_settled(unit: Writing, fact: DigestSettled) -> None:
    """Keep what became of a digest."""
    own = (digests.c.organisation_id == fact.organisation, digests.c.sort == fact.sort, digests.c.on_day == fact.on)
    await unit.execute(digests.update().where(*own).values(fate=fact.fate))
