"""A meeting at the console: called, its notice gone out, and where that is wanted already begun."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from bot.clock import opening
from bot.meetings import beginning
from content import meetings as rules
from content.checkins import Note, Way, check_in
from content.decision import Decision, Refusal
from content.identifiers import Cause, LessonId, OccurrenceId, ScheduleId
from content.lectures import Session
from content.meetings import Meeting
from content.notices import Form
from storage import checkins, meetings
from storage.store import Step
from tests.console.console_house import House
from tests.console.console_seeding import NOW, SECRETARY

PLANNED, HELD, FAR = (
    rules.id_of(ScheduleId(name), NOW.date()) for name in ("planned meeting", "held meeting", "far meeting")
)


def call_meeting(
    house: House,
    name: str,
    *,
    ahead: timedelta = timedelta(days=7),
    where: str = "one",
    later: timedelta | None = None,
) -> OccurrenceId:
    """Call a meeting of a branch and send its notice; ``name`` makes its identifier.

    Where it is held in two sessions the second is so much ``later``.
    """
    place = house.seeded.organisations[where]
    chair, recorder = (house.seeded.members[name] if where == "one" else None for name in ("白云", "陈晨"))
    one = Meeting(
        id=OccurrenceId(""),
        organisation=place,
        form=Form.ASSEMBLY,
        lesson=LessonId(f"of {name}"),
        title=f"支部党员大会（{name}）",
        agenda=("讨论年度计划", "其他"),
        place="二楼会议室",
        begins_at=house.store.now() + ahead,
        further=() if later is None else (Session(begins=house.store.now() + ahead + later, place="车间"),),
        length=timedelta(hours=1),
        timezone="Asia/Shanghai",
        chair=chair,
        recorder=recorder,
    )

    async def decide(unit: Any) -> Decision | Refusal:
        return rules.call(
            one,
            schedule=ScheduleId(name),
            notice_at=unit.now,
            due=[seat.member for seat in await meetings.due(unit, one)],
            people=[each.id for each in await meetings.people_at(unit, place)],
            author=SECRETARY,
            now=unit.now,
            plainly="会议",
        )

    (called,) = house.run(house.store.settle([Step(cause=Cause(f"seed:call {name}"), decide=decide)]))
    assert isinstance(called.answer, Decision)
    id = rules.id_of(ScheduleId(name), house.store.now().date())
    house.run(house.store.settle([opening(id, house.store.now())]))
    return id


def say_coming(house: House, id: OccurrenceId, name: str, note: Note = Note.COMING) -> None:
    """Have a member say that they will come."""
    member = house.seeded.members[name]
    cause = Cause(f"seed:{id}:{name}")

    async def decide(unit: Any) -> Decision | Refusal | None:
        place = await checkins.expectation(unit, id, member)
        assert place is not None
        return check_in(place, way=Way.PRIVATE, cause=cause, now=unit.now, note=note)

    house.run(house.store.settle([Step(cause=cause, decide=decide)]))


def begin_meeting(house: House, id: OccurrenceId) -> None:
    """Let a meeting begin whose time has come."""
    house.run(house.store.settle([beginning(id)]))


def two_meetings(house: House) -> None:
    """Have one meeting to come and one that has begun."""
    call_meeting(house, "planned meeting")
    held = call_meeting(house, "held meeting", ahead=timedelta(minutes=1))
    say_coming(house, held, "白云")
    house.clock.forward(timedelta(minutes=1))
    begin_meeting(house, held)
