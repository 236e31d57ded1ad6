"""取消, 撤回, 没事了: what is meant is what was said last, wherever it was said, and nothing older instead."""

from __future__ import annotations

from typing import Any

import pytest

from content.checkins import State
from content.identifiers import OccurrenceId
from storage import mutes
from tests.small_branch import (
    EAST_ROOM,
    LESSON,
    LI,
    ROLL,
    WEST_ROOM,
    ZHANG,
    HandClock,
    SmallBranch,
    account,
    message,
    private_room,
)

WHO, DIRECT = account(ZHANG), private_room(ZHANG)


async def learned(branch: SmallBranch, clock: HandClock) -> OccurrenceId:
    """Let a lesson be read, and a minute pass."""
    id = await branch.open(LESSON)
    await branch.hear(message(WHO, "学完"))
    clock.forward(minutes=1)
    return id


async def say(branch: SmallBranch, clock: HandClock, text: str, **more: Any) -> str:
    """Say something in private, a minute after the last; return what is said to it last."""
    clock.forward(minutes=1)
    before = len(await branch.told())
    await branch.hear(message(WHO, text, **{"room_id": DIRECT, "sent_at": clock.now, **more}))
    after = await branch.told()
    return after[-1][1] if len(after) > before else ""


@pytest.mark.parametrize(
    ("first", "then"),
    [
        ("更正 日期写错了", "correction.withdrawn"),
        ("静音 3天", "mute.off"),
        ("求助 更衣柜坏了", "help_case.to_withdraw"),
    ],
)
async def test_cancelling_is_meant_of_what_was_said_last(
    branch: SmallBranch, clock: HandClock, first: str, then: str
) -> None:
    id = await learned(branch, clock)
    await say(branch, clock, first)
    assert await say(branch, clock, "取消") == then
    assert await branch.state(id, ZHANG) is State.DONE


async def test_cancelling_in_a_room_is_meant_of_what_was_said_there_last(branch: SmallBranch, clock: HandClock) -> None:
    id = await learned(branch, clock)
    await say(branch, clock, "静音 3天", room_id=EAST_ROOM)
    assert await say(branch, clock, "取消", room_id=EAST_ROOM) == "mute.off"
    assert await branch.state(id, ZHANG) is State.DONE
    await say(branch, clock, "静音 3天")
    assert await say(branch, clock, "取消", room_id=EAST_ROOM) == "checkin.taken_back", "the other was said in private"


async def test_cancelling_after_what_stays_asks_which_of_the_rest_is_meant(
    branch: SmallBranch, clock: HandClock
) -> None:
    over = await branch.open(LESSON)
    clock.forward(hours=3)
    await branch.let_close(over)
    roll = await branch.open(ROLL)
    await branch.hear(message(WHO, "签到"))
    await say(branch, clock, "补学 1")
    assert await branch.state(over, ZHANG) is State.MADE_UP
    assert await say(branch, clock, "取消") == "answer.which_else"
    assert await branch.state(roll, ZHANG) is State.DONE
    await say(branch, clock, "取消 1")
    assert await branch.state(roll, ZHANG) is State.OPEN
    assert await say(branch, clock, "取消") == "answer.closed"


async def test_cancelling_takes_an_open_answer_back_where_that_was_said_last(
    branch: SmallBranch, clock: HandClock
) -> None:
    await say(branch, clock, "静音 3天")
    id = await learned(branch, clock)
    await say(branch, clock, "取消")
    assert await branch.state(id, ZHANG) is State.OPEN
    assert await branch.store.read(lambda unit: mutes.muted_until(unit, WHO)) is not None


@pytest.mark.parametrize("text", ["没事了", "算了", "说错了没事了", "说错了"])
async def test_who_needs_help_no_longer_is_told_how_their_case_is_taken_back(
    branch: SmallBranch, clock: HandClock, text: str
) -> None:
    await learned(branch, clock)
    await say(branch, clock, "求助 更衣柜坏了")
    assert await say(branch, clock, text) == "help_case.to_withdraw"
    await say(branch, clock, "更正 日期写错了")
    assert await say(branch, clock, text) == "help.not_understood", "what was said last is another thing"


@pytest.mark.parametrize("text", ["说错了没事了", "说错了，没事了", "说错了", "发错了，我是想问学时"])
async def test_what_was_a_mistake_opens_no_help_case(branch: SmallBranch, clock: HandClock, text: str) -> None:
    await say(branch, clock, "求助")
    assert await say(branch, clock, text) == "help_case.dropped"
    assert await say(branch, clock, "进度") == "help_case.none_of_mine"


async def test_of_what_closed_long_ago_nothing_is_said_to_who_takes_something_back(
    branch: SmallBranch, clock: HandClock
) -> None:
    id = await learned(branch, clock)
    clock.forward(hours=3)
    await branch.let_close(id)
    assert await say(branch, clock, "撤回") == "answer.closed"
    clock.forward(hours=30)
    assert await say(branch, clock, "撤回") == "answer.nothing_to_withdraw"
    assert await say(branch, clock, "取消") == "answer.nothing_to_cancel"
    assert await branch.state(id, ZHANG) is State.DONE


async def test_in_a_room_one_takes_back_what_one_said_there(branch: SmallBranch, clock: HandClock) -> None:
    id = await learned(branch, clock)
    assert await say(branch, clock, "更正 日期写错了", room_id=EAST_ROOM) == "correction.recorded"
    await say(branch, clock, "静音 3天")
    assert await say(branch, clock, "撤回", room_id=WEST_ROOM) == ""
    assert await say(branch, clock, "撤回", room_id=EAST_ROOM) == "correction.withdrawn"
    assert await say(branch, clock, "撤回", room_id=EAST_ROOM) == "checkin.taken_back"
    assert await branch.state(id, ZHANG) is State.OPEN
    assert await say(branch, clock, "撤回", room_id=EAST_ROOM) == "", "what is left was said in private"
    assert await branch.store.read(lambda unit: mutes.muted_until(unit, WHO)) is not None


@pytest.mark.parametrize("text", ["撤回了吧", "撤回消息怎么弄", "撤回 B-001", "撤回啊", "快撤回"])
async def test_talk_about_taking_back_is_talk_in_a_room(branch: SmallBranch, clock: HandClock, text: str) -> None:
    id = await learned(branch, clock)
    assert await say(branch, clock, text, room_id=EAST_ROOM) == ""
    assert await branch.state(id, ZHANG) is State.DONE


async def test_in_answer_to_a_colleague_taking_back_is_talk(branch: SmallBranch, clock: HandClock) -> None:
    id = await learned(branch, clock)
    theirs = message(account(LI), "学完")
    await branch.hear(theirs)
    assert await say(branch, clock, "撤回", room_id=EAST_ROOM, reply=theirs.event_id) == ""
    clock.forward(minutes=1)
    before = await branch.told()
    await branch.hear(message(account(LI), "撤回", room_id=WEST_ROOM), message("@stranger:test", "撤回"))  # type: ignore[arg-type]
    assert await branch.told() == before
    assert await branch.state(id, ZHANG) is State.DONE
