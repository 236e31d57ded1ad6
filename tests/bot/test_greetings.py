"""Who comes into a room is greeted once, by the nearest place that says something, and a wave of many is no flood."""

from __future__ import annotations

import pytest

from bot.matrix.events import RoomBatch
from content.greetings import MOST_PRIVATE, Greeting, GreetingSet, Way, choose
from content.identifiers import OrganisationId, UserId
from content.organisations import Kind, Organisation
from storage import outbox
from tests.bot.test_hearing import Ears, room
from tests.small_branch import EAST, EAST_ROOM, ROOF, SECRETARY, SmallBranch, event

NODE = Organisation(id=EAST, parent=ROOF, kind=Kind.BRANCH, name="东")


@pytest.fixture
def ears(branch: SmallBranch) -> Ears:
    return Ears(branch)


def came(*names: str) -> RoomBatch:
    """Let people come into the room."""
    said = {"membership": "join"}
    return room(*(event(UserId(one), "m.room.member", said, state_key=one, room_id=EAST_ROOM) for one in names))


async def greets(ears: Ears, way: Way, at: OrganisationId = ROOF, rules: str = "不刷屏") -> None:
    now = ears.branch.clock.now
    one = Greeting(organisation=at, text="欢迎", rules=rules, way=way, by=SECRETARY, at=now)
    await ears.branch.store.settle(notes=[GreetingSet(organisation=at, greeting=one)])


async def said(ears: Ears, kind: str) -> list[str]:
    """Return what is on its way as a greeting, to whom or where."""
    rows = await ears.branch.rows(outbox.outbox.c.kind == kind)
    found = [row for row in rows if row.words and str(row.words["key"]).startswith("greetings.")]
    return [row.user_id or row.room_id for row in found]


async def test_who_comes_in_is_greeted_once_in_private(ears: Ears) -> None:
    await ears.hear(came("@early:test"))
    await greets(ears, Way.PRIVATE)
    await ears.hear(came("@one:test"), token="s3")
    await ears.hear(came("@one:test", "@early:test"), token="s4")
    assert await said(ears, "tell") == ["@one:test"]


async def test_a_wave_is_no_flood_in_private_nor_in_the_room(ears: Ears) -> None:
    await greets(ears, Way.PRIVATE)
    await ears.hear(came(*(f"@p{number}:test" for number in range(40))))
    assert len(await said(ears, "tell")) == MOST_PRIVATE
    await greets(ears, Way.ROOM, EAST)
    ears.branch.clock.forward(minutes=11)
    await ears.hear(came(*(f"@r{number}:test" for number in range(40))), token="s3")
    assert await said(ears, "say") == [EAST_ROOM]


def test_with_nothing_to_say_a_place_says_what_is_said_above_it(ears: Ears) -> None:
    now = ears.branch.clock.now
    assert "GreetingDropped" in repr(choose(NODE, " ", "", "private", by=SECRETARY, now=now))
    assert "greetings.too_long" in repr(choose(NODE, "x" * 501, "", "private", by=SECRETARY, now=now))
    assert "greetings.no_way" in repr(choose(NODE, "x", "", "loud", by=SECRETARY, now=now))
