"""A room that was replaced is followed with its cards once both rooms agree, or reported and used as before."""

from __future__ import annotations

from typing import Any

import pytest

from bot.delivery import UPKEEP, Delivery
from bot.hearing import Hearing
from bot.matrix.events import Batch, Event, RoomBatch
from bot.matrix.faults import Fault, Kind
from content.checkins import State
from content.identifiers import RoomId, UserId
from content.rooms import Purpose
from content.upgrades import Doubt, Upgrade
from storage import outbox, rooms, upgrades
from tests.fake_homeserver import FakeHomeserver
from tests.small_branch import (
    EAST,
    EAST_ROOM,
    LI,
    ME,
    ROLL,
    SECRETARY,
    WANG,
    ZHANG,
    SmallBranch,
    account,
    event,
    message,
)
from zhibu.catalogue import load_speech

NEW = RoomId("!new")
MALLORY = UserId("@mallory:test")


class House:
    """A bot with ears and hands, and two rooms on its homeserver."""

    def __init__(self, branch: SmallBranch) -> None:
        self.branch = branch
        self.homeserver = FakeHomeserver(branch.clock)
        self.hearing = Hearing(branch.store, self.homeserver, branch.settings)  # type: ignore[arg-type]

    @property
    def delivery(self) -> Delivery:
        """Return a delivery with nothing in memory."""
        return Delivery(self.branch.store, self.homeserver, load_speech(), encrypted=False)  # type: ignore[arg-type]

    def put(self, room: RoomId, founder: UserId, *, predecessor: RoomId | None = None) -> None:
        """Let a room be there, made by a person who stands above all in it."""
        create: dict[str, Any] = {"room_version": "12"}
        if predecessor is not None:
            create["predecessor"] = {"room_id": predecessor}
        self.homeserver._set(room, "m.room.create", create, sender=founder)
        self.homeserver._set(room, "m.room.power_levels", {"users": {MALLORY: 50}})
        self.homeserver._set(room, "m.room.join_rules", {"join_rule": "invite"})
        self.homeserver.take_place(room, ME)

    def tombstone(self, to: RoomId | None, sender: UserId = SECRETARY) -> Event:
        content = {"body": "moved"} | ({"replacement_room": to} if to else {})
        self.homeserver._set(EAST_ROOM, "m.room.tombstone", content, sender=sender)
        return self.homeserver.states[EAST_ROOM]["m.room.tombstone", ""]

    def state(self, room: RoomId) -> tuple[Event, ...]:
        return tuple(self.homeserver.states[room].values())

    async def hear(self, *parts: RoomBatch, token: str = "s2") -> None:
        await self.hearing.commit(Batch(since="s1", next_batch=token, rooms=parts))

    async def work(self) -> None:
        await self.delivery.work_off(UPKEEP, patience=3)

    async def upgrade(self) -> Upgrade:
        found = await self.branch.store.read(lambda unit: upgrades.upgrade(unit, EAST_ROOM))
        assert found is not None
        return found

    async def used(self) -> set[RoomId]:
        return {id for id, _ in await self.branch.store.read(rooms.known)}


@pytest.fixture
def house(branch: SmallBranch) -> House:
    built = House(branch)
    built.put(EAST_ROOM, SECRETARY)
    return built


def joined(room: RoomId, *timeline: Event, state: tuple[Event, ...] = ()) -> RoomBatch:
    return RoomBatch(room_id=room, membership="join", state=state, timeline=timeline)


async def test_a_room_that_was_upgraded_is_followed_and_its_open_card_is_shown_there(house: House) -> None:
    """N31, F56: what is open goes on in the new room, and is answered there."""
    id = await house.branch.open(ROLL)
    await house.branch.send_all()
    card = await house.branch.card(id)
    house.put(NEW, SECRETARY, predecessor=EAST_ROOM)
    await house.hear(joined(NEW, state=house.state(NEW)), joined(EAST_ROOM, house.tombstone(NEW)))
    assert EAST_ROOM not in await house.used()
    await house.work()
    assert (await house.upgrade()).followed
    assert NEW in await house.used()
    assert sorted(house.homeserver.invited) == sorted([account(LI), account(WANG), account(ZHANG), SECRETARY])
    kept = await house.branch.store.read(lambda unit: rooms.room(unit, NEW))
    assert kept is not None
    assert (kept.organisation, kept.purpose) == (EAST, Purpose.BRANCH)
    assert await house.branch.card(id, NEW) == card
    await house.branch.send_all()
    shown = await house.branch.card_event(id, NEW)
    await house.hear(joined(NEW, message(account(ZHANG), "到", reply=shown, room_id=NEW)), token="s3")
    assert await house.branch.state(id, ZHANG) is State.DONE


