"""In a slow room the bot takes back what comes too soon, keeps nothing of it, and tells its writer once."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from bot.locks import settle_due
from bot.matrix.events import Event
from bot.matrix.faults import Kind
from content import locks
from content.identifiers import EventId
from content.locks import Lock, Part, State
from content.organisations import Duty, DutyGranted, Role
from storage import cases
from storage import locks as stored
from storage.polls import poll_responses
from storage.rooms import StateSeen
from storage.slow_mode import gap_in
from storage.store import Step
from storage.unit import Reading
from tests.bot.commands.test_polls import START, native
from tests.bot.test_guarding import Room, edit
from tests.small_branch import (
    EAST,
    EAST_ROOM,
    LI,
    ME,
    NOON,
    ROOF,
    SECRETARY,
    WANG,
    ZHANG,
    SmallBranch,
    account,
    event,
    message,
    reaction,
)

WHO = account(ZHANG)


class SlowRoom(Room):
    """The east branch's room, and its slow mode for a while."""

    async def slow(self, seconds: int = 30, lasts: timedelta | None = timedelta(hours=2)) -> Any:
        """Begin slow mode, and let the bot know of it, as a minute later."""

        async def decide(unit: Reading) -> Any:
            place = await stored.place(unit, EAST_ROOM, ME)
            assert place is not None
            one = locks.prepare(
                place, Part.SLOW, lasts=lasts, gap=timedelta(seconds=seconds), by=SECRETARY, cause="c", me=ME, now=NOON
            )
            return locks.hold(one, now=unit.now) if isinstance(one, Lock) else one

        (outcome,) = await self.branch.store.settle([Step(cause="slow", decide=decide)])  # type: ignore[arg-type]
        self.restart()
        return outcome.refusal

    async def says(self, body: str, *, after: float = 0, by: Any = WHO, **more: Any) -> Event:
        """Let somebody say something a while later."""
        self.branch.clock.forward(seconds=after)
        one = message(by, body, **more)
        one = replace(one, sent_at=self.branch.clock.now)
        await self.hear(one)
        return one

    async def taken_back(self) -> list[str]:
        await self.work()
        return list(self.homeserver.redacted)


@pytest.fixture
async def room(branch: SmallBranch) -> SlowRoom:
    made = SlowRoom(branch)
    await made.begin()
    return made


async def test_what_comes_too_soon_is_taken_back_and_its_writer_is_told_once(room: SlowRoom) -> None:
    assert await room.slow() is None
    await room.says("大家早")
    soon = await room.says("今天开会吗", after=5)
    again = await room.says("几点呢", after=5)
    await room.says("谢谢", after=21)
    other = await room.says("我也来了", by=account(WANG))
    assert other.event_id not in await room.taken_back()
    assert await room.taken_back() == [soon.event_id, again.event_id]
    assert [told for told in await room.branch.told() if told[0] == WHO] == [(WHO, "slow.told")]


async def test_nothing_of_it_is_kept_and_it_is_no_case(room: SlowRoom) -> None:
    await room.set("slow", "hide")
    await room.says("大家早")
    await room.says("晚上聚一聚", after=5)
    assert len(await room.taken_back()) == 1
    assert await room.struck() == [("slow", "hide")]
    assert await room.flags() == []
    assert await room.branch.store.read(lambda unit: cases.latest(unit, WHO, EAST, NOON)) is None
    assert "晚上聚一聚" not in await room.branch.everything()


async def test_what_a_guard_flags_besides_is_hidden_with_its_words_kept_for_who_looks_into_it(room: SlowRoom) -> None:
    await room.set("slow", "hide")
    await room.says("大家早")
    await room.says("兼职刷单，日结五百", after=5)
    assert len(await room.taken_back()) == 1
    assert await room.flags() == [("words", "guard", None)]
    assert await room.evidence() == ["兼职刷单，日结五百"]


async def test_who_was_flagged_a_moment_ago_is_told_that_what_came_too_soon_is_hidden(room: SlowRoom) -> None:
    """Of a flag nobody is told, so that it is no reason to be silent; and what lies with a case waits in the queue."""
    await room.set("slow", "hide")
    first, *soon = (message(WHO, f"看 https://evil.xyz/{number}") for number in range(3))
    await room.hear(first)
    assert (len(await room.flags()), await room.taken_back(), await room.branch.told()) == (1, [], [])
    room.branch.clock.forward(seconds=5)
    await room.hear(*soon)
    assert await room.taken_back() == [one.event_id for one in soon]
    assert await room.branch.told() == [(WHO, "guards.told_hidden")]
    assert len(await room.evidence()) == len(await room.flags()) == 2


async def test_who_leads_and_the_bot_are_not_held_to_it_and_edits_do_not_count(room: SlowRoom) -> None:
    grant = DutyGranted(duty=Duty(user=account(LI), organisation=ROOF, role=Role.GROUP_LEADER))
    await room.branch.store.settle(notes=[grant])
    await room.slow()
    for by in (SECRETARY, account(LI), ME):
        await room.says("第一句", by=by)
        await room.says("第二句", by=by)
    first = await room.says("大家早")
    await room.hear(edit(WHO, first.event_id, "大家好"))
    assert await room.taken_back() == []


async def test_what_answers_the_bot_never_counts(room: SlowRoom) -> None:
    branch = room.branch
    id = await branch.open()
    await branch.send_all()
    card = await branch.card_event(id)
    await room.slow()
    await room.says("大家早")
    await room.says("签到")
    await room.says("我在", reply=card)
    await room.says("支部助手 我在车间", mention=True)
    await room.says("接龙\n1. 张明\n2. 李强")
    await room.hear(reaction(WHO, card, "👍"))
    assert await room.taken_back() == []
    await room.says("在车间", after=60, reply=card)
    await room.says("大家辛苦了", after=1)
    assert await room.taken_back() == []


