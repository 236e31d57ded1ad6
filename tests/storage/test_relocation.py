"""What reached its room not is shown in another one of the same node, and asks its members after all."""

from __future__ import annotations

from content.checkins import State as Answer
from content.decision import Fact
from content.identifiers import OutboxId, RoomId
from content.rooms import Purpose, Room, RoomKept, RoomLost
from storage import outbox_items, relocation, undelivered
from storage.outbox import GivenUp, Kind, State, outbox
from storage.relocation import Moved
from tests.small_branch import EAST, EAST_ROOM, ROOF, ZHANG, SmallBranch

SECOND = RoomId("!second:test")


def kept(id: RoomId = SECOND, purpose: Purpose = Purpose.ANNOUNCEMENT) -> Fact:
    return RoomKept(room=Room(id=id, organisation=EAST, purpose=purpose, name="通知群", encrypted=False))


async def fail(branch: SmallBranch) -> OutboxId:
    """Let the card of the east branch be refused by its room."""
    (row,) = [one for one in await branch.claim() if one.room == EAST_ROOM]
    await branch.store.settle(notes=[GivenUp(claimed=row, error="missing M_NOT_FOUND", at=branch.clock())])
    return row.id


async def choices(branch: SmallBranch) -> set[RoomId]:
    items = await branch.store.read(lambda unit: outbox_items.items(unit, [ROOF], states=[State.FAILED]))
    found = await branch.store.read(lambda unit: relocation.choices(unit, items))
    return {room.id for rooms in found.values() for room in rooms}


async def test_a_card_that_failed_is_shown_in_the_other_room_and_asks_again(branch: SmallBranch) -> None:
    """F56: a room that is gone is no reason for a branch to miss its lesson."""
    id = await branch.open(audience=EAST)
    await branch.store.settle(notes=[kept(), kept(RoomId("!space:test"), Purpose.SPACE)])
    row = await fail(branch)
    assert await branch.state(id, ZHANG) is Answer.NOT_OFFERED
    assert await choices(branch) == {SECOND}
    await branch.store.settle(notes=[Moved(id=row, room=SECOND)])
    assert await branch.state(id, ZHANG) is Answer.OPEN
    await branch.send_all()
    rows = await branch.rows(outbox.c.kind == Kind.POST)
    assert {(one.room_id, one.lane, one.state) for one in rows} == {(SECOND, SECOND, State.SENT)}
    assert await branch.counted() == await branch.tallied()


async def test_rooms_of_others_and_lost_ones_are_not_offered(branch: SmallBranch) -> None:
    await branch.open(audience=EAST)
    await branch.store.settle(notes=[kept()])
    await branch.store.settle(notes=[RoomLost(room=SECOND, reason="left")])
    await fail(branch)
    assert await choices(branch) == set()


async def test_what_was_sent_is_not_moved(branch: SmallBranch) -> None:
    await branch.open(audience=EAST)
    await branch.send_all()
    (row,) = await branch.rows(outbox.c.kind == Kind.POST)
    await branch.store.settle(notes=[kept(), Moved(id=OutboxId(row.id), room=SECOND)])
    (after,) = await branch.rows(outbox.c.kind == Kind.POST)
    assert (after.room_id, after.state) == (EAST_ROOM, State.SENT)


async def test_whose_broadcast_failed_is_found_on_both_engines(branch: SmallBranch) -> None:
    await branch.open(audience=EAST)
    await fail(branch)
    ((found, node),) = await branch.store.read(undelivered.untold)
    assert [one.why for one in found.missed] == ["missing"]
    assert node == EAST
