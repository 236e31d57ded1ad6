"""Corrections and withdrawals reach every room once and in order, whatever is killed or refused in between."""

from __future__ import annotations

import json
from typing import Any

import pytest
import pytest_asyncio
from msgspec.structs import replace

from bot.delivery import Delivery
from bot.matrix.faults import Kind as FaultKind
from content.amendments import correct, notice_of_withdrawal, withdraw
from content.cards import text_parts
from content.checkins import State as Answer
from content.decision import Decision, Refusal
from content.identifiers import OccurrenceId
from content.lessons import Kind as LessonKind
from content.lessons import Lesson, LessonRevised
from content.media import Medium, MediumKept
from content.occurrences import State as Stand
from content.speech import Reader
from storage import amendments, lessons, outbox
from storage.outbox import Kind, State
from storage.store import Step
from tests.fake_homeserver import FakeHomeserver
from tests.small_branch import (
    EAST,
    EAST_ROOM,
    LESSON,
    LI,
    PICTURE,
    ROLL,
    SECRETARY,
    SHOWN_PICTURE,
    WANG,
    WEST_ROOM,
    ZHANG,
    HandClock,
    SmallBranch,
    account,
    fresh_cause,
    lesson,
    reaction,
)
from zhibu.catalogue import load_speech

SPEECH = load_speech()
LONG = "\n\n".join(f"第 {number} 部分 " + "学" * 2_300 + "。" for number in range(3))
"""A text of three messages."""
SECOND = MediumKept(hash="cd" * 32, name="two.png", mimetype="image/png", data=b"two", width=1, height=1)


class Desk:
    """An organiser with a delivery that is driven by hand."""

    def __init__(self, branch: SmallBranch, homeserver: FakeHomeserver) -> None:
        self.branch = branch
        self.homeserver = homeserver
        self.delivery = self.again()

    def again(self) -> Delivery:
        """Make a delivery with nothing in memory, as after a restart."""
        self.delivery = Delivery(self.branch.store, self.homeserver, SPEECH, encrypted=False)  # type: ignore[arg-type]
        return self.delivery

    async def work(self) -> None:
        """Deliver until nothing more may go now."""
        while rows := await self.delivery._take(16):
            for row in rows:
                await self.delivery.deliver(row)

    async def send(self, body: str = "旧文。", *media: Medium, where: Any = EAST) -> OccurrenceId:
        """Send a lesson with this text."""
        await self.revise(body, *media)
        id = await self.branch.open(audience=where)
        await self.work()
        return id

    async def revise(self, body: str, *media: Medium) -> Lesson:
        """Write another revision."""
        present = await self.branch.store.read(lambda unit: lessons.lesson(unit, LESSON))
        assert present is not None
        after = lesson(body=body, media=media, revision=present.revision + 1)
        await self.branch.store.settle(notes=[PICTURE, SECOND, LessonRevised(lesson=after, author=SECRETARY)])
        return after

    async def correct(self, id: OccurrenceId, reason: str = "") -> Decision | Refusal | None:
        """Correct what was sent to the newest revision."""

        async def decide(unit: Any) -> Decision | Refusal:
            found = await amendments.sent(unit, id)
            newest = await lessons.lesson(unit, LESSON)
            assert found is not None
            assert newest is not None
            return correct([found], newest, reason=reason, now=unit.now)

        return await self.do(decide)

    async def withdraw(self, id: OccurrenceId) -> Decision | Refusal | None:
        """Take back what was sent."""

        async def decide(unit: Any) -> Decision | Refusal:
            found = await amendments.sent(unit, id)
            assert found is not None
            return withdraw(found, reason="发错了", now=unit.now)

        return await self.do(decide)

    async def do(self, decide: Any) -> Decision | Refusal | None:
        """Decide as the desk does."""
        (outcome,) = await self.branch.store.settle([Step(cause=fresh_cause(), decide=decide)])
        assert not outcome.failed
        return outcome.answer

    def shown(self, room: str = EAST_ROOM) -> list[str]:
        """Return what a room shows."""
        return self.homeserver.standing(room)


