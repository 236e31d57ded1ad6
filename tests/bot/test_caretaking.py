"""Rooms are made once however often the bot is killed on the way, and nobody is shown out who belongs by then."""

from __future__ import annotations

from typing import Any

import pytest

from bot.delivery import UPKEEP, Delivery
from bot.matrix.faults import Kind
from content.decision import Decision, Effect
from content.identifiers import MemberId, OrganisationId, RoomId, UserId
from content.members import AccountBound, MemberLeft
from content.organisations import Duty, DutyGranted, Role
from content.rooms import Flaw, MakeRoom, Mend, Purpose, Remove, Room, RoomKept, RoomLost
from storage import outbox, rooms
from storage.outbox import State
from storage.store import Step
from storage.upkeep import survey
from tests.fake_homeserver import FakeHomeserver
from tests.small_branch import (
    EAST,
    EAST_GROUP,
    EAST_ROOM,
    LI,
    ME,
    NOON,
    ROOF,
    SECRETARY,
    SUN,
    WANG,
    WEST,
    ZHANG,
    HandClock,
    SmallBranch,
    account,
    fresh_cause,
)
from zhibu.catalogue import load_speech

GUEST = UserId("@guest:test")


class Hands:
    """A delivery that can be killed at any moment and started again."""

    def __init__(self, branch: SmallBranch) -> None:
        self.branch = branch
        self.homeserver = FakeHomeserver(branch.clock)

    @property
    def delivery(self) -> Delivery:
        """Return a delivery with nothing in memory, as after a restart."""
        return Delivery(self.branch.store, self.homeserver, load_speech())  # type: ignore[arg-type]

    async def do(self, *effects: Effect) -> None:
        """Have something decided."""

        async def decide(_unit: object) -> Decision:
            return Decision(effects=effects)

        await self.branch.store.settle([Step(cause=fresh_cause(), decide=decide)])

    async def work(self) -> str | None:
        """Carry out what waits."""
        return await self.delivery.work_off(UPKEEP, patience=3)

    async def kept(self, purpose: Purpose, at: OrganisationId) -> list[Room]:
        """Return the rooms of a node that serve a purpose."""
        found = await self.branch.store.read(lambda unit: rooms.rooms_of(unit, [at]))
        return [room for room, _ in found if room.purpose is purpose and room.organisation == at]

    def says(self, room: str, kind: str, key: str = "") -> dict[str, Any]:
        """Return a piece of a room's state."""
        return self.homeserver.states[room][kind, key].content


@pytest.fixture
def hands(branch: SmallBranch) -> Hands:
    return Hands(branch)


async def test_a_room_hangs_in_its_space_and_its_people_are_asked_in(hands: Hands) -> None:
    for purpose, at in ((Purpose.SPACE, ROOF), (Purpose.SPACE, EAST), (Purpose.COMMITTEE, EAST)):
        await hands.do(MakeRoom(organisation=at, purpose=purpose))
    await hands.do(MakeRoom(organisation=EAST_GROUP, purpose=Purpose.GROUP))
    assert await hands.work() is None
    (roof,), (east,) = await hands.kept(Purpose.SPACE, ROOF), await hands.kept(Purpose.SPACE, EAST)
    (committee,), (group,) = await hands.kept(Purpose.COMMITTEE, EAST), await hands.kept(Purpose.GROUP, EAST_GROUP)
    assert hands.says(roof.id, "m.space.child", east.id)["via"]
    for room in (committee, group):
        assert hands.says(east.id, "m.space.child", room.id)["via"]
        assert hands.says(room.id, "m.space.parent", east.id)["canonical"] is True
        assert hands.says(room.id, "m.room.power_levels")["users"] == {SECRETARY: 50}
        assert room.encrypted
    assert not east.encrypted
    assert (committee.name, group.name) == ("east支部委员群", "east支部east-group支部")
    assert hands.says(committee.id, "m.room.history_visibility") == {"history_visibility": "joined"}
    assert hands.says(group.id, "m.room.member", account(LI))["membership"] == "invite"
    assert ("m.room.member", account(ZHANG)) not in hands.homeserver.states[group.id]


async def test_a_space_that_comes_later_takes_up_the_rooms_that_are_there(hands: Hands) -> None:
    await hands.do(MakeRoom(organisation=EAST, purpose=Purpose.SPACE))
    await hands.do(MakeRoom(organisation=ROOF, purpose=Purpose.SPACE))
    await hands.work()
    (roof,), (east,) = await hands.kept(Purpose.SPACE, ROOF), await hands.kept(Purpose.SPACE, EAST)
    assert hands.says(east.id, "m.space.child", EAST_ROOM)
    assert hands.says(roof.id, "m.space.child", east.id)


