"""The meetings of the sample branch: one that was held, from its notice to its minutes, and one that is to come."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, time, timedelta
from typing import Any

from content import meetings as rules
from content import minutes, resolutions, roll_calls
from content.checkins import Answered, Note, State
from content.decision import Decision
from content.franchise import roll_of
from content.identifiers import Cause, LessonId, MemberId, OccurrenceId, OrganisationId, ScheduleId, UserId
from content.meetings import Meeting
from content.members import Member
from content.minutes import Part
from content.notices import Form
from content.resolutions import Show
from content.roll_calls import Mark
from content.sent_notices import open_notice
from storage import meetings, schedules
from storage.unit import Reading
from zhibu.demo import sample

Deciding = Callable[[Reading], Awaitable[Any]]
_HOUR = timedelta(hours=1)


def steps(
    people: Mapping[str, Member],
    *,
    branch: OrganisationId,
    organiser: UserId,
    timezone: str,
    identify: Callable[..., str],
    at: Callable[[int, time], datetime],
) -> dict[str, Deciding]:
    """Return how the sample's meetings come to be, each step by its name and after those before it."""
    notice, begins = at(-6, time(9)), at(-2, time(15))
    past = _meeting(sample.MEETING, branch, begins, timezone, people, identify)
    coming = _meeting(sample.NEXT_MEETING, branch, at(5, time(15)), timezone, people, identify)
    rule = ScheduleId(identify("meeting rule", past.title))
    id = rules.id_of(rule, notice.date())  # noqa: A001

    async def held(unit: Reading) -> Meeting:
        one = await meetings.meeting(unit, id)
        assert one is not None
        return one

    async def call(unit: Reading) -> Any:
        return await _called(unit, past, rule, notice, organiser, now=notice)

    async def send(unit: Reading) -> Any:
        one, entry = await held(unit), await schedules.entry(unit, id)
        assert entry is not None
        opened = open_notice(
            one,
            entry.occurrence,
            seats=await meetings.due(unit, one),
            stages=await meetings.rooms_for(unit, one),
            users={},
            shown=await meetings.shown_of(unit, one),
            parts=1,
            now=notice,
        )
        assert opened is not None
        return Decision(facts=opened.facts)

    async def begin(unit: Reading) -> Any:
        one, due = await held(unit), await meetings.due(unit, await held(unit))
        register = roll_of(await meetings.people_at(unit, branch), one.day)
        seated = [seat.member for seat in await meetings.seated(unit, id)]
        return rules.begin(one, due=due, seated=seated, register=register, cards=(), now=begins)

    async def sign(unit: Reading) -> Any:
        seated = [seat.member for seat in await meetings.seated(unit, id)]
        return Decision(facts=tuple(_signed(id, seated, begins, identify)))

    async def vote(unit: Reading) -> Any:
        one, floor = await held(unit), await meetings.floor(unit, id)
        show = Show(yes=floor.present - 1, no=0, abstained=1)
        return resolutions.record(
            one,
            sample.DECIDED,
            now_there=floor,
            show=show,
            known=(),
            replaces=None,
            by=organiser,
            cause=Cause(identify("resolution")),
            now=begins + _HOUR,
        )

    async def assign(unit: Reading) -> Any:
        name, text, days = sample.ASSIGNED
        return resolutions.assign(
            await held(unit),
            people[name].id,
            text,
            due_on=at(days, time()).date(),
            people=[one.id for one in people.values()],
            by=organiser,
            cause=Cause(identify("task")),
            now=begins + _HOUR,
        )

    async def write(unit: Reading) -> Any:
        texts = {Part.CONTENTS: sample.MINUTES, Part.DISCUSSION: sample.REMARKS}
        return minutes.write(
            await held(unit),
            texts,
            ended_at=begins + _HOUR,
            done=True,
            versions=(),
            seen=0,
            by=organiser,
            now=begins + 2 * _HOUR,
        )

    async def close(unit: Reading) -> Any:
        one, places = await held(unit), await meetings.expected(unit, id)
        waiting = [place.member for place in places if place.state is State.OPEN]
        marks = dict.fromkeys(waiting[:1], Mark.LATE)
        return roll_calls.close(
            one,
            places,
            marks,
            cards=(),
            how=sample.CALLED,
            by=organiser,
            cause=Cause(identify("roll")),
            now=begins + 2 * _HOUR,
        )

    async def call_next(unit: Reading) -> Any:
        rule = ScheduleId(identify("meeting rule", coming.title))
        return await _called(unit, coming, rule, at(1, time(9)), organiser, now=unit.now)

    return {
        "meeting": call,
        "meeting_sent": send,
        "meeting_begun": begin,
        "meeting_signed": sign,
        "meeting_voted": vote,
        "meeting_assigned": assign,
        "meeting_written": write,
        "meeting_closed": close,
        "meeting_next": call_next,
    }


def _meeting(
    said: tuple[str, tuple[str, ...]],
    branch: OrganisationId,
    begins: datetime,
    timezone: str,
    people: Mapping[str, Member],
    identify: Callable[..., str],
) -> Meeting:
    title, agenda = said
    chair, recorder = (people[name].id for name in sample.CHAIR_AND_RECORDER)
    return Meeting(
        id=OccurrenceId(""),
        organisation=branch,
        form=Form.ASSEMBLY,
        lesson=LessonId(identify("meeting", title)),
        title=title,
        agenda=agenda,
        place=sample.MEETING_PLACE,
        begins_at=begins,
        length=_HOUR,
        timezone=timezone,
        chair=chair,
        recorder=recorder,
    )


async def _called(
    unit: Reading, one: Meeting, rule: ScheduleId, notice: datetime, organiser: UserId, *, now: datetime
) -> Any:
    return rules.call(
        one,
        schedule=rule,
        notice_at=notice,
        due=[seat.member for seat in await meetings.due(unit, one)],
        people=[each.id for each in await meetings.people_at(unit, one.organisation)],
        author=organiser,
        now=now,
        plainly=one.title,
    )


def _signed(
    id: OccurrenceId,  # noqa: A002
    seated: Sequence[MemberId],
    begins: datetime,
    identify: Callable[..., str],
) -> list[Answered]:
    """Return how they signed in: two are on leave, two online, two say nothing, and the rest is there."""
    found = []
    for place, member in enumerate(seated):
        if place % 12 == 11:
            continue
        excused = place % 12 == 7
        found.append(
            Answered(
                occurrence=id,
                member=member,
                before=State.OPEN,
                after=State.EXCUSED if excused else State.DONE,
                at=begins + timedelta(minutes=place % 9),
                cause=Cause(identify("meeting answer", member)),
                reason=sample.LEAVE if excused else None,
                note=Note.ONLINE if place % 12 == 3 else None,
            )
        )
    return found
