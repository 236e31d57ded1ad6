"""练习 and 错题 in private: answered in any form, explained at once, left at any moment, and seen by nobody."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date, timedelta

import pytest
from msgspec.structs import replace
from sqlalchemy import func, select

from content import practice as rules
from content.bank import Difficulty, Item, ItemsAdded, ItemWithdrawn, Kind, revise_item
from content.checkins import State
from content.decision import Decision, words
from content.erasure import PersonErased
from content.identifiers import ItemId
from content.media import MediumKept
from storage.audit import audit
from storage.holdings import collect
from storage.inquiries import inquiries
from storage.outbox import outbox
from storage.phrases import load_words
from storage.practice import practice_items, practice_sessions, session
from storage.retention import Swept
from tests.small_branch import (
    EAST,
    EAST_ROOM,
    LESSON,
    NOON,
    ROOF,
    WANG,
    WEST,
    ZHANG,
    HandClock,
    SmallBranch,
    account,
    message,
    private_room,
)

SINGLE = Item(
    id=ItemId("single"),
    organisation=EAST,
    kind=Kind.SINGLE,
    stem="宗旨是什么",
    options=("为人民服务", "发展经济", "别的"),
    answer=("1",),
    explanation="见总纲。",
    source="党章",
    dated=date(2026, 7, 1),
    tags=("党章",),
    difficulty=Difficulty.EASY,
)
ITEMS = (
    SINGLE,
    Item(
        id=ItemId("several"),
        organisation=EAST,
        kind=Kind.MULTIPLE,
        stem="三会",
        options=("甲", "乙", "丙"),
        answer=("1", "3"),
        tags=("支部",),
    ),
    Item(
        id=ItemId("verdict"),
        organisation=ROOF,
        kind=Kind.TRUE_FALSE,
        stem="每年评议",
        answer=("1",),
        tags=("评议",),
    ),
    Item(
        id=ItemId("blank"),
        organisation=EAST,
        kind=Kind.FILL_IN,
        stem="____ 年建党",
        answer=("1921", "学习"),
        tags=("党史",),
        difficulty=Difficulty.HARD,
    ),
    Item(
        id=ItemId("theirs"),
        organisation=WEST,
        kind=Kind.TRUE_FALSE,
        stem="西站的题",
        answer=("1",),
        tags=("西站",),
    ),
)


@pytest.fixture
async def filled(branch: SmallBranch) -> SmallBranch:
    """Fill the banks of a branch, of what stands above it, and of its neighbour."""
    for place in (EAST, ROOF, WEST):
        items = tuple(one for one in ITEMS if one.organisation == place)
        await branch.store.settle(notes=[ItemsAdded(organisation=place, items=items, at=NOON)])
    return branch


async def say(branch: SmallBranch, *texts: str) -> list[list[str]]:
    """Say things in private, and return the keys of the lines of each answer."""
    before = [row.id for row in await branch.rows()]
    for text in texts:
        await branch.hear(message(account(ZHANG), text, room_id=private_room(ZHANG)))
    return [keys for keys, _ in await told(branch, before)]


async def told(branch: SmallBranch, before: Sequence[str] = ()) -> list[tuple[list[str], str]]:
    """Return the keys of the lines of all that was said in private since then, and the whole as it is kept."""
    rows = await branch.rows(outbox.c.user_id == account(ZHANG), outbox.c.id.not_in(before))
    found = []
    for row in rows:
        if row.words:
            said = load_words(row.words)
            lines = said.parameters.get("lines", ()) if said.key == "practice.message" else ()
            assert isinstance(lines, tuple)
            found.append(([one.key for one in lines] or [said.key], json.dumps(row.words, ensure_ascii=False)))
    return found


async def number(branch: SmallBranch, table: object) -> int:
    return int(await branch.store.read(lambda unit: unit.value(select(func.count()).select_from(table))))  # type: ignore[call-overload]


async def kept(branch: SmallBranch) -> dict[str, bool]:
    rows = await branch.store.read(lambda unit: unit.rows(select(practice_items)))
    return {row.item_id: row.wrong for row in rows}


async def test_it_says_first_that_nobody_sees_it_and_explains_each_answer_at_once(filled: SmallBranch) -> None:
    record = await number(filled, audit)
    ((opening, promise, stem, *options, how), verdict) = await say(filled, "练习 党章", "ｂ")
    assert (opening, promise, stem, how) == (
        "practice.of",
        "practice.nobody_sees",
        "practice.stem",
        "practice.how_single",
    )
    assert len(options) == 3
    assert verdict == ["practice.wrong", "practice.explanation", "practice.source_and_date", "practice.over"]
    assert await kept(filled) == {"single": True}
    assert (await say(filled, "错题", "选1"))[1][0] == "practice.right", "whatever a vote would be elsewhere"
    assert await number(filled, audit) == record, "the record has no row of anybody's answers"
    assert await number(filled, practice_sessions) == 0
    about = select(inquiries.c.about).where(inquiries.c.user_id == account(ZHANG))
    assert [row.about for row in await filled.store.read(lambda unit: unit.rows(about))] == []


@pytest.mark.parametrize(
    ("tag", "right", "wrong"),
    [
        ("党章", ["A", "ａ", "1", "①", "为人民服务", "选A"], ["C", "3"]),
        ("支部", ["AC", "a c", "A、C", "13", "1 3", "ca"], ["A", "ABC"]),
        ("评议", ["对", "√", "正确", "T", "1"], ["错", "×", "X"]),
        ("党史", ["1921", "１９２１", "答：1921"], ["1949"]),
    ],
)
async def test_answers_are_taken_in_every_form(
    filled: SmallBranch, tag: str, right: list[str], wrong: list[str]
) -> None:
    for texts, verdict in ((right, "practice.right"), (wrong, "practice.wrong")):
        for text in texts:
            assert (await say(filled, f"练习 {tag}", text))[1][0] == verdict, text


async def test_what_is_no_answer_changes_nothing_and_thanks_are_left_alone(filled: SmallBranch) -> None:
    """I028: not understood, out of range, two for one; then the question is still open."""
    await say(filled, "练习 党章")
    assert await say(filled, "不知道", "D", "AB") == [
        ["practice.not_read"],
        ["practice.no_such_option"],
        ["practice.one_only"],
    ]
    assert await say(filled, "收到", "谢谢") == []
    assert await kept(filled) == {}
    assert (await say(filled, "A"))[0][0] == "practice.right"


async def test_skipping_and_quitting_are_always_possible_and_leave_nothing(filled: SmallBranch) -> None:
    await say(filled, "练习")
    assert [keys[0] for keys in await say(filled, "跳过", "下一题", "退出")] == [
        "practice.skipped",
        "practice.skipped",
        "practice.left",
    ]
    assert (await kept(filled), await number(filled, practice_sessions)) == ({}, 0)
    assert [keys[0] for keys in await say(filled, "A")] != ["practice.right"], "nothing is asked any more"


async def test_what_nobody_answers_is_waited_for_half_a_day(filled: SmallBranch, clock: HandClock) -> None:
    await say(filled, "练习 党章")
    clock.now = NOON + rules.LASTS + timedelta(seconds=1)
    assert [keys[0] for keys in await say(filled, "A")] == ["help.not_understood"]
    await filled.store.settle(notes=[Swept(at=clock.now)])
    assert (await number(filled, practice_sessions), await kept(filled)) == (0, {})


async def test_other_commands_go_on_working_meanwhile(filled: SmallBranch) -> None:
    await say(filled, "练习 党章")
    assert (await say(filled, "帮助"))[0][0].startswith("help.")
    assert (await say(filled, "病假"))[0] == ["checkin.nothing_open"], "which is 请假, and no answer"
    assert (await say(filled, "A"))[0][0] == "practice.right"


async def test_one_is_asked_by_tag_and_difficulty_of_the_own_branch_and_those_above(filled: SmallBranch) -> None:
    assert (await say(filled, "练习 西站"))[0] == ["practice.none_such", "practice.tags"]
    assert "____ 年建党" in await last(filled, "练习 难")
    assert "每年评议" in await last(filled, "練習 评议")
    assert (await say(filled, "练习 党史 易"))[0][0] == "practice.none_such"


async def last(branch: SmallBranch, text: str) -> str:
    await say(branch, text)
    return (await told(branch))[-1][1]


async def test_mistakes_come_again_when_they_are_due_until_they_are_known(
    filled: SmallBranch, clock: HandClock
) -> None:
    """Retries without limit, and FSRS says when: what is due first, and what is not may be taken all the same."""
    assert (await say(filled, "错题"))[0] == ["practice.no_mistakes"]
    await say(filled, "练习 党章", "B")
    times = 0
    while (await kept(filled))["single"]:
        rows = await filled.store.read(lambda unit: unit.rows(select(practice_items.c.due_at)))
        assert (await say(filled, "错题"))[0][0] == "practice.none_due"
        clock.now = rows[0].due_at
        assert [keys[0] for keys in await say(filled, "错题", "A")] == ["practice.mistakes", "practice.right"]
        times += 1
        assert times < 10
    assert (await say(filled, "错题"))[0] == ["practice.no_mistakes"]


async def test_after_a_lesson_its_own_questions_come_first_and_are_offered_in_one_line(filled: SmallBranch) -> None:
    """Quietly: the line stands below the answer to 学完, and nothing is sent for it alone."""
    of_lesson = replace(SINGLE, id=ItemId("lesson"), stem="安全第一吗", tags=("安全生产",))
    await filled.store.settle(notes=[ItemsAdded(organisation=EAST, items=(of_lesson,), at=NOON)])
    await filled.open(LESSON)
    assert await say(filled, "学完") == [["checkin.with_questions"]]
    opening, stem = (await say(filled, "练习"))[0][0], (await told(filled))[-1][1]
    assert (opening, "安全第一吗" in stem) == ("practice.of_lesson", True)
    await say(filled, "A")
    assert (await say(filled, "练习"))[0][0] == "practice.by_lot", "they are met by now"
    await filled.hear(message(account(WANG), "学完", room_id=private_room(WANG)))
    rows = await filled.rows(outbox.c.user_id == account(WANG))
    assert [row.words["key"] for row in rows if row.words] == ["checkin.with_questions"]


async def test_what_is_kept_can_be_seen_by_its_person_cleared_and_is_erased_with_them(filled: SmallBranch) -> None:
    await say(filled, "练习 党章", "B", "练习 评议", "错")
    held = await filled.store.read(lambda unit: collect(unit, account(ZHANG)))
    (section,) = (one for one in held if one.name == "practice_items")
    assert {row["question"] for row in section.rows} == {"宗旨是什么", "每年评议"}
    assert await say(filled, "错题 清空") == [["practice.forgotten"]]
    assert set((await kept(filled)).values()) == {False}
    rows = await filled.store.read(lambda unit: unit.rows(select(practice_items)))
    assert {(row.stability, row.difficulty, row.reviewed_at, row.due_at) for row in rows} == {(None,) * 4}
    await say(filled, "练习 党章", "B", "练习 评议")
    erased = PersonErased(members=(ZHANG,), accounts=(account(ZHANG),), at=NOON + timedelta(days=1))
    await filled.store.settle(notes=[erased])
    assert (await number(filled, practice_items), await number(filled, practice_sessions)) == (0, 0)


async def test_in_a_room_nothing_is_asked(filled: SmallBranch) -> None:
    before = len(await told(filled))
    await filled.hear(message(account(ZHANG), "练习", room_id=EAST_ROOM))
    await filled.hear(message(account(ZHANG), "练习", room_id=EAST_ROOM, mention=True))
    assert len(await told(filled)) == before


VALVE = MediumKept(hash="ab" * 32, name="阀门.png", mimetype="image/png", data=b"png", width=4, height=3)
PICTURED = Item(
    id=ItemId("valve"),
    organisation=EAST,
    kind=Kind.TRUE_FALSE,
    stem="阀门开着吗",
    answer=("1",),
    tags=("阀门",),
    picture=VALVE.described("半开的阀门"),
)


async def revise(branch: SmallBranch, before: Item, **change: object) -> None:
    decision = revise_item(before, replace(before, **change), ())
    assert isinstance(decision, Decision)
    await branch.store.settle(notes=list(decision.facts))


async def test_a_picture_stands_before_its_question_and_after_what_was_said_of_the_last_one(
    filled: SmallBranch,
) -> None:
    await filled.store.settle(notes=[VALVE, ItemsAdded(organisation=EAST, items=(PICTURED,), at=NOON)])
    await say(filled, "练习 阀门")
    before, shown, asked = await filled.rows(outbox.c.user_id == account(ZHANG))
    assert [row.kind for row in (before, shown, asked)] == ["tell", "picture", "tell"]
    assert (shown.after_id, asked.after_id) == (before.id, shown.id)
    assert (shown.picture, load_words(shown.words)) == (VALVE.hash, words("card.picture", name="半开的阀门"))
    assert {row.subject for row in (before, shown, asked)} == {"discreet"}, "no list says to whom it was shown"
    assert (await say(filled, "对"))[0][0] == "practice.right"


async def test_who_answers_what_was_changed_since_is_asked_anew_and_nothing_counts(filled: SmallBranch) -> None:
    """What stood before a learner's eyes is what is judged: with another picture 对 may be wrong."""
    await filled.store.settle(notes=[VALVE, ItemsAdded(organisation=EAST, items=(PICTURED,), at=NOON)])
    await say(filled, "练习 阀门")
    await revise(filled, PICTURED, picture=None, answer=("2",))
    assert await say(filled, "对") == [["practice.changed", "practice.stem", "practice.how_true_false"]]
    assert await kept(filled) == {}
    assert (await say(filled, "错"))[0][0] == "practice.right"
    await say(filled, "练习 党章")
    await revise(filled, SINGLE, explanation="说得更细")
    assert (await say(filled, "A"))[0][0] == "practice.right", "it asks the same"


