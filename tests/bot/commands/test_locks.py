"""锁定 and 解锁 from the phone: the same rights as on the console, a reaction before a room is locked."""

from __future__ import annotations

from typing import Any

import pytest

from content.identifiers import EventId, RoomId, UserId
from content.locks import OpenThere, hampered
from content.rooms import DirectRoomKept, Purpose, Room, RoomKept
from storage import locks
from storage.rooms import StateSeen
from tests.bot.commands.test_sanctions import DESK, begin, newest_to, say
from tests.small_branch import (
    EAST,
    EAST_ROOM,
    ME,
    SECRETARY,
    ZHANG,
    SmallBranch,
    account,
    message,
    private_room,
    reaction,
)


async def states(branch: SmallBranch) -> list[tuple[str, str]]:
    """Return of every lock its room and where it stands."""
    rows: list[Any] = await branch.store.read(lambda unit: unit.rows(locks.room_locks.select().order_by("at", "id")))
    return [(row.room_id, row.state) for row in rows]


async def tap(branch: SmallBranch, key: str, *, by: UserId = SECRETARY, room: RoomId = DESK) -> None:
    await branch.hear(reaction(by, await newest_to(branch, SECRETARY), key, room_id=room))


async def test_a_room_is_locked_by_a_word_in_it_and_a_reaction_and_opened_by_a_word(branch: SmallBranch) -> None:
    await begin(branch)
    await branch.store.settle(notes=[DirectRoomKept(user=SECRETARY, room=DESK, encrypted=False)])
    told = await say(branch, "锁定 半小时", room=EAST_ROOM)
    assert told[-1] == (SECRETARY, "locks.confirm")
    assert await states(branch) == [(EAST_ROOM, "draft")]
    await tap(branch, "👍", by=account(ZHANG), room=private_room(ZHANG))
    assert await states(branch) == [(EAST_ROOM, "draft")]
    await tap(branch, "👍")
    assert await states(branch) == [(EAST_ROOM, "held")]
    assert (await say(branch, "解鎖", room=EAST_ROOM))[-1] == (SECRETARY, "locks.opened")
    assert await states(branch) == [(EAST_ROOM, "over")]


async def test_what_is_open_in_the_room_and_cannot_be_answered_then_is_said_before(branch: SmallBranch) -> None:
    await begin(branch)
    await branch.store.settle(notes=[DirectRoomKept(user=SECRETARY, room=DESK, encrypted=False)])
    await branch.open()
    await branch.send_all()
    await say(branch, "接龙 春游; 名额 20", room=EAST_ROOM)
    await branch.hear(message(SECRETARY, "锁定", room_id=EAST_ROOM))
    asked = next(str(row.words) for row in await branch.rows() if row.words and "confirm_open" in str(row.words))
    assert "locks.open_cards" in asked
    assert "locks.open_sign_ups" in asked
    assert "locks.open_polls" not in asked


@pytest.mark.parametrize("encrypted", [True, False])
def test_in_an_encrypted_room_no_poll_is_answered_while_it_is_locked(encrypted: bool) -> None:
    (line,) = hampered(OpenThere(polls=2, encrypted=encrypted))
    assert line.key == ("locks.open_polls_encrypted" if encrypted else "locks.open_polls")
    assert hampered(OpenThere()) == ()


async def test_in_private_the_room_is_named_and_a_no_lets_it_be(branch: SmallBranch) -> None:
    await begin(branch)
    told = await say(branch, "锁定")
    assert told[-1] == (SECRETARY, "locks.which")
    club = Room(id=RoomId("!club:test"), organisation=EAST, purpose=Purpose.COMMITTEE, name="支委会群", encrypted=False)
    said = (("m.room.create", {"room_version": "12"}), ("m.room.power_levels", {"users": {}}))
    seen = [
        StateSeen(room=club.id, type=kind, state_key="", sender=ME, event_id=EventId(f"$club{kind}"), content=content)
        for kind, content in said
    ]
    await branch.store.settle(notes=[RoomKept(room=club), *seen])
    await say(branch, "锁定 支委会群 2小时")
    assert await states(branch) == [(club.id, "draft")]
    await branch.hear(reaction(SECRETARY, await newest_to(branch, SECRETARY), "👎", room_id=DESK))
    assert await states(branch) == [(club.id, "dropped")]


async def test_a_lock_is_confirmed_within_ten_minutes_by_a_reply_too(branch: SmallBranch) -> None:
    await begin(branch)
    await branch.store.settle(notes=[DirectRoomKept(user=SECRETARY, room=DESK, encrypted=False)])
    await say(branch, "锁群", room=EAST_ROOM)
    branch.clock.forward(minutes=11)
    told = await say(branch, "是", reply=await newest_to(branch, SECRETARY))
    assert told[-1] == (SECRETARY, "sanction.confirm_too_late")
    await say(branch, "锁群", room=EAST_ROOM)
    told = await say(branch, "是", reply=await newest_to(branch, SECRETARY))
    assert told[-1] == (SECRETARY, "locks.done")


async def test_members_lock_nothing_and_talk_of_locks_is_talk(branch: SmallBranch) -> None:
    await begin(branch)
    assert await say(branch, "锁定", by=account(ZHANG), room=EAST_ROOM) == []
    assert await say(branch, "锁定 我们的目标", room=EAST_ROOM) == []
    told = await say(branch, "锁定", by=account(ZHANG), room=private_room(ZHANG))
    assert told[-1] == (account(ZHANG), "locks.no_right")
    assert await states(branch) == []
