"""What people write in chat and what it comes to: the whole table of idioms, and the silence around it."""

from __future__ import annotations

from typing import Any

import pytest

from bot.matrix.events import Event
from content.checkins import State
from content.identifiers import OccurrenceId, RoomId, UserId
from storage.checkins import expectations
from tests.small_branch import (
    LESSON,
    LI,
    ME,
    ROLL,
    ZHANG,
    HandClock,
    SmallBranch,
    account,
    event,
    message,
    private_room,
)

WHO = account(ZHANG)
HERE = [
    "签到",
    "簽到",
    "签 到",
    "签到。",
    "签到！",
    "签到。！~",
    " 签到 ",
    "！签到",
    "“签到”",
    "「签到」",
    "已到",
    "到",
    "打卡",
]
HERE += ["here", "HERE", "Here.", "!CheckIn", "check in", "签\u200b到", "\u202e签到", "签到\ufe0f"]
TALK = [
    "我到了",
    "快到了吗",
    "到时候再说",
    "在吗",
    "签到？",
    "签到?",
    "怎么签到",
    "1",
    "在",
    "收到",
    "收到！",
    "收到，谢谢",
]
TALK += ["好的", "OK", "👌", "👍", "", " ", "\u200b\u2060", "。", "我", "me", "个人", "菜单", "怎么用", "?", "学完了吗"]
TALK += [
    "签到签到",
    "大家快签到",
    "到 了",
    "请假条在哪里领",
    "谁请假了",
    "leave it to me",
    "leave early today?",
    "I am here",
]
TALK += [
    "签到\n我先走了",
    "> 签到\n\n我到了",
    "```签到```",
    "`签到`",
    "||签到||",
    "签到 ٣",
    "签到 ²",
    "签到 1_000",
    "a" * 60_000,
]
REASONS = [
    ("请假 倒班", "倒班"),
    ("請假 倒班", "倒班"),
    ("请假　倒班", "倒班"),
    ("请 假 倒班", "倒班"),
    ("请假 「去 北京」", "去 北京"),
    ("有事请假", "有事"),
    ("有事", "有事"),
    ("值班", "值班"),
    ("出差", "出差"),
    ("倒班", "倒班"),
    ("病假", "病假"),
    ("请假", None),
]


async def reason_of(branch: SmallBranch, id: OccurrenceId) -> str | None:
    query = expectations.select().where(expectations.c.occurrence_id == id, expectations.c.member_id == ZHANG)
    row = await branch.store.read(lambda unit: unit.first(query))
    assert row is not None
    return row.reason  # type: ignore[no-any-return]


async def leaves_trace(branch: SmallBranch, before: str, heard: Event) -> bool:
    """Tell whether hearing something changed anything at all in the database."""
    await branch.hear(heard)
    return await branch.everything() != before


@pytest.mark.parametrize("text", HERE)
async def test_said_in_the_room_while_the_roll_is_open_it_signs_in(branch: SmallBranch, text: str) -> None:
    id = await branch.open(ROLL)
    await branch.hear(message(WHO, text))
    assert await branch.state(id, ZHANG) is State.DONE
    assert await branch.state(id, LI) is State.OPEN
    assert await branch.told() == [(WHO, "checkin.signed_in")]


async def test_talk_in_the_room_is_met_with_silence_and_leaves_no_trace(branch: SmallBranch) -> None:
    await branch.open(ROLL)
    await branch.send_all()
    before = await branch.everything()
    assert [text for text in TALK if await leaves_trace(branch, before, message(WHO, text))] == []


async def test_with_nothing_open_the_room_is_met_with_silence(branch: SmallBranch) -> None:
    before = await branch.everything()
    texts = [*HERE, "学完", "done", "请假", "有事", "补学吧"]
    assert [text for text in texts if await leaves_trace(branch, before, message(WHO, text))] == []


@pytest.mark.parametrize(("text", "reason"), REASONS)
async def test_leave_is_recorded_with_its_reason_which_only_the_recorder_sees(
    branch: SmallBranch, text: str, reason: str | None
) -> None:
    id = await branch.open(ROLL)
    await branch.hear(message(WHO, text))
    assert await branch.state(id, ZHANG) is State.EXCUSED
    assert await reason_of(branch, id) == reason
    assert await branch.told() == [(WHO, "leave.recorded_reason" if reason else "leave.recorded_ask_reason")]
    sentences = [row.words for row in await branch.rows() if row.words]
    assert reason is None or reason not in str(sentences)


