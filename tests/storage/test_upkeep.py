"""What is known of rooms, and what becomes of members who leave, on both engines."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from content.checkins import State
from content.decision import Decision
from content.identifiers import EventId, RoomId, UserId
from content.members import CodeIssued, MemberLeft, MemberReturned
from content.organisations import Duty, DutyEnded, DutyGranted, Right, Role
from content.rooms import DirectRoomKept, InvitationTaken, MakeRoom, Purpose, Room, RoomKept, RoomLost
from content.upkeep import examine
from storage import audiences, members, organisations, outbox, outbox_items, rooms
from storage.outbox import Kind
from storage.retention import Swept
from storage.rooms import StateSeen
from storage.store import Step
from storage.upkeep import Survey, rooms_for, rooms_with, survey
from tests.small_branch import (
    EAST,
    EAST_GROUP,
    EAST_ROOM,
    LI,
    ME,
    NOON,
    ROLL,
    ROOF,
    SECRETARY,
    WANG,
    WEST,
    ZHANG,
    HandClock,
    SmallBranch,
    account,
    fresh_cause,
)

GUEST = UserId("@guest:test")


async def see(branch: SmallBranch, room: RoomId, kind: str, content: dict[str, Any], key: str = "") -> None:
    seen = StateSeen(room=room, type=kind, state_key=key, sender=ME, content=content, event_id=EventId("$s"))
    await branch.store.settle(notes=[seen])


async def enter(branch: SmallBranch, room: RoomId, **people: str) -> None:
    await see(branch, room, "m.room.create", {"room_version": "12", "m.federate": False})
    await see(branch, room, "m.room.join_rules", {"join_rule": "invite"})
    for name, how in people.items():
        await see(branch, room, "m.room.member", {"membership": how}, ME if name == "me" else f"@{name}:test")


async def known(branch: SmallBranch) -> Survey:
    return await branch.store.read(lambda unit: survey(unit, [ROOF], ME))


async def keep(branch: SmallBranch, id: str, at: Any, purpose: Purpose) -> Room:
    room = Room(id=RoomId(id), organisation=at, purpose=purpose, name=id, encrypted=False)
    await branch.store.settle(notes=[RoomKept(room=room)])
    return room


async def test_a_room_is_judged_by_its_state_and_its_people(branch: SmallBranch) -> None:
    await enter(branch, EAST_ROOM, me="join", zhang="join", li="invite", wang="leave", guest="join")
    care = (await known(branch)).care(EAST_ROOM)
    assert care is not None
    assert [one.user for one in care.joined] == [account(ZHANG)]
    assert [one.user for one in care.invited] == [account(LI)]
    assert {one.user for one in care.absent} == {account(WANG), SECRETARY}
    assert care.outsiders == (GUEST,)
    assert care.standing is not None
    assert care.standing.is_creator
    assert [str(flaw) for flaw in examine(care)] == ["clear"]


async def test_a_room_elsewhere_is_not_found(branch: SmallBranch) -> None:
    await enter(branch, EAST_ROOM, me="join")
    west = await branch.store.read(lambda unit: survey(unit, [WEST], ME))
    assert west.care(EAST_ROOM) is None
    assert {one.room.organisation for one in west.cares()} == {WEST}
    assert west.chain(EAST) == ()


async def test_who_leads_is_who_holds_a_duty_nearest(branch: SmallBranch) -> None:
    assert (await known(branch)).leaders(EAST_GROUP) == {SECRETARY}
    near = Duty(user=account(ZHANG), organisation=EAST, role=Role.ORGANISING_MEMBER)
    looks = Duty(user=account(LI), organisation=EAST_GROUP, role=Role.VIEWER)
    await branch.store.settle(notes=[DutyGranted(duty=near), DutyGranted(duty=looks)])
    assert (await known(branch)).leaders(EAST_GROUP) == {account(ZHANG)}
    await branch.store.settle(notes=[DutyEnded(duty=near)])
    assert (await known(branch)).leaders(EAST_GROUP) == {SECRETARY}
    assert not await branch.store.read(lambda unit: organisations.may(unit, account(ZHANG), Right.READ, EAST))


async def test_what_is_being_made_is_known_and_shown_at_the_desk(branch: SmallBranch) -> None:
    async def decide(_unit: object) -> Any:
        return Decision(effects=(MakeRoom(organisation=WEST, purpose=Purpose.STAFF),))

    await branch.store.settle([Step(cause=fresh_cause(), decide=decide)])
    west = next(node for node in (await known(branch)).seen if node.id == WEST)
    housed = (await known(branch)).housed(west)
    assert (housed.has, housed.coming) == ({Purpose.BRANCH}, {Purpose.STAFF})
    for root, number in ((WEST, 1), (EAST, 0)):
        items = await branch.store.read(
            lambda unit, root=root: outbox_items.items(unit, [root], states=[outbox.State.PENDING])  # type: ignore[misc]
        )
        assert [item.kind for item in items] == [Kind.MAKE] * number
        assert {item.branch_name for item in items} <= {"west支部"}


async def test_a_lost_room_counts_for_the_next_ones_name(branch: SmallBranch) -> None:
    lost = await keep(branch, "!staff:test", WEST, Purpose.STAFF)
    assert (await known(branch)).wanted(Purpose.STAFF, WEST) is None
    await branch.store.settle(notes=[RoomLost(room=lost.id, reason="left")])
    wanted = (await known(branch)).wanted(Purpose.STAFF, WEST)
    assert wanted is not None
    assert wanted.alias == "zhibu-staff-west-2"


async def test_who_binds_an_account_is_asked_into_every_room_they_belong_in(branch: SmallBranch) -> None:
    for name, at, purpose in (
        ("!all:test", ROOF, Purpose.ANNOUNCEMENT),
        ("!group:test", EAST_GROUP, Purpose.GROUP),
        ("!committee:test", EAST, Purpose.COMMITTEE),
        ("!space:test", EAST, Purpose.SPACE),
        ("!west-all:test", WEST, Purpose.ANNOUNCEMENT),
    ):
        await keep(branch, name, at, purpose)
    li = await branch.store.read(lambda unit: members.member(unit, LI))
    assert li is not None
    found = await branch.store.read(lambda unit: rooms_for(unit, li))
    assert set(found) == {"!all:test", "!group:test", EAST_ROOM}


async def test_the_rooms_a_person_is_in_are_found(branch: SmallBranch) -> None:
    await enter(branch, EAST_ROOM, zhang="join", li="leave")
    await enter(branch, RoomId("!foreign:test"), zhang="join")
    for member, expected in ((ZHANG, [EAST_ROOM]), (LI, [])):
        who = account(member)
        found = await branch.store.read(lambda unit, who=who: rooms_with(unit, who))  # type: ignore[misc]
        assert [room.id for room in found] == expected


async def test_who_has_left_is_asked_nothing_new_and_keeps_what_was(branch: SmallBranch) -> None:
    before = await branch.open(ROLL)
    await branch.answer(before, ZHANG)
    code = CodeIssued(member=ZHANG, code_hash="h", expires_at=NOON + timedelta(days=1))
    await branch.store.settle(notes=[code, MemberLeft(member=ZHANG, at=NOON)])
    store = branch.store
    assert await store.read(lambda unit: members.by_user(unit, account(ZHANG))) is None
    assert await store.read(lambda unit: members.invitation(unit, "h")) is None
    assert await store.read(lambda unit: members.count(unit, [EAST])) == (2, 2)
    assert ZHANG not in {one.id for one in await store.read(lambda unit: members.roster(unit, [ROOF]))}
    assert [one.id for one in await store.read(lambda unit: members.departed(unit, [ROOF]))] == [ZHANG]
    assert ZHANG not in {seat.member for seat in await store.read(lambda unit: audiences.seats(unit, EAST))}
    assert await branch.state(before, ZHANG) is State.DONE
    await store.settle(notes=[MemberReturned(member=ZHANG)])
    assert await store.read(lambda unit: members.count(unit, [EAST])) == (3, 2)
    back = await store.read(lambda unit: members.member(unit, ZHANG))
    assert back is not None
    assert (back.left, back.user) == (None, None)


async def test_a_room_waits_for_an_owner_until_it_has_one(branch: SmallBranch, clock: HandClock) -> None:
    club, talk = RoomId("!club:test"), RoomId("!talk:test")
    for room, direct in ((club, False), (talk, True)):
        await enter(branch, room, me="join", wang="join")
        taken = InvitationTaken(room=room, user=account(WANG), direct=direct, at=NOON)
        await branch.store.settle(notes=[taken])
    (waiting,) = await branch.store.read(lambda unit: rooms.unclaimed(unit, ME))
    assert (waiting.room, waiting.user, waiting.at) == (club, account(WANG), NOON)
    assert await branch.store.read(lambda unit: rooms.taken_since(unit, account(WANG), timedelta(days=1))) == {
        True: 1,
        False: 1,
    }
    await keep(branch, club, WEST, Purpose.STAFF)
    assert await branch.store.read(lambda unit: rooms.unclaimed(unit, ME)) == ()
    clock.forward(days=31)
    await branch.store.settle(notes=[Swept(at=clock.now)])
    left = await branch.store.read(lambda unit: unit.rows(rooms.invitations.select()))
    assert [row.room_id for row in left] == [talk], "the room that has an owner needs no inviter any more"


async def test_a_private_room_works_while_both_are_in_it(branch: SmallBranch) -> None:
    talk = RoomId("!talk:test")
    await branch.store.settle(notes=[DirectRoomKept(user=GUEST, room=talk, encrypted=True)])
    assert not await branch.store.read(lambda unit: rooms.has_private(unit, GUEST, ME))
    await enter(branch, talk, me="join", guest="join")
    assert await branch.store.read(lambda unit: rooms.has_private(unit, GUEST, ME))
    await enter(branch, talk, guest="leave")
    assert not await branch.store.read(lambda unit: rooms.has_private(unit, GUEST, ME))
