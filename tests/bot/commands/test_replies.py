"""A reply in a room to what a colleague said is talk; one to the bot's, or to who knows what, is not."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from bot.matrix.events import Event
from content.checkins import State
from content.identifiers import OccurrenceId
from tests.small_branch import LESSON, LI, ME, ROLL, SECRETARY, ZHANG, SmallBranch, account, message

WHO, COLLEAGUE = account(ZHANG), account(LI)
TALK = "$talk:test"


def calling(one: Event, *users: str) -> Event:
    """Let a reply name whom it answers, as clients do."""
    return replace(one, content={**one.content, "m.mentions": {"user_ids": list(users)}})


def quoting(user: str, text: str) -> Event:
    """Make a reply as older clients do."""
    return message(WHO, f"> <{user}> 明天的学习我来\n\n{text}", reply=TALK)


async def opened(branch: SmallBranch) -> tuple[OccurrenceId, ...]:
    """Open a lesson and a roll, and begin a sign-up, and show them."""
    await branch.hear(message(SECRETARY, "接龙 周六登山; 截止 明天 18:00"))
    await branch.send_all()
    found = (await branch.open(LESSON), await branch.open(ROLL))
    await branch.send_all()
    assert (await branch.size())["sign_ups"] == 1
    return found


@pytest.mark.parametrize("text", ["+1", "到", "学完了", "请假", "取消", "不去了", "1", "弃权", "取消报名"])
@pytest.mark.parametrize("how", ["mention", "quote", "counted"])
async def test_a_reply_to_a_colleague_is_talk(branch: SmallBranch, text: str, how: str) -> None:
    await opened(branch)
    theirs = message(COLLEAGUE, "学完")
    await branch.hear(theirs)
    said = {
        "mention": calling(message(WHO, text, reply=TALK), COLLEAGUE),
        "quote": quoting(COLLEAGUE, text),
        "counted": message(WHO, text, reply=theirs.event_id),
    }[how]
    before = await branch.everything()
    await branch.hear(said)
    assert await branch.everything() == before


async def test_a_reply_to_the_bot_counts_whomever_else_it_calls(branch: SmallBranch) -> None:
    lesson, roll = await opened(branch)
    card = await branch.card_event(roll)
    await branch.hear(calling(message(WHO, "到", reply=card), COLLEAGUE))
    assert await branch.state(roll, ZHANG) is State.DONE
    # Of what stood there before the database was lost nothing is known but what the reply says.
    await branch.hear(quoting(ME, "学完了"))
    assert await branch.state(lesson, ZHANG) is State.DONE


@pytest.mark.parametrize("mentions", [None, {}, {"user_ids": []}, {"user_ids": "x"}, [], {"room": True}])
async def test_where_it_is_not_known_who_is_answered_all_is_as_without_a_reply(
    branch: SmallBranch, mentions: Any
) -> None:
    lesson, _ = await opened(branch)
    said = message(WHO, "学完了", reply="$unknown:test")
    content = said.content if mentions is None else {**said.content, "m.mentions": mentions}
    await branch.hear(replace(said, content=content))
    assert await branch.state(lesson, ZHANG) is State.DONE


async def test_a_plain_word_counts_also_where_it_calls_a_colleague(branch: SmallBranch) -> None:
    lesson, _ = await opened(branch)
    await branch.hear(calling(message(WHO, "学完了"), COLLEAGUE))
    assert await branch.state(lesson, ZHANG) is State.DONE


async def test_a_reply_that_calls_the_bot_is_meant_for_it(branch: SmallBranch) -> None:
    lesson, _ = await opened(branch)
    await branch.hear(calling(message(WHO, "学完了", reply=TALK), COLLEAGUE, ME))
    assert await branch.state(lesson, ZHANG) is State.DONE


async def test_who_began_a_sign_up_is_answered_as_its_message(branch: SmallBranch) -> None:
    begun = message(SECRETARY, "接龙 周六登山; 截止 明天 18:00")
    await branch.hear(begun)
    await branch.send_all()
    await branch.hear(calling(message(WHO, "+1", reply=begun.event_id), SECRETARY))
    assert (await branch.size())["sign_up_entries"] == 1


async def test_a_chain_that_goes_on_a_colleague_s_is_for_the_sign_up(branch: SmallBranch) -> None:
    await opened(branch)
    chain = "#接龙\n周六登山\n1. 李强\n2. 张明"
    await branch.hear(calling(message(WHO, chain, reply=TALK), COLLEAGUE))
    assert (await branch.size())["sign_up_entries"] == 2


async def test_what_is_no_answer_is_asked_also_in_a_reply_to_a_colleague(branch: SmallBranch) -> None:
    await branch.hear(calling(message(WHO, "静音", reply=TALK), COLLEAGUE))
    assert await branch.told() == [(WHO, "mute.on")]


async def test_who_answers_themself_goes_on(branch: SmallBranch) -> None:
    lesson, roll = await opened(branch)
    own = message(WHO, "签到")
    await branch.hear(own, message(WHO, "学完", reply=own.event_id))
    assert await branch.state(lesson, ZHANG) is State.DONE
    await branch.hear(quoting(WHO, "取消 1"))
    assert State.OPEN in [await branch.state(one, ZHANG) for one in (lesson, roll)]
