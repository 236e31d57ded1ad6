"""A meeting as its form calls it: all that stands in the way, the same for who looks at its notice and who sends it."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from msgspec import Struct

from console.meeting_drafts import Fields, drafted, notice_of
from console.quiet_hours import Held, holding, refuse_untold
from content import meetings as rules
from content.burden import Asked, Offer, refuse_too_much
from content.decision import Decision, Refusal, refused
from content.identifiers import ScheduleId, UserId, derive
from content.meetings import Meeting, instant_of
from content.organisations import Organisation
from content.reviews import Stage
from content.schedules import LATEST_AHEAD
from storage import burden, quiet
from storage import meetings as stored
from storage.unit import Reading

_MINUTE = timedelta(minutes=1)
"""A form says no seconds."""


class Foreseen(Struct, frozen=True, kw_only=True):
    """What a form would call: the meeting, all that stands in its way, and until when quiet hours hold its notice.

    Without a decision there is something of it that cannot be meant.
    """

    meeting: Meeting
    troubles: tuple[Refusal, ...]
    decision: Decision | None
    held: Held


async def foresee(
    unit: Reading,
    fields: Fields,
    place: Organisation,
    rule: ScheduleId,
    *,
    author: UserId,
    plainly: str,
    review: Stage = Stage.APPROVED,
    told: str | None = None,
) -> Foreseen:
    """Judge a form by everything by which it would be judged when its meeting is called.

    ``told`` is the mark of what the writer knows of quiet hours; where it is ``None`` they are not asked about it.
    """
    troubles: list[Refusal] = []
    people = await stored.people_at(unit, place.id)
    notice_at = notice_of(fields, place, unit.now, troubles)
    day = notice_at.astimezone(ZoneInfo(place.timezone)).date()
    meeting = drafted(
        fields, place, people, troubles, id=rules.id_of(rule, day), lesson=derive(rule, "lesson"), now=unit.now
    )
    wrong = {one.field for one in troubles}
    due = await stored.due(unit, meeting)
    if not due and not wrong & {"form", "named"}:
        troubles.append(refused(f"meeting.nobody_{meeting.circle}", field="named"))
    is_day = not isinstance(instant_of(fields.date, fields.time, place.timezone, field="date"), Refusal)
    if is_day and "notice_date" not in wrong and notice_at > meeting.begins_at:
        troubles.append(refused("meeting.notice_after", field="notice_date"))
    elif "notice_date" not in wrong and notice_at < unit.now - _MINUTE:
        troubles.append(refused("schedule.in_the_past", field="notice_date", due=notice_at))
    elif "notice_date" not in wrong and notice_at > unit.now + LATEST_AHEAD:
        troubles.append(refused("schedule.too_far", field="notice_date"))
    held = await holding(unit, place.id, [notice_at], urgent=fields.urgent)
    called = None
    if not troubles:
        called = rules.call(
            meeting,
            schedule=rule,
            notice_at=notice_at,
            due=[seat.member for seat in due],
            people=[one.id for one in people],
            author=author,
            now=unit.now,
            plainly=plainly,
            review=review,
            urgent=fields.urgent,
            free_at=held.get(notice_at),
        )
    if isinstance(called, Refusal):
        troubles.append(called)
    if all(one.field != "notice_date" for one in troubles):
        begins = None if "date" in wrong else meeting.begins_at
        waits = None if told is None else refuse_untold(held, told, field="notice_date")
        troubles += [
            one for one in (await _too_much(unit, meeting, notice_at, begins, fields.urgent), waits) if one is not None
        ]
    decision = called if isinstance(called, Decision) else None
    return Foreseen(meeting=meeting, troubles=tuple(troubles), decision=decision, held=held)


async def _too_much(
    unit: Reading, meeting: Meeting, notice_at: datetime, begins: datetime | None, urgent: str
) -> Refusal | None:
    """Refuse a notice that would ask more of a room than its organisation wants."""
    if meeting.form in rules.INNER:
        return None
    hush = await quiet.hush(unit, meeting.organisation, urgent=bool(urgent))
    on = hush.heard_on(notice_at)
    rooms = await burden.rooms(unit, meeting.organisation, since=on, until=on)
    asked, offer = Asked(on=on, minutes=rules.NOTICE_MINUTES), Offer(hush=hush, at=notice_at, begins=begins)
    return refuse_too_much(rooms, [asked], field="notice_date", offer=offer)
