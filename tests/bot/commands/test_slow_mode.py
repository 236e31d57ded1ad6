"""慢速 from the phone: the same rights as a lock, a reaction before it begins, a word to end it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.commands.amounts import gap_in
from bot.commands.remarks import is_off
from bot.locks import settle_due
from content.guards import GuardSet
from content.rooms import DirectRoomKept
from storage import locks
from tests.bot.commands.test_locks import states, tap
from tests.bot.commands.test_sanctions import DESK, begin, say
from tests.small_branch import EAST, EAST_ROOM, SECRETARY, ZHANG, SmallBranch, account, message, private_room


@pytest.mark.parametrize(
    ("text", "gap", "rest"),
    [
        ("30秒", 30, ""),
        ("一支部 10 秒 1天", 10, "一支部 1天"),
        ("兩分鐘 2小时", 120, "2小时"),
        ("First Branch 30 seconds 2 hours", 30, "First Branch 2 hours"),
        ("5分钟 30分钟", 300, "30分钟"),
        ("一支部", None, "一支部"),
    ],
)
def test_the_first_short_length_is_the_gap(text: str, gap: int | None, rest: str) -> None:
    assert gap_in(text) == (timedelta(seconds=gap) if gap else None, rest)
    assert not is_off(text)


async def test_it_begins_by_a_word_and_a_reaction_and_a_lock_beside_it_is_opened_alone(branch: SmallBranch) -> None:
    await begin(branch)
    await branch.store.settle(notes=[DirectRoomKept(user=SECRETARY, room=DESK, encrypted=False)])
    assert (await say(branch, "慢速 30秒 1天", room=EAST_ROOM))[-1] == (SECRETARY, "slow.confirm")
    await tap(branch, "👍")
    await say(branch, "锁定", room=EAST_ROOM)
    await tap(branch, "👍")
    assert await states(branch) == [(EAST_ROOM, "held"), (EAST_ROOM, "held")]
    await say(branch, "解锁", room=EAST_ROOM)
    rows = await branch.store.read(lambda unit: unit.rows(locks.room_locks.select()))
    assert {(row.part, row.state, row.gap) for row in rows} == {("slow", "held", 30), ("talk", "over", None)}
    assert {row.seconds for row in rows} == {86400, 7200}
    assert (await say(branch, "慢速 關", room=EAST_ROOM))[-1] == (SECRETARY, "slow.ended")
    assert {state for _, state in await states(branch)} == {"over"}
    assert (await say(branch, "慢速 关", room=EAST_ROOM))[-1] == (SECRETARY, "slow.is_off")


async def test_where_a_place_has_set_it_off_says_so_and_where_and_no_room_hears_that_it_is_over(
    branch: SmallBranch,
) -> None:
    await begin(branch)
    await branch.store.settle(notes=[DirectRoomKept(user=SECRETARY, room=DESK, encrypted=False)])
    fixed = {"organisation": EAST, "room": None}
    await branch.store.settle(
        notes=[GuardSet(name="slow", value="hide", **fixed), GuardSet(name="slow.gap", value="300", **fixed)]  # type: ignore[arg-type]
    )
    assert (await say(branch, "慢速 关", room=EAST_ROOM))[-1] == (SECRETARY, "slow.is_set")
    for early in (True, False):
        await say(branch, "慢速 10秒 1天", room=EAST_ROOM)
        await tap(branch, "👍")
        if early:
            await branch.hear(message(SECRETARY, "慢速 关", room_id=EAST_ROOM))
            assert (await branch.told())[-1] == (SECRETARY, "slow.ended_usual")
        else:
            branch.clock.forward(days=2)
            await settle_due(branch.store)
        heard = [row.words["key"] for row in await branch.rows() if row.words and row.kind == "say"]
        assert heard == ["slow.said_until", "slow.said_usual"]
        await branch.send_all()


async def test_members_slow_nothing_and_talk_of_it_is_talk(branch: SmallBranch) -> None:
    await begin(branch)
    assert await say(branch, "慢速", by=account(ZHANG), room=EAST_ROOM) == []
    assert await say(branch, "慢速 排队的车辆", room=EAST_ROOM) == []
    assert (await say(branch, "慢速", by=account(ZHANG), room=private_room(ZHANG)))[-1][1] == "locks.no_right"
    assert (await say(branch, "慢速 没有这个群 30秒"))[-1] == (SECRETARY, "slow.which")
    assert await states(branch) == []