@pytest.mark.parametrize("text", ["1", "在", "１", "①", "1️⃣", "1。", "签到", "到", "here"])
async def test_in_a_reply_to_the_card_a_number_or_a_word_is_enough(branch: SmallBranch, text: str) -> None:
    id = await branch.open(ROLL)
    await branch.send_all()
    await branch.hear(message(WHO, text, reply=await branch.card_event(id)))
    assert await branch.state(id, ZHANG) is State.DONE


@pytest.mark.parametrize("text", ["收到", "好的", "几点开始", "我到了", "2", "签到？"])
async def test_other_replies_to_the_card_mean_nothing(branch: SmallBranch, text: str) -> None:
    id = await branch.open(ROLL)
    await branch.send_all()
    before = await branch.size()
    await branch.hear(message(WHO, text, reply=await branch.card_event(id)))
    assert await branch.size() == before


async def test_a_reply_to_somebody_else_is_no_reply_to_the_card(branch: SmallBranch) -> None:
    await branch.open(ROLL)
    before = await branch.size()
    await branch.hear(message(WHO, "1", reply="$somebody-else"))
    assert await branch.size() == before


async def test_the_quoted_part_of_a_reply_is_not_read(branch: SmallBranch) -> None:
    """I015."""
    id = await branch.open(ROLL)
    await branch.send_all()
    await branch.hear(message(WHO, "> <@zhibu:test> 签到吧\n> 第二行\n\n在", reply=await branch.card_event(id)))
    assert await branch.state(id, ZHANG) is State.DONE


async def test_a_reply_in_english_may_give_a_reason_for_leave(branch: SmallBranch) -> None:
    id = await branch.open(ROLL)
    await branch.send_all()
    await branch.hear(message(WHO, "Leave Night Shift", reply=await branch.card_event(id)))
    assert await branch.state(id, ZHANG) is State.EXCUSED
    assert await reason_of(branch, id) == "Night Shift"


@pytest.mark.parametrize("text", ["签到", "到", "here"])
async def test_in_private_it_signs_in_too(branch: SmallBranch, text: str) -> None:
    id = await branch.open(ROLL)
    await branch.hear(message(WHO, text, room_id=private_room(ZHANG)))
    assert await branch.state(id, ZHANG) is State.DONE


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("签到", "checkin.nothing_open"),
        ("学完", "checkin.nothing_open"),
        ("请假", "checkin.nothing_open"),
        ("补学", "makeup.nothing"),
        ("补学 1", "makeup.nothing"),
        ("你好", "help.here"),
        ("签到？", "help.did_you_mean"),
        ("帮助", "help.all"),
        ("help", "help.all"),
        ("？", "help.all"),
        ("我的", "mine.all"),
        ("我", "mine.all"),
        ("绑定", "binding.no_code"),
        ("控制台", "console.no_duty"),
    ],
)
async def test_in_private_everything_is_answered(branch: SmallBranch, text: str, key: str) -> None:
    await branch.hear(message(WHO, text, room_id=private_room(ZHANG)))
    assert await branch.told() == [(WHO, key)]


@pytest.mark.parametrize("text", ["帮助", "help", "我的", "补学", "控制台"])
async def test_what_is_asked_in_the_room_is_answered_in_private(branch: SmallBranch, text: str) -> None:
    await branch.hear(message(WHO, text))
    (row,) = await branch.rows()
    assert (row.user_id, row.room_id) == (WHO, None)


@pytest.mark.parametrize("text", ["支部助手：你好吗", "zhibu: hallo"])
async def test_who_mentions_the_bot_is_answered_even_if_not_understood(branch: SmallBranch, text: str) -> None:
    await branch.hear(message(WHO, text, mention=True))
    assert await branch.told() == [(WHO, "help.not_understood")]


@pytest.mark.parametrize("text", ["支部助手: 签到", "@zhibu:test 签到", "签到"])
async def test_a_mention_before_the_word_is_no_part_of_it(branch: SmallBranch, text: str) -> None:
    id = await branch.open(ROLL)
    await branch.hear(message(WHO, text, mention=True))
    assert await branch.state(id, ZHANG) is State.DONE


@pytest.mark.parametrize("text", ["学完", "學完", "学完了", "学好了", "done", "Finished!"])
async def test_a_lesson_is_learned_by_saying_so(branch: SmallBranch, text: str) -> None:
    id = await branch.open(LESSON)
    await branch.hear(message(WHO, text))
    assert await branch.state(id, ZHANG) is State.DONE