@pytest.fixture
def homeserver(clock: HandClock) -> FakeHomeserver:
    return FakeHomeserver(clock)


@pytest_asyncio.fixture
async def desk(branch: SmallBranch, homeserver: FakeHomeserver) -> Desk:
    return Desk(branch, homeserver)


async def test_a_corrected_card_is_the_same_message_with_the_new_text_and_says_when_and_why(desk: Desk) -> None:
    id = await desk.send("旧文。")
    await desk.branch.answer(id, ZHANG)
    await desk.revise("新文。")
    await desk.correct(id, "日期写错了")
    await desk.work()
    (card,) = desk.shown()
    assert "新文。" in card
    assert "旧文。" not in card
    assert "已更正 7月1日（周三）12:00：日期写错了" in card
    assert "已学完 1 人" in card
    assert desk.homeserver.redacted == []


async def test_answers_after_a_correction_count_on_the_same_card(desk: Desk, clock: HandClock) -> None:
    id = await desk.send()
    card = await desk.branch.card_event(id)
    await desk.revise("新文。")
    await desk.correct(id)
    await desk.work()
    clock.forward(seconds=10)
    await desk.branch.hear(reaction(account(ZHANG), card, "✅", sent_at=clock.now))
    await desk.work()
    assert await desk.branch.state(id, ZHANG) is Answer.DONE
    (shown,) = desk.shown()
    assert "新文。" in shown
    assert "已学完 1 人" in shown


async def test_more_text_follows_in_order_and_the_live_card_keeps_the_numbers(desk: Desk, clock: HandClock) -> None:
    id = await desk.send("旧文。")
    await desk.revise(LONG)
    await desk.correct(id)
    await desk.work()
    first, second, third = desk.shown()
    assert ["第 0 部分" in first, "第 1 部分" in second, "第 2 部分" in third] == [True, True, True]
    assert ["✅" in text for text in (first, second, third)] == [True, False, False]
    clock.forward(seconds=10)
    await desk.branch.answer(id, ZHANG)
    await desk.work()
    assert "已学完 1 人" in desk.shown()[0]
    assert len(desk.shown()) == 3


async def test_less_text_takes_messages_back_with_their_edits(desk: Desk, clock: HandClock) -> None:
    id = await desk.send(LONG)
    await desk.revise(LONG + "改")
    await desk.correct(id)
    await desk.work()
    clock.forward(seconds=10)
    assert len(desk.homeserver.rooms[EAST_ROOM]) == 6
    await desk.revise("短。")
    await desk.correct(id)
    await desk.work()
    (card,) = desk.shown()
    assert "短。" in card
    assert "✅" in card
    # Two messages and the edit that each of them had: edits hold the words too.
    assert len(desk.homeserver.redacted) == 4


async def test_removed_media_are_taken_back_and_new_ones_arrive(desk: Desk) -> None:
    id = await desk.send("文。", SHOWN_PICTURE)
    assert desk.shown()[0] == "地图"
    await desk.revise("文。", SECOND.described("第二张"))
    await desk.correct(id)
    await desk.work()
    card, picture = desk.shown()
    assert "文。" in card
    assert picture == "第二张"
    assert desk.homeserver.uploads == [PICTURE.data, SECOND.data]


async def test_what_had_not_gone_out_yet_goes_out_corrected_and_is_not_edited(desk: Desk) -> None:
    await desk.revise("旧文。", SHOWN_PICTURE)
    id = await desk.branch.open(audience=EAST)
    await desk.revise("新文。")
    await desk.correct(id)
    await desk.work()
    (event,) = desk.homeserver.rooms[EAST_ROOM]
    assert "新文。" in event.content["body"]


