"""接管: a room that is there already becomes a branch's, for who manages rooms and governs that one."""

from __future__ import annotations

from typing import Any

import pytest

from content.identifiers import EventId, OrganisationId, RoomId, UserId
from content.organisations import Duty, DutyGranted, Kind, Organisation, OrganisationFounded, Role
from content.rooms import InvitationTaken, Purpose
from storage import rooms
from storage.rooms import StateSeen
from tests.small_branch import EAST_GROUP, EAST_ROOM, ME, ROOF, SECRETARY, ZHANG, SmallBranch, account, message

CLUB, OTHER = RoomId("!club:test"), RoomId("!other:test")
NORTH = OrganisationId("north")
PRIVATE = RoomId("!with-secretary:test")
HELPER = UserId("@helper:test")


async def bring_in(branch: SmallBranch, room: RoomId = CLUB, **levels: Any) -> None:
    """Let the bot be in a room that the secretary made in a client and brought it into, with others in it."""

    def seen(kind: str, key: str, content: dict[str, Any]) -> StateSeen:
        return StateSeen(room=room, type=kind, state_key=key, sender=SECRETARY, event_id=EventId("$s"), content=content)

    there = [SECRETARY, HELPER, account(ZHANG), ME]
    await branch.store.settle(
        notes=[
            seen("m.room.create", "", {"room_version": "12"}),
            seen("m.room.name", "", {"name": "北区的群"}),
            seen("m.room.power_levels", "", levels or {"users": {}}),
            *(seen("m.room.member", user, {"membership": "join"}) for user in there),
            InvitationTaken(room=room, user=SECRETARY, direct=False, at=branch.clock.now),
        ]
    )


async def found_north(branch: SmallBranch) -> None:
    north = Organisation(id=NORTH, parent=ROOF, kind=Kind.BRANCH, name="北支部")
    await branch.store.settle(notes=[OrganisationFounded(organisation=north)])


async def kept(branch: SmallBranch, room: RoomId = CLUB) -> tuple[OrganisationId, Purpose] | None:
    found = await branch.store.read(lambda unit: rooms.room(unit, room))
    return (found.organisation, found.purpose) if found else None


async def numbers(branch: SmallBranch) -> list[tuple[int, str]]:
    """Return what the last answer offers."""
    (row,) = [row for row in await branch.rows() if row.words]
    lines = row.words["parameters"]["lines"]["lines"]
    return [(line["parameters"]["number"], line["parameters"]["name"]) for line in lines]


@pytest.mark.parametrize("where", [CLUB, PRIVATE])
async def test_what_it_could_be_is_said_in_private_and_a_number_there_or_here_takes_it(
    branch: SmallBranch, where: RoomId
) -> None:
    await bring_in(branch)
    await found_north(branch)
    await branch.hear(message(SECRETARY, "接管", room_id=CLUB))
    assert await branch.told() == [(SECRETARY, "adoption.which")]
    assert await numbers(branch) == [(3, "east-group支部"), (5, "北支部")]
    assert await kept(branch) is None
    await branch.send_all()
    await branch.hear(message(SECRETARY, "接管5", room_id=where))
    assert await kept(branch) == (NORTH, Purpose.BRANCH)
    assert await branch.told() == [(SECRETARY, "adoption.done")]


async def test_a_number_stays_with_its_node_when_another_gets_its_room(branch: SmallBranch) -> None:
    await bring_in(branch)
    await bring_in(branch, OTHER)
    await found_north(branch)
    await branch.hear(message(SECRETARY, "adopt", room_id=CLUB))
    await branch.hear(message(SECRETARY, "adopt 3", room_id=OTHER))
    assert await kept(branch, OTHER) == (EAST_GROUP, Purpose.GROUP)
    await branch.send_all()
    await branch.hear(message(SECRETARY, "adopt 3", room_id=CLUB))
    assert await branch.told() == [(SECRETARY, "adoption.no_such_number")]
    await branch.hear(message(SECRETARY, "adopt 5", room_id=CLUB))
    assert await kept(branch) == (NORTH, Purpose.BRANCH)


async def test_who_has_no_duty_is_not_heard_and_who_does_not_govern_the_room_is_told(branch: SmallBranch) -> None:
    await bring_in(branch)
    await branch.hear(message(account(ZHANG), "接管", room_id=CLUB), message(SECRETARY, "大家好", room_id=CLUB))
    assert await branch.told() == []
    duty = Duty(user=HELPER, organisation=ROOF, role=Role.ORGANISING_MEMBER)
    await branch.store.settle(notes=[DutyGranted(duty=duty)])
    await branch.hear(message(HELPER, "接管", room_id=CLUB), message(HELPER, "接管 3", room_id=CLUB))
    assert await branch.told() == [(HELPER, "rooms.you_do_not_govern")] * 2
    assert await kept(branch) is None


async def test_a_room_that_has_an_owner_is_not_given_another(branch: SmallBranch) -> None:
    await branch.hear(message(SECRETARY, "接管 3", room_id=EAST_ROOM, mention=True))
    assert await branch.told() == [(SECRETARY, "rooms.has_owner")]


async def test_in_private_it_is_said_where_to_ask(branch: SmallBranch) -> None:
    await bring_in(branch)
    await branch.hear(message(SECRETARY, "接管 3", room_id=PRIVATE), message(SECRETARY, "接管", room_id=PRIVATE))
    assert await branch.told() == [(SECRETARY, "adoption.say_it_there")] * 2
    assert await kept(branch) is None


async def test_where_every_branch_has_its_room_the_desk_is_named(branch: SmallBranch) -> None:
    await bring_in(branch)
    await branch.hear(message(SECRETARY, "接管 3", room_id=CLUB))
    await bring_in(branch, OTHER)
    await branch.send_all()
    await branch.hear(message(SECRETARY, "接管", room_id=OTHER))
    assert await branch.told() == [(SECRETARY, "adoption.nothing_free")]