async def test_killed_between_making_and_remembering_it_finds_the_same_room_again(hands: Hands) -> None:
    await hands.do(MakeRoom(organisation=WEST, purpose=Purpose.STAFF))
    hands.homeserver.create_room = killed(hands.homeserver.create_room)  # type: ignore[method-assign]
    (row,) = await hands.delivery._take(16)
    with pytest.raises(KeyboardInterrupt):
        await hands.delivery.deliver(row)
    assert await hands.kept(Purpose.STAFF, WEST) == []
    await hands.branch.store.take_up(hands.homeserver.device_id)
    assert await hands.work() is None
    (room,) = await hands.kept(Purpose.STAFF, WEST)
    assert list(hands.homeserver.aliases.values()) == [room.id]
    assert [one.state for one in await hands.branch.rows()] == [State.SENT]


def killed(create: Any) -> Any:
    """Let the first room be made and the process end before the answer is read."""
    calls = []

    async def create_room(**settings: Any) -> str:
        room: str = await create(**settings)
        calls.append(room)
        if len(calls) == 1:
            raise KeyboardInterrupt
        return room

    return create_room


async def test_killed_between_remembering_and_marking_nobody_is_asked_twice(hands: Hands, clock: HandClock) -> None:
    await hands.do(MakeRoom(organisation=WEST, purpose=Purpose.ANNOUNCEMENT))
    (row,) = await hands.delivery._take(16)
    await hands.delivery._sender.send(row)
    clock.forward(minutes=3)
    await hands.work()
    kinds = [one.kind for one in await hands.branch.rows()]
    assert kinds == [outbox.Kind.MAKE, outbox.Kind.INVITE]
    assert len(hands.homeserver.aliases) == 1


async def test_a_room_that_was_lost_is_made_anew_under_another_name(hands: Hands) -> None:
    await hands.do(MakeRoom(organisation=WEST, purpose=Purpose.STAFF))
    await hands.work()
    (first,) = await hands.kept(Purpose.STAFF, WEST)
    await hands.branch.store.settle(notes=[RoomLost(room=first.id, reason="left")])
    for _ in range(2):
        await hands.do(MakeRoom(organisation=WEST, purpose=Purpose.STAFF))
    await hands.work()
    assert len(await hands.kept(Purpose.STAFF, WEST)) == 2
    assert len(hands.homeserver.aliases) == 2


async def test_a_room_that_somebody_gave_meanwhile_is_not_made_beside_it(hands: Hands) -> None:
    await hands.do(MakeRoom(organisation=WEST, purpose=Purpose.BRANCH))
    await hands.work()
    assert hands.homeserver.aliases == {}


async def test_a_refusal_of_the_homeserver_is_told_to_who_waits_for_it(hands: Hands) -> None:
    await hands.do(MakeRoom(organisation=WEST, purpose=Purpose.STAFF))
    hands.homeserver.fail(Kind.REFUSED, status=403, errcode="M_FORBIDDEN", permanent=True)
    assert await hands.work() == "refused M_FORBIDDEN"
    assert [row.state for row in await hands.branch.rows()] == [State.FAILED]


async def test_a_limit_on_one_invitation_keeps_the_others_from_knocking(hands: Hands, clock: HandClock) -> None:
    await hands.branch.store.settle(notes=[AccountBound(member=SUN, user=account(SUN), code_hash=None, at=NOON)])
    delivery = hands.delivery
    await hands.do(MakeRoom(organisation=ROOF, purpose=Purpose.ANNOUNCEMENT))
    (make,) = await delivery._take(16)
    await delivery.deliver(make)
    (first,) = await delivery._take(16)
    hands.homeserver.fail(Kind.LIMITED, retry_after=20.0)
    await delivery.deliver(first)
    assert await delivery._take(16) == []
    await hands.branch.open(audience=EAST)
    assert [row.kind for row in await delivery._take(16)] == [outbox.Kind.POST]
    clock.forward(seconds=25)
    assert [row.kind for row in await delivery._take(16)] == [outbox.Kind.INVITE]


async def hall(hands: Hands, *people: UserId) -> RoomId:
    """Make a room of the group that is known, with people in it."""
    await hands.do(MakeRoom(organisation=EAST_GROUP, purpose=Purpose.GROUP))
    await hands.work()
    (room,) = await hands.kept(Purpose.GROUP, EAST_GROUP)
    for user in people:
        hands.homeserver.take_place(room.id, user)
    return room.id