async def test_the_word_decides_between_a_lesson_and_a_roll(branch: SmallBranch) -> None:
    lesson, roll = await branch.open(LESSON), await branch.open(ROLL)
    await branch.hear(message(WHO, "签到"))
    assert (await branch.state(lesson, ZHANG), await branch.state(roll, ZHANG)) == (State.OPEN, State.DONE)
    await branch.hear(message(WHO, "学完"))
    assert await branch.state(lesson, ZHANG) is State.DONE


async def test_two_of_a_kind_are_asked_about_in_private_and_chosen_by_number(branch: SmallBranch) -> None:
    ids = [await branch.open(ROLL), await branch.open(ROLL)]
    await branch.hear(message(WHO, "签到"))
    assert await branch.told() == [(WHO, "checkin.which")]
    (row,) = [row for row in await branch.rows() if row.words]
    numbers = [line["parameters"]["number"] for line in row.words["parameters"]["list"]["lines"]]
    assert numbers == [1, 2]
    await branch.hear(message(WHO, "签到 2"))
    states = {await branch.state(id, ZHANG) for id in ids}
    assert states == {State.OPEN, State.DONE}
    await branch.hear(message(WHO, "签到"))
    assert {await branch.state(id, ZHANG) for id in ids} == {State.DONE}


async def test_a_number_that_is_not_there_is_refused(branch: SmallBranch) -> None:
    await branch.open(ROLL)
    await branch.open(ROLL)
    await branch.hear(message(WHO, "签到 3"), message(WHO, "签到 0"))
    assert await branch.told() == [(WHO, "checkin.no_such_number")] * 2


async def test_leave_from_one_of_two_is_chosen_by_number_as_well(branch: SmallBranch) -> None:
    lesson, roll = await branch.open(LESSON), await branch.open(ROLL)
    await branch.hear(message(WHO, "请假 倒班"))
    assert await branch.told() == [(WHO, "leave.which")]
    assert {await branch.state(lesson, ZHANG), await branch.state(roll, ZHANG)} == {State.OPEN}
    order = sorted([lesson, roll])  # both are due at the same instant
    await branch.hear(message(WHO, "请假 2 倒班"))
    assert await branch.state(order[0], ZHANG) is State.OPEN
    assert await branch.state(order[1], ZHANG) is State.EXCUSED
    assert await reason_of(branch, order[1]) == "倒班"
    await branch.hear(message(WHO, "请假 1"))
    assert await branch.state(order[0], ZHANG) is State.EXCUSED
    assert (await branch.told())[-1] == (WHO, "leave.recorded_ask_reason")


async def test_with_one_thing_open_a_number_in_the_reason_is_part_of_it(branch: SmallBranch) -> None:
    id = await branch.open(ROLL)
    await branch.hear(message(WHO, "请假 12 号出差"))
    assert await reason_of(branch, id) == "12 号出差"


async def test_what_was_missed_is_listed_and_made_up_by_numbers_that_stay(
    branch: SmallBranch, clock: HandClock
) -> None:
    first = await branch.open(LESSON)
    clock.forward(hours=3)
    await branch.let_close(first)
    second = await branch.open(LESSON)
    clock.forward(hours=3)
    await branch.let_close(second)
    direct = private_room(ZHANG)
    await branch.hear(message(WHO, "补学", room_id=direct))
    (row,) = [row for row in await branch.rows() if row.words]
    assert [line["parameters"]["number"] for line in row.words["parameters"]["list"]["lines"]] == [1, 2]
    await branch.hear(message(WHO, "补学 1", room_id=direct), message(WHO, "补课 ２", room_id=direct))
    assert await branch.state(first, ZHANG) is State.MADE_UP
    assert await branch.state(second, ZHANG) is State.MADE_UP
    await branch.hear(message(WHO, "补学", room_id=direct), message(WHO, "补学 3", room_id=direct))
    assert [key for _, key in await branch.told()] == [
        "makeup.list",
        "checkin.made_up",
        "checkin.made_up",
        "makeup.nothing",
        "checkin.no_such_number",
    ]


async def test_a_reply_to_the_card_after_the_close_counts_as_late(branch: SmallBranch, clock: HandClock) -> None:
    id = await branch.open(LESSON)
    await branch.send_all()
    clock.forward(hours=3)
    await branch.let_close(id)
    await branch.hear(message(WHO, "学完", reply=await branch.card_event(id)))
    assert await branch.state(id, ZHANG) is State.LATE


