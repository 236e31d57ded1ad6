"""Said while the bot was away: what counts as of then counts, what was wanted then is answered once and not done."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import pytest
from msgspec.structs import replace

from bot.hearing import Hearing
from bot.matrix.events import Batch, Event, RoomBatch
from bot.pacing import BURST, EVERY, MOST_KEPT, WARN_EVERY, Pacing
from content.checkins import State
from content.identifiers import RoomId, UserId
from content.lateness import LIMIT
from storage import polls
from storage.outbox import Kind
from tests.fake_homeserver import FakeHomeserver
from tests.small_branch import (
    LI,
    NOON,
    ROLL,
    SECRETARY,
    ZHANG,
    HandClock,
    SmallBranch,
    account,
    message,
    private_room,
)

MINUTE = timedelta(minutes=1)
ALONE = private_room(ZHANG)


async def hear_after(branch: SmallBranch, clock: HandClock, away: timedelta, *events: Event) -> None:
    """Be away for a while, then hear what was said at noon."""
    hearing = Hearing(branch.store, FakeHomeserver(clock), branch.settings)  # type: ignore[arg-type]
    await hearing.commit(Batch(since=None, next_batch="s1", rooms=()))
    clock.forward(seconds=away.total_seconds())
    rooms: dict[str, list[Event]] = {}
    for event in events:
        rooms.setdefault(event.room_id, []).append(event)
    parts = tuple(RoomBatch(room_id=id, membership="join", timeline=tuple(said)) for id, said in rooms.items())
    for _ in range(2):
        await hearing.commit(Batch(since="s1", next_batch="s2", rooms=parts))


def alone(text: str) -> Event:
    return message(account(ZHANG), text, room_id=ALONE)


@pytest.mark.parametrize("text", ["帮助", "help", "我的", "学习", "补学", "投票", "控制台", "我的数据", "在吗"])
async def test_what_was_wanted_then_is_answered_once_as_late_and_not_done(
    branch: SmallBranch, clock: HandClock, text: str
) -> None:
    """N2, F43: the backlog of an outage is no flood of answers that nobody waits for."""
    await hear_after(branch, clock, timedelta(hours=3), alone(text))
    assert await branch.told() == [(account(ZHANG), "late.request")]


async def test_within_the_limit_it_is_done(branch: SmallBranch, clock: HandClock) -> None:
    await hear_after(branch, clock, LIMIT, alone("帮助"))
    assert await branch.told() == [(account(ZHANG), "help.all")]


async def test_ten_requests_of_one_person_are_one_answer_about_the_last(branch: SmallBranch, clock: HandClock) -> None:
    many = [message(account(ZHANG), "帮助", room_id=ALONE, sent_at=NOON + MINUTE * one) for one in range(10)]
    await hear_after(branch, clock, timedelta(hours=3), *many, message(account(LI), "帮助", room_id=private_room(LI)))
    told = [(row.user_id, row.words["key"]) for row in await branch.rows() if row.kind == Kind.TELL]
    assert sorted(told) == [(account(LI), "late.request"), (account(ZHANG), "late.request")]
    (mine,) = [row for row in await branch.rows() if row.user_id == account(ZHANG)]
    assert mine.cause == f"event:{many[-1].event_id}"


async def test_answers_and_their_taking_back_count_as_of_then(branch: SmallBranch, clock: HandClock) -> None:
    id = await branch.open(ROLL)
    said = [message(account(ZHANG), "签到"), message(account(LI), "签到"), message(account(LI), "取消")]
    await hear_after(branch, clock, timedelta(minutes=90), *said)
    assert await branch.state(id, ZHANG) is State.DONE
    assert await branch.state(id, LI) is State.OPEN
    assert "late.request" not in {key for _, key in await branch.told()}


async def test_a_poll_asked_for_hours_ago_is_not_begun(branch: SmallBranch, clock: HandClock) -> None:
    await hear_after(branch, clock, timedelta(hours=3), message(SECRETARY, "投票 几点开会; 早上; 晚上", mention=True))
    assert await branch.told() == [(SECRETARY, "late.request")]
    assert await branch.store.read(lambda unit: unit.rows(polls.polls.select())) == []


async def test_talk_in_a_room_gets_no_late_answer(branch: SmallBranch, clock: HandClock) -> None:
    talk = [message(account(ZHANG), text) for text in ("大家辛苦了", "我的车坏了", "谁去投票")]
    elsewhere = message(account(ZHANG), "帮助", room_id=RoomId("!elsewhere:test"))
    await hear_after(branch, clock, timedelta(hours=3), *talk, elsewhere)
    assert await branch.told() == []


async def test_making_a_room_uses_nothing_of_the_burst_up(branch: SmallBranch, clock: HandClock) -> None:
    making = [replace(message(account(ZHANG), ""), type=f"m.room.piece{one}", state_key="") for one in range(BURST)]
    await hear_after(branch, clock, timedelta(), *making, alone("帮助"))
    assert await branch.told() == [(account(ZHANG), "help.all")]


async def test_a_flood_of_requests_is_answered_for_a_burst_and_once_to_slow_down(
    branch: SmallBranch, clock: HandClock
) -> None:
    """I038: a hundred requests of one person hold up nobody and flood no private room; answers go on counting."""
    id = await branch.open(ROLL)
    flood = [message(account(ZHANG), "帮助", room_id=ALONE) for _ in range(100)]
    await hear_after(branch, clock, timedelta(), *flood, message(account(ZHANG), "签到"))
    told = Counter(key for user, key in await branch.told() if user == account(ZHANG))
    assert told["help.all"] == BURST
    assert told["late.slow_down"] == 1
    assert await branch.state(id, ZHANG) is State.DONE


def test_after_a_while_one_may_ask_again() -> None:
    pacing, who = Pacing(), account(ZHANG)
    assert [pacing.is_too_much(who, NOON) for _ in range(BURST + 2)] == [False] * BURST + [True] * 2
    assert not pacing.is_too_much(account(LI), NOON)
    assert not pacing.is_too_much(who, NOON + EVERY)
    assert pacing.is_too_much(who, NOON + EVERY)
    assert [pacing.warns(who, NOON), pacing.warns(who, NOON), pacing.warns(who, NOON + WARN_EVERY)] == [
        True,
        False,
        True,
    ]


def test_what_is_remembered_of_people_has_an_end() -> None:
    pacing = Pacing()
    for number in range(MOST_KEPT + 5):
        pacing.is_too_much(UserId(f"@{number}:test"), NOON)
    assert len(pacing._full_at) == MOST_KEPT