async def test_who_left_the_roster_is_shown_out_with_a_reason(hands: Hands) -> None:
    room = await hall(hands, account(LI), account(ZHANG))
    await hands.branch.store.settle(notes=[MemberLeft(member=LI, at=NOON)])
    await hands.do(Remove(room=room, organisation=EAST_GROUP, user=account(LI)))
    await hands.work()
    ((where, who, why),) = hands.homeserver.kicked
    assert (where, who) == (room, account(LI))
    assert "名册" in why


@pytest.mark.parametrize("reason", ["came back", "was given a duty", "went already"])
async def test_what_has_changed_by_the_time_of_acting_is_seen(hands: Hands, reason: str) -> None:
    """N22, N33."""
    room = await hall(hands, GUEST)
    await hands.do(Remove(room=room, organisation=EAST_GROUP, user=GUEST))
    if reason == "came back":
        bound = AccountBound(member=MemberId(LI), user=GUEST, code_hash=None, at=NOON)
        await hands.branch.store.settle(notes=[bound])
    elif reason == "was given a duty":
        duty = Duty(user=GUEST, organisation=ROOF, role=Role.VIEWER)
        await hands.branch.store.settle(notes=[DutyGranted(duty=duty)])
    else:
        hands.homeserver.take_place(room, GUEST, "leave")
    await hands.work()
    assert hands.homeserver.kicked == []


async def test_who_knocks_and_does_not_belong_is_turned_down(hands: Hands) -> None:
    """N28."""
    room = await hall(hands)
    hands.homeserver.take_place(room, GUEST, "knock")
    await hands.do(Remove(room=room, organisation=EAST_GROUP, user=GUEST))
    await hands.work()
    assert [(where, who) for where, who, _ in hands.homeserver.kicked] == [(room, GUEST)]


async def test_without_the_right_nobody_is_shown_out_and_the_desk_learns_of_it(hands: Hands) -> None:
    """R15."""
    room = await hall(hands, GUEST)
    hands.homeserver._set(room, "m.room.create", {"room_version": "11"}, sender=GUEST)
    hands.homeserver._set(room, "m.room.power_levels", {"users": {GUEST: 100}})
    await hands.do(Remove(room=room, organisation=EAST_GROUP, user=GUEST))
    assert await hands.work() == "refused M_FORBIDDEN"
    assert hands.homeserver.kicked == []


async def test_what_the_bot_may_mend_is_mended_and_nobodys_level_is_lowered(hands: Hands) -> None:
    room = await hall(hands)
    state = hands.homeserver._set
    state(room, "m.room.join_rules", {"join_rule": "public"})
    state(room, "m.room.history_visibility", {"history_visibility": "world_readable"})
    state(room, "m.room.power_levels", {"users": {account(WANG): 70}, "invite": 50})
    for flaw in (Flaw.OPEN, Flaw.READABLE, Flaw.CLEAR, Flaw.LEADERLESS):
        await hands.do(Mend(room=room, organisation=EAST_GROUP, flaw=flaw))
    await hands.work()
    assert hands.says(room, "m.room.join_rules") == {"join_rule": "invite"}
    assert hands.says(room, "m.room.history_visibility") == {"history_visibility": "invited"}
    assert hands.says(room, "m.room.encryption") == {"algorithm": "m.megolm.v1.aes-sha2"}
    levels = hands.says(room, "m.room.power_levels")
    assert levels == {"users": {account(WANG): 70, SECRETARY: 50}, "invite": 50}


async def test_a_room_that_was_taken_over_is_listed_in_its_space(hands: Hands) -> None:
    await hands.do(MakeRoom(organisation=WEST, purpose=Purpose.SPACE))
    await hands.work()
    adopted = Room(id=RoomId("!old:test"), organisation=WEST, purpose=Purpose.STAFF, name="老群", encrypted=False)
    await hands.branch.store.settle(notes=[RoomKept(room=adopted)])
    await hands.do(Mend(room=adopted.id, organisation=WEST, flaw=Flaw.ASTRAY))
    await hands.work()
    (space,) = await hands.kept(Purpose.SPACE, WEST)
    assert hands.says(space.id, "m.space.child", adopted.id)["order"].startswith("0-")
    known = await hands.branch.store.read(lambda unit: survey(unit, [WEST], ME))
    assert known.care(adopted.id) is not None
