"""A meeting in two sessions, on both engines: one notice, one roll, who comes to which, and one session called off."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from msgspec.structs import replace

from content import meeting_changes
from content.checkins import Note, State
from content.decision import Decision, Refusal
from content.lectures import Session
from content.notices import Form
from content.notices import State as Stand
from storage import checkins, meetings, session_choices
from tests.small_branch import (
    EAST_ROOM,
    LI,
    WANG,
    ZHANG,
    HandClock,
    SmallBranch,
    account,
    message,
    private_room,
    reaction,
    redaction,
)
from tests.storage.test_meetings import BEGINS, HOUR, call, change, known, meeting, settle, text_of, tick

EVENING = BEGINS + 10 * HOUR
SPLIT = meeting(Form.ASSEMBLY, title="学习大会", further=(Session(begins=EVENING, place="车间"),))


async def named(branch: SmallBranch, id: Any) -> dict[str, int]:
    return dict(await branch.store.read(lambda unit: session_choices.of_meeting(unit, id)))


async def test_the_notice_lists_the_sessions_and_whoever_names_one_comes(branch: SmallBranch) -> None:
    called = await call(branch, SPLIT)
    assert called.sessions == SPLIT.sessions
    said = await text_of(branch, called.id)
    assert "第 1 场：7月4日（周六）12:00，二楼会议室\n第 2 场：7月4日（周六）22:00，车间\n" in said
    assert "时间：" not in said
    assert "来哪一场：" in said
    await branch.send_all()
    card = await branch.card_event(called.id)
    tap = reaction(account(ZHANG), card, "2️⃣")
    await branch.hear(tap, message(account(LI), "参加2", reply=card))
    await branch.hear(message(account(WANG), "场次 1", room_id=private_room(WANG)))
    assert await named(branch, called.id) == {ZHANG: 2, LI: 2, WANG: 1}
    for member in (ZHANG, LI, WANG):
        place = await branch.place(called.id, member)
        assert (place.state, place.note) == (State.OPEN, Note.COMING)
    assert "能来 3 人" in await text_of(branch, called.id)
    assert (account(ZHANG), "meeting_session.chosen") in await branch.told()
    await branch.hear(message(account(LI), "我的", room_id=private_room(LI)))
    assert "mine.meeting_session" in await branch.everything()


async def test_a_tap_that_is_taken_back_takes_back_the_coming_too(branch: SmallBranch) -> None:
    called = await call(branch, SPLIT)
    await branch.send_all()
    card = await branch.card_event(called.id)
    tap = reaction(account(ZHANG), card, "2️⃣")
    await branch.hear(tap)
    await branch.hear(redaction(account(ZHANG), tap.event_id))
    assert await named(branch, called.id) == {}
    place = await branch.place(called.id, ZHANG)
    assert (place.state, place.note) == (State.OPEN, None)


async def test_there_is_one_roll_and_each_signs_in_at_the_session_they_come_to(
    branch: SmallBranch, clock: HandClock
) -> None:
    called = await call(branch, SPLIT)
    await branch.send_all()
    card = await branch.card_event(called.id)
    await branch.hear(reaction(account(LI), card, "2️⃣"))
    clock.now = BEGINS
    await tick(branch)
    await branch.hear(message(account(ZHANG), "1", reply=card))
    assert await branch.state(called.id, ZHANG) is State.DONE, "once it has begun, 1 says that one is there"
    assert await branch.state(called.id, LI) is State.OPEN
    await branch.hear(message(account(WANG), "场次 2", room_id=private_room(WANG)))
    assert await branch.state(called.id, WANG) is State.OPEN, "who names the session to come is not there yet"
    clock.now = EVENING + timedelta(minutes=5)
    await tick(branch)
    await branch.hear(reaction(account(LI), card, "✅"), message(account(WANG), "签到", room_id=private_room(WANG)))
    floor = await branch.store.read(lambda unit: meetings.floor(unit, called.id))
    assert (floor.expected, floor.present) == (3, 3), "all sessions together"
    assert await named(branch, called.id) == {LI: 2, WANG: 2}


async def test_one_session_is_called_off_and_who_named_it_is_told(branch: SmallBranch) -> None:
    called = await call(branch, SPLIT)
    await branch.send_all()
    card = await branch.card_event(called.id)
    await branch.hear(reaction(account(ZHANG), card, "2️⃣"), reaction(account(LI), card, "1️⃣"))

    async def decide(unit: Any) -> Decision | Refusal:
        cards = await checkins.cards_of(unit, called.id)
        return meeting_changes.drop_session(called, 1, cards=cards, told=[account(LI)], now=unit.now)

    await settle(branch, decide)
    after = await known(branch, called.id)
    assert (after.begins_at, after.further, after.state) == (EVENING, (), Stand.PLANNED)
    assert await named(branch, called.id) == {}, "where one is left there is nothing to choose"
    assert (account(LI), "meeting.session_dropped") in await branch.told()
    assert "时间：7月4日（周六）22:00\n地点：车间" in await text_of(branch, called.id, EAST_ROOM)


async def test_choices_follow_their_sessions_when_those_change(branch: SmallBranch) -> None:
    three = replace(SPLIT, further=(*SPLIT.further, Session(begins=EVENING + 24 * HOUR, place="")))
    called = await call(branch, three)
    await branch.send_all()
    card = await branch.card_event(called.id)
    await branch.hear(reaction(account(ZHANG), card, "3️⃣"), reaction(account(LI), card, "2️⃣"))
    outcome = await change(branch, called, replace(called, further=called.further[1:]))
    assert outcome.refusal is None
    assert await named(branch, called.id) == {ZHANG: 2}
    assert (account(ZHANG), "meeting.changed_sessions") in await branch.told()


async def test_who_said_nothing_is_reminded_once_of_all_sessions(branch: SmallBranch, clock: HandClock) -> None:
    called = await call(branch, SPLIT)
    await branch.send_all()
    await branch.hear(reaction(account(ZHANG), await branch.card_event(called.id), "1️⃣"))
    clock.now = BEGINS - 24 * HOUR
    await tick(branch)
    await tick(branch)
    told = [user for user, key in await branch.told() if key == "meeting.reminder_sessions"]
    assert sorted(told) == sorted([account(LI), account(WANG)])