CARELESS: list[dict[str, Any]] = [
    {"msgtype": "m.notice", "body": "签到"},
    {"msgtype": "m.emote", "body": "签到"},
    {"msgtype": "m.image", "body": "签到", "url": "mxc://a/b"},
    {"msgtype": "m.file", "body": "签到", "filename": "签到"},
    {"msgtype": "m.location", "body": "签到"},
    {"msgtype": "m.text", "body": "你好", "format": "org.matrix.custom.html", "formatted_body": "签到"},
    {"msgtype": "m.text", "body": "* 签到", "m.new_content": {"msgtype": "m.text", "body": "签到"}},
    {
        "msgtype": "m.text",
        "body": "签到",
        "m.new_content": {"msgtype": "m.text", "body": "签到"},
        "m.relates_to": {"rel_type": "m.replace", "event_id": "$x"},
    },
    {"msgtype": "m.text", "body": 1},
    {"msgtype": "m.text", "body": None},
    {"msgtype": "m.text"},
    {"body": "签到"},
    {"msgtype": ["m.text"], "body": "签到"},
    {},
]


async def test_notices_captions_edits_and_malformed_messages_ask_for_nothing(branch: SmallBranch) -> None:
    """I010, I018, I025."""
    await branch.open(ROLL)
    before = await branch.everything()
    heard = [event(WHO, "m.room.message", content) for content in CARELESS]
    assert [one.content for one in heard if await leaves_trace(branch, before, one)] == []


@pytest.mark.parametrize(
    "relation", ["text", ["list"], 7, None, {"m.in_reply_to": "x"}, {"m.in_reply_to": {"event_id": 3}}]
)
async def test_a_malformed_relation_counts_as_none(branch: SmallBranch, relation: object) -> None:
    """I011."""
    id = await branch.open(ROLL)
    await branch.hear(event(WHO, "m.room.message", {"msgtype": "m.text", "body": "签到", "m.relates_to": relation}))
    assert await branch.state(id, ZHANG) is State.DONE


@pytest.mark.parametrize(
    "more", [{"sender": ME}, {"foreign": True}, {"state_key": ""}, {"sender": UserId("@stranger:test")}]
)
async def test_own_messages_foreign_devices_and_strangers_are_not_heard(
    branch: SmallBranch, more: dict[str, Any]
) -> None:
    """I019, I021, N21."""
    await branch.open(ROLL)
    before = await branch.size()
    await branch.hear(message(**{"sender": WHO, "body": "签到", **more}))
    assert await branch.size() == before


async def test_the_same_localpart_on_another_server_is_another_person(branch: SmallBranch) -> None:
    """I024, X03."""
    id = await branch.open(ROLL)
    await branch.hear(message(UserId("@zhang:elsewhere"), "签到"), message(UserId("@ZHANG:test"), "签到"))
    assert await branch.state(id, ZHANG) is State.OPEN


async def test_in_a_room_that_is_not_ours_nothing_is_heard(branch: SmallBranch) -> None:
    """X09."""
    await branch.open(ROLL)
    before = await branch.size()
    await branch.hear(message(WHO, "签到", room_id=RoomId("!market:test")))
    assert await branch.size() == before


async def test_said_in_another_persons_private_room_nothing_is_heard(branch: SmallBranch) -> None:
    await branch.open(ROLL)
    before = await branch.size()
    await branch.hear(message(WHO, "签到", room_id=private_room(LI)))
    assert await branch.size() == before


async def test_one_message_counts_once(branch: SmallBranch) -> None:
    """F51."""
    await branch.open(ROLL)
    said = message(WHO, "签到")
    first, second = await branch.hear(said, said)
    assert first is not None
    assert second is not None
    assert second.repeated
    assert await branch.told() == [(WHO, "checkin.signed_in")]


async def test_free_talk_never_reaches_the_database_whatever_is_open(branch: SmallBranch) -> None:
    id = await branch.open(ROLL)
    await branch.send_all()
    card = await branch.card_event(id)
    await branch.hear(
        message(WHO, "金丝雀 我到了"),
        message(WHO, "金丝雀", reply=card),
        message(WHO, "@zhibu 金丝雀", mention=True),
        message(WHO, "金丝雀", room_id=private_room(ZHANG)),
        message(UserId("@stranger:test"), "金丝雀 签到"),
    )
    assert "金丝雀" not in await branch.everything()
