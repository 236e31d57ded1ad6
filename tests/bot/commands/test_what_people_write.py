"""Every idiom with the place it is said in and what it comes to: one row each, for all that members can say today."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import pytest

from bot.commands.grammar import Said, is_talk, read
from bot.commands.registry import BY_VERB
from bot.commands.vocabulary import ROOM_WORDS, WORDS, Verb
from content.checkins import State
from content.polls import count
from storage import polls as stored_polls
from tests.small_branch import (
    EAST_ROOM,
    LESSON,
    ROLL,
    SECRETARY,
    ZHANG,
    SmallBranch,
    account,
    message,
    private_room,
    reaction,
)

WHO = account(ZHANG)


class Where(StrEnum):
    """Where something is said."""

    ROOM = "room"
    DIRECT = "direct"
    REPLY = "reply"
    MENTION = "mention"


class Open(StrEnum):
    """What is open in the room."""

    NOTHING = "nothing"
    ROLL = "roll"
    LESSON = "lesson"
    POLL = "poll"
    POLL_OF_TWO = "poll of two"


SILENCE = ""
DONE, LEAVE = "done", "excused"

ROWS: list[tuple[str, Where, Open, str]] = [
    # Signing in.
    *[(text, Where.ROOM, Open.ROLL, DONE) for text in ("签到", "簽到", "签 到", "签到。！~", "已到", "到", "打卡")],
    ("签到", Where.ROOM, Open.NOTHING, SILENCE),
    ("签到", Where.DIRECT, Open.NOTHING, "checkin.nothing_open"),
    ("签到", Where.MENTION, Open.ROLL, DONE),
    *[
        (text, Where.ROOM, Open.ROLL, SILENCE)
        for text in ("我到了", "快到了吗", "到时候再说", "在吗", "签到？", "怎么签到")
    ],
    *[(text, Where.ROOM, Open.ROLL, SILENCE) for text in ("1", "在", "迟到", "线上")],
    *[(text, Where.REPLY, Open.ROLL, DONE) for text in ("1", "在", "迟到", "线上", "遲到", "線上", "到", "签到")],
    # Leave.
    *[(text, Where.ROOM, Open.ROLL, LEAVE) for text in ("请假 倒班", "有事请假", "值班", "出差", "病假", "请假")],
    *[(text, Where.REPLY, Open.ROLL, LEAVE) for text in ("请假 倒班", "有事请假", "值班", "出差", "病假", "请假")],
    ("请假条在哪里领", Where.ROOM, Open.ROLL, SILENCE),
    *[("请假值班", where, Open.ROLL, LEAVE) for where in (Where.ROOM, Where.DIRECT)],
    *[
        (text, where, Open.ROLL, LEAVE)
        for text in (
            "请假明天值夜班",
            "请假，家里老人住院了",
            "請假明天上午要值班",
            "请假我在外出差",
            "我要请假，今天发烧了",
            "请个假，孩子生病",
            "明天上夜班，请假",
            "请假7月3日去医院",
        )
        for where in (Where.ROOM, Where.DIRECT)
    ],
    *[
        (text, Where.ROOM, Open.ROLL, SILENCE)
        for text in (
            "请假条怎么写",
            "请假制度",
            "请假的人",
            "请假明天再说",
            "请假今天有几个人？",
            "请假值班的请登记",
            "请假明天还来得及吗",
            "明天谁请假",
            "今天上班，不能请假",
            "请假太多了",
            "明天开会的都不要请假",
            "我想请假怎么办",
            "请假家里有事怎么写",
            "请假病假都要扣钱",
        )
    ],
    # What people put behind a word, or before it.
    *[(text, Where.ROOM, Open.ROLL, DONE) for text in ("签到✅", "签到！！👍", "到💪", "到 ❤️")],
    ("/签到", Where.DIRECT, Open.ROLL, DONE),
    # What they put around it out of courtesy.
    *[
        (text, where, Open.ROLL, DONE)
        for text in (
            "签到，谢谢",
            "簽到 謝謝您！",
            "签到哈",
            "签到啦",
            "我签到",
            "已签到",
            "我已经签到了",
            "到，谢谢",
            "Here, thanks!",
        )
        for where in (Where.ROOM, Where.DIRECT, Where.REPLY)
    ],
    *[
        (text, Where.ROOM, Open.LESSON, "checkin.done")
        for text in ("已學完", "學完啦", "学完了，辛苦了", "Done, thanks")
    ],
    *[(text, Where.ROOM, Open.ROLL, LEAVE) for text in ("我请假", "请假，谢谢", "請假，值夜班，謝謝", "请假哈")],
    *[(text, where, Open.POLL, "1") for text in ("投1，谢谢", "选1哈") for where in (Where.DIRECT, Where.REPLY)],
    *[
        (text, Where.ROOM, Open.ROLL, SILENCE)
        for text in (
            "请假了",
            "请假啦",
            "取消了",
            "到了",
            "到啦",
            "我到",
            "我已请假",
            "我谢谢您",
            "签到了吗",
            "leave please",
        )
    ],
    *[
        (text, Where.REPLY, Open.ROLL, DONE)
        for text in ("迟到10分钟", "我晚点到", "遲到一會兒", "线上参加", "可能晚到一会儿")
    ],
    *[(text, Where.ROOM, Open.NOTHING, "hours.message") for text in ("学时？", "学时，谢谢", "學時 謝謝")],
    ("怎么用？", Where.DIRECT, Open.NOTHING, "help.all"),
    ("求助，谢谢", Where.DIRECT, Open.NOTHING, "help_case.what"),
    *[(text, Where.DIRECT, Open.NOTHING, "glossary.nothing_near") for text in ("党代表是什么？", "什么是党代表")],
    *[(text, Where.ROOM, Open.NOTHING, SILENCE) for text in ("党代表是什么？", "学习？", "我的？")],
    ("撤回B-001", Where.DIRECT, Open.NOTHING, "help_case.none_such"),
    # Whoever wants to stay without a name is told at once that they are seen where they said so.
    ("匿名求助 班长总让我上夜班", Where.ROOM, Open.NOTHING, "help_case.unnamed_in_private"),
    # So is who asks for help there, or complains of no message that is meant.
    *[
        (text, where, Open.NOTHING, "help_case.in_private")
        for text in ("求助", "求助！", "求助 我有困难", "求助：家里老人住院", "求助，家里老人住院了")
        for where in (Where.ROOM, Where.MENTION)
    ],
    *[
        (text, Where.ROOM, Open.NOTHING, SILENCE)
        for text in (
            "求助信号灯坏了吗",
            "求助热线是多少",
            "求助 热线12345",
            "我要求助一下",
            "求助者已经找到了",
            "有个困难",
        )
    ],
    *[
        (text, Where.ROOM, Open.NOTHING, "complaint.how_from_room")
        for text in ("举报", "舉報！", "举报 有人骂人", "举报：刷屏", "complaint")
    ],
    *[
        (text, Where.ROOM, Open.NOTHING, SILENCE)
        for text in ("举报电话12380", "举报 电话是12380", "我要举报他", "举报人已经找到了", "complaint about lunch")
    ],
    # Acknowledgements are never answered.
    *[
        (text, where, Open.ROLL, SILENCE)
        for text in ("收到", "收到！", "收到，谢谢", "好的", "OK", "👌", "👍")
        for where in Where
    ],
    # Open polls.
    *[
        (text, where, Open.POLL, "1")
        for text in ("投1", "1", "选1", "選1", "①", "１", "一号", "1号", "一號", "1️⃣")
        for where in (Where.DIRECT, Where.REPLY)
    ],
    *[
        (text, where, Open.POLL_OF_TWO, "1,3")
        for text in ("1,3", "1、3", "1 3", "投１、3")
        for where in (Where.DIRECT, Where.REPLY)
    ],
    ("13", Where.DIRECT, Open.POLL_OF_TWO, "poll.did_you_mean"),
    ("13", Where.DIRECT, Open.POLL, "poll.no_such_number"),
    *[
        (text, Where.DIRECT, Open.POLL_OF_TWO, key)
        for text, key in (
            ("1,1", "poll.repeated_number"),
            ("0", "poll.no_such_number"),
            ("9", "poll.no_such_number"),
            ("1 2 3", "poll.too_many"),
        )
    ],
    *[(text, where, Open.POLL, "poll.abstained") for text in ("弃权", "棄權") for where in Where],
    *[("都行", where, Open.POLL, "poll.abstained") for where in (Where.DIRECT, Where.REPLY, Where.MENTION)],
    ("都行", Where.ROOM, Open.POLL, SILENCE),
    # Whatever has no feature yet gets the one useful sentence in private, and silence in a room.
    *[(text, where, Open.NOTHING, "dues.message") for text in ("党费", "黨費", "交党费") for where in Where],
    ("求助 我有困难", Where.DIRECT, Open.NOTHING, "help_case.received"),
    *[
        (text, Where.DIRECT, Open.NOTHING, "sign_up.nothing_open")
        for text in ("接龙", "接龍", "+1", "报名", "報名", "参加", "參加")
    ],
    *[
        (text, Where.DIRECT, Open.NOTHING, "survey.nothing_open")
        for text in ("问卷", "问卷 网页", "問卷 網頁", "问卷网页", "survey page")
    ],
    *[(text, Where.ROOM, Open.ROLL, SILENCE) for text in ("接龙", "问卷", "+1")],
    ("开会了吗", Where.MENTION, Open.ROLL, "help.not_understood"),
]

QUESTIONS = {Open.POLL: "投票 哪天; 周五; 周六; 周日", Open.POLL_OF_TWO: "投票 哪天; 周五; 周六; 周日; 多选 2"}


async def prepare(branch: SmallBranch, open: Open) -> tuple[Any, str | None]:
    """Open what is to be open; return it, and the event that shows it."""
    if open is Open.NOTHING:
        return None, None
    if open in QUESTIONS:
        await branch.hear(message(SECRETARY, QUESTIONS[open]))
        await branch.send_all()
        (poll,) = await branch.store.read(lambda unit: stored_polls.of_roots(unit, ["roof"]))  # type: ignore[list-item]
        return poll.id, poll.event
    id = await branch.open(ROLL if open is Open.ROLL else LESSON)
    await branch.send_all()
    return id, await branch.card_event(id)


def said(text: str, where: Where, shown: str | None) -> Any:
    """Make the message."""
    match where:
        case Where.DIRECT:
            return message(WHO, text, room_id=private_room(ZHANG))
        case Where.REPLY:
            return message(WHO, text, reply=shown or "$nothing")
        case Where.MENTION:
            return message(WHO, f"支部助手：{text}", mention=True)
    return message(WHO, text)


async def came_to(branch: SmallBranch, open: Open, id: Any) -> str:
    """Return what followed: the state, the choice, or the key of the answer."""
    keys = [key for user, key in await branch.told() if user == WHO]
    if open is Open.ROLL and (state := await branch.state(id, ZHANG)) is not State.OPEN:
        return state.value
    if open in QUESTIONS and "poll.voted" in keys:
        poll = await branch.store.read(lambda unit: stored_polls.poll(unit, id))
        assert poll is not None
        votes = count(poll, await branch.store.read(lambda unit: stored_polls.box(unit, poll))).members.votes
        return ",".join(str(place) for place, number in enumerate(votes.values(), start=1) if number)
    return keys[-1] if keys else SILENCE


@pytest.mark.parametrize(("text", "where", "open", "expected"), ROWS)
async def test_what_people_write_comes_to_what_they_mean(
    branch: SmallBranch, text: str, where: Where, open: Open, expected: str
) -> None:
    id, shown = await prepare(branch, open)
    before = await branch.everything() if expected == SILENCE else ""
    await branch.hear(said(text, where, shown))
    assert await came_to(branch, open, id) == expected
    assert expected or await branch.everything() == before


# Reactions as buttons.


@pytest.mark.parametrize(
    ("open", "key", "expected"),
    [
        (Open.ROLL, "✅", DONE),
        (Open.LESSON, "✅", DONE),
        (Open.ROLL, "🙏", LEAVE),
        *[(Open.ROLL, key, State.OPEN.value) for key in ("👍", "🙋", "1️⃣", "❌", "✅✅")],
        *[(Open.LESSON, key, State.OPEN.value) for key in ("👍", "2️⃣")],
    ],
)
async def test_reactions_are_buttons(branch: SmallBranch, open: Open, key: str, expected: str) -> None:
    """I045."""
    id, shown = await prepare(branch, open)
    assert shown is not None
    await branch.hear(reaction(WHO, shown, key))
    assert (await branch.state(id, ZHANG)).value == expected


# Every word of every command, in each place.

TRADITIONAL = {
    "取消请假": "取消請假",
    "帮忙": "幫忙",
    "有个困难": "有個困難",
    "进度": "進度",
    "办到哪了": "辦到哪了",
    "思想汇报": "思想匯報",
    "汇报": "彙報",
    "写完了": "寫完了",
    "完毕": "完畢",
    "什么是": "什麼是",
    "举报": "舉報",
    "党费": "黨費",
    "交党费": "交黨費",
    "我的党费": "我的黨費",
    "党费明细": "黨費明細",
    "党费记录": "黨費記錄",
    "党费基数有误": "黨費基數有誤",
    "党费有误": "黨費有誤",
    "基数有误": "基數有誤",
    "锁定": "鎖定",
    "锁群": "鎖群",
    "解锁": "解鎖",
    "决议": "決議",
    "任务": "任務",
    "发言": "發言",
    "帮助": "幫助",
    "暗号": "暗號",
    "签到": "簽到",
    "学完": "學完",
    "请假": "請假",
    "补学": "補學",
    "补会": "補會",
    "控制台": "控制臺",
    "绑定": "綁定",
    "弃权": "棄權",
    "学习": "學習",
    "静音": "靜音",
    "恢复": "恢復",
    "我的数据": "我的數據",
    "导出我的数据": "導出我的數據",
    "有误": "有誤",
    "个人": "個人",
    "菜单": "菜單",
    "怎么用": "怎麼用",
    "学时": "學時",
    "我的学时": "我的學時",
    "课程": "課程",
    "微党课": "微黨課",
    "补课": "補課",
    "学好了": "學好了",
    "别打扰": "別打擾",
    "免打扰": "免打擾",
    "删掉我刚才的": "刪掉我剛才的",
    "场次": "場次",
    "提问": "提問",
    "匿名提问": "匿名提問",
    "撤回提问": "撤回提問",
    "收回提问": "收回提問",
    "我想问": "我想問",
    "记录": "記錄",
    "申诉": "申訴",
    "接龙": "接龍",
    "活动": "活動",
    "报名": "報名",
    "参加": "參加",
    "取消报名": "取消報名",
    "退出报名": "退出報名",
    "退出接龙": "退出接龍",
}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("请假明天值夜班", "明天值夜班"),
        ("请假，出差", "出差"),
        ("請假，家裡老人住院", "家裡老人住院"),
        ("明天上夜班，请假", "明天上夜班"),
        ("请假值夜班（10点下班）！", "值夜班(10点下班)"),
        ("请假" + "明天值夜班" * 20, None),
    ],
)
def test_the_reason_is_what_stands_beside_the_word(text: str, reason: str | None) -> None:
    found = read(text)
    assert (found.argument if found else None) == reason


@pytest.mark.parametrize("verb", list(Verb))
def test_every_word_is_read_in_its_full_width_spaced_and_traditional_forms(verb: Verb) -> None:
    """I002, I003."""
    for word in WORDS[verb]:
        forms = [word, f" {word} ", f"！{word}", f"{word}。", f"「{word}」", word.upper(), TRADITIONAL.get(word, word)]
        if not word.isascii():
            forms.append(" ".join(word))
        for form in forms:
            assert read(form) is not None, form
            assert read(form).verb is verb, form  # type: ignore[union-attr]


def test_no_word_is_left_without_its_traditional_form() -> None:
    simplified = "帮签学请补单个么课党绑弃权选静别扰复误数据导删刚号场龙报参举锁决议务动发"
    ours = {word for words in WORDS.values() for word in words}
    assert {word for word in ours if set(word) & set(simplified)} - set(TRADITIONAL) <= {"学完了"}


OF_OTHERS = (Verb.LOCK, Verb.UNLOCK, Verb.SLOW_MODE, Verb.RESOLVE, Verb.ASSIGN, Verb.SPEAK, Verb.PLAN)

HEARD = [(verb, word) for verb in Verb for word in WORDS[verb] if verb is not Verb.BIND]


@pytest.mark.parametrize(("verb", "word"), HEARD)
async def test_every_word_is_answered_in_private_and_when_the_bot_is_spoken_to(
    branch: SmallBranch, verb: Verb, word: str
) -> None:
    for heard in (message(WHO, word, room_id=private_room(ZHANG)), message(WHO, f"支部助手 {word}", mention=True)):
        await branch.hear(heard)
    tells = [row for row in await branch.rows() if row.user_id == WHO]
    assert {row.room_id for row in tells} <= {None}
    assert tells, "at least in private there is an answer"
    assert "help.not_understood" not in [key for _, key in await branch.told()]


@pytest.mark.parametrize(("verb", "word"), HEARD)
async def test_in_a_room_a_word_alone_is_heard_only_where_it_should_be(
    branch: SmallBranch, verb: Verb, word: str
) -> None:
    before = await branch.everything()
    await branch.hear(message(WHO, word, room_id=EAST_ROOM))
    changed = await branch.everything() != before
    alone = Said(verb=verb, word=word)
    answers = word in ROOM_WORDS.get(verb, ()) and not is_talk(alone)
    # With nothing open, words that answer a card are met with silence, and so is a lesson that was not there; so are
    # words that are for others, what is said of a message or of a meeting where there is none, and taking back where
    # nothing was said.
    silent = BY_VERB[verb].answers or verb in (Verb.LESSON, Verb.WITHDRAW, *OF_OTHERS)
    assert changed == (answers and not silent)
