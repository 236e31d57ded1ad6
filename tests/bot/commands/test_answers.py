"""Taking back: a tap, the last thing said, everything; what stood before stands again, and what is by hand stays."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from content.checkins import Note, State
from content.corrections import Mark, record_by_hand
from content.decision import Decision, Refusal
from content.dues import DuesQuestioned, DuesQuestionSettled, Question
from content.identifiers import DuesQuestionId, MemberId, OccurrenceId
from storage import checkins, inquiries, mutes, outbox
from storage.checkins import expectations
from storage.store import Step
from tests.small_branch import (
    EAST,
    LESSON,
    LI,
    ROLL,
    SECRETARY,
    ZHANG,
    HandClock,
    SmallBranch,
    account,
    fresh_cause,
    message,
    private_room,
    reaction,
    redaction,
)

WHO, DIRECT = account(ZHANG), private_room(ZHANG)


async def by_hand(branch: SmallBranch, id: OccurrenceId, mark: Mark, member: MemberId = ZHANG) -> None:
    """Set a record as the desk does."""
    cause = fresh_cause()

    async def decide(unit: Any) -> Decision | Refusal | None:
        place = await checkins.expectation(unit, id, member)
        assert place is not None
        return record_by_hand(place, mark, "签到表上有名字", by=SECRETARY, cause=cause, now=unit.now)

    (outcome,) = await branch.store.settle([Step(cause=cause, decide=decide, actor=SECRETARY)])
    assert isinstance(outcome.answer, Decision), outcome


async def place(branch: SmallBranch, id: OccurrenceId) -> Any:
    query = select(expectations).where(expectations.c.occurrence_id == id, expectations.c.member_id == ZHANG)
    return await branch.store.read(lambda unit: unit.first(query))


async def tapped(branch: SmallBranch, *keys: str) -> tuple[OccurrenceId, list[Any]]:
    """Open a lesson and tap its card."""
    id = await branch.open()
    await branch.send_all()
    card = await branch.card_event(id)
    taps = [reaction(WHO, card, key) for key in keys]
    await branch.hear(*taps)
    return id, taps


async def test_a_tick_stands_again_when_the_later_hands_are_removed(branch: SmallBranch) -> None:
    id, (_, hands) = await tapped(branch, "✅", "🙏")
    await branch.hear(redaction(WHO, hands.event_id))
    assert await branch.state(id, ZHANG) is State.DONE
    assert (await branch.told())[-1] == (WHO, "answer.done_again")
    assert await branch.counted() == await branch.tallied()


async def test_hands_stand_again_when_the_later_tick_is_removed(branch: SmallBranch) -> None:
    id, (_, tick) = await tapped(branch, "🙏", "✅")
    await branch.hear(redaction(WHO, tick.event_id))
    assert await branch.state(id, ZHANG) is State.EXCUSED
    assert (await branch.told())[-1] == (WHO, "answer.excused_again")


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
async def test_with_both_removed_in_any_order_nothing_stands(branch: SmallBranch, order: tuple[int, int]) -> None:
    id, taps = await tapped(branch, "✅", "🙏")
    for one in order:
        await branch.hear(redaction(WHO, taps[one].event_id))
    assert await branch.state(id, ZHANG) is State.OPEN
    assert await branch.counted() == await branch.tallied()


async def test_what_was_said_stands_again_when_a_later_tap_is_removed(branch: SmallBranch) -> None:
    id = await branch.open()
    await branch.send_all()
    hands = reaction(WHO, await branch.card_event(id), "🙏")
    await branch.hear(message(WHO, "学完"), hands, redaction(WHO, hands.event_id))
    assert await branch.state(id, ZHANG) is State.DONE


@pytest.mark.parametrize("text", ["取消", "cancel", "不去了", "退", "-1", "－1", "−1"])
@pytest.mark.parametrize("first", ["签到", "请假 倒班"])
async def test_an_answer_is_cancelled_in_the_room_and_in_private(branch: SmallBranch, text: str, first: str) -> None:
    id = await branch.open(ROLL)
    for where in ({}, {"room_id": DIRECT}):
        await branch.hear(message(WHO, first), message(WHO, text, **where))
        assert await branch.state(id, ZHANG) is State.OPEN
    assert (await place(branch, id)).reason is None


@pytest.mark.parametrize("text", ["取消", "不去了", "退", "-1", "cancel it please"])
async def test_in_a_room_where_one_has_answered_nothing_cancelling_is_talk(branch: SmallBranch, text: str) -> None:
    await branch.open(ROLL)
    before = await branch.everything()
    await branch.hear(message(WHO, text))
    assert await branch.everything() == before


async def test_cancelled_means_that_nothing_earlier_comes_back(branch: SmallBranch) -> None:
    id, (_, hands) = await tapped(branch, "✅", "🙏")
    await branch.hear(message(WHO, "取消", room_id=DIRECT), redaction(WHO, hands.event_id))
    assert await branch.state(id, ZHANG) is State.OPEN


async def test_of_several_answers_the_one_to_cancel_is_chosen_by_number(branch: SmallBranch) -> None:
    lesson, roll = await branch.open(LESSON), await branch.open(ROLL)
    await branch.hear(message(WHO, "学完"), message(WHO, "签到"))
    await branch.hear(message(WHO, "取消", room_id=DIRECT))
    assert (await branch.told())[-1] == (WHO, "answer.which")
    await branch.hear(message(WHO, "取消 3", room_id=DIRECT))
    assert (await branch.told())[-1] == (WHO, "checkin.no_such_number")
    first, second = sorted([lesson, roll])
    await branch.hear(message(WHO, "取消 二", room_id=DIRECT))
    assert (await branch.state(first, ZHANG), await branch.state(second, ZHANG)) == (State.DONE, State.OPEN)


async def test_a_reply_cancels_the_answer_to_that_card(branch: SmallBranch) -> None:
    ids = [await branch.open(ROLL), await branch.open(ROLL)]
    await branch.send_all()
    for id in ids:
        await branch.hear(message(WHO, "签到", reply=await branch.card_event(id)))
    await branch.hear(message(WHO, "取消", reply=await branch.card_event(ids[0])))
    assert [await branch.state(id, ZHANG) for id in ids] == [State.OPEN, State.DONE]


@pytest.mark.parametrize("text", ["撤回", "undo", "删掉我刚才的", "刪掉我剛才的"])
async def test_the_last_thing_said_is_withdrawn_and_the_one_before_stands(branch: SmallBranch, text: str) -> None:
    id = await branch.open(ROLL)
    await branch.hear(message(WHO, "签到"), message(WHO, "请假 倒班"), message(WHO, text, room_id=DIRECT))
    assert await branch.state(id, ZHANG) is State.DONE
    await branch.hear(message(WHO, text, room_id=DIRECT))
    assert await branch.state(id, ZHANG) is State.OPEN
    await branch.hear(message(WHO, text, room_id=DIRECT))
    assert (await branch.told())[-1] == (WHO, "answer.nothing_to_withdraw")


async def test_the_last_of_several_things_is_withdrawn_whatever_it_was(branch: SmallBranch, clock: HandClock) -> None:
    id = await branch.open(ROLL)
    await branch.hear(message(WHO, "签到"))
    clock.forward(minutes=1)
    await branch.hear(message(WHO, "更正 金丝雀", room_id=DIRECT, sent_at=clock.now))
    assert "金丝雀" in await branch.everything()
    await branch.hear(message(WHO, "撤回", room_id=DIRECT))
    assert (await branch.told())[-1] == (WHO, "correction.withdrawn")
    assert "金丝雀" not in await branch.everything()
    assert await branch.state(id, ZHANG) is State.DONE


async def test_for_what_was_said_last_nothing_older_is_taken_back(branch: SmallBranch, clock: HandClock) -> None:
    id = await branch.open(ROLL)
    await branch.hear(message(WHO, "签到"))
    clock.forward(minutes=1)
    await branch.hear(message(WHO, "静音 3天", room_id=DIRECT), message(WHO, "撤回", room_id=DIRECT))
    assert await branch.store.read(lambda unit: mutes.muted_until(unit, WHO)) is None
    clock.forward(minutes=1)
    asked = Question(
        id=DuesQuestionId("asked"), member=ZHANG, organisation=EAST, user=WHO, text="基数不对", asked_at=clock.now
    )
    await branch.store.settle(notes=[DuesQuestioned(member=ZHANG, question=asked)])
    await branch.hear(message(WHO, "撤回", room_id=DIRECT))
    assert (await branch.told())[-1] == (WHO, "answer.lies_with_dues")
    assert await branch.state(id, ZHANG) is State.DONE
    await branch.store.settle(notes=[DuesQuestionSettled(id=asked.id, organisation=EAST, by=SECRETARY)])
    await branch.hear(message(WHO, "撤回", room_id=DIRECT))
    assert await branch.state(id, ZHANG) is State.OPEN


async def test_after_the_close_nothing_is_taken_back_in_words(branch: SmallBranch, clock: HandClock) -> None:
    id = await branch.open(ROLL)
    await branch.hear(message(WHO, "签到"))
    clock.forward(hours=3)
    await branch.let_close(id)
    await branch.hear(message(WHO, "撤回", room_id=DIRECT), message(WHO, "取消", room_id=DIRECT))
    assert [key for _, key in await branch.told()][-2:] == ["answer.closed", "answer.closed"]
    assert await branch.state(id, ZHANG) is State.DONE


async def test_until_the_close_the_latest_wins_over_what_was_set_by_hand(branch: SmallBranch) -> None:
    id = await branch.open(ROLL)
    await by_hand(branch, id, Mark.ATTENDED)
    await branch.hear(message(WHO, "取消", room_id=DIRECT))
    assert (await branch.told())[-1] == (WHO, "answer.by_recorder")
    await branch.hear(message(WHO, "请假 倒班"))
    assert await branch.state(id, ZHANG) is State.EXCUSED
    await by_hand(branch, id, Mark.ATTENDED)
    assert await branch.state(id, ZHANG) is State.DONE
    assert await branch.counted() == await branch.tallied()


async def test_after_the_close_what_was_set_by_hand_is_changed_by_hand_only(
    branch: SmallBranch, clock: HandClock
) -> None:
    id = await branch.open(LESSON)
    await branch.send_all()
    clock.forward(hours=3)
    await branch.let_close(id)
    await by_hand(branch, id, Mark.LEAVE)
    await branch.hear(reaction(WHO, await branch.card_event(id), "✅"))
    assert await branch.state(id, ZHANG) is State.EXCUSED
    assert (await branch.told())[-1] == (WHO, "answer.by_recorder")
    await branch.hear(message(WHO, "补学 1", room_id=DIRECT))
    assert await branch.state(id, ZHANG) is State.MADE_UP


async def test_a_record_set_by_hand_shows_in_ones_own_record(branch: SmallBranch) -> None:
    id = await branch.open(ROLL)
    await by_hand(branch, id, Mark.ATTENDED)
    await branch.send_all()
    await branch.hear(message(WHO, "我的", room_id=DIRECT))
    (row,) = [row for row in await branch.rows() if row.words]
    keys = [line["key"] for line in row.words["parameters"]["lines"]["lines"]]
    assert "mine.record_by_hand" in keys


@pytest.mark.parametrize(("text", "note"), [("迟到", Note.LATE), ("遲到", Note.LATE), ("线上", Note.ONLINE)])
async def test_a_reply_may_say_how_one_is_there(branch: SmallBranch, text: str, note: Note) -> None:
    id = await branch.open(ROLL)
    await branch.send_all()
    card = await branch.card_event(id)
    await branch.hear(message(WHO, text), message(WHO, text, reply=card))
    assert await branch.state(id, ZHANG) is State.DONE
    assert (await place(branch, id)).note == note
    assert await branch.told() == [(WHO, f"checkin.noted_{note}")]


async def test_the_next_words_in_private_are_the_reason_and_it_is_asked_for_once(
    branch: SmallBranch, clock: HandClock
) -> None:
    id = await branch.open(ROLL)
    await branch.hear(message(WHO, "请假"))
    assert await branch.told() == [(WHO, "leave.recorded_ask_reason")]
    await branch.hear(message(WHO, "家里老人住院", room_id=DIRECT))
    assert (await place(branch, id)).reason == "家里老人住院"
    assert (await branch.told())[-1] == (WHO, "leave.reason_added")
    await branch.hear(message(WHO, "家里老人出院了", room_id=DIRECT))
    assert (await place(branch, id)).reason == "家里老人住院"
    await branch.hear(message(WHO, "签到"), message(WHO, "请假"))
    assert (await branch.told())[-1] == (WHO, "leave.recorded")


async def said_back(branch: SmallBranch) -> Any:
    """Return what the reader is told last, with what is sealed until it is sent."""
    return [row.words for row in await branch.send_all() if row.user == WHO][-1]


async def test_a_reason_is_said_back_sealed_with_how_to_put_it_right(branch: SmallBranch) -> None:
    id = await branch.open(ROLL)
    await branch.hear(message(WHO, "请假"), message(WHO, "丝雀戊由", room_id=DIRECT))
    row = (await branch.rows(outbox.outbox.c.user_id == WHO))[-1]
    assert "丝雀戊由" not in str(row.words)
    assert (await said_back(branch)).parameters["reason"] == "丝雀戊由"
    await branch.hear(message(WHO, "请假 家里老人住院", room_id=DIRECT))
    assert (await place(branch, id)).reason == "家里老人住院"
    await branch.hear(message(WHO, "撤回", room_id=DIRECT), message(WHO, "撤回", room_id=DIRECT))
    assert ((await place(branch, id)).state, (await place(branch, id)).reason) == (State.EXCUSED, None)


async def test_where_several_are_open_the_number_is_said_by_which_the_reason_is_put_right(branch: SmallBranch) -> None:
    order = sorted([await branch.open(ROLL), await branch.open(LESSON)])
    await branch.hear(message(WHO, "请假 2"), message(WHO, "字" * 100, room_id=DIRECT))
    said = await said_back(branch)
    assert (said.key, said.parameters["number"]) == ("leave.reason_added_of_several", 2)
    assert said.parameters["reason"] == "字" * 60 + "…"
    await branch.hear(message(WHO, "请假 2 倒班", room_id=DIRECT))
    assert (await place(branch, order[1])).reason == "倒班"
    assert await branch.state(order[0], ZHANG) is State.OPEN


async def test_what_is_said_after_it_has_closed_is_taken_and_put_right_by_whoever_keeps_the_record(
    branch: SmallBranch, clock: HandClock
) -> None:
    id = await branch.open(ROLL)
    await branch.hear(message(WHO, "请假"))
    clock.forward(hours=3)
    await branch.let_close(id)
    await branch.hear(message(WHO, "家里有事情", room_id=DIRECT, sent_at=clock.now))
    assert (await branch.told())[-1] == (WHO, "leave.reason_added_late")


@pytest.mark.parametrize(
    "text",
    ["下次什么时候补学？", "今天的课还开吗", "今天的課還開嗎", "怎么补学", "请问地点在哪", "你好", "在吗", "补学"],
)
async def test_a_question_a_call_and_a_command_are_no_reason(branch: SmallBranch, text: str) -> None:
    id = await branch.open(ROLL)
    await branch.hear(message(WHO, "请假"), message(WHO, text, room_id=DIRECT))
    assert (await place(branch, id)).reason is None
    assert not (await branch.told())[-1][1].startswith("leave.")
    await branch.hear(message(WHO, "今天值夜班，可以吗？", room_id=DIRECT))
    assert (await place(branch, id)).reason == "今天值夜班，可以吗？"


@pytest.mark.parametrize("text", ["不说", "跳过", "skip", "没有"])
async def test_the_reason_may_be_left_out(branch: SmallBranch, text: str) -> None:
    id = await branch.open(ROLL)
    await branch.hear(message(WHO, "请假"), message(WHO, text, room_id=DIRECT))
    assert (await branch.told())[-1] == (WHO, "inquiry.skipped")
    assert (await place(branch, id)).reason is None
    assert await branch.store.read(lambda unit: inquiries.waiting(unit, WHO)) is None


async def test_a_bare_reason_answers_the_question_whatever_else_is_open(branch: SmallBranch) -> None:
    first, other = await branch.open(ROLL), await branch.open(LESSON)
    order = sorted([first, other])
    await branch.hear(message(WHO, "请假 1"), message(WHO, "倒班", room_id=DIRECT))
    assert await branch.state(order[0], ZHANG) is State.EXCUSED
    assert (await place(branch, order[0])).reason == "倒班"
    assert await branch.state(order[1], ZHANG) is State.OPEN


async def test_a_command_a_thank_you_and_the_next_day_are_no_reason(branch: SmallBranch, clock: HandClock) -> None:
    id = await branch.open(ROLL, window=timedelta(days=3))
    await branch.hear(message(WHO, "请假"), message(WHO, "我的", room_id=DIRECT), message(WHO, "好的", room_id=DIRECT))
    await branch.hear(message(WHO, "1", room_id=DIRECT))
    assert (await place(branch, id)).reason is None
    clock.forward(hours=13)
    await branch.hear(message(WHO, "今天食堂吃什么", room_id=DIRECT))
    assert (await place(branch, id)).reason is None
    assert (await branch.told())[-1] == (WHO, "help.not_understood")


async def test_words_of_another_person_are_no_answer_to_the_question(branch: SmallBranch) -> None:
    id = await branch.open(ROLL)
    await branch.hear(message(WHO, "请假"), message(account(LI), "家里有事情", room_id=private_room(LI)))
    assert (await place(branch, id)).reason is None


async def test_the_answer_may_be_too_long_and_is_then_asked_for_again(branch: SmallBranch) -> None:
    id = await branch.open(ROLL)
    await branch.hear(message(WHO, "请假"), message(WHO, "字" * 201, room_id=DIRECT))
    assert (await branch.told())[-1] == (WHO, "leave.too_long")
    await branch.hear(message(WHO, "家里有事情", room_id=DIRECT))
    assert (await place(branch, id)).reason == "家里有事情"


async def test_a_reason_said_while_a_correction_is_asked_for_is_no_correction(branch: SmallBranch) -> None:
    await branch.open(ROLL)
    await branch.hear(message(WHO, "更正", room_id=DIRECT), message(WHO, "倒班", room_id=DIRECT))
    assert [key for _, key in await branch.told()] == ["correction.what", "leave.recorded_reason"]