async def test_a_tombstone_to_a_room_that_does_not_know_us_is_reported_and_the_old_room_goes_on(house: House) -> None:
    """X07: a tombstone that points somewhere else leads nobody there."""
    house.put(NEW, MALLORY)
    await house.hear(joined(EAST_ROOM, house.tombstone(NEW)))
    await house.work()
    assert (await house.upgrade()).doubt is Doubt.STRANGER
    assert EAST_ROOM in await house.used()
    assert NEW not in await house.used()


async def test_a_tombstone_by_who_had_no_power_to_is_reported(house: House) -> None:
    """X07: the live power levels decide, not that the event is there."""
    house.put(NEW, SECRETARY, predecessor=EAST_ROOM)
    house.homeserver._set(EAST_ROOM, "m.room.power_levels", {"events": {"m.room.tombstone": 100}})
    await house.hear(joined(EAST_ROOM, house.tombstone(NEW, MALLORY)))
    await house.work()
    assert (await house.upgrade()).doubt is Doubt.POWERLESS
    assert EAST_ROOM in await house.used()


async def test_the_bot_goes_nowhere_because_a_tombstone_says_so_and_follows_once_it_is_asked_in(house: House) -> None:
    await house.hear(joined(EAST_ROOM, house.tombstone(NEW)))
    await house.work()
    assert (await house.upgrade()).doubt is Doubt.NOT_ASKED_IN
    assert house.homeserver.joined == []
    assert EAST_ROOM not in await house.used()
    house.put(NEW, SECRETARY, predecessor=EAST_ROOM)
    await house.hear(joined(NEW, state=house.state(NEW)), token="s3")
    await house.work()
    assert (await house.upgrade()).followed


async def test_an_invitation_into_the_successor_is_not_offered_to_be_taken_over(house: House) -> None:
    create = event(SECRETARY, "m.room.create", {"predecessor": {"room_id": EAST_ROOM}}, state_key="", event_id="")
    asked = event(SECRETARY, "m.room.member", {"membership": "invite"}, state_key=ME, room_id=NEW, event_id="")
    await house.hear(RoomBatch(room_id=NEW, membership="invite", state=(create, asked)))
    assert [row.kind for row in await house.branch.rows()] == ["join"]


async def test_a_tombstone_seen_twice_is_looked_at_once(house: House) -> None:
    house.put(NEW, MALLORY)
    seen = joined(EAST_ROOM, house.tombstone(NEW))
    await house.hear(seen)
    await house.work()
    await house.hear(joined(EAST_ROOM, state=seen.timeline), token="s3")  # type: ignore[arg-type]
    assert [row.kind for row in await house.branch.rows() if row.kind == outbox.Kind.SUCCEED] == ["succeed"]
    assert EAST_ROOM in await house.used()


async def test_a_homeserver_that_is_away_leaves_the_question_open(house: House) -> None:
    """N33: power is read from good answers only."""
    house.put(NEW, SECRETARY, predecessor=EAST_ROOM)
    await house.hear(joined(EAST_ROOM, house.tombstone(NEW)))
    house.homeserver.fail(Kind.GARBLED, status=200)
    (row,) = await house.branch.claim()
    with pytest.raises(Fault):
        await house.delivery._sender._caretaking.do(row)
    assert not (await house.upgrade()).followed
    assert (await house.upgrade()).doubt is None


async def test_a_card_that_was_not_shown_yet_goes_to_the_new_room_only(house: House) -> None:
    id = await house.branch.open(ROLL)
    house.put(NEW, SECRETARY, predecessor=EAST_ROOM)
    await house.hear(joined(EAST_ROOM, house.tombstone(NEW)))
    await house.work()
    await house.branch.card(id, NEW)
    waiting = [row.room_id for row in await house.branch.rows() if row.kind == outbox.Kind.POST]
    assert EAST_ROOM not in waiting
    assert NEW in waiting
