"""What rooms are asked: counted from what was sent and what is planned, for each branch and day."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy import func, or_, select

from content.burden import (
    LOOKED_AHEAD,
    Asked,
    Cap,
    Caps,
    Document,
    Meter,
    Offer,
    Room,
    above,
    caps_from,
    is_quiet,
    line,
    refuse_too_much,
    saved,
)
from content.decision import Refusal, Words
from content.identifiers import LessonId, OccurrenceId, OrganisationId, PollId, RoomId
from content.lessons import ASKING
from content.occurrences import State as OccurrenceState
from content.organisations import Kind, Organisation
from content.polls import Poll
from content.quiet import Hush
from content.rooms import Purpose
from content.schedules import Schedule
from content.series import SeriesContinued
from content.settings import BY_NAME, held_at
from storage import askings, quiet, settings
from storage.audit import audit
from storage.lessons import lesson as lesson_of
from storage.members import members
from storage.organisations import above_each, branches_of, organisation_closure, organisations, within
from storage.rooms import rooms as kept_rooms
from storage.schedules import Entry, occurrences
from storage.unit import Reading


async def caps(unit: Reading, nodes: Iterable[OrganisationId]) -> dict[OrganisationId, Caps]:
    """Return the caps that hold at each of these nodes."""
    chosen = await settings.chosen(unit)
    nodes = list(nodes)
    parents = await above_each(unit, nodes)
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
    without: frozenset[OccurrenceId | PollId] = frozenset(),
) -> tuple[Room, ...]:
    """Return the rooms in which an audience is reached, those that are alike as one, asked in whole months around.

    ``without`` are left out, because they are about to be moved, and so is what nobody has let go out above a cap.
    """
    return tuple(set((await by_branch(unit, audience, since=since, until=until, without=without)).values()))


async def by_branch(
    unit: Reading,
    audience: OrganisationId,
    *,
    since: date,
    until: date,
    without: frozenset[OccurrenceId | PollId] = frozenset(),
) -> dict[OrganisationId, Room]:
    """Return the room of each branch in which an audience is reached."""
    reached = branches_of().where(within(organisation_closure.c.descendant_id, [audience])).subquery()
    query = select(organisations).where(organisations.c.id.in_(select(reached.c.ancestor_id)))
    branches = [row for row in await unit.rows(query) if row.closed_at is None]
    zones = {OrganisationId(row.id): row.timezone for row in branches}
    period = (since.replace(day=1), until + timedelta(days=LOOKED_AHEAD + 31))
    asked: dict[OrganisationId, list[Asked]] = {id: [] for id in zones}  # noqa: A001
    for on, row in await askings.of_occurrences(unit, zones, *period):
        if row.id not in without and (row.reached or (row.state == OccurrenceState.PLANNED and not row.over_cap)):
            asked[OrganisationId(row.branch)].append(Asked(on=on, minutes=row.minutes))
    polled = await askings.of_polls(unit, zones, *period, without=without)
    for branch, at in (*polled, *await askings.of_news(unit, zones, *period)):
        asked[branch].append(Asked(on=at.date()))
    held = await caps(unit, zones)
    return {branch: Room(caps=held[branch], asked=tuple(sorted(found))) for branch, found in asked.items()}


async def room_of(
    unit: Reading, node: OrganisationId, room: RoomId, *, on: date, without: frozenset[PollId] = frozenset()
) -> tuple[Room, ...]:
    """Return a room in which an organisation is asked, with what it is asked in whole months around a day.

    A branch's own is the one in which everything meets that concerns its members; another, as that of its committee,
    has its own polls alone.
    """
    purpose = await unit.value(select(kept_rooms.c.purpose).where(kept_rooms.c.id == room)) or Purpose.BRANCH
    where = askings.EVERYBODYS if purpose in askings.EVERYBODYS else (Purpose(purpose),)
    row = await unit.first(select(organisations.c.kind, organisations.c.timezone).where(organisations.c.id == node))
    if row is None:
        return ()
    if row.kind == Kind.BRANCH and where == askings.EVERYBODYS:
        return await rooms(unit, node, since=on, until=on, without=without)
    zones, period = {node: str(row.timezone)}, (on.replace(day=1), on + timedelta(days=LOOKED_AHEAD + 31))
    found = (
        *await askings.of_polls(unit, zones, *period, without=without, where=where),
        *await askings.of_news(unit, zones, *period, where=where),
    )
    return (Room(caps=(await caps(unit, zones))[node], asked=tuple(sorted(Asked(on=at.date()) for _, at in found))),)


async def within_caps(unit: Reading, rule: Schedule, fact: SeriesContinued) -> SeriesContinued:
    """Mark what a rule that goes on by itself plans above a cap of a room that it would reach."""
    planned = sorted(fact.added, key=lambda one: one.due_at)
    hush = await quiet.hush(unit, rule.audience, urgent=bool(rule.urgent))
    days = [hush.heard_on(one.due_at) for one in planned]
    found = await rooms(unit, rule.audience, since=min(days), until=max(days))
    minutes: dict[LessonId, int] = {}
    for id in {one.lesson for one in planned}:  # noqa: A001
        lesson = await lesson_of(unit, id)
        minutes[id] = lesson.minutes if lesson is not None else 0
    over = above(found, [one.asking(minutes[one.lesson], hush) for one in planned])
    return replace(fact, above=tuple(one.id for one, is_above in zip(planned, over, strict=True) if is_above))


async def still_above(unit: Reading, entry: Entry) -> Refusal | None:
    """Return why what was planned above a cap still is, with the next free day; ``None`` where it may go out."""
    if not entry.occurrence.over_cap:
        return None
    at = max(entry.occurrence.due_at, unit.now)
    return await refuse_sending(unit, await sendings(unit, [entry], {entry.occurrence.id: at}))


class Sending(Struct, frozen=True, kw_only=True):
    """Something that is to go out after all: what, to whom, when, and how many minutes it asks for.

    It falls due ``at`` an instant, and is heard ``on`` a local day: what is not urgent waits for quiet hours to end.
    """

    occurrence: OccurrenceId
    audience: OrganisationId
    at: datetime
    on: date
    hush: Hush
    minutes: int


async def refuse_sending(
    unit: Reading,
    wanted: Sequence[Sending],
    *,
    field: str = "date",
    begins: datetime | None = None,
    again: bool = False,
) -> Refusal | None:
    """Refuse several together where one of them would be too much for a room, each after those before it.

    No day is offered instead on which that would be heard only when what it announces ``begins``, or after.
    """
    if not wanted:
        return None
    since, until = min(one.on for one in wanted), max(one.on for one in wanted)
    without, found = frozenset(one.occurrence for one in wanted), dict[OrganisationId, dict[OrganisationId, Room]]()
    for audience in {one.audience for one in wanted}:
        found[audience] = await by_branch(unit, audience, since=since, until=until, without=without)
    held = {branch: room for reached in found.values() for branch, room in reached.items()}
    for one in sorted(wanted, key=lambda one: (one.on, one.occurrence)):
        asked = Asked(on=one.on, minutes=one.minutes)
        there = [held[branch] for branch in found[one.audience]]
        offer = Offer(hush=one.hush, at=one.at, begins=begins, again=again)
        refusal = refuse_too_much(there, [asked], field=field, offer=offer)
        if refusal is not None:
            return refusal
        held |= {branch: held[branch].after(asked) for branch in found[one.audience]}
    return None


async def sendings(unit: Reading, entries: Sequence[Entry], times: Mapping[OccurrenceId, datetime]) -> list[Sending]:
    """Return what is to go out and when, with the minutes asked by its lesson now: in one session of several."""
    found, hushes = [], await quiet.hushes(unit, {entry.occurrence.audience for entry in entries})
    before = occurrences.alias("before")
    for entry in entries:
        own = select(occurrences.c.id).where(occurrences.c.id == entry.occurrence.id)
        again = own.where(askings.earlier(before, or_(askings.to_come(before), askings.was_held(before))))
        is_asked = not entry.session or await unit.first(again) is None
        lesson = await lesson_of(unit, entry.occurrence.lesson)
        at, hush = times[entry.occurrence.id], hushes[entry.occurrence.audience]
        hush = hush.none() if entry.occurrence.urgent else hush
        found.append(
            Sending(
                occurrence=entry.occurrence.id,
                audience=entry.occurrence.audience,
                at=at,
                on=hush.heard_on(at),
                hush=hush,
                minutes=lesson.minutes if lesson is not None and is_asked else 0,
            )
        )
    return found


async def refuse_poll(unit: Reading, poll: Poll, at: datetime) -> Refusal | None:
    """Refuse a poll that would be one post too many in its room on the day on which it begins.

    Where it is there already and begins on another day than it was to, it does not stand in its own way.
    """
    zone = await unit.value(select(organisations.c.timezone).where(organisations.c.id == poll.organisation))
    on = at.astimezone(ZoneInfo(str(zone))).date()
    found = await room_of(unit, poll.organisation, poll.room, on=on, without=frozenset([poll.id]))
    return refuse_too_much(found, [Asked(on=on)], field="room", offer=await _again(unit, poll.organisation))


async def refuse_live(unit: Reading, node: OrganisationId, room: RoomId, at: datetime) -> Refusal | None:
    """Refuse a live message that would be one post too many in its room on the day on which it is put up."""
    zone = await unit.value(select(organisations.c.timezone).where(organisations.c.id == node))
    on = at.astimezone(ZoneInfo(str(zone))).date()
    found = await room_of(unit, node, room, on=on)
    return refuse_too_much(found, [Asked(on=on)], field="room", offer=await _again(unit, node))


async def _again(unit: Reading, node: OrganisationId) -> Offer:
    """Return the offer for what begins when it is asked for, and can be asked for again on another day at this hour."""
    return Offer(hush=await quiet.hush(unit, node), at=unit.now, again=True)


async def meters(
    unit: Reading, branches: Collection[Organisation], *, since: date, until: date
) -> dict[OrganisationId, Meter]:
    """Return what the rooms of these branches were asked in a month, and what is planned in it."""
    zones = {node.id: node.timezone for node in branches if node.kind is Kind.BRANCH}
    if not zones:
        return {}
    found = {branch: Meter() for branch in zones}
    for _, row in await askings.of_occurrences(unit, zones, since, until):
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
    for asks, begun in (
        (1, await askings.of_polls(unit, zones, since, until)),
        (0, await askings.of_news(unit, zones, since, until)),
    ):
        for branch, at in begun:
            one = found[branch]
            if at > unit.now:
                found[branch] = replace(one, planned=one.planned + 1)
            else:
                night = one.at_night + is_quiet(at)
                found[branch] = replace(one, posts=one.posts + 1, asks=one.asks + asks, at_night=night)
    for branch in await askings.of_papers(unit, zones, since, until):
        found[branch] = replace(found[branch], asks=found[branch].asks + 1)
    return found


async def planned_until(unit: Reading, branches: Collection[Organisation]) -> date | None:
    """Return the last day for which anything is planned that these branches hear of, ``None`` where nothing is."""
    return await askings.last_planned(unit, [node.id for node in branches])


async def documents(
    unit: Reading, roots: Collection[OrganisationId], *, since: datetime, until: datetime, timezone: str
) -> tuple[Document, ...]:
    """Return the tables and documents of these organisations that were made from the records.

    One that speaks of several organisations belongs to where its person stands.
    """
    place = func.coalesce(audit.c.place, members.c.organisation_id)
    query = select(audit.c.thing, audit.c.at, place.label("place")).select_from(
        audit.outerjoin(members, members.c.user_id == audit.c.actor)
    )
    taken = query.where(audit.c.at >= since, audit.c.at < until, audit.c.action == "exported", within(place, roots))
    zone = ZoneInfo(timezone)
    return tuple(
        Document(what=str(row.thing or "").removeprefix("table:"), place=row.place, on=row.at.astimezone(zone).date())
        for row in await unit.rows(taken)
    )


async def line_of(unit: Reading, branch: Organisation, first: date) -> Words:
    """Return a branch's month in one line, for its digest; ``first`` is the first day of the month."""
    following = (first + timedelta(days=32)).replace(day=1)
    zone = ZoneInfo(branch.timezone)
    since, until = (datetime.combine(day, time(), zone).astimezone(UTC) for day in (first, following))
    metered = await meters(unit, [branch], since=first, until=following - timedelta(days=1))
    made = await documents(unit, [branch.id], since=since, until=until, timezone=branch.timezone)
    return line(metered.get(branch.id, Meter()), (await caps(unit, [branch.id]))[branch.id], saved(made))
