"""承诺, 问承诺, 答承诺, 进展: the list and a pledge in private, questions that reach the owner, and answers back."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from bot import pledges as keeping
from content import pledge_questions as rules_of_questions
from content import pledges as rules
from content.decision import Decision
from content.identifiers import Cause, MemberId, OrganisationId, PledgeId
from content.members import MemberChanged, MemberLeft
from content.mutes import Muted
from content.pledge_questions import Question, Stand
from content.pledges import Party, Pledge, PledgeChanged, PledgeMade, State
from content.settings import QUIET_DAYS, QUIET_HOURS, SettingChosen
from content.speech import Reader
from storage import members, outbox, outbox_items, pledge_questions
from storage import pledges as stored
from storage.audit import audit
from storage.outbox import outbox as rows_table
from storage.phrases import load_words
from storage.retention import Swept
from tests.small_branch import (
    EAST,
    EAST_ROOM,
    LI,
    NOON,
    SECRETARY,
    WANG,
    WEST,
    WEST_ROOM,
    ZHANG,
    ZHAO,
    HandClock,
    SmallBranch,
    account,
    edit,
    message,
    powers,
    private_room,
    redaction,
)
from zhibu.catalogue import load_speech

P1, P3, FAR = PledgeId("one"), PledgeId("three"), PledgeId("far")
TODAY = date(2026, 7, 1)


def pledge(id: PledgeId, number: int, place: OrganisationId = EAST, **more: Any) -> Pledge:
    usual = {
        "party": Party.BRANCH,
        "matter": "给站台加装扶手",
        "measure": "",
        "due": date(2026, 7, 31),
        "due_set": TODAY,
        "updated": TODAY,
        "owner": ZHANG,
    }
    return Pledge(id=id, organisation=place, number=number, **{**usual, **more})


async def put_down(branch: SmallBranch, *found: Pledge) -> None:
    await branch.store.settle(notes=[PledgeMade(pledge=one, by=SECRETARY, at=NOON) for one in found])


@pytest.fixture(autouse=True)
async def pledged(branch: SmallBranch) -> None:
    """Zhang sees to pledges 1 and 3 of the east; the west has a pledge 3 of its own."""
    await put_down(
        branch,
        pledge(P1, 1, matter="修好值班室的灯"),
        pledge(P3, 3),
        pledge(FAR, 3, WEST, matter="西边的事", owner=ZHAO),
    )


async def told(branch: SmallBranch) -> list[tuple[str, str]]:
    """Return what people were told in private, in order: whom, and in which words."""
    rows = await branch.rows(rows_table.c.kind == outbox.Kind.TELL)
    speech = load_speech()
    # What is discreet is forgotten once it was sent.
    return [(row.user_id, speech.say(load_words(row.words), Reader())) for row in rows if row.words is not None]


async def last(branch: SmallBranch, member: MemberId) -> str:
    """Return what somebody was told last."""
    return [said for user, said in await told(branch) if user == account(member)][-1]


async def questions(branch: SmallBranch, id: PledgeId = P3) -> tuple[Question, ...]:
    return await branch.store.read(lambda unit: pledge_questions.questions(unit, [id]))


async def one(branch: SmallBranch, id: PledgeId = P3) -> Pledge:
    found = await branch.store.read(lambda unit: stored.pledge(unit, id))
    assert found is not None
    return found


async def privately(branch: SmallBranch, member: MemberId, body: str, reply: str | None = None) -> Any:
    (heard,) = await branch.hear(message(account(member), body, reply=reply, room_id=private_room(member)))
    return heard


async def refused_with(branch: SmallBranch, member: MemberId, body: str) -> str:
    heard = await privately(branch, member, body)
    assert heard is not None
    assert heard.refusal is not None, heard
    return str(heard.refusal.words.key)


async def put_to(branch: SmallBranch, member: MemberId) -> str:
    """Return the event of what the bot told somebody last."""
    await branch.send_all()
    rows = await branch.rows(rows_table.c.kind == outbox.Kind.TELL, rows_table.c.user_id == account(member))
    return str(rows[-1].event_id)


async def test_the_list_is_of_my_branch_and_told_to_me_alone(branch: SmallBranch) -> None:
    for heard in (message(account(LI), "承诺"), message(account(LI), "承諾", room_id=private_room(LI))):
        await branch.hear(heard)
        said = await last(branch, LI)
        assert "3 号：给站台加装扶手，原定 7-31，现进度 0%" in said
        assert "西边" not in said
    assert {row.room_id for row in await branch.rows(rows_table.c.kind == outbox.Kind.SAY)} == set()
    await privately(branch, ZHAO, "承诺 3")
    assert "西边的事" in await last(branch, ZHAO)
    await branch.hear(message(account(LI), "承诺 三号"))
    assert "责任人：张明" in await last(branch, LI)
    assert await refused_with(branch, LI, "承诺 8") == "pledge.no_such_number"
    (heard,) = await branch.hear(message(account(LI), "我们承诺按时完成"))
    assert heard is None or heard.answer is None


async def test_a_question_from_the_room_is_answered_by_a_reply_and_told_to_who_asked(branch: SmallBranch) -> None:
    await branch.hear(message(account(LI), "问承诺 3 扶手什么时候装"))
    (asked,) = await questions(branch)
    assert (asked.member, asked.named, asked.stand) == (LI, False, Stand.OPEN)
    assert "您是在群里问的" in await last(branch, LI)
    put = await last(branch, ZHANG)
    assert "扶手什么时候装" in put
    assert "李强" not in put
    event = await put_to(branch, ZHANG)
    assert (await privately(branch, ZHANG, "收到", reply=event)).answer is None, "thanks are no answer"
    await privately(branch, ZHANG, "下周三前装好", reply=event)
    said = await last(branch, LI)
    assert "下周三前装好" in said
    for member in (LI, WANG):
        await privately(branch, member, "承诺 3")
        line = await last(branch, member)
        assert "问 3-1：扶手什么时候装 答：下周三前装好" in line
        assert "李强" not in line
    assert await branch.rows(rows_table.c.kind == outbox.Kind.SAY) == []


@pytest.mark.parametrize(
    ("said", "stand", "key"),
    [
        ("好的", Stand.OPEN, "pledge.is_it_the_answer"),
        ("OK！", Stand.OPEN, "pledge.is_it_the_answer"),
        ("收到，谢谢", Stand.OPEN, None),
        ("👍", Stand.OPEN, None),
        ("完成", Stand.ANSWERED, None),
        ("done", Stand.ANSWERED, None),
        ("答承诺 下周", Stand.ANSWERED, None),
        ("答承诺 3-1 好的", Stand.ANSWERED, None),
        ("学完", Stand.OPEN, "checkin.nothing_open"),
    ],
)
async def test_no_reply_to_a_question_is_dropped_that_may_be_its_answer(
    branch: SmallBranch, said: str, stand: Stand, key: str | None
) -> None:
    await privately(branch, LI, "问承诺 3 扶手装好了吗")
    heard = await privately(branch, ZHANG, said, reply=await put_to(branch, ZHANG))
    assert (await questions(branch))[0].stand is stand
    assert (heard.refusal.words.key if heard.refusal else None) == key


async def test_a_reply_to_the_reminder_says_how_far_the_pledge_is(branch: SmallBranch, clock: HandClock) -> None:
    await branch.store.settle(notes=[PledgeChanged(pledge=replace(await one(branch), due=date(2026, 7, 4)))])
    clock.now = NOON + timedelta(days=1)
    await keep(branch)
    event = await put_to(branch, ZHANG)
    for said, percent, note in (
        ("好的", 0, ""),
        ("没有", 0, ""),
        ("怎么报？", 0, ""),
        ("６０％ 扶手已到货", 60, "扶手已到货"),
        ("在等材料", 60, "在等材料"),
        ("进展 70%", 70, ""),
        ("done", 100, ""),
    ):
        clock.now += timedelta(minutes=1)
        await privately(branch, ZHANG, said, reply=event)
        steps = await branch.store.read(lambda unit: stored.history(unit, [P3]))
        assert ((await one(branch)).percent, steps[-1].note if steps else "") == (percent, note), said
    assert (await one(branch)).state is State.OPEN, "to close it is for the branch"
    await privately(branch, LI, "90%", reply=event)
    assert (await one(branch)).percent == 100, "it was told to another"


async def test_who_wishes_is_named(branch: SmallBranch) -> None:
    await privately(branch, LI, "问承诺3 署名 扶手什么时候装")
    assert "李强问您" in await last(branch, ZHANG)
    await privately(branch, WANG, "承诺3")
    assert "扶手什么时候装（李强）" in await last(branch, WANG)


async def test_who_has_signed_a_question_takes_the_name_away_by_no_edit(branch: SmallBranch) -> None:
    first = message(account(LI), "问承诺3 署名 扶手什么时候装", room_id=private_room(LI))
    await branch.hear(first)
    heard = len(await branch.told())
    await branch.hear(edit(account(LI), first.event_id, "问承诺3 扶手什么时候装", room_id=private_room(LI)))
    assert (await branch.told())[heard:] == [(account(LI), "pledge_question.stays_signed")]
    await privately(branch, WANG, "承诺3")
    assert "扶手什么时候装（李强）" in await last(branch, WANG), "the owner has read the name with these words"


async def test_the_record_says_of_no_question_who_asked_it(branch: SmallBranch) -> None:
    heard = message(account(LI), "问承诺 3 扶手什么时候装")
    await branch.hear(heard)
    rows = [
        row
        for row in await branch.store.read(lambda unit: unit.rows(audit.select()))
        if "pledge_questioned" in row.action
    ]
    assert len(rows) == 1
    assert account(LI) not in repr(rows[0])
    assert heard.event_id not in repr(rows[0])


async def test_the_same_message_twice_asks_once(branch: SmallBranch) -> None:
    twice = message(account(LI), "问承诺 3 扶手什么时候装")
    await branch.hear(twice)
    await branch.hear(twice)
    assert len(await questions(branch)) == 1
    assert sum("扶手什么时候装" in said for user, said in await told(branch) if user == account(ZHANG)) == 1


async def test_with_several_questions_the_one_that_is_meant_is_asked_for(branch: SmallBranch) -> None:
    await privately(branch, LI, "问承诺 3 什么时候装")
    await privately(branch, WANG, "问承诺 3 装几处")
    assert await refused_with(branch, ZHANG, "答承诺 3 四处") == "pledge.which_question"
    await privately(branch, ZHANG, "答承诺 3-2 2 号楼和 4 号楼")
    assert [(each.stand, each.answer) for each in await questions(branch)] == [
        (Stand.OPEN, ""),
        (Stand.ANSWERED, "2 号楼和 4 号楼"),
    ]
    await privately(branch, ZHANG, "答承诺 3 下周")
    assert (await questions(branch))[0].answer == "下周"
    assert await refused_with(branch, ZHANG, "答承诺 3 再说") == "pledge.nothing_asked"
    assert await refused_with(branch, ZHANG, "答承诺 3-9 再说") == "pledge.no_such_question"


async def test_only_its_owner_says_how_far_a_pledge_is_and_answers(branch: SmallBranch) -> None:
    for said in ("进展 3 60% 扶手已到货", "答承诺 3 好"):
        assert await refused_with(branch, LI, said) == "pledge.not_owner"
    assert await refused_with(branch, ZHAO, "进展 1 60%") == "pledge.no_such_number", "the west has no pledge 1"
    await privately(branch, ZHANG, "进展 3 ６０％ 扶手已到货")
    found = await one(branch)
    assert (found.percent, found.updated) == (60, TODAY)
    assert "60%，扶手已到货" in await last(branch, ZHANG)
    await privately(branch, ZHANG, "进展3 10 个扶手已装好")
    assert (await one(branch)).percent == 60, "a number before words counts something"
    await privately(branch, ZHANG, "进展 3 80")
    assert (await one(branch)).percent == 80
    for said, key in (
        ("进展 3 120% 好", "pledge.bad_percent"),
        ("进展 3 60.5%", "pledge.bad_percent"),
        ("进展 到货了", "pledge.progress_which"),
        ("进展 3", "pledge.no_progress"),
        ("进展 8 5%", "pledge.no_such_number"),
    ):
        assert await refused_with(branch, ZHANG, said) == key, said
    (heard,) = await branch.hear(message(account(ZHANG), "进展 3 90%"))
    assert heard is None or heard.answer is None, "in a room it is talk"


async def test_a_question_is_taken_back_by_a_word_or_by_removing_the_message(branch: SmallBranch) -> None:
    await privately(branch, LI, "问承诺 3 不想问了")
    await privately(branch, LI, "撤回")
    assert await last(branch, ZHANG) == "对承诺「给站台加装扶手」的提问 3-1 已由提问的人收回，不用答复了。"
    first = message(account(LI), "问承诺 3 还是想问")
    await branch.hear(first)
    assert "还是想问" in await last(branch, ZHANG)
    await branch.hear(redaction(account(LI), first.event_id))
    assert "提问 3-2 已由提问的人收回" in await last(branch, ZHANG)
    assert [(each.stand, each.text, each.member) for each in await questions(branch)] == [
        (Stand.WITHDRAWN, "", None)
    ] * 2
    assert await refused_with(branch, ZHANG, "答承诺 3-1 好") == "pledge.question_withdrawn"
    for who, marked in ((WANG, 0), (ZHANG, 2)):
        await privately(branch, who, "承诺 3")
        said = await last(branch, who)
        assert "不想问了" not in said
        assert said.count("已由提问的人收回") == marked, "who sees to it finds both marked"


async def test_of_what_the_owner_is_told_about_a_question_no_hour_is_kept_nor_listed(branch: SmallBranch) -> None:
    """It would be that of the message by which it was asked."""
    await privately(branch, LI, "问承诺 3 什么时候装好")
    assert await branch.store.read(outbox_items.every_item) == ()
    await branch.send_all()
    (kept,) = await branch.rows(rows_table.c.user_id == account(ZHANG))
    assert (kept.words, kept.matter_id) == (None, (await questions(branch))[0].id)
    assert {kept.made_at, kept.done_at, kept.first_try_at} == {NOON.replace(hour=0)}
    await privately(branch, LI, "撤回")
    assert await branch.store.read(outbox_items.every_item) == ()


async def test_only_who_may_remove_the_message_where_it_stands_takes_a_question_back(branch: SmallBranch) -> None:
    first = message(account(LI), "问承诺 3 扶手多长")
    await branch.hear(first)
    before = await questions(branch)
    await powers(branch, EAST_ROOM, wang=0, secretary=50)
    await powers(branch, WEST_ROOM, wang=100)
    for who, room in ((WANG, EAST_ROOM), (WANG, WEST_ROOM), (LI, WEST_ROOM), (WANG, private_room(WANG))):
        await branch.hear(redaction(account(who), first.event_id, room_id=room))
        assert await questions(branch) == before, (who, room)
    await branch.hear(redaction(SECRETARY, first.event_id))
    assert [each.stand for each in await questions(branch)] == [Stand.WITHDRAWN]


async def test_a_changed_message_asks_what_it_says_now_under_a_number_of_its_own(branch: SmallBranch) -> None:
    first = message(account(LI), "问承诺 3 扶手多长", room_id=private_room(LI))
    await branch.hear(first)
    await branch.hear(edit(account(LI), first.event_id, "问承诺 3 扶手多高", room_id=private_room(LI)))
    assert [(each.number, each.stand, each.text) for each in await questions(branch)] == [
        (1, Stand.WITHDRAWN, ""),
        (2, Stand.OPEN, "扶手多高"),
    ]
    assert "扶手多高" in await last(branch, ZHANG), "whoever answers reads what is asked now"
    assert (await last(branch, ZHANG)).startswith("提问 3-1 已收回，换成了新的问法")
    assert "扶手多长" not in await last(branch, ZHANG)
    assert "等着答复的是提问 3-2" in await last(branch, LI)
    assert "提问 3-1 收回了" in await last(branch, LI)
    assert await refused_with(branch, ZHANG, "答承诺 3-1 一米") == "pledge.question_withdrawn"
    await branch.hear(edit(account(LI), first.event_id, "问承诺 3 扶手多宽", room_id=private_room(LI)))
    await branch.hear(redaction(account(LI), first.event_id, room_id=private_room(LI)))
    assert [each.stand for each in await questions(branch)] == [Stand.WITHDRAWN] * 3


async def test_a_change_that_asks_nothing_or_comes_too_late_or_from_another_leaves_the_question(
    branch: SmallBranch,
) -> None:
    first = message(account(LI), "问承诺 3 扶手多长", room_id=private_room(LI))
    await branch.hear(first)
    before = await questions(branch)
    for who, body in ((LI, "算了"), (LI, "问承诺 4 扶手多高"), (LI, "问承诺 3 扶手多长"), (WANG, "问承诺 3 扶手多高")):
        await branch.hear(edit(account(who), first.event_id, body, room_id=private_room(who)))
        assert await questions(branch) == before, body
    assert "照原样" in await last(branch, LI)
    await privately(branch, ZHANG, "答承诺 3 二十米")
    answered = await questions(branch)
    await branch.hear(edit(account(LI), first.event_id, "问承诺 3 扶手多高", room_id=private_room(LI)))
    assert await questions(branch) == answered
    assert "已经答复" in await last(branch, LI)


async def test_what_was_answered_stays_when_the_message_of_the_question_is_removed(branch: SmallBranch) -> None:
    first = message(account(LI), "问承诺 3 写错了人名")
    await branch.hear(first)
    await privately(branch, ZHANG, "答承诺 3 好的我看看")
    before = await questions(branch)
    for who in (LI, SECRETARY):
        await branch.hear(redaction(account(LI) if who == LI else SECRETARY, first.event_id))
        assert await questions(branch) == before
    (kept,) = before
    assert (kept.stand, kept.answer) == (Stand.ANSWERED, "好的我看看")


NO_NUMBERS = (
    "一切顺利",
    "十分顺利",
    "三天内装好",
    "三楼扶手什么时候装",
    "3楼扶手什么时候装",
    "10月底能完成吗",
    "12号楼什么时候装",
    "3号楼什么时候装",
    "3 號樓什么时候装",
    "一百处装了几处",
    "3-5天内装好",
    "3.5 米够吗",
    "60%",
    "12号能装好吗",
    "3号装好了吗",
    "10 日前能装好吗",
    "3 个月能装好吗",
    "12 点开门吗",
    "3 天内装好",
    "100 元够吗",
    "3 周能装好吗",
    "3 months from now",
)


@pytest.mark.parametrize("said", NO_NUMBERS)
async def test_words_that_begin_with_a_numeral_are_no_number_and_nothing_is_written(
    branch: SmallBranch, said: str
) -> None:
    await put_down(branch, *(pledge(PledgeId(f"n{number}"), number) for number in (10, 12, 60, 100)))
    await privately(branch, LI, "问承诺 3 等着答复")
    pledges_before = [await one(branch, id) for id in (P1, P3, PledgeId("n10"))]
    asked_before = await questions(branch)
    assert await refused_with(branch, ZHANG, f"进展 {said}") == "pledge.progress_which"
    assert await refused_with(branch, ZHANG, f"答承诺 {said}") == "pledge.answer_which"
    assert await refused_with(branch, LI, f"问承诺 {said}") == "pledge_question.which"
    await privately(branch, ZHANG, f"进展{said}")
    await privately(branch, ZHANG, f"答承诺{said}")
    assert [await one(branch, id) for id in (P1, P3, PledgeId("n10"))] == pledges_before
    assert await questions(branch) == asked_before


@pytest.mark.parametrize(
    ("said", "number", "rest"),
    [
        ("问承诺 二十 何时", 20, "何时"),
        ("问承诺 十一：何时", 11, "何时"),
        ("问承诺二十号 何时", 20, "何时"),
        ("问承诺3号 何时", 3, "何时"),
        ("问承诺 3 号承诺何时", 3, "何时"),
        ("问承诺 3：12号能装好吗", 3, "12号能装好吗"),
        ("问承诺 3 12号能装好吗", 3, "12号能装好吗"),
        ("问承诺 3 个别站台没装", 3, "个别站台没装"),
        ("问承诺 3 周五能装好吗", 3, "周五能装好吗"),
        ("问承诺 3 年底能装好吗", 3, "年底能装好吗"),
        ("问承诺 3 號：何时", 3, "何时"),
        ("问承诺 3：何时", 3, "何时"),
        ("问承诺 3，10月底能完成吗", 3, "10月底能完成吗"),
        ("问承诺 3——何时", 3, "--何时"),
        ("ask pledge 3 when", 3, "when"),
    ],
)
async def test_a_number_is_read_whole_as_people_write_it(
    branch: SmallBranch, said: str, number: int, rest: str
) -> None:
    more = {count: PledgeId(f"n{count}") for count in (2, 10, 11, 20)}
    await put_down(branch, *(pledge(id, count) for count, id in more.items()))
    await privately(branch, LI, said)
    (asked,) = await questions(branch, more.get(number, P3))
    assert asked.text == rest


async def test_where_no_pledge_is_named_those_there_are_are_listed_with_how_to_ask(branch: SmallBranch) -> None:
    await privately(branch, LI, "问承诺 12号能装好吗")
    said = await last(branch, LI)
    for piece in ("1 号：修好值班室的灯", "3 号：给站台加装扶手", "「问承诺 1：12号能装好吗」"):
        assert piece in said
    assert "西边的事" not in said
    await privately(branch, LI, "问承诺 8 何时")
    assert "「问承诺 1：何时」" in await last(branch, LI)
    assert await refused_with(branch, LI, "进展 12号装好") == "pledge.progress_how", "who owns none is told how"
    await privately(branch, LI, "问承诺 3 何时")
    assert "给站台加装扶手" in await last(branch, LI), "what is kept says of which pledge"


async def test_a_pledge_beyond_ten_is_shown_by_its_number_in_signs(branch: SmallBranch) -> None:
    await put_down(branch, pledge(PledgeId("twelve"), 12, matter="第十二件事"))
    for said in ("承诺 十二", "承诺 十二號", "承诺 12"):
        await privately(branch, WANG, said)
        assert "12 号承诺：第十二件事" in await last(branch, WANG)


async def test_in_a_room_progress_and_answers_are_talk_even_to_the_bot(branch: SmallBranch) -> None:
    await privately(branch, LI, "问承诺 3 什么时候装")
    card = await branch.card_event(await branch.open())
    before = len(await branch.rows())
    for said in ("进展 3 90%", "答承诺 3 下周", "进展 一切顺利", "答承诺 好"):
        for heard in (
            message(account(ZHANG), said),
            message(account(ZHANG), f"支部助手 {said}", mention=True),
            message(account(ZHANG), said, reply=card),
        ):
            (found,) = await branch.hear(heard)
            assert found is None or (found.answer is None and found.refusal is None), said
    assert len(await branch.rows()) == before
    assert (await one(branch)).percent == 0
    assert (await questions(branch))[0].stand is Stand.OPEN


async def test_ask_pledge_with_a_number_is_heard_in_a_room_and_else_is_talk(branch: SmallBranch) -> None:
    for said in ("ask pledge", "ask pledge holders to come", "ask pledge 3rd floor"):
        (heard,) = await branch.hear(message(account(LI), said))
        assert heard is None or (heard.answer is None and heard.refusal is None), said
    await branch.hear(message(account(LI), "ask pledge 3 when will it be ready"))
    assert [each.text for each in await questions(branch)] == ["when will it be ready"]


@pytest.mark.parametrize(
    ("said", "key"),
    [("问承诺 扶手", "pledge_question.which"), ("问承诺 8 何时", "pledge_question.no_such_number")],
)
async def test_the_record_names_nobody_who_asked_wrongly(branch: SmallBranch, said: str, key: str) -> None:
    heard = message(account(LI), said)
    (found,) = await branch.hear(heard)
    assert found is not None
    assert found.refusal is not None
    assert (found.refusal.words.key, found.refusal.discreet) == (key, True)
    rows = await branch.store.read(lambda unit: unit.rows(audit.select()))
    assert not [row for row in rows if account(LI) in repr(row) or heard.event_id in repr(row)]


async def test_a_closed_pledge_takes_no_questions_and_loses_nothing(branch: SmallBranch) -> None:
    await put_down(branch, pledge(PledgeId("done"), 4, state=State.DONE))
    assert await refused_with(branch, LI, "问承诺 4 还做吗") == "pledge_question.closed"
    assert await refused_with(branch, ZHANG, "进展 4 5%") == "pledge.is_closed"
    assert await refused_with(branch, LI, "问承诺 3") == "pledge_question.how"
    assert await refused_with(branch, LI, "问承诺 扶手") == "pledge_question.which"


async def close(branch: SmallBranch, state: State, note: str) -> None:
    known, cause = await one(branch), Cause(f"close:{state}:{branch.clock.now}")
    done = rules.close(known, state, note, by=SECRETARY, cause=cause, today=TODAY, now=branch.clock.now)
    assert isinstance(done, Decision)
    await branch.store.settle(notes=done.facts)


async def test_who_asked_is_told_when_a_pledge_is_closed_and_is_forgotten_in_time(
    branch: SmallBranch, clock: HandClock
) -> None:
    await privately(branch, LI, "问承诺 3 什么时候装")
    await privately(branch, WANG, "问承诺 3 装几处")
    await privately(branch, ZHANG, "答承诺 3-2 四处")
    await close(branch, State.DONE, "四处都装好了")
    before = len(await told(branch))
    for _ in range(2):
        await keep(branch)
    assert len(await told(branch)) == before + 1, "once, and nobody who was answered"
    said = await last(branch, LI)
    assert "没有单独答复" in said
    assert "四处都装好了" in said
    assert [each.stand for each in await questions(branch)] == [Stand.CLOSED, Stand.ANSWERED]
    await privately(branch, WANG, "承诺 3")
    assert "什么时候装（办结时没有单独答复）" in await last(branch, WANG)
    for days, kept in ((89, LI), (91, None)):
        clock.now = NOON + timedelta(days=days)
        await branch.store.settle(notes=[Swept(at=clock.now)])
        assert (await questions(branch))[0].member == kept


async def test_what_was_closed_with_a_pledge_waits_again_when_it_is_taken_up_and_can_be_answered_before(
    branch: SmallBranch,
) -> None:
    await privately(branch, LI, "问承诺 3 什么时候装")
    await privately(branch, WANG, "问承诺 3 装几处")
    await close(branch, State.DONE, "点错了")
    await keep(branch)
    await privately(branch, ZHANG, "答承诺 3-2 四处")
    assert "答：四处" in await last(branch, WANG)
    await close(branch, State.OPEN, "还要办")
    assert [each.stand for each in await questions(branch)] == [Stand.OPEN, Stand.ANSWERED]
    before = len(await told(branch))
    await keep(branch)
    assert len(await told(branch)) == before, "nobody is told anything twice"
    await privately(branch, ZHANG, "答承诺 3 下周")
    assert "答：下周" in await last(branch, LI)


async def test_who_asked_is_told_once_that_their_question_was_hidden(branch: SmallBranch) -> None:
    await privately(branch, LI, "问承诺 3 什么时候装")
    (each,) = await questions(branch)
    known, users = await one(branch), {"owner": account(ZHANG), "asker": account(LI)}
    done = rules_of_questions.moderate(known, each, hidden=True, reason="点名骂人", **users, now=NOON)
    assert isinstance(done, Decision)
    await branch.store.settle(notes=done.facts)
    before = len(await told(branch))
    for _ in range(2):
        await keep(branch)
    assert len(await told(branch)) == before + 1
    assert "被支部隐去了" in await last(branch, LI)


async def keep(branch: SmallBranch) -> None:
    await keeping.keep(branch.store)


async def test_a_question_and_an_answer_wait_for_silence_to_end(branch: SmallBranch, clock: HandClock) -> None:
    until = clock.now + timedelta(days=2)
    await branch.store.settle(notes=[Muted(user=account(member), at=clock.now, until=until) for member in (ZHANG, LI)])
    await privately(branch, LI, "问承诺 3 什么时候装")
    await keep(branch)
    assert not any("什么时候装" in said for user, said in await told(branch) if user == account(ZHANG))
    clock.now = until
    for _ in range(2):
        await keep(branch)
    assert sum("什么时候装" in said for user, said in await told(branch) if user == account(ZHANG)) == 1
    await branch.store.settle(notes=[Muted(user=account(LI), at=clock.now, until=until + timedelta(days=2))])
    await privately(branch, ZHANG, "答承诺 3 下周")
    assert not any("下周" in said for user, said in await told(branch) if user == account(LI))
    clock.now = until + timedelta(days=2)
    for _ in range(2):
        await keep(branch)
    assert sum("答：下周" in said for user, said in await told(branch) if user == account(LI)) == 1


async def test_nobody_is_told_in_quiet_hours(branch: SmallBranch, clock: HandClock) -> None:
    for name, value in ((QUIET_HOURS, "21-8"), (QUIET_DAYS, "rest")):
        await branch.store.settle(notes=[SettingChosen(organisation=EAST, name=name, value=value)])
    clock.now = NOON + timedelta(hours=11)
    await privately(branch, LI, "问承诺 3 什么时候装")
    await keep(branch)
    assert [user for user, said in await told(branch) if "什么时候装" in said] == []
    clock.now = NOON + timedelta(hours=20)
    await keep(branch)
    assert [user for user, said in await told(branch) if "什么时候装" in said] == [account(ZHANG)]


async def test_the_owner_is_reminded_twice_when_the_clock_comes_to_it(branch: SmallBranch, clock: HandClock) -> None:
    """CALM-2 and the last oracle of section 11, by the clock."""
    june = pledge(P3, 3, due=date(2026, 6, 30), due_set=date(2026, 6, 1))
    await branch.store.settle(notes=[PledgeChanged(pledge=june)])
    start = NOON.replace(month=6, day=15, hour=0)
    heard = []
    for hours in range(16 * 24):
        clock.now = start + timedelta(hours=hours)
        before = len(await told(branch))
        await keep(branch)
        if len(await told(branch)) > before:
            heard.append(clock.now)
    assert heard == [NOON.replace(month=6, day=16, hour=0), NOON.replace(month=6, day=29, hour=0)]
    assert (await one(branch)).reminded == 2


async def test_nobody_is_reminded_of_what_is_closed(branch: SmallBranch, clock: HandClock) -> None:
    await put_down(branch, pledge(PledgeId("done"), 4, state=State.DONE, due=date(2026, 7, 3)))
    clock.now = NOON + timedelta(days=1)
    await keep(branch)
    assert await told(branch) == []


async def test_a_new_owner_is_told_of_what_waits(branch: SmallBranch) -> None:
    await privately(branch, LI, "问承诺 3 什么时候装")
    await branch.store.settle(notes=[PledgeChanged(pledge=replace(await one(branch), owner=WANG))])
    await keep(branch)
    assert "什么时候装" in await last(branch, WANG)
    event = await put_to(branch, WANG)
    await privately(branch, WANG, "我来答：下周", reply=event)
    assert (await questions(branch))[0].answer == "我来答：下周"


async def test_an_owner_who_left_is_told_nothing_and_the_question_waits(branch: SmallBranch) -> None:
    await branch.store.settle(notes=[MemberLeft(member=ZHANG, at=NOON)])
    await privately(branch, LI, "问承诺 3 什么时候装")
    assert "支部看得到" in await last(branch, LI)
    await keep(branch)
    assert len(await questions(branch)) == 1
    await privately(branch, WANG, "承诺 3")
    assert "责任人：待定" in await last(branch, WANG)


async def test_an_owner_who_moved_has_a_clear_word_and_their_pledge_waits_for_another(branch: SmallBranch) -> None:
    await branch.store.settle(notes=[PledgeChanged(pledge=replace(await one(branch), due=date(2026, 7, 4)))])
    await privately(branch, LI, "问承诺 3 什么时候装")
    event = await put_to(branch, ZHANG)
    zhang = await branch.store.read(lambda unit: members.member(unit, ZHANG))
    assert zhang is not None
    await branch.store.settle(notes=[MemberChanged(member=replace(zhang, organisation=WEST))])
    before = len([user for user, _ in await told(branch) if user == account(ZHANG)])
    for said in ("进展 3 60%", "答承诺 3 好的，下周"):
        assert await refused_with(branch, ZHANG, said) == "pledge.moved_away"
    answered = await privately(branch, ZHANG, "下周装", reply=event)
    assert answered.refusal.words.key == "pledge.moved_away"
    await branch.store.settle(notes=[PledgeChanged(pledge=replace(await one(branch, FAR), owner=ZHANG))])
    await privately(branch, ZHANG, "进展 3 20%")
    assert ((await one(branch)).percent, (await one(branch, FAR)).percent) == (0, 20), "of two the one of their branch"
    await privately(branch, LI, "问承诺 3 装几处")
    assert "支部看得到" in await last(branch, LI)
    await keep(branch)
    heard = [said for user, said in await told(branch) if user == account(ZHANG)][before:]
    assert not any("装几处" in said or "原定 7-4" in said for said in heard), "neither questions nor reminders"
    await privately(branch, WANG, "承诺 3")
    assert "责任人：待定" in await last(branch, WANG)


async def test_who_asked_is_forgotten_some_time_after_the_answer(branch: SmallBranch, clock: HandClock) -> None:
    await privately(branch, LI, "问承诺 3 什么时候装")
    await privately(branch, ZHANG, "答承诺 3 下周")
    clock.now = NOON + timedelta(days=89)
    await branch.store.settle(notes=[Swept(at=clock.now)])
    assert (await questions(branch))[0].member == LI
    clock.now = NOON + timedelta(days=91)
    await branch.store.settle(notes=[Swept(at=clock.now)])
    (kept,) = await questions(branch)
    assert (kept.member, kept.event, kept.answer) == (None, None, "下周")
