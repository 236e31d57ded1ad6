"""Lines of record said in a committee's room: drafts for who keeps the record, and nothing more."""

from __future__ import annotations

from datetime import date
from typing import Any

from msgspec.structs import replace

from content import record_lines as rules
from content.identifiers import MemberId, RoomId
from content.meetings import Meeting
from content.record_lines import Line, Sort
from content.rooms import Purpose, Room, RoomKept
from storage import record_lines, resolutions
from storage.retention import Swept
from tests.small_branch import EAST, LI, SECRETARY, WANG, ZHANG, HandClock, SmallBranch, account, message
from tests.storage.test_roll_calls import held, private

INNER = RoomId("!committee:test")


async def lines(branch: SmallBranch, one: Meeting) -> tuple[Line, ...]:
    found = await branch.store.read(lambda unit: record_lines.of_meeting(unit, one.id))
    return tuple(sorted(found, key=lambda each: each.sort))


async def meet(branch: SmallBranch, clock: HandClock, **more: Any) -> Meeting:
    room = Room(id=INNER, organisation=EAST, purpose=Purpose.COMMITTEE, name="支委群", encrypted=False)
    await branch.store.settle(notes=[RoomKept(room=room)])
    return await held(branch, clock, **more)


async def test_who_keeps_the_record_says_decisions_and_tasks_in_the_committees_room_and_nothing_is_decided(
    branch: SmallBranch, clock: HandClock
) -> None:
    one = await meet(branch, clock, recorder=LI)
    await branch.hear(
        message(SECRETARY, "决议 同意年度计划，明年执行。", room_id=INNER, sent_at=clock.now),
        message(account(LI), "任务 张明 7-31前 联系扶手厂家", room_id=INNER, sent_at=clock.now),
        message(account(WANG), "决议 我说了算", room_id=INNER, sent_at=clock.now),
    )
    first, second = await lines(branch, one)
    assert (first.sort, first.text, first.by) == (Sort.RESOLUTION, "同意年度计划，明年执行。", SECRETARY)
    assert (second.member, second.due_on, second.text) == (ZHANG, date(2026, 7, 31), "联系扶手厂家")
    assert (account(WANG), "record_lines.not_recorder") in await branch.told()
    assert (SECRETARY, "record_lines.kept_resolution") in await branch.told()
    assert await branch.store.read(lambda unit: resolutions.of_meeting(unit, one.id)) == ()
    await branch.store.settle(notes=rules.settle(first).facts)
    assert await lines(branch, one) == (second,)


async def test_whom_a_task_calls_by_account_does_it_and_anyone_may_have_a_remark_written_down(
    branch: SmallBranch, clock: HandClock
) -> None:
    one = await meet(branch, clock)
    await branch.send_all()
    called = {"m.mentions": {"user_ids": [account(WANG)]}}
    card = await branch.card_event(one.id)
    said = message(SECRETARY, "任务 @王丽 写总结", room_id=INNER, sent_at=clock.now)
    await branch.hear(
        replace(said, content=said.content | called),
        message(account(ZHANG), "发言 建议站台加一道扶手", reply=card, sent_at=clock.now),
    )
    found = await lines(branch, one)
    assert [(each.sort, each.member, each.text) for each in found] == [
        (Sort.SPEECH, None, "建议站台加一道扶手"),
        (Sort.TASK, WANG, "写总结"),
    ]


async def test_the_same_words_elsewhere_or_at_another_time_are_talk_and_leave_nothing(
    branch: SmallBranch, clock: HandClock
) -> None:
    """PRIV-3."""
    await branch.hear(message(SECRETARY, "决议 早说的", room_id=INNER))
    one = await meet(branch, clock)
    await branch.hear(message(SECRETARY, "决议 在支部群说的", sent_at=clock.now))
    await branch.hear(message(SECRETARY, "决议 私下说的", room_id=private(MemberId("secretary")), sent_at=clock.now))
    assert await lines(branch, one) == ()


async def test_what_nobody_takes_over_is_gone_after_a_month(branch: SmallBranch, clock: HandClock) -> None:
    """PRIV-7."""
    one = await meet(branch, clock)
    await branch.hear(message(SECRETARY, "决议 同意", room_id=INNER, sent_at=clock.now))
    assert len(await lines(branch, one)) == 1
    clock.forward(days=31)
    await branch.store.settle(notes=[Swept(at=clock.now)])
    assert await lines(branch, one) == ()
