"""A thought report is said in private in as many messages as one likes, and is nobody's until it is handed in."""

from __future__ import annotations

from datetime import date

import pytest

from bot.matrix.events import Event
from content.away import Away, AwayNoted
from content.identifiers import UserId
from content.organisations import Duty, DutyEnded, DutyGranted, Role
from content.thought_reports import ThoughtReport
from storage import inquiries, retention
from storage import thought_reports as stored
from tests.small_branch import (
    EAST,
    EAST_ROOM,
    LI,
    SECRETARY,
    WANG,
    ZHANG,
    HandClock,
    SmallBranch,
    account,
    event,
    message,
    private_room,
    redaction,
)

WHO, HERE = account(ZHANG), private_room(ZHANG)


def said(text: str) -> Event:
    return message(WHO, text, room_id=HERE)


def edit(one: Event, text: str) -> Event:
    relation = {"rel_type": "m.replace", "event_id": one.event_id}
    content = {"msgtype": "m.text", "body": f"* {text}", "m.relates_to": relation}
    return event(WHO, "m.room.message", {**content, "m.new_content": {"msgtype": "m.text", "body": text}}, room_id=HERE)


async def hear(branch: SmallBranch, *texts: str) -> None:
    for text in texts:
        await branch.hear(message(WHO, text, room_id=HERE))


async def last(branch: SmallBranch) -> ThoughtReport | None:
    return await branch.store.read(lambda unit: stored.last(unit, ZHANG))


async def unfinished(branch: SmallBranch) -> ThoughtReport | None:
    return await branch.store.read(lambda unit: stored.unfinished(unit, ZHANG))


async def words(branch: SmallBranch, report: ThoughtReport | None) -> tuple[str, ...]:
    assert report is not None
    return (await branch.store.read(lambda unit: stored.words_of(unit, report)))[0]


async def keys(branch: SmallBranch) -> list[str]:
    return [key for _, key in await branch.told()]


async def test_three_messages_are_one_report_until_the_end(branch: SmallBranch) -> None:
    await hear(branch, "思想汇报", "这半年在外地做工。", "学习了二十届四中全会精神。", "完")
    assert await words(branch, await last(branch)) == ("这半年在外地做工。", "学习了二十届四中全会精神。")
    assert await keys(branch) == [f"thought_report.{one}" for one in ("begun", "handed_in", "came")]
    assert await branch.store.read(lambda unit: inquiries.waiting(unit, WHO)) is None


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("思想汇报 一切都好 完", "一切都好"),
        ("思想汇报：在外地一切都好。完", "在外地一切都好。"),
        ("思想匯報 一切都好\n完。", "一切都好"),
        ("thought report all is well. end", "all is well."),
        ("思想汇报 好 完", "好"),
    ],
)
async def test_all_of_it_in_one_message_is_a_report_and_one_character_is_enough(
    branch: SmallBranch, text: str, kept: str
) -> None:
    await hear(branch, text)
    assert await words(branch, await last(branch)) == (kept,)


async def test_what_reads_like_a_sentence_is_part_of_it_and_what_is_a_command_is_answered(branch: SmallBranch) -> None:
    sentences = ("学习很有收获", "请假回家看了父母", "提问 自己入党为了什么", "好的", "事情都写完")
    await hear(branch, "思想汇报", *sentences[:3], "我的", *sentences[3:], "完")
    assert await words(branch, await last(branch)) == sentences
    assert (await keys(branch))[1] == "mine.all"


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("匿名求助 书记克扣奖金", "help_case.unnamed_received"),
        ("求助 家里有病人", "help_case.received"),
        ("匿名提问 为什么", "lecture."),
        ("举报 有人发广告", "complaint."),
        ("意见 名单有误", "selection."),
    ],
)
async def test_what_is_meant_for_others_never_becomes_part_of_a_report(
    branch: SmallBranch, text: str, key: str
) -> None:
    await hear(branch, "思想汇报 近来都好", text)
    report = await unfinished(branch)
    assert await words(branch, report) == ("近来都好",)
    assert (await keys(branch))[-1].startswith(key)


async def test_a_sentence_that_begins_with_the_word_for_a_report_is_kept_whole_also_when_it_is_edited(
    branch: SmallBranch,
) -> None:
    later = said("汇报 演出我也去了")
    await hear(branch, "思想汇报", "汇报：一切都好", "思想汇报 接着说")
    await branch.hear(later)
    assert await words(branch, await unfinished(branch)) == ("汇报：一切都好", "接着说", "汇报 演出我也去了")
    await branch.hear(edit(later, "汇报 演出我没去"))
    await hear(branch, "完")
    assert await words(branch, await last(branch)) == ("汇报：一切都好", "接着说", "汇报 演出我没去")


async def test_who_keeps_contact_hears_of_a_report_if_they_may_open_it_and_else_the_nearest_secretary(
    branch: SmallBranch,
) -> None:
    noted = Away(member=ZHANG, since=date(2026, 1, 10), contact=WANG)
    await branch.store.settle(
        notes=[AwayNoted(member=ZHANG, organisation=EAST, away=noted, by=SECRETARY, at=branch.clock.now)]
    )

    async def who_hears(text: str) -> tuple[list[str], str]:
        before = len(await branch.told())
        await hear(branch, f"思想汇报 {text} 完")
        told = (await branch.told())[before:]
        receipt = next(key for user, key in told if user == WHO)
        return [user for user, key in told if key == "thought_report.came"], receipt

    assert await who_hears("一") == ([SECRETARY], "thought_report.handed_in")
    viewer = Duty(user=account(WANG), organisation=EAST, role=Role.VIEWER)
    await branch.store.settle(notes=[DutyGranted(duty=viewer)])
    assert await who_hears("二") == ([account(WANG)], "thought_report.handed_in_contact")
    await branch.store.settle(notes=[DutyEnded(duty=viewer)])
    own = Duty(user=WHO, organisation=EAST, role=Role.SECRETARY)
    await branch.store.settle(notes=[DutyGranted(duty=own)])
    assert await who_hears("三") == ([SECRETARY], "thought_report.handed_in")
    near = Duty(user=account(LI), organisation=EAST, role=Role.SECRETARY)
    await branch.store.settle(notes=[DutyGranted(duty=near)])
    assert await who_hears("四") == ([account(LI)], "thought_report.handed_in")