@pytest.mark.parametrize(
    "text",
    [
        "发言 大家早上好啊",
        "决议 中午吃面",
        "锁定 这件事大家要记住",
        "慢速 排队的车辆",
        "警告 大家路上小心",
        "提名 张明 他最热心",
        "哈哈 帮助",
        "大家注意：帮助",
        "都行",
    ],
)
async def test_talk_that_begins_like_a_command_of_others_or_of_a_private_room_counts(room: SlowRoom, text: str) -> None:
    await room.slow()
    await room.says("大家早")
    soon = await room.says(text, after=5)
    assert await room.taken_back() == [soon.event_id]


@pytest.mark.parametrize("text", ["签到", "请假 出差", "补学", "更正 我到了", "+1", "帮助", "百科 三会一课", "投票 1"])
async def test_a_command_that_is_heard_in_the_room_does_not_count(room: SlowRoom, text: str) -> None:
    await room.slow()
    await room.says("大家早")
    await room.says(text, after=5)
    assert await room.taken_back() == []


async def test_a_picture_that_calls_the_bot_counts(room: SlowRoom) -> None:
    await room.slow()
    await room.says("大家早")
    picture = {"msgtype": "m.image", "body": "a.png", "m.mentions": {"user_ids": [ME]}}
    soon = event(WHO, "m.room.message", picture)
    await room.hear(soon)
    assert await room.taken_back() == [soon.event_id]


async def test_a_vote_by_a_reply_to_a_poll_that_somebody_began_in_their_client_does_not_count(room: SlowRoom) -> None:
    poll = event(SECRETARY, START, native(), sent_at=room.branch.clock.now)
    await room.hear(poll)
    await room.slow()
    await room.says("大家早")
    await room.says("1", after=5, reply=poll.event_id)
    assert await room.taken_back() == []
    rows = await room.branch.store.read(lambda unit: unit.rows(poll_responses.select()))
    assert [(row.sender, row.by_text) for row in rows] == [(WHO, True)]


async def test_who_answered_the_bot_before_is_told_why_the_next_is_gone(room: SlowRoom) -> None:
    """What answers the bot is let pass, and so is no word to anybody about slow mode."""
    id = await room.branch.open()
    await room.branch.send_all()
    card = await room.branch.card_event(id)
    await room.slow()
    await room.says("各位早")
    await room.says("我到了", after=10, reply=card)
    soon = await room.says("再说一句", after=10)
    assert await room.taken_back() == [soon.event_id]
    assert [told for told in await room.branch.told() if told[1] == "slow.told"] == [(WHO, "slow.told")]


async def test_who_was_told_is_not_told_again_for_ten_minutes_also_after_a_restart(room: SlowRoom) -> None:
    await room.slow(seconds=900)
    told: list[int] = []
    for word, after in (("一", 0), ("二", 1), (None, 0), ("三", 298), ("四", 1), ("五", 299), ("六", 2)):
        if word is None:
            room.restart()
            continue
        await room.says(word, after=after)
        await room.work()
        told.append(len([key for user, key in await room.branch.told() if (user, key) == (WHO, "slow.told")]))
    assert len(await room.taken_back()) == 4
    assert told == [0, 1, 1, 1, 1, 2]


async def test_it_ends_by_the_clock_and_survives_a_restart(room: SlowRoom) -> None:
    await room.slow(lasts=timedelta(hours=1))
    await room.work()
    await room.says("大家早")
    room.restart()
    await room.says("一")
    soon = await room.says("二", after=1)
    assert await room.taken_back() == [soon.event_id]
    room.branch.clock.forward(hours=1)
    await settle_due(room.branch.store)
    await room.says("三")
    await room.says("四", after=1)
    assert await room.taken_back() == [soon.event_id]
    (row,) = await room.branch.store.read(lambda unit: unit.rows(stored.room_locks.select()))
    assert (row.state, row.gap) == (State.OVER, 30)
    assert await room.branch.store.read(lambda unit: gap_in(unit, EAST_ROOM)) is None


async def test_what_was_said_while_the_bot_was_away_stays(room: SlowRoom) -> None:
    await room.slow()
    await room.says("早", by=account(WANG))
    first, second = message(WHO, "一"), message(WHO, "二")
    room.branch.clock.forward(minutes=30)
    await room.hear(first, second)
    assert await room.taken_back() == []


async def test_where_the_bot_may_not_take_anything_back_that_is_said_before(room: SlowRoom) -> None:
    said = (("m.room.create", {"room_version": "11"}), ("m.room.power_levels", {"users": {ME: 0}}))
    notes = [
        StateSeen(
            room=EAST_ROOM, type=kind, state_key="", sender=SECRETARY, event_id=EventId(f"$n{kind}"), content=content
        )
        for kind, content in said
    ]
    await room.branch.store.settle(notes=notes)
    refusal = await room.slow()
    assert refusal is not None
    assert refusal.words.key == "locks.impossible"


async def test_a_message_that_may_not_be_taken_back_any_more_is_told_to_who_moderates(room: SlowRoom) -> None:
    await room.slow()
    await room.work()
    await room.says("一")
    await room.says("二", after=1)
    room.homeserver.fail(Kind.REFUSED, status=403, errcode="M_FORBIDDEN", permanent=True, times=1)
    await room.work()
    assert (SECRETARY, "guards.told_not_hidden") in await room.branch.told()
