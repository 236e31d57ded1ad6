"""Opens what is due, and keeps the times of meetings: they begin by the clock; the silent are reminded once, before."""

from __future__ import annotations

from datetime import datetime

from content import cards, lectures
from content import meetings as rules
from content.checkins import State
from content.franchise import roll_of
from content.identifiers import Cause, OccurrenceId
from content.lessons import Lesson
from content.meetings import Meeting
from content.occurrences import open_occurrence
from content.sent_notices import open_notice
from storage import audiences, burden, checkins, falling_due, meetings, members, quiet, schedules, shifts
from storage.schedules import Entry
from storage.store import Answer, Step, Store
from storage.unit import Reading


async def keep(store: Store, now: datetime) -> None:
    """Let begin what is to begin, and remind where the time for it has come."""
    begun = await store.read(lambda unit: meetings.beginning(unit, now))
    soon = await store.read(lambda unit: meetings.to_remind(unit, now))
    steps = [*map(beginning, begun), *map(reminding, soon)]
    if steps:
        await store.settle(steps)


def beginning(id: OccurrenceId) -> Step:  # noqa: A002
    """Return the step by which a meeting begins."""

    async def decide(unit: Reading) -> Answer:
        one = await meetings.meeting(unit, id)
        if one is None:
            return None
        due = await meetings.due(unit, one)
        people = await members.by_ids(unit, [seat.member for seat in due])
        return rules.begin(
            one,
            due=due,
            seated={each.member for each in await meetings.places(unit, id) if each.state is not State.NOT_OFFERED},
            register=roll_of(people, one.day),
            cards=await checkins.cards_of(unit, id),
            now=unit.now,
        )

    return Step(cause=Cause(f"occurrence:{id}:begin"), decide=decide)


def reminding(one: Meeting) -> Step:
    """Return the step that reminds of a meeting: once, and once more for each time that it was put off or moved."""

    async def decide(unit: Reading) -> Answer:
        entry, known = await schedules.entry(unit, one.id), await meetings.meeting(unit, one.id)
        if entry is None or known is None:
            return None
        waiting = await meetings.silent(unit, one.id, spared_since=unit.now - rules.REMIND_BEFORE)
        return rules.remind(known, waiting, opened_at=entry.occurrence.opened_at, now=unit.now)

    moved = one.moved_at.isoformat() if one.moved_at is not None else "as called"
    return Step(cause=Cause(f"occurrence:{one.id}:remind:{moved}"), decide=decide)


async def open_due(unit: Reading, entry: Entry, lesson: Lesson) -> Answer:
    """Open an occurrence that is due: for those who are due at it where it is a meeting, else for its audience."""
    occurrence = entry.occurrence
    audience = occurrence.audience
    free_at = None if occurrence.urgent else await quiet.free_for(unit, audience, unit.now)
    one = await meetings.meeting(unit, occurrence.id) if occurrence.begins_at is not None else None
    if one is None:
        return await _open_lesson(unit, entry, lesson, free_at)
    seats = await meetings.due(unit, one)
    people = await members.by_ids(unit, [seat.member for seat in seats])
    return open_notice(
        one,
        occurrence,
        seats=seats,
        stages=await meetings.rooms_for(unit, one),
        users={each.id: each.user for each in people if each.user is not None},
        shown=await meetings.shown_of(unit, one),
        parts=cards.parts(lesson),
        now=unit.now,
        free_at=free_at,
    )


async def _open_lesson(unit: Reading, entry: Entry, lesson: Lesson, free_at: datetime | None) -> Answer:
    """Open what is no meeting: in sessions for each shift, a lecture with the hours at which its roll is called."""
    occurrence, lecture = entry.occurrence, lesson.lecture
    seats, stages = await shifts.seats(unit, entry), await audiences.stages(unit, occurrence.audience)
    if entry.sessions > 1:
        seats = () if await falling_due.joined(unit, occurrence.id, unit.now) else seats
        branches = {seat.branch for seat in seats}
        stages = tuple(stage for stage in stages if stage.branch in branches)
    return open_occurrence(
        occurrence,
        seats=seats,
        stages=stages,
        parts=cards.parts(lesson),
        now=unit.now,
        free_at=free_at,
        overtaken=await falling_due.overtaken(unit, occurrence.id, unit.now),
        begins_at=lectures.begins(lecture) if lecture is not None else None,
        closes_at=lectures.roll_closes(lecture, lesson.minutes) if lecture is not None else None,
        timezone=entry.timezone,
        nobody=entry.sessions > 1 and not seats,
        over_cap=await burden.still_above(unit, entry) is not None,
    )
