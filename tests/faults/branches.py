"""Many branches with a room each, a lesson for all of them, and what a member's client sees of it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

from content.decision import Decision, Fact
from content.identifiers import Cause, LessonId, MemberId, OrganisationId, RoomId, ScheduleId, UserId
from content.lessons import Kind as LessonKind
from content.lessons import Lesson, LessonWritten
from content.members import Member as RosterMember
from content.members import MemberEnrolled
from content.organisations import Kind, Organisation, OrganisationFounded
from content.recurrences import Recurrence
from content.rooms import Purpose, Room, RoomKept
from content.schedules import Schedule, schedule_lessons
from storage.store import Step, Store
from tests.member import Member

MARK = "org.zhibu.outbox"
TOP = OrganisationId("top")


async def found(store: Store, rooms: list[str], member: str) -> None:
    facts: list[Fact] = [
        OrganisationFounded(organisation=Organisation(id=TOP, parent=None, kind=Kind.GENERAL_BRANCH, name="总支")),
        LessonWritten(
            lesson=Lesson(id=LessonId("lesson"), owner=TOP, kind=LessonKind.LESSON, title="一课", body="正文"),
            author=UserId("@author:test"),
        ),
    ]
    for number, room in enumerate(rooms):
        branch = OrganisationId(f"branch{number}")
        node = Organisation(id=branch, parent=TOP, kind=Kind.BRANCH, name=f"支部{number}")
        kept = Room(id=RoomId(room), organisation=branch, purpose=Purpose.BRANCH, name=node.name, encrypted=False)
        user = UserId(member) if number == 0 else None
        person = RosterMember(id=MemberId(f"member{number}"), organisation=branch, name="张明", user=user)
        facts += [OrganisationFounded(organisation=node), RoomKept(room=kept), MemberEnrolled(member=person)]
    await _settle(store, "found", Decision(facts=tuple(facts)))


async def _settle(store: Store, name: str, decision: Any) -> None:
    async def decide(_: object) -> Any:
        return decision

    outcome = (await store.settle([Step(cause=Cause(f"test:{name}"), decide=decide)]))[0]
    assert outcome.refusal is None
    assert not outcome.failed


async def schedule_now(store: Store) -> None:
    now = store.now().astimezone(ZoneInfo("Asia/Shanghai")).replace(tzinfo=None)
    rule = Schedule(
        id=ScheduleId("schedule"),
        owner=TOP,
        audience=TOP,
        lessons=(LessonId("lesson"),),
        recurrence=Recurrence.ONCE,
        start=now.date(),
        at=now.time(),
        timezone="Asia/Shanghai",
        window=timedelta(hours=2),
        late=timedelta(hours=2),
    )
    await _settle(store, "schedule", schedule_lessons(rule, author=UserId("@author:test"), now=store.now()))


async def cards(reader: Member, rooms: list[str], bot: str) -> dict[str, list[str]]:
    """Return the lesson's messages in each room, as any client of a member would see them."""
    found = {}
    for room in rooms:
        history = await reader.history(room)
        found[room] = [
            event["event_id"]
            for event in history
            if event["sender"] == bot and MARK in event["content"] and "m.new_content" not in event["content"]
        ]
    return found