async def test_a_card_that_could_not_be_sent_comes_back_whole_and_corrected(desk: Desk) -> None:
    await desk.revise("旧文。")
    id = await desk.branch.open(audience=EAST)
    desk.homeserver.fail(FaultKind.REFUSED, status=403, permanent=True)
    await desk.work()
    await desk.revise(LONG)
    await desk.correct(id)
    await desk.work()
    assert desk.shown() == []
    (post, *_) = await desk.branch.rows(outbox.outbox.c.kind == Kind.POST)
    retried = outbox.Retried(id=post.id, at=desk.branch.clock.now)
    await desk.branch.store.settle(notes=[retried])
    await desk.work()
    assert len(desk.shown()) == 3
    assert {row.state for row in await desk.branch.rows()} == {State.SENT}


@pytest.mark.parametrize("accepted", [True, False])
async def test_killed_in_the_middle_a_correction_is_there_once(desk: Desk, clock: HandClock, accepted: bool) -> None:
    id = await desk.send("旧文。")
    await desk.revise(LONG)
    await desk.correct(id)
    desk.homeserver.fail(FaultKind.SERVER, accepted=accepted, status=502, times=2)
    for _ in range(4):
        await desk.work()
        clock.forward(seconds=5)
        desk.again()
    assert len(desk.shown()) == 3
    assert len(desk.homeserver.rooms[EAST_ROOM]) == 4
    assert {row.state for row in await desk.branch.rows()} == {State.SENT}


async def test_a_correction_asked_for_twice_has_nothing_left_to_do(desk: Desk) -> None:
    id = await desk.send()
    await desk.revise("新文。")
    await desk.correct(id)
    again = await desk.correct(id)
    assert isinstance(again, Refusal)
    assert again.words.key == "amendment.nothing_newer"


async def test_a_withdrawn_occurrence_leaves_one_line_in_each_of_its_rooms(desk: Desk, clock: HandClock) -> None:
    id = await desk.send(LONG, SHOWN_PICTURE, where="roof")
    await desk.branch.answer(id, ZHANG)
    await desk.work()
    clock.forward(seconds=10)
    await desk.withdraw(id)
    await desk.work()
    for room in (EAST_ROOM, WEST_ROOM):
        assert desk.shown(room) == ["《安全生产》已撤回，不用再看，也不用回「学完」。"]
    told = [event for room in (EAST_ROOM, WEST_ROOM) for event in desk.homeserver.rooms[room]]
    assert len(desk.homeserver.redacted) == len(told) - 2, "every message and every edit, but not the two lines"
    assert (await desk.branch.occurrence(id)).state is Stand.WITHDRAWN


async def test_the_line_speaks_of_what_was_asked(desk: Desk, clock: HandClock) -> None:
    id = await desk.branch.open(ROLL, audience=EAST)
    await desk.work()
    clock.forward(seconds=10)
    await desk.withdraw(id)
    await desk.work()
    assert desk.shown() == ["《主题党日》已撤回，不用再签到，也不用请假。"]
    answer = await desk.branch.answer(id, WANG)
    assert answer.refusal is not None
    assert answer.refusal.words.key == "checkin.withdrawn_attended"
    bulletin = notice_of_withdrawal(lesson(ROLL, LessonKind.BULLETIN))
    assert SPEECH.say(bulletin, Reader()) == "《主题党日》已撤回，不用再看。"


async def test_a_withdrawal_after_corrections_leaves_none_of_their_words(desk: Desk, clock: HandClock) -> None:
    id = await desk.send("旧文。")
    await desk.revise(LONG)
    await desk.correct(id)
    await desk.work()
    clock.forward(seconds=10)
    await desk.withdraw(id)
    await desk.work()
    left = [event for event in desk.homeserver.rooms[EAST_ROOM] if event.event_id not in desk.homeserver.redacted]
    assert [event.content["body"] for event in left] == ["《安全生产》已撤回，不用再看，也不用回「学完」。"]


