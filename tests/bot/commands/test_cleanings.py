"""清理 @谁 1小时: what is found is told first, and a reaction has it taken back."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot import cleanings as hands
from bot.delivery import CLEANING, Delivery
from bot.matrix.history import Written
from content.rooms import DirectRoomKept
from storage import cleanings
from tests.bot.commands.test_sanctions import DESK, begin, newest_to, say
from tests.fake_homeserver import FakeHomeserver
from tests.small_branch import EAST, EAST_ROOM, SECRETARY, ZHANG, SmallBranch, account, message, reaction
from zhibu.catalogue import load_speech

WHO = account(ZHANG)


async def states(branch: SmallBranch) -> list[tuple[str, int]]:
    """Return of every cleaning where it stands and how many rooms it is for."""
    found = await branch.store.read(lambda unit: cleanings.newest(unit, [EAST], reader=SECRETARY, limit=9))
    return [(one.cleaning.state, len(one.places)) for one in found]


async def clean(branch: SmallBranch, homeserver: FakeHomeserver) -> None:
    delivery = Delivery(branch.store, homeserver, load_speech())  # type: ignore[arg-type]
    await delivery.work_off(CLEANING, patience=3)


async def test_what_was_found_is_told_in_private_and_taken_back_after_a_reaction(
    branch: SmallBranch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hands, "PAUSE", 0)
    await begin(branch)
    await branch.store.settle(notes=[DirectRoomKept(user=SECRETARY, room=DESK, encrypted=False)])
    homeserver = FakeHomeserver(branch.clock)
    at = branch.clock.now - timedelta(minutes=5)
    homeserver.written[EAST_ROOM] = [(WHO, Written(event_id=f"$w{number}", sent_at=at)) for number in range(3)]
    await branch.hear(message(SECRETARY, f"清理 {WHO} 1小时", room_id=EAST_ROOM))
    assert await states(branch) == [("looking", 1)]
    await clean(branch, homeserver)
    assert (SECRETARY, "cleanings.confirm") in await branch.told()
    await branch.send_all()
    await branch.hear(reaction(SECRETARY, await newest_to(branch, SECRETARY), "👍", room_id=DESK))
    assert (WHO, "cleanings.told") in await branch.told()
    await clean(branch, homeserver)
    assert len(homeserver.redacted) == 3
    assert await states(branch) == [("done", 1)]


async def test_where_nothing_is_found_that_is_said_and_a_no_lets_it_be(branch: SmallBranch) -> None:
    await begin(branch)
    await branch.store.settle(notes=[DirectRoomKept(user=SECRETARY, room=DESK, encrypted=False)])
    homeserver = FakeHomeserver(branch.clock)
    await branch.hear(message(SECRETARY, "清理 张明", room_id=DESK))
    await clean(branch, homeserver)
    assert (SECRETARY, "cleanings.nothing") in await branch.told()
    await branch.send_all()
    homeserver.written[EAST_ROOM] = [(WHO, Written(event_id="$w", sent_at=branch.clock.now))]
    await branch.hear(message(SECRETARY, "清理 张明 半小时 广告", room_id=DESK))
    await clean(branch, homeserver)
    await branch.send_all()
    await branch.hear(reaction(SECRETARY, await newest_to(branch, SECRETARY), "👎", room_id=DESK))
    assert homeserver.redacted == []
    assert {state for state, _ in await states(branch)} == {"dropped"}


async def test_members_clean_nothing(branch: SmallBranch) -> None:
    await begin(branch)
    assert await say(branch, f"清理 {account(ZHANG)}", by=WHO, room=EAST_ROOM) == []
    assert await states(branch) == []
