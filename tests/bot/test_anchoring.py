"""The seal of the record is told once a day in the room of those who lead, and nowhere when nothing happened."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from bot.anchoring import tell_seal
from content.anchors import anchor, said_head
from content.decision import Words
from content.identifiers import RoomId
from content.rooms import Purpose, Room, RoomKept, RoomLost
from storage import anchors, audit, outbox
from storage.phrases import load_words
from storage.store import Store
from storage.verification import Noted, verify
from tests.bot.test_delivery import Post
from tests.fake_homeserver import FakeHomeserver
from tests.small_branch import EAST, NOON, ROOF, HandClock, SmallBranch
from tests.storage.test_record import KEY, granting

COMMITTEE, STAFF = RoomId("!committee:test"), RoomId("!staff:test")


@pytest_asyncio.fixture
async def sealed(founded_file: Path, tmp_path: Path, clock: HandClock) -> AsyncIterator[SmallBranch]:
    """Give the small branch with a sealed record, and rooms of committee and staff."""
    file = tmp_path / "branch.db"
    shutil.copyfile(founded_file, file)
    store = await Store.open(f"sqlite:///{file}", clock, key=KEY)
    for id, purpose, at in (
        (COMMITTEE, Purpose.COMMITTEE, ROOF),
        (STAFF, Purpose.STAFF, ROOF),
        (RoomId("!below:test"), Purpose.COMMITTEE, EAST),
    ):
        room = Room(id=id, organisation=at, purpose=purpose, name="支委会", encrypted=False)
        await store.settle(notes=[RoomKept(room=room)])
    yield SmallBranch(store, clock)
    await store.close()


async def told(branch: SmallBranch) -> list[tuple[str, Words]]:
    rows = await branch.rows(outbox.outbox.c.kind == outbox.Kind.SAY)
    return [(row.room_id, load_words(row.words)) for row in rows]


async def test_it_is_told_once_a_day_to_the_topmost_committee(sealed: SmallBranch, clock: HandClock) -> None:
    await sealed.store.settle([granting(1)])
    head = await sealed.store.read(audit.head)
    for _ in range(3):
        await tell_seal(sealed.store)
        clock.forward(hours=1)
    ((room, said),) = await told(sealed)
    assert (room, said.parameters) == (COMMITTEE, {"head": said_head(head.number, head.link.hex())})
    noted = Noted(number=head.number, link=head.link.hex())
    assert (await sealed.store.read(lambda unit: verify(unit, KEY, [noted]))).whole


async def test_a_day_on_which_nothing_happened_is_quiet(sealed: SmallBranch, clock: HandClock) -> None:
    for _ in range(4):
        await tell_seal(sealed.store)
        clock.forward(days=1)
    assert len(await told(sealed)) == 1
    await sealed.store.settle([granting(1)])
    await tell_seal(sealed.store)
    assert len(await told(sealed)) == 2


async def test_nobody_is_told_at_night(sealed: SmallBranch, clock: HandClock) -> None:
    clock.forward(hours=14)
    await tell_seal(sealed.store)
    assert await told(sealed) == []
    clock.forward(hours=6)
    await tell_seal(sealed.store)
    assert len(await told(sealed)) == 1


async def test_without_a_committee_the_staff_is_told_and_without_both_nobody(sealed: SmallBranch) -> None:
    await sealed.store.settle(notes=[RoomLost(room=COMMITTEE, reason="left")])
    assert [room.id for room in (await sealed.store.read(anchors.top))[1]] == [STAFF]
    await sealed.store.settle(notes=[RoomLost(room=STAFF, reason="left")])
    await tell_seal(sealed.store)
    assert await told(sealed) == []
    assert await sealed.store.read(anchors.newest) is not None


async def test_a_record_without_a_seal_has_none_to_tell(branch: SmallBranch) -> None:
    await branch.store.settle([granting(1)])
    await tell_seal(branch.store)
    assert await branch.store.read(anchors.newest) is None


async def test_the_line_reaches_its_room_and_calls_nobody(sealed: SmallBranch, clock: HandClock) -> None:
    await tell_seal(sealed.store)
    post = Post(sealed, FakeHomeserver(clock))
    await post.work()
    (event,) = post.homeserver.rooms[COMMITTEE]
    assert event.content["msgtype"] == "m.notice"
    assert "@" not in event.content["body"]
    assert "记录封条" in event.content["body"]


@pytest.mark.parametrize(("number", "before", "told"), [(0, None, 0), (1, None, 1), (5, 4, 0), (6, 4, 1), (4, 9, 0)])
def test_its_own_telling_is_no_reason_to_tell_again(number: int, before: int | None, told: int) -> None:
    answer = anchor(NOON.date(), number, "ab" * 32, before=before, rooms=(), now=NOON)
    assert (answer is not None) == bool(told)