async def test_a_withdrawal_counts_against_nobody_and_takes_nothing_from_who_took_part(desk: Desk) -> None:
    id = await desk.send()
    await desk.branch.answer(id, ZHANG)
    await desk.branch.answer(id, LI, leave="值班")
    await desk.withdraw(id)
    assert [await desk.branch.state(id, member) for member in (ZHANG, LI, WANG)] == [
        Answer.DONE,
        Answer.NOT_OFFERED,
        Answer.NOT_OFFERED,
    ]
    assert await desk.branch.tallied() == await desk.branch.counted()
    answer = await desk.branch.answer(id, WANG)
    assert answer.refusal is not None
    assert answer.refusal.words.key == "checkin.withdrawn"


async def test_what_was_still_waiting_is_never_sent_and_no_line_is_left_where_nothing_stood(desk: Desk) -> None:
    await desk.revise("旧文。")
    id = await desk.branch.open(audience=EAST)
    await desk.withdraw(id)
    await desk.work()
    assert EAST_ROOM not in desk.homeserver.rooms
    assert [row.state for row in await desk.branch.rows()] == [State.CANCELLED]


@pytest.mark.parametrize("arrived", [True, False])
async def test_a_message_in_doubt_is_looked_for_and_taken_back_if_it_arrived(
    desk: Desk, clock: HandClock, arrived: bool
) -> None:
    await desk.revise("旧文。")
    id = await desk.branch.open(audience=EAST)
    desk.homeserver.fail(FaultKind.SLOW, accepted=arrived)
    await desk.work()
    await desk.withdraw(id)
    clock.forward(seconds=5)
    await desk.work()
    sent = [event.content["body"] for event in desk.homeserver.rooms.get(EAST_ROOM, [])]
    assert len(sent) == 1 + arrived
    assert desk.shown() == ["《安全生产》已撤回，不用再看，也不用回「学完」。"]


async def test_a_redaction_of_what_is_gone_already_is_done(desk: Desk) -> None:
    id = await desk.send()
    await desk.withdraw(id)
    desk.homeserver.fail(FaultKind.MISSING, status=404, permanent=True)
    await desk.work()
    assert {row.state for row in await desk.branch.rows()} == {State.SENT}


async def test_a_closed_occurrence_can_be_corrected_too_and_asks_nothing_again(desk: Desk, clock: HandClock) -> None:
    id = await desk.send()
    clock.forward(hours=3)
    await desk.branch.let_close(id)
    await desk.work()
    await desk.revise("新文。")
    await desk.correct(id)
    await desk.work()
    (card,) = desk.shown()
    assert "新文。" in card
    assert "✅" not in card


async def test_a_correction_after_a_correction_needs_no_more_messages_than_the_text(desk: Desk) -> None:
    id = await desk.send("旧文。")
    for body in (LONG, "短。", LONG.replace("第", "另")):
        await desk.revise(body)
        await desk.correct(id)
        await desk.work()
    assert ["另 0 部分" in desk.shown()[0], "另 1 部分" in desk.shown()[1], "另 2 部分" in desk.shown()[2]] == [
        True
    ] * 3
    assert len(desk.shown()) == 3


async def test_an_edit_of_the_longest_part_fits_into_one_encrypted_event(desk: Desk) -> None:
    id = await desk.send("旧文。")
    await desk.revise("\n\n".join("学" * 3_000 + "。" for _ in range(6)))
    await desk.correct(id)
    await desk.work()
    for event in desk.homeserver.rooms[EAST_ROOM]:
        # Ciphertext is base64 of JSON in which every Chinese character takes six letters.
        assert len(json.dumps(dict(event.content))) * 4 / 3 < 62_000


async def test_the_lesson_of_another_occurrence_stays_as_it_was_sent(desk: Desk) -> None:
    first = await desk.send("旧文。")
    second = await desk.branch.open(audience=EAST)
    await desk.work()
    await desk.revise("新文。")
    await desk.correct(second)
    await desk.work()
    texts = desk.shown()
    assert ["旧文。" in texts[0], "新文。" in texts[1]] == [True, True]
    assert (await desk.branch.store.read(lambda unit: amendments.note(unit, first))).corrected_at is None


def test_a_lesson_of_the_tests_falls_into_three_messages() -> None:
    assert text_parts(replace(lesson(), body=LONG)) == 3