async def test_cancelling_keeps_nothing_and_an_empty_one_is_not_handed_in(branch: SmallBranch) -> None:
    await hear(branch, "思想汇报 不想写了", "取消")
    assert await unfinished(branch) is None
    assert "不想写了" not in await branch.everything()
    await hear(branch, "完", "思想汇报", "完")
    assert (await keys(branch))[-3:] == ["thought_report.none_begun", "thought_report.begun", "thought_report.empty"]


async def test_edits_and_removals_before_the_end_count_and_after_it_are_refused_in_words(branch: SmallBranch) -> None:
    first, second = said("思想汇报 写错了"), said("多余的")
    await branch.hear(first, second)
    await branch.hear(edit(first, "思想汇报 写对了"))
    await branch.hear(redaction(WHO, second.event_id, room_id=HERE))
    await hear(branch, "完")
    assert await words(branch, await last(branch)) == ("写对了",)
    await branch.hear(edit(first, "改了又改"))
    assert await words(branch, await last(branch)) == ("写对了",)
    assert (await keys(branch))[-1] == "thought_report.as_handed_in"


async def test_it_can_be_taken_back_for_a_day(branch: SmallBranch, clock: HandClock) -> None:
    await hear(branch, "思想汇报 后悔的话 完", "撤回")
    assert await last(branch) is None
    assert "后悔的话" not in await branch.everything()
    await hear(branch, "思想汇报 留下的话 完")
    clock.forward(hours=25)
    await hear(branch, "撤回")
    assert (await keys(branch))[-1] == "thought_report.too_late"
    assert await words(branch, await last(branch)) == ("留下的话",)


async def test_in_a_room_nothing_is_kept_and_that_is_said_in_private(branch: SmallBranch) -> None:
    for mention in (False, True):
        await branch.hear(message(WHO, "思想汇报 在群里说的 完", room_id=EAST_ROOM, mention=mention))
    assert await keys(branch) == ["thought_report.in_private"] * 2
    assert "在群里说的" not in await branch.everything()
    assert await unfinished(branch) is None


async def test_one_that_was_left_goes_on_days_later_and_what_was_said_between_is_not_part_of_it(
    branch: SmallBranch, clock: HandClock
) -> None:
    await hear(branch, "思想汇报 前一半")
    clock.forward(hours=13)
    await hear(branch, "今天天气真好")
    await hear(branch, "思想汇报", "后一半", "完")
    assert await words(branch, await last(branch)) == ("前一半", "后一半")
    assert "thought_report.go_on" in await keys(branch)


async def test_the_same_message_twice_is_in_it_once(branch: SmallBranch) -> None:
    opening, more, end = said("思想汇报"), said("只说一遍"), said("完")
    for one in (opening, opening, more, more, end, end):
        await branch.hear(one)
    assert await words(branch, await last(branch)) == ("只说一遍",)
    assert (await keys(branch)).count("thought_report.handed_in") == 1


@pytest.mark.parametrize(("name", "key"), [("汇报.docx", "words_only"), ("内部资料.docx", "confidential")])
async def test_a_file_is_not_taken_and_that_is_said(branch: SmallBranch, name: str, key: str) -> None:
    content = {"msgtype": "m.file", "body": name, "url": "mxc://x/y"}
    await branch.hear(event(WHO, "m.room.message", content, room_id=HERE))
    assert await keys(branch) == []
    await hear(branch, "思想汇报")
    await branch.hear(event(WHO, "m.room.message", content, room_id=HERE))
    assert (await keys(branch))[-1] == f"thought_report.{key}"
    assert name not in await branch.everything()


async def test_too_much_is_refused_and_nothing_is_lost(branch: SmallBranch) -> None:
    await hear(branch, "思想汇报", "长" * 15_000, "长" * 5_001, "完")
    report = await last(branch)
    assert report is not None
    assert (len(report.parts), report.letters) == (1, 15_000)
    assert "thought_report.too_long" in await keys(branch)


async def test_words_go_with_their_time_and_an_unfinished_one_sooner(branch: SmallBranch, clock: HandClock) -> None:
    await hear(branch, "思想汇报 会过期的话 完", "思想汇报 没写完的话")
    clock.forward(days=31)
    await branch.store.settle(notes=[retention.Swept(at=clock.now)])
    assert await unfinished(branch) is None
    assert await words(branch, await last(branch)) == ("会过期的话",)
    clock.forward(days=340)
    await branch.store.settle(notes=[retention.Swept(at=clock.now)])
    assert await words(branch, await last(branch)) == ()
    clock.forward(days=800)
    await branch.store.settle(notes=[retention.Swept(at=clock.now)])
    assert await last(branch) is None


async def test_another_cannot_change_what_is_not_theirs(branch: SmallBranch) -> None:
    first = said("思想汇报 我自己的话")
    await branch.hear(first)
    other = UserId("@li:test")
    await branch.hear(redaction(other, first.event_id, room_id=HERE))
    await hear(branch, "完")
    assert await words(branch, await last(branch)) == ("我自己的话",)
