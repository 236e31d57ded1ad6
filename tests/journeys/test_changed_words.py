"""A leave in an encrypted room of the real homeserver: its message changed, then removed, and another taken back."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path

import pytest
from nio import RoomRedactResponse
from sqlalchemy import select

from bot.bot import Bot
from bot.matrix.homeserver import Homeserver
from bot.matrix.login import log_in
from content.checkins import State
from content.decision import Fact
from content.identifiers import LessonId, MemberId, OrganisationId, RoomId, ScheduleId, UserId
from content.lessons import Kind, Lesson, LessonWritten
from content.members import Member, MemberEnrolled
from content.organisations import Kind as Level
from content.organisations import Organisation, OrganisationFounded
from content.recurrences import Recurrence
from content.rooms import Purpose, Room, RoomKept
from content.schedules import LessonsScheduled, Schedule, materialise
from storage.checkins import answers, expectations
from storage.store import Store
from tests.encrypted_member import EncryptedMember
from tests.journeys.test_asked_in_private import KEY, _answer, _private_room
from zhibu.catalogue import load_speech
from zhibu.demo.synapse import Account, Synapse

BRANCH = OrganisationId("branch")


@pytest.mark.synapse
async def test_the_reason_for_a_leave_follows_its_message_in_an_encrypted_room(
    synapse: Synapse, account: Callable[..., Awaitable[Account]], tmp_path: Path
) -> None:
    robot, member = await account("rollbot"), await account("onleave")
    session = await log_in(synapse.url, robot.user_id, robot.password, tmp_path / "bot", KEY, "bot")
    homeserver = Homeserver(session, KEY)
    await homeserver.start()
    store = await Store.open(f"sqlite:///{tmp_path / 'zhibu.db'}")
    room = await homeserver.create_room(invite=[member.user_id], name="支部群")
    bot = Bot(store, homeserver, load_speech(), console="https://console.test")
    work = asyncio.create_task(bot.run())
    try:
        async with EncryptedMember(synapse.url, member, tmp_path / "phone") as phone:
            await phone.join(room)
            await bot.listening.wait()
            await store.settle(notes=_founding(store, member, room))
            while "主题党日" not in await _answer(phone, room, work):
                pass
            direct = await _private_room(phone, robot.user_id, work)

            asked = await phone.say(room, "请假 孩子发烧")
            assert "已记请假" in await _answer(phone, direct, work)
            assert await _reasons(store) == {"孩子发烧"}
            await _change(phone, room, asked, "请假 值班")
            assert "换成了您现在写的" in await _answer(phone, direct, work)
            assert await _reasons(store) == {"值班"}
            removed = await phone.client.room_redact(room, asked)
            assert isinstance(removed, RoomRedactResponse), removed
            assert "事由已经删去" in await _answer(phone, direct, work)
            assert await _reasons(store) == set()
            assert await _state(store) == State.EXCUSED

            again = await phone.say(direct, "请假 出差")
            assert "已记请假" in await _answer(phone, direct, work)
            await phone.say(direct, "取消")
            assert "已取消《主题党日》的请假" in await _answer(phone, direct, work)
            assert await _reasons(store) == set()

            here = await phone.say(direct, "签到")
            assert "已签到" in await _answer(phone, direct, work)
            await phone.client.room_redact(direct, again)
            await _change(phone, direct, here, "今天食堂吃什么")
            assert "还按您原来说的记着" in await _answer(phone, direct, work)
            await phone.say(direct, "撤回")
            assert "已取消" in await _answer(phone, direct, work)
            assert await _state(store) == State.OPEN
    finally:
        work.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await work
        await homeserver.close()
        await store.close()


def _founding(store: Store, member: Account, room: str) -> list[Fact]:
    now, author = store.now(), UserId("@secretary:test")
    rule = Schedule(
        id=ScheduleId("schedule"),
        owner=BRANCH,
        audience=BRANCH,
        lessons=(LessonId("roll"),),
        recurrence=Recurrence.ONCE,
        start=now.date(),
        at=now.time(),
        timezone="UTC",
        window=timedelta(hours=2),
        late=timedelta(hours=1),
    )
    place = Room(id=RoomId(room), organisation=BRANCH, purpose=Purpose.BRANCH, name="支部群", encrypted=True)
    roll = Lesson(id=LessonId("roll"), owner=BRANCH, kind=Kind.EVENT, title="主题党日", body="九点集合。")
    who = Member(id=MemberId("one"), organisation=BRANCH, name="张明", user=UserId(member.user_id))
    return [
        OrganisationFounded(organisation=Organisation(id=BRANCH, parent=None, kind=Level.BRANCH, name="支部")),
        MemberEnrolled(member=who),
        RoomKept(room=place),
        LessonWritten(lesson=roll, author=author),
        LessonsScheduled(schedule=rule, planned=materialise(rule), author=author),
    ]


async def _change(phone: EncryptedMember, room: str, message: str, text: str) -> None:
    """Change a message as clients do."""
    relation = {"rel_type": "m.replace", "event_id": message}
    fresh = {"msgtype": "m.text", "body": text}
    content = {"msgtype": "m.text", "body": f"* {text}", "m.new_content": fresh, "m.relates_to": relation}
    await phone.send(room, "m.room.message", content)


async def _reasons(store: Store) -> set[str]:
    """Return every reason for a leave that is kept."""
    kept: set[str | None] = set()
    for column in (answers.c.reason, expectations.c.reason):
        rows = await store.read(lambda unit, column=column: unit.rows(select(column)))  # type: ignore[misc]
        kept |= {row.reason for row in rows}
    return {one for one in kept if one is not None}


async def _state(store: Store) -> str:
    return str(await store.read(lambda unit: unit.value(select(expectations.c.state))))
