"""决议, 任务, 发言: lines for the record of a meeting, kept as drafts for its recorder; nothing is decided in chat."""

from __future__ import annotations

import re

from bot.commands.asking import Asking, Place
from content import record_lines
from content.decision import Decision, Refusal, refused
from content.identifiers import OccurrenceId
from content.meetings import Meeting
from content.organisations import Right, roots
from content.record_lines import Sort
from content.rooms import Purpose
from storage import checkins, meetings, members, organisations, rooms
from storage import record_lines as stored

_AFTER_THE_WORD = re.compile(r"\s*\S+?[\s:：]+(.+)", re.DOTALL)


async def resolve(asking: Asking) -> Decision | Refusal | None:
    """决议 …: what was decided."""
    return await _say(asking, Sort.RESOLUTION)


async def assign(asking: Asking) -> Decision | Refusal | None:
    """任务 张明 8-1前 …: who does what by when."""
    return await _say(asking, Sort.TASK)


async def speak(asking: Asking) -> Decision | Refusal | None:
    """发言 …: what somebody said in the meeting, as they want it in the minutes."""
    return await _say(asking, Sort.SPEECH)


async def _say(asking: Asking, sort: Sort) -> Decision | Refusal | None:
    unit = asking.unit
    one = await _meant(asking)
    if one is None:
        # In a room where no meeting is held these words are talk.
        return refused("record_lines.where") if asking.place is Place.PRIVATE or asking.card is not None else None
    if sort is not Sort.SPEECH and not await _records(asking, one):
        return refused("record_lines.not_recorder")
    people = await meetings.people_at(unit, one.organisation)
    known = [each.name for each in people]
    called = await members.by_user(unit, asking.called[0]) if asking.called else None
    return record_lines.say(
        one,
        sort,
        _as_typed(asking),
        names={each.name: each.id for each in people if known.count(each.name) == 1},
        called=called.id if called is not None and called.id in {each.id for each in people} else None,
        waiting=await stored.waiting(unit, one.id),
        by=asking.sender,
        cause=asking.cause,
        address=f"{asking.settings.console}/meetings/{one.id}",
        now=unit.now,
    )


async def _meant(asking: Asking) -> Meeting | None:
    """Return the meeting whose notice is answered, or in the committee's room the one that is held there now."""
    if asking.card is not None:
        place = await checkins.card(asking.unit, asking.card)
        return await meetings.meeting(asking.unit, OccurrenceId(place.occurrence)) if place is not None else None
    room = await rooms.room(asking.unit, asking.room) if asking.place is Place.ROOM else None
    if room is None or room.purpose is not Purpose.COMMITTEE:
        return None
    return await stored.held_lately(asking.unit, room.organisation)


async def _records(asking: Asking, one: Meeting) -> bool:
    """Tell whether somebody keeps the record of a meeting: by a duty there, or as its recorder."""
    if asking.member is not None and asking.member.id == one.recorder:
        return True
    duties = await organisations.duties_of(asking.unit, asking.sender)
    return await organisations.stands_below(asking.unit, one.organisation, roots(duties, Right.RECORD))


def _as_typed(asking: Asking) -> str:
    """Return what follows our word, as it was typed: it is to stand in a record."""
    found = _AFTER_THE_WORD.match(asking.text)
    return found[1] if found is not None and asking.argument else ""