@pytest.mark.parametrize("leaving", ["练习", "跳过", "退出"])
async def test_a_question_whose_picture_has_not_arrived_yet_comes_after_no_later_word(
    branch: SmallBranch, leaving: str
) -> None:
    await branch.store.settle(notes=[VALVE, ItemsAdded(organisation=EAST, items=(PICTURED,), at=NOON)])
    await say(branch, "练习")
    (shown,) = await branch.rows(outbox.c.kind == "picture")
    await say(branch, leaving)
    rows = await branch.rows()
    assert shown.id not in {row.id for row in rows}
    assert not {row.after_id for row in rows} & {shown.id}
    assert len([row for row in rows if row.kind == "picture"]) == (leaving == "练习")


async def test_an_answer_to_what_was_withdrawn_since_counts_for_no_other_question(filled: SmallBranch) -> None:
    await say(filled, "练习")
    queue = await filled.store.read(lambda unit: session(unit, ZHANG))
    assert queue is not None
    first, *others = queue.queue
    await filled.store.settle(notes=[ItemWithdrawn(organisation=EAST, item=first, at=NOON)])
    assert (await say(filled, "A"))[0][:2] == ["practice.withdrawn", "practice.stem"]
    assert await kept(filled) == {}
    for one in others:
        await filled.store.settle(notes=[ItemWithdrawn(organisation=EAST, item=one, at=NOON)])
    assert await say(filled, "A") == [["practice.withdrawn", "practice.over"]]
    assert await number(filled, practice_sessions) == 0


@pytest.mark.parametrize("how", ["changed", "withdrawn"])
async def test_what_is_meant_for_a_lesson_counts_there_whatever_became_of_the_question(
    filled: SmallBranch, how: str
) -> None:
    lesson = await filled.open()
    await say(filled, "练习 评议")
    if how == "changed":
        await revise(filled, next(one for one in ITEMS if one.id == "verdict"), answer=("2",))
    else:
        await filled.store.settle(notes=[ItemWithdrawn(organisation=ROOF, item=ItemId("verdict"), at=NOON)])
    assert await say(filled, "收到") == []
    assert await say(filled, "倒班") == [["leave.recorded_reason"]]
    assert await filled.state(lesson, ZHANG) is State.EXCUSED
    assert await number(filled, practice_sessions) == 1


async def test_a_question_that_was_changed_can_be_skipped(filled: SmallBranch) -> None:
    await say(filled, "练习 评议")
    await revise(filled, next(one for one in ITEMS if one.id == "verdict"), answer=("2",))
    assert await say(filled, "跳过") == [["practice.skipped", "practice.over"]]
