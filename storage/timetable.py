"""What stands in the calendar, and when: meetings and lectures at each of their sessions, all else when it is due."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from msgspec import Struct
from sqlalchemy import and_, select

from content.identifiers import OccurrenceId, OrganisationId
from content.lessons import Kind
from content.meeting_sessions import APART
from content.occurrences import State
from storage import quiet
from storage.lessons import lesson_revisions
from storage.meetings import meetings
from storage.schedules import Entry, calendar, occurrences
from storage.unit import Reading


class Slot(Struct, frozen=True, kw_only=True):
    """One time at which something takes place; ``session`` is counted from 1, and 0 of what has only one."""

    entry: Entry
    at: datetime
    session: int = 0
    waits_until: datetime | None = None
    """When what is planned is heard, or the notice of it is, where quiet hours hold it past the time it is due."""


async def timetable(
    unit: Reading,
    roots: Iterable[OrganisationId],
    *,
    since: datetime,
    until: datetime,
    states: Iterable[State] = (),
    limit: int,
) -> tuple[Slot, ...]:
    """Return what takes place in a stretch of time and concerns the subtrees of the roots, in its order.

    A session of what began up to ``APART`` before the stretch is found too.
    """
    roots, states = list(roots), list(states)
    begun = await calendar(unit, roots, since=since - APART, until=since, states=states, begins=True, limit=limit)
    found = [*begun, *await calendar(unit, roots, since=since, until=until, states=states, limit=limit)]
    waits = await quiet.waiting(unit, [one.occurrence for one in found])
    times = await _sessions(unit, [one for one in found if one.occurrence.begins_at is not None])
    slots = [
        Slot(
            entry=entry,
            at=at,
            session=number if len(held) > 1 else _session(entry),
            waits_until=waits.get(entry.occurrence.id) if entry.occurrence.state is State.PLANNED else None,
        )
        for entry in found
        for held in [times.get(entry.occurrence.id) or (entry.occurrence.held_at,)]
        for number, at in enumerate(held, start=1)
        if since <= at < until
    ]
    slots.sort(key=lambda one: (one.at, one.entry.occurrence.id))
    return tuple(slots[:limit])


def _session(entry: Entry) -> int:
    return entry.session + 1 if entry.sessions > 1 else 0


async def _sessions(unit: Reading, begun: list[Entry]) -> dict[OccurrenceId, tuple[datetime, ...]]:
    """Return when each of these meetings and lectures is held, of those that are held more than once."""
    found: dict[OccurrenceId, tuple[datetime, ...]] = {}
    lectures = [one.occurrence.id for one in begun if one.kind == Kind.LECTURE]
    if lectures:
        sent = and_(
            lesson_revisions.c.lesson_id == occurrences.c.lesson_id,
            lesson_revisions.c.revision == occurrences.c.lesson_revision,
        )
        query = select(occurrences.c.id, lesson_revisions.c.lecture).join(lesson_revisions, sent)
        for row in await unit.rows(query.where(occurrences.c.id.in_(lectures))):
            held = (row.lecture or {}).get("sessions", ())
            found[OccurrenceId(row.id)] = tuple(datetime.fromisoformat(one["begins"]) for one in held)
    if len(lectures) < len(begun):
        query = select(meetings.c.occurrence_id, meetings.c.begins_at, meetings.c.sessions).where(
            meetings.c.occurrence_id.in_([one.occurrence.id for one in begun]), meetings.c.sessions.is_not(None)
        )
        for row in await unit.rows(query):
            further = (datetime.fromisoformat(begins) for begins, _ in row.sessions)
            found[OccurrenceId(row.occurrence_id)] = (row.begins_at, *further)
    return found
