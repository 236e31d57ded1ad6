"""What people write around a command in everyday words: it is read, answered in one line, or let be."""

from __future__ import annotations

from typing import Any

import pytest

from bot.commands.grammar import read
from bot.commands.vocabulary import Verb
from content.checkins import State
from storage import inquiries, mutes
from tests.small_branch import EAST_ROOM, LESSON, ROLL, ZHANG, SmallBranch, account, message, private_room

WHO, DIRECT = account(ZHANG), private_room(ZHANG)


async def say(branch: SmallBranch, text: str, **more: Any) -> str:
    before = len(await branch.told())
    await branch.hear(message(WHO, text, **{"room_id": DIRECT, **more}))
    after = await branch.told()
    return after[-1][1] if len(after) > before else ""


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("今晚值夜班请假哈", "今晚值夜班"),
        ("我明天上夜班，请假，谢谢", "我明天上夜班"),
        ("今天张三请假", None),
        ("请 假 条", None),
        ("请假单", None),
    ],
)
def test_leave_is_read_with_its_reason_and_a_form_is_none(text: str, reason: str | None) -> None:
    said = read(text)
    assert (said.argument if said is not None and said.verb is Verb.LEAVE else None) == reason


@pytest.mark.parametrize("text", ["请假 倒班", "请假明天值夜班"])
@pytest.mark.parametrize("where", [{}, {"room_id": EAST_ROOM}])
async def test_a_reason_that_came_with_the_leave_is_said_back_in_private(
    branch: SmallBranch, text: str, where: dict[str, Any]
) -> None:
    await branch.open(ROLL)
    assert await say(branch, text, **where) == "leave.recorded_reason"
    (row,) = (await branch.rows())[-1:]
    assert (row.user_id, "班" in str(row.words)) == (WHO, False), "sealed until it is sent"
    said = [sent.words for sent in await branch.send_all() if sent.user == WHO][-1]
    assert said is not None
    assert "班" in str(said.parameters["reason"])


@pytest.mark.parametrize("text", ["哦", "嗯", "好", "好吧", "没事了"])
async def test_what_is_no_reason_is_not_kept_as_one(branch: SmallBranch, text: str) -> None:
    id = await branch.open(ROLL)
    await say(branch, "请假")
    assert await say(branch, text) in ("", "help.not_understood")
    assert await branch.store.read(lambda unit: inquiries.waiting(unit, WHO)) == id


async def test_leave_alone_is_cancelled_by_name(branch: SmallBranch) -> None:
    lesson, roll = await branch.open(LESSON), await branch.open(ROLL)
    await branch.hear(message(WHO, "学完"), message(WHO, "请假 倒班"))
    assert await branch.state(roll, ZHANG) is State.EXCUSED
    assert await say(branch, "取消请假") == "leave.taken_back_attended"
    assert await say(branch, "取消请假") == "answer.nothing_to_cancel"
    assert await branch.state(lesson, ZHANG) is State.DONE
    assert await say(branch, "取消請假", room_id=EAST_ROOM) == ""


@pytest.mark.parametrize("text", ["静音吧", "靜音吧", "免打扰一周", "免打擾一周"])
async def test_silence_is_asked_for_as_people_say_it(branch: SmallBranch, text: str) -> None:
    assert await say(branch, text, room_id=EAST_ROOM) == "", "in a room it is asked of others"
    assert await branch.store.read(lambda unit: mutes.muted_until(unit, WHO)) is None
    assert await say(branch, text) == "mute.on"


@pytest.mark.parametrize(
    ("text", "then"),
    [
        *(("在吗", "help.here"), ("你好", "help.here"), ("谢谢啦", ""), ("收到谢谢啦", ""), ("收到，谢谢您啦！", "")),
        ("谢谢你们的帮助文档写错了吧", "help.not_understood"),
    ],
)
async def test_a_greeting_is_answered_in_one_line_and_thanks_by_silence(
    branch: SmallBranch, text: str, then: str
) -> None:
    assert await say(branch, text) == then
