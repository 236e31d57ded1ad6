"""Counts what happened in rooms in a year: complaints and what became of them, measures, appeals."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import func, select

from content.complaints import Origin
from content.complaints import State as Answer
from content.identifiers import OrganisationId, RoomId, UserId
from content.moderation_counts import Counts, Line, Year, in_order
from content.sanctions import Appeal, State, Step
from storage.cases import cases
from storage.complaints import complaint_voices, complaints, seen_by
from storage.organisations import organisations, within
from storage.rooms import rooms
from storage.sanctions import sanction_places, sanctions
from storage.unit import Reading

_COUNTED = (Step.WARNING, Step.MUTE, Step.REMOVAL, Step.BAN)
_HELD = (State.ACTIVE, State.ENDED, State.LIFTED)

Where = tuple[OrganisationId, RoomId | None]
Tally = dict[str, int]


async def year(
    unit: Reading, roots: Iterable[OrganisationId], *, since: datetime, until: datetime, reader: UserId
) -> Year:
    """Return what happened at or below the roots from an instant to another, but for complaints about the reader."""
    top = list(roots)
    found: dict[Where, Tally] = defaultdict(lambda: defaultdict(int))
    total: Tally = defaultdict(int)
    await _complaints(unit, top, since, until, reader, found, total)
    appeals, granted = await _measures(unit, top, since, until, found, total)
    query = select(func.count()).select_from(cases).where(within(cases.c.organisation_id, top))
    opened = query.where(cases.c.opened_at >= since, cases.c.opened_at < until, cases.c.user_id != reader)
    return Year(
        lines=await _lines(unit, found),
        total=Counts(**total),
        cases=int(await unit.value(opened) or 0),
        appeals=appeals,
        granted=granted,
    )


async def _complaints(
    unit: Reading,
    top: list[OrganisationId],
    since: datetime,
    until: datetime,
    reader: UserId,
    found: dict[Where, Tally],
    total: Tally,
) -> None:
    columns = (
        complaints.c.id,
        complaints.c.organisation_id,
        complaints.c.state,
        complaint_voices.c.room_id,
        complaint_voices.c.origin,
        func.count().label("n"),
    )
    query: Any = (
        select(*columns)
        .join(complaints, complaints.c.id == complaint_voices.c.complaint_id)
        .where(complaints.c.opened_at >= since, complaints.c.opened_at < until)
        .where(within(complaints.c.organisation_id, top), seen_by(reader))
        .group_by(*columns[:-1])
    )
    seen: set[tuple[str, Where | None]] = set()
    for row in await unit.rows(query):
        where = (OrganisationId(row.organisation_id), RoomId(row.room_id))
        for place, tally in ((where, found[where]), (None, total)):
            tally["flagged" if row.origin == Origin.GUARD else "people"] += row.n
            if (row.id, place) in seen:
                continue
            seen.add((row.id, place))
            tally["complaints"] += 1
            if row.state != Answer.OPEN:
                tally[row.state] += 1


async def _measures(
    unit: Reading,
    top: list[OrganisationId],
    since: datetime,
    until: datetime,
    found: dict[Where, Tally],
    total: Tally,
) -> tuple[int, int]:
    query = (
        select(
            sanctions.c.id,
            sanctions.c.step,
            sanctions.c.state,
            sanctions.c.appeal,
            cases.c.organisation_id,
            sanction_places.c.room_id,
            rooms.c.organisation_id.label("room_place"),
        )
        .join(cases, cases.c.id == sanctions.c.case_id)
        .outerjoin(sanction_places, sanction_places.c.sanction_id == sanctions.c.id)
        .outerjoin(rooms, rooms.c.id == sanction_places.c.room_id)
        .where(sanctions.c.at >= since, sanctions.c.at < until, within(cases.c.organisation_id, top))
        .where(sanctions.c.step.in_(_COUNTED), sanctions.c.state.in_(_HELD))
    )
    seen, appeals, granted = set[str](), 0, 0
    for row in await unit.rows(query):
        place = OrganisationId(row.room_place or row.organisation_id)
        tallies = [found[place, RoomId(row.room_id) if row.room_id else None]]
        if row.id not in seen:
            seen.add(row.id)
            tallies.append(total)
            appeals += row.appeal != Appeal.NONE
            granted += row.appeal == Appeal.GRANTED
        for tally in tallies:
            tally[row.step] += 1
            tally["lifted"] += row.state == State.LIFTED
    return appeals, granted


async def _lines(unit: Reading, found: dict[Where, Tally]) -> tuple[Line, ...]:
    places = {place for place, _ in found}
    named = select(organisations.c.id, organisations.c.name).where(organisations.c.id.in_(list(places)))
    names = {row.id: row.name for row in await unit.rows(named)}
    there = [room for _, room in found if room is not None]
    called = select(rooms.c.id, rooms.c.name).where(rooms.c.id.in_(there))
    titles = {row.id: row.name for row in await unit.rows(called)}
    return in_order(
        Line(
            place=place,
            place_name=names.get(place, place),
            room=room,
            room_name=titles.get(room, room) if room is not None else "",
            counts=Counts(**tally),
        )
        for (place, room), tally in found.items()
    )
