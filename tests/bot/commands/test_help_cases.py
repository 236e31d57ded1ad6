"""求助, 匿名求助, 进度: what is kept of who asks, who reads what, and what a dump of everything tells."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import select

from bot.help_cases import tell_due
from content.decision import Secret
from content.erasure import PersonErased
from content.help_cases import (
    LONGEST_TEXT,
    MOST_OPEN,
    MOST_UNNAMED_A_DAY,
    HelpCaseHanded,
    HelpWords,
    Sort,
    Stage,
    answer,
)
from content.identifiers import Cause, HelpWordsId
from content.rooms import DirectRoomKept
from storage import help_cases as stored
from storage import outbox
from storage.audit import audit, causes
from storage.help_cases import help_case_words, help_cases
from storage.holdings import collect
from storage.inquiries import inquiries
from storage.retention import Swept
from storage.sealing import seal_anew
from storage.store import Step, Store
from storage.unit import Reading
from storage.vault import Unreadable, Vault
from tests.small_branch import (
    EAST,
    EAST_ROOM,
    LI,
    NOON,
    SECRETARY,
    ZHANG,
    ZHAO,
    HandClock,
    SmallBranch,
    account,
    edit,
    message,
    private_room,
    redaction,
)

WORD = "丝雀甲困"
ANSWERED = "丝雀乙答"
KEY = bytes(range(32))
DAY = date(2026, 7, 1)


async def say(branch: SmallBranch, words: str, member: Any = ZHANG, **more: Any) -> Any:
    """Let a member say something in private."""
    (heard,) = await branch.hear(message(account(member), words, room_id=private_room(member), **more))
    return heard


async def told(branch: SmallBranch, member: Any = ZHANG) -> list[Any]:
    """Return what waits to be said to a member: keys with parameters."""
    rows = await branch.rows(outbox.outbox.c.user_id == account(member))
    return [row.words for row in rows if row.words]


async def cases(branch: SmallBranch) -> list[Any]:
    """Return every row of a case."""
    return list(await branch.store.read(lambda unit: unit.rows(select(help_cases).order_by(help_cases.c.number))))


async def said_in(branch: SmallBranch, id: Any) -> list[str]:
    """Return the texts of a case."""
    return [str(one.text) for one in (await branch.store.read(lambda unit: stored.words_of(unit, [id])))[id]]


async def code_of(branch: SmallBranch) -> str:
    """Return the code that the newest receipt tells, as its reader gets it."""
    (row,) = [one for one in await branch.claim() if one.words and one.words.key == "help_case.unnamed_received"]
    await branch.mark_sent(row)
    return str(row.words.parameters["code"])


async def answer_it(branch: SmallBranch, text: str = ANSWERED, stage: Stage = Stage.CLOSED) -> None:
    """Take the only case up and answer it."""
    (row,) = await cases(branch)
    taken = HelpCaseHanded(case=row.id, organisation=row.organisation_id, owner=SECRETARY, stage=Stage.ACCEPTED, on=DAY)
    await branch.store.settle(notes=[taken])

    async def decide(unit: Reading) -> Any:
        case = await stored.case(unit, row.id)
        assert case is not None
        words = HelpWords(
            id=HelpWordsId(f"answer{len(text)}"),
            case=case.id,
            sort=Sort.ANSWER,
            text=Secret(text),
            on=unit.now.date(),
            by=SECRETARY,
        )
        return answer(case, words, stage, by=SECRETARY, today=unit.now.date())

    (outcome,) = await branch.store.settle([Step(cause=Cause("form:answer"), decide=decide, actor=SECRETARY)])
    assert outcome.refusal is None
    assert not outcome.failed


async def test_a_case_gets_the_next_number_of_its_branch_and_the_receipt_says_it(branch: SmallBranch) -> None:
    await say(branch, "求助 家里老人住院")
    (words,) = await told(branch)
    assert words["key"] == "help_case.received"
    assert words["parameters"] == {"number": "B-001", "days": 2}
    (row,) = await cases(branch)
    assert (row.number, row.organisation_id, row.received_on, row.due_on) == (1, EAST, DAY, date(2026, 7, 3))
    assert await said_in(branch, row.id) == ["家里老人住院"]
    await say(branch, "反映 站台灯坏了", LI)
    assert [one.number for one in await cases(branch)] == [1, 2]


async def test_the_same_message_twice_is_one_case(branch: SmallBranch) -> None:
    event = message(account(ZHANG), "求助 一件事", room_id=private_room(ZHANG))
    await branch.hear(event)
    await branch.hear(event)
    assert len(await cases(branch)) == 1
    assert len(await told(branch)) == 1


async def test_in_a_room_nothing_is_kept_and_nothing_repeated(branch: SmallBranch) -> None:
    for words in (f"求助 {WORD}", f"匿名求助 {WORD}", "进度"):
        await branch.hear(message(account(ZHANG), words, room_id=EAST_ROOM, mention=True))
    await branch.hear(message(account(ZHANG), f"求助 {WORD}", room_id=EAST_ROOM))
    assert await cases(branch) == []
    assert WORD not in await branch.everything()
    assert {one["key"] for one in await told(branch)} == {"help_case.in_private", "help_case.unnamed_in_private"}
    assert await branch.rows(outbox.outbox.c.room_id == EAST_ROOM) == []


async def test_without_words_one_is_asked_and_the_next_message_is_the_case(branch: SmallBranch) -> None:
    await say(branch, "有个困难")
    assert [one["key"] for one in await told(branch)] == ["help_case.what"]
    await say(branch, "宿舍没有热水")
    (row,) = await cases(branch)
    assert await said_in(branch, row.id) == ["宿舍没有热水"]
    await say(branch, "匿名求助", LI)
    assert [one["key"] for one in await told(branch, LI)] == ["help_case.unnamed_how"]
    asked = await branch.store.read(lambda unit: unit.rows(select(inquiries)))
    assert asked == [], "of who wants no name it is not known that they asked, nor when somebody else was asked back"


async def test_what_is_too_long_or_too_much_is_said_with_nothing_kept(branch: SmallBranch) -> None:
    heard = await say(branch, "求助 " + "长" * (LONGEST_TEXT + 1))
    assert heard.refusal.words.key == "help_case.too_long"
    for number in range(MOST_OPEN):
        await say(branch, f"求助 第{number}件事")
    heard = await say(branch, "求助 还有一件")
    assert heard.refusal.words.key == "help_case.too_many"
    assert len(await cases(branch)) == MOST_OPEN
    actors = {row.actor for row in await branch.store.read(lambda unit: unit.rows(select(audit)))}
    assert account(ZHANG) not in actors, "the record does not name who asked for help"


async def test_progress_shows_ones_own_alone_and_another_number_is_as_one_that_is_none(branch: SmallBranch) -> None:
    await say(branch, "求助 家里老人住院")
    await say(branch, "进度 B-001", LI)
    await say(branch, "进度 B-999", LI)
    one, other = await told(branch, LI)
    assert one == other == {"key": "help_case.none_such", "parameters": {}}
    await answer_it(branch)
    await branch.send_all()
    await say(branch, "进度")
    (row,) = [one for one in await branch.claim() if one.user == account(ZHANG)]
    assert row.words is not None
    assert ANSWERED in repr([str(line.parameters.get("answer")) for line in row.words.parameters["list"]])  # type: ignore[union-attr]
    await say(branch, "撤回 B-001", LI)
    assert [one.stage for one in await cases(branch)] == [Stage.CLOSED]


async def test_a_reply_to_the_receipt_adds_to_the_case_and_its_owner_is_told(branch: SmallBranch) -> None:
    await say(branch, "求助 家里老人住院")
    await branch.send_all()
    (receipt,) = await branch.rows(outbox.outbox.c.user_id == account(ZHANG))
    assert receipt.words is None
    (row,) = await cases(branch)
    taken = HelpCaseHanded(case=row.id, organisation=EAST, owner=SECRETARY, stage=Stage.ACCEPTED, on=DAY)
    await branch.store.settle(notes=[taken])
    await say(branch, "周三要做手术", reply=receipt.event_id)
    assert await said_in(branch, row.id) == ["家里老人住院", "周三要做手术"]
    assert [one["key"] for one in await told(branch)] == ["help_case.added"]
    owners = await branch.rows(outbox.outbox.c.user_id == SECRETARY)
    assert [one.words["key"] for one in owners if one.words] == ["help_case.owner_more"]
    await say(branch, "谢谢", reply=receipt.event_id)
    assert len(await said_in(branch, row.id)) == 2
    await say(branch, "撤回", reply=receipt.event_id)
    assert await said_in(branch, row.id) == []
    assert [one.stage for one in await cases(branch)] == [Stage.WITHDRAWN]


@pytest.mark.parametrize(
    "text",
    [
        "求助 补充 周三要做手术",
        "求助 补充：周三要做手术",
        "求助补充：周三要做手术",
        "求助：補充一下，周三要做手术",
        "help me add: 周三要做手术",
    ],
)
async def test_more_of_the_one_open_case_is_no_second_one(branch: SmallBranch, text: str) -> None:
    await say(branch, "求助 家里老人住院")
    await say(branch, text)
    (row,) = await cases(branch)
    assert await said_in(branch, row.id) == ["家里老人住院", "周三要做手术"]
    assert (await told(branch))[-1] == {"key": "help_case.added", "parameters": {"number": "B-001"}}


async def test_where_several_are_open_it_is_asked_which_and_the_number_says_it(branch: SmallBranch) -> None:
    for words in ("求助 家里老人住院", "求助 宿舍没有热水", "求助 补充 周三要做手术"):
        await say(branch, words)
    asked = (await told(branch))[-1]
    assert asked["key"] == "help_case.add_which"
    assert [len(await said_in(branch, row.id)) for row in await cases(branch)] == [1, 1]
    await say(branch, "求助 补充 B-001 周三要做手术")
    await say(branch, "求助 b2 补充：周五前能修吗")
    await say(branch, "求助 补充 B-003 什么")
    first, second = await cases(branch)
    assert await said_in(branch, first.id) == ["家里老人住院", "周三要做手术"]
    assert await said_in(branch, second.id) == ["宿舍没有热水", "周五前能修吗"]
    assert [one["key"] for one in await told(branch)][-2:] == ["help_case.added", "help_case.add_which"]


async def test_where_no_case_under_ones_name_is_open_nothing_is_opened(branch: SmallBranch) -> None:
    """What they would add to may be a case without a name: a new one would tell who they are."""
    await say(branch, "匿名求助 食堂太贵")
    await say(branch, "求助 补充 早饭也贵")
    (row,) = await cases(branch)
    assert row.user_id is None
    assert (await told(branch))[-1]["key"] == "help_case.none_to_add_to"
    await say(branch, "求助 补充营养的钱不够")
    assert await said_in(branch, (await cases(branch))[1].id) == ["补充营养的钱不够"]
    await say(branch, "求助 补充")
    assert (await told(branch))[-1]["key"] == "help_case.add_what"


async def test_what_was_said_last_is_taken_back_with_every_word(branch: SmallBranch) -> None:
    await say(branch, f"求助 {WORD}")
    await say(branch, "撤回")
    (row,) = await cases(branch)
    assert (row.stage, await said_in(branch, row.id)) == (Stage.WITHDRAWN, [])
    await say(branch, "求助 另一件")
    assert [one.number for one in await cases(branch)] == [1, 2], "no number is given twice"


async def test_what_its_sender_deletes_in_the_chat_is_gone_from_the_case(branch: SmallBranch) -> None:
    """Whoever deletes it, but the person themself, changes nothing; the case stays, as they may still need help."""
    first = message(account(ZHANG), "求助 家里老人住院", room_id=private_room(ZHANG), megolm=("session", 1))
    await branch.hear(first)
    (row,) = await cases(branch)
    await branch.send_all()
    (receipt,) = await branch.rows(outbox.outbox.c.matter_id == row.id)
    more = message(account(ZHANG), "周三要做手术", room_id=private_room(ZHANG), reply=receipt.event_id)
    await branch.hear(more)
    await branch.hear(redaction(account(LI), more.event_id, room_id=private_room(LI)))
    assert await said_in(branch, row.id) == ["家里老人住院", "周三要做手术"]
    await branch.hear(redaction(account(ZHANG), more.event_id, room_id=private_room(ZHANG)))
    assert await said_in(branch, row.id) == ["家里老人住院"]
    assert (await told(branch))[-1] == {"key": "help_case.words_removed", "parameters": {"number": "B-001"}}
    await answer_it(branch, stage=Stage.IN_HAND)
    await branch.hear(redaction(account(ZHANG), first.event_id, room_id=private_room(ZHANG)))
    assert await said_in(branch, row.id) == [ANSWERED]
    assert (await told(branch))[-1]["key"] == "help_case.words_gone"
    assert "help_case.owner_less" in [one.words["key"] for one in await branch.rows() if one.words]
    assert [one.stage for one in await cases(branch)] == [Stage.IN_HAND]


async def test_what_its_asker_changes_in_the_chat_is_changed_in_the_case_while_it_is_open(branch: SmallBranch) -> None:
    """Somebody who corrects a number or a day by an edit must not be answered by the old one."""
    first = message(account(ZHANG), "求助 家里老人住院在三楼", room_id=private_room(ZHANG))
    await branch.hear(first)
    (row,) = await cases(branch)
    await answer_it(branch, stage=Stage.IN_HAND)
    for who, words in ((LI, "求助 别的"), (ZHANG, "匿名求助 别的"), (ZHANG, "求助")):
        await branch.hear(edit(account(who), first.event_id, words, room_id=private_room(who)))
        assert await said_in(branch, row.id) == ["家里老人住院在三楼", ANSWERED]
    for words in ("求助 家里老人住院在四楼", "家里老人住院在五楼"):
        await branch.hear(edit(account(ZHANG), first.event_id, words, room_id=private_room(ZHANG)))
        assert await said_in(branch, row.id) == [ANSWERED, words.removeprefix("求助 ")]
        assert (await told(branch))[-1] == {"key": "help_case.words_changed", "parameters": {"number": "B-001"}}
    assert "help_case.owner_changed" in [one.words["key"] for one in await branch.rows() if one.words]
    await branch.hear(redaction(account(ZHANG), first.event_id, room_id=private_room(ZHANG)))
    assert await said_in(branch, row.id) == [ANSWERED]


async def test_a_change_of_what_is_over_leaves_the_case_as_it_was(branch: SmallBranch) -> None:
    first = message(account(ZHANG), "求助 家里老人住院", room_id=private_room(ZHANG))
    await branch.hear(first)
    (row,) = await cases(branch)
    await answer_it(branch, stage=Stage.CLOSED)
    before = await said_in(branch, row.id)
    await branch.hear(edit(account(ZHANG), first.event_id, "求助 不用了", room_id=private_room(ZHANG)))
    assert await said_in(branch, row.id) == before
    assert (await told(branch))[-1]["key"] == "help_case.over_as_it_was"


@pytest.mark.parametrize("room", [private_room(ZHANG), EAST_ROOM])
async def test_a_changed_message_without_a_name_is_not_read_and_that_is_said_in_private(
    branch: SmallBranch, room: Any
) -> None:
    first = message(account(ZHANG), "匿名求助 食堂太贵", room_id=room)
    changed = edit(account(ZHANG), first.event_id, f"匿名求助 {WORD}", room_id=room)
    await branch.hear(first, changed)
    assert (await told(branch))[-1]["key"] == "help_case.unnamed_not_changed"
    assert await branch.rows(outbox.outbox.c.room_id == EAST_ROOM) == []
    assert WORD not in await branch.everything()
    actors = {row.actor for row in await branch.store.read(lambda unit: unit.rows(select(audit)))}
    assert account(ZHANG) not in actors
    came = await branch.store.read(lambda unit: unit.rows(causes.select()))
    assert {row.at.hour for row in came if changed.event_id in row.cause} == {0}, "the day alone"


async def test_of_a_case_without_a_name_that_is_over_a_change_says_nothing(branch: SmallBranch) -> None:
    await say(branch, "匿名求助 食堂太贵")
    code = await code_of(branch)
    words = f"匿名求助 {code} 早饭也贵"
    more = await branch.hear(message(account(ZHANG), words, room_id=private_room(ZHANG)))
    assert more
    for target in ("$one", "$two"):
        await branch.hear(edit(account(ZHANG), target, f"{words}了", room_id=private_room(ZHANG)))
        assert [one["key"] for one in await told(branch)].count("help_case.unnamed_not_changed") == 1
        if target == "$one":
            await answer_it(branch, stage=Stage.CLOSED)
    await branch.hear(edit(account(ZHANG), "$three", "匿名求助 2222-3333-4444-5555 也贵", room_id=private_room(ZHANG)))
    assert [one["key"] for one in await told(branch)].count("help_case.unnamed_not_changed") == 1


async def test_what_was_asked_under_a_name_is_made_no_other_by_a_change(branch: SmallBranch) -> None:
    first = message(account(ZHANG), "求助 家里老人住院", room_id=private_room(ZHANG))
    await branch.hear(first, edit(account(ZHANG), first.event_id, "匿名求助 家里老人", room_id=private_room(ZHANG)))
    assert (await told(branch))[-1] == {"key": "help_case.stays_named", "parameters": {"number": "B-001"}}
    (row,) = await cases(branch)
    assert await said_in(branch, row.id) == ["家里老人住院"]


async def test_nothing_is_kept_of_who_asks_without_a_name(branch: SmallBranch) -> None:
    """PRIV-16: once the receipt is sent, no row anywhere holds both, nor a time finer than the day."""
    before = await branch.store.read(lambda unit: unit.rows(select(audit)))
    await say(branch, f"匿名求助 {WORD}")
    (waiting,) = await told(branch)
    assert set(waiting["parameters"]["code"]) == {"sealed"}, "the code is in the outbox but sealed"
    code = await code_of(branch)
    (row,) = await cases(branch)
    assert [row.member_id, row.user_id, row.asked_at, row.owner] == [None] * 4
    assert (row.number, row.received_on) == (1, DAY)
    assert await said_in(branch, row.id) == [WORD]
    assert await branch.rows(outbox.outbox.c.kind == outbox.Kind.TELL) == []
    assert await branch.store.read(lambda unit: unit.rows(select(audit))) == before
    at = {each.at for each in await branch.store.read(lambda unit: unit.rows(select(causes))) if "event" in each.cause}
    assert at == {NOON.replace(hour=0)}
    everything = await branch.everything()
    assert code not in everything
    assert code.replace("-", "") not in everything


async def test_a_code_shows_and_adds_and_takes_back_and_another_one_nothing(branch: SmallBranch) -> None:
    await say(branch, "匿名求助 食堂太贵")
    code = await code_of(branch)
    await say(branch, f"匿名求助 {code.lower()} 夜班没有热饭")
    (row,) = await cases(branch)
    assert await said_in(branch, row.id) == ["食堂太贵", "夜班没有热饭"]
    await branch.send_all()
    wrong = code[:-1] + ("2" if code[-1] != "2" else "3")
    await say(branch, f"进度 {wrong}", LI)
    assert [one["key"] for one in await told(branch, LI)] == ["help_case.none_such"]
    await answer_it(branch, stage=Stage.ACCEPTED)
    await branch.send_all()
    assert await branch.rows(outbox.outbox.c.user_id == account(ZHANG)) == [], "an answer is told to nobody"
    await say(branch, f"进度 {code}", LI)
    (shown,) = [one for one in await branch.claim() if one.words and one.words.key == "help_case.unnamed_lines"]
    assert ANSWERED in [str(one.parameters.get("answer")) for one in shown.words.parameters["list"]]  # type: ignore[union-attr]
    await say(branch, f"匿名求助 {code} 撤回")
    assert await said_in(branch, row.id) == []


async def test_what_is_said_after_asking_without_a_name_never_stands_under_it(branch: SmallBranch) -> None:
    """Who began by name, or was asked to write all in one message, is not taken at their word afterwards."""
    await say(branch, "求助")
    await say(branch, "匿名求助 家里有病人")
    assert await branch.store.read(lambda unit: unit.rows(select(inquiries))) == []
    await say(branch, "补充：是我儿子")
    for text in ("匿名求助", "匿名求助 " + "长" * (LONGEST_TEXT + 1), "匿名求助 撤回", "进度 2222-2222-2222-2222"):
        await say(branch, "求助")
        await say(branch, text)
        await say(branch, "家里有病人")
    assert [one.user_id for one in await cases(branch)] == [None]
    rows = await branch.store.read(
        lambda unit: unit.rows(select(audit.c.action).where(audit.c.actor == account(ZHANG)))
    )
    assert {row.action for row in rows} <= {"misread"}, "no row of the record says that somebody asked for help"


async def test_a_code_in_the_wrong_sentence_joins_nobody_with_the_case(branch: SmallBranch) -> None:
    await say(branch, "匿名求助 家里有病人")
    code = await code_of(branch)
    for text in (f"求助 {code} 又加重了", "求助", f"{code} 好些了", "匿名求助 撤回"):
        await say(branch, text)
    (row,) = await cases(branch)
    assert row.user_id is None
    assert await said_in(branch, row.id) == ["家里有病人", "又加重了", "好些了"]
    await say(branch, f"匿名求助，{code} 撤回")
    (row,) = await cases(branch)
    assert row.stage == Stage.WITHDRAWN


async def test_who_needs_help_no_longer_opens_no_case_by_saying_so(branch: SmallBranch) -> None:
    for text in ("没事了", "不说了", "不办了", "算了", "取消", "撤回", "沒事了", "never mind", "求助 算了"):
        await say(branch, "求助")
        await say(branch, text)
        assert (await told(branch))[-1]["key"] == "help_case.dropped", text
        assert await branch.store.read(lambda unit: unit.rows(select(inquiries))) == []
    await say(branch, "求助")
    await say(branch, "在吗？")
    assert (await told(branch))[-1]["key"] == "help_case.what", "who only calls is asked again, and waited for"
    assert await cases(branch) == []
    await say(branch, "宿舍没有热水")
    (row,) = await cases(branch)
    await branch.send_all()
    (receipt,) = await branch.rows(outbox.outbox.c.event_id.is_not(None), outbox.outbox.c.matter_id == row.id)
    for text in ("没事了", "不说了", "不办了", "算了", "取消"):
        await say(branch, text, reply=receipt.event_id)
        assert (await told(branch))[-1] == {"key": "help_case.to_withdraw", "parameters": {"number": "B-001"}}, text
    await say(branch, "在吗", reply=receipt.event_id)
    assert (await told(branch))[-1]["key"] == "help_case.lines"
    await say(branch, "取消")
    assert (await told(branch))[-1]["key"] == "help_case.to_withdraw"
    assert await said_in(branch, row.id) == ["宿舍没有热水"]


async def test_who_wants_no_name_or_only_asks_how_opens_no_case_under_one(branch: SmallBranch) -> None:
    wanting = (
        "求助 匿名 食堂太贵",
        "求助（匿名）食堂太贵",
        "求助（匿名）",
        "求助 食堂太贵（匿名）",
        "help me anonymously it is dear",
    )
    for text in wanting:
        await say(branch, text)
        assert (await told(branch))[-1]["key"] == "help_case.unnamed_instead", text
    for text in ("求助热线是多少", "求助熱線是多少？", "匿名求助电话是多少", "求助怎么写"):
        await say(branch, text)
    assert await cases(branch) == []
    await say(branch, "匿名反映 食堂太贵")
    await say(branch, "匿名反映澡堂没有热水")
    await say(branch, "求助孩子上学怎么办")
    assert [(one.number, one.user_id) for one in await cases(branch)] == [(1, None), (2, None), (3, account(ZHANG))]
    rows = await branch.store.read(lambda unit: unit.rows(select(audit.c.action)))
    assert "misread" not in {row.action for row in rows}, "who is not understood is on no record"


async def test_what_is_meant_as_a_code_and_is_none_stands_under_no_name(branch: SmallBranch) -> None:
    await say(branch, "求助 一件事")
    (row,) = await cases(branch)
    await branch.send_all()
    (receipt,) = await branch.rows(outbox.outbox.c.matter_id == row.id)
    wrong = "ABCO-EFGH-JKLM-NP01"
    await say(branch, "求助")
    for text in (f"求助 {wrong} 又加重了", f"匿名求助 {wrong}", f"进度 {wrong}", f"撤回 {wrong}"):
        await say(branch, text)
        assert (await told(branch))[-1]["key"] == "help_case.none_such", text
    assert await branch.store.read(lambda unit: unit.rows(select(inquiries))) == []
    await say(branch, f"{wrong} 又加重了", reply=receipt.event_id)
    assert (await told(branch))[-1]["key"] == "help_case.none_such"
    await say(branch, "匿名求助 别的事")
    (code,) = [
        one.words.parameters["code"]
        for _ in range(20)
        for one in await branch.claim()
        if (await branch.mark_sent(one)) is None and one.words and one.words.key == "help_case.unnamed_received"
    ]
    await say(branch, f"{code} 又加重了", reply=receipt.event_id)
    named, unnamed = await cases(branch)
    assert await said_in(branch, named.id) == ["一件事"]
    assert await said_in(branch, unnamed.id) == ["别的事", "又加重了"]
    await say(branch, "求助")
    await say(branch, f"撤回 {code}")
    assert await branch.store.read(lambda unit: unit.rows(select(inquiries))) == []
    assert [one.stage for one in await cases(branch)] == [Stage.RECEIVED, Stage.WITHDRAWN]


async def test_one_person_asks_so_often_a_day_without_a_name(branch: SmallBranch) -> None:
    for number in range(MOST_UNNAMED_A_DAY):
        await say(branch, f"匿名求助 第{number}件")
    await say(branch, "匿名求助 又一件")
    assert (await told(branch))[-1]["key"] == "help_case.unnamed_enough"
    assert len(await cases(branch)) == MOST_UNNAMED_A_DAY
    branch.clock.forward(days=1)
    await say(branch, "匿名求助 第二天")
    assert len(await cases(branch)) == MOST_UNNAMED_A_DAY + 1


async def test_who_handles_cases_hears_once_of_one_that_nobody_took_up(branch: SmallBranch) -> None:
    await say(branch, f"求助 {WORD}")
    await branch.send_all()

    async def tick() -> list[Any]:
        await tell_due(branch.store, branch.clock.now, "https://console.test")
        return [(row.user_id, row.words["key"]) for row in await branch.rows() if row.words]

    assert await tick() == []
    branch.clock.now = datetime(2026, 7, 3, 1, 0, tzinfo=NOON.tzinfo)
    first = await tick()
    assert (SECRETARY, "help_case.owner_due") in first
    assert await tick() == first, "and not again"
    assert account(ZHANG) not in {user for user, _ in first}


async def test_a_case_goes_a_year_after_its_end_and_no_day_sooner(branch: SmallBranch) -> None:
    """PRIV-6 ☆: closed 2026-07-10, gone on 2027-07-10."""
    branch.clock.now = datetime(2026, 7, 8, 4, 0, tzinfo=NOON.tzinfo)
    await say(branch, "匿名求助 一件事")
    branch.clock.now = datetime(2026, 7, 10, 4, 0, tzinfo=NOON.tzinfo)
    await answer_it(branch)
    await branch.store.settle(notes=[Swept(at=datetime(2027, 7, 9, 23, 0, tzinfo=NOON.tzinfo))])
    assert len(await cases(branch)) == 1
    await branch.store.settle(notes=[Swept(at=datetime(2027, 7, 10, 0, 30, tzinfo=NOON.tzinfo))])
    assert await cases(branch) == []
    assert await branch.store.read(lambda unit: unit.rows(select(help_case_words))) == []
    branch.clock.now = datetime(2027, 7, 11, 4, 0, tzinfo=NOON.tzinfo)
    await say(branch, "求助 新的事")
    assert [one.number for one in await cases(branch)] == [2]


async def test_the_minute_of_a_named_case_is_known_on_its_day_alone(branch: SmallBranch) -> None:
    await say(branch, "求助 一件事")
    assert [row.asked_at for row in await cases(branch)] == [NOON]
    await branch.store.settle(notes=[Swept(at=NOON + timedelta(days=2))])
    assert [row.asked_at for row in await cases(branch)] == [None]


async def test_who_is_erased_is_in_no_case_and_their_words_are_gone(branch: SmallBranch) -> None:
    await say(branch, f"求助 {WORD}")
    await say(branch, "匿名求助 别人的事", LI)
    erased = PersonErased(members=(ZHANG,), accounts=(account(ZHANG),), at=NOON)
    await branch.store.settle(notes=[erased])
    (row,) = await cases(branch)
    assert row.user_id is None
    assert len(await branch.store.read(lambda unit: unit.rows(select(help_case_words)))) == 1


async def test_my_data_holds_my_words_and_the_answers_and_no_note(branch: SmallBranch) -> None:
    await say(branch, f"求助 {WORD}")
    await answer_it(branch)
    sections = await branch.store.read(lambda unit: collect(unit, account(ZHANG)))
    found = {one.name: one.rows for one in sections}
    assert {row["text"] for row in found["help_case_words"]} == {WORD, ANSWERED}
    assert len(found["help_cases"]) == 1
    others = await branch.store.read(lambda unit: collect(unit, account(ZHAO)))
    assert all(not one.rows for one in others if one.name.startswith("help_case"))


@pytest_asyncio.fixture
async def keyed(sqlite_address: str, clock: HandClock) -> AsyncIterator[SmallBranch]:
    """Give the small branch with a master key, on a file that can be looked into."""
    store = await Store.open(sqlite_address, clock, master=KEY)
    small = SmallBranch(store, clock)
    await small.found()
    for one in (ZHANG, LI):
        await store.settle(notes=[DirectRoomKept(user=account(one), room=private_room(one), encrypted=False)])
    yield small
    await store.close()


def in_files(folder: Path, *needles: str) -> list[str]:
    """Return which of some texts stand in any byte of any file."""
    data = b"".join(one.read_bytes() for one in folder.rglob("*") if one.is_file())
    return [one for one in needles if one.encode() in data]


async def test_no_byte_of_any_file_tells_what_was_said_nor_the_code(
    keyed: SmallBranch, sqlite_address: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Named and unnamed, waiting in the outbox or sent: words and answers lie sealed, and so does the code."""
    caplog.set_level(logging.DEBUG)
    folder = Path(sqlite_address.removeprefix("sqlite:///")).parent
    await say(keyed, f"求助 {WORD}", LI)
    await answer_it(keyed, stage=Stage.ACCEPTED)
    await say(keyed, f"匿名求助 {WORD}乙")
    assert in_files(folder, WORD, ANSWERED) == []
    await keyed.send_all()
    assert in_files(folder, WORD, ANSWERED) == []
    assert WORD not in caplog.text
    assert in_files(folder, "help_cases") != [], "what is looked for can be found"


async def test_no_row_of_a_dump_joins_an_unnamed_case_to_who_asked(keyed: SmallBranch) -> None:
    """Every value of the case's rows is looked for in every row that names the person, and the other way round."""
    await say(keyed, f"匿名求助 {WORD}")
    await keyed.send_all()
    (row,) = await cases(keyed)
    (words,) = await keyed.store.read(lambda unit: unit.rows(select(help_case_words)))
    own = {str(one) for one in (row.id, words.id, row.code_hash) if one is not None}
    dump = await keyed.everything()
    lines = [line for line in dump.splitlines() if str(account(ZHANG)) in line or str(ZHANG) in line]
    assert lines, "the person is somewhere in the dump"
    assert not [line for line in lines if any(one in line for one in own)]
    heard = [line for line in dump.splitlines() if "event:" in line]
    assert not [line for line in heard if any(one in line for one in own)]


async def test_another_master_key_takes_cases_along_and_the_old_one_opens_nothing(keyed: SmallBranch) -> None:
    await say(keyed, f"求助 {WORD}")
    await say(keyed, f"匿名求助 {WORD}乙", LI)
    named, unnamed = await cases(keyed)
    new = Vault(bytes(range(1, 33)))
    await keyed.store._write(lambda unit: seal_anew(unit, new), news=False)
    with pytest.raises(Unreadable):
        await said_in(keyed, named.id)
    with pytest.raises(Unreadable):
        await said_in(keyed, unnamed.id)
    keyed.store._vault = new
    assert await said_in(keyed, named.id) == [WORD]
    assert await said_in(keyed, unnamed.id) == [f"{WORD}乙"]
