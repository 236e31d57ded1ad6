"""A room upgraded on the real homeserver while the bot was away is followed, and a false tombstone leads nowhere."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from urllib.parse import quote

import pytest

from content.identifiers import OrganisationId, RoomId, UserId
from content.organisations import Duty, DutyGranted, Kind, Organisation, OrganisationFounded, Role
from content.rooms import Purpose, Room, RoomKept
from content.upgrades import Doubt, Upgrade
from storage import rooms, upgrades
from storage.unit import Reading
from tests.journeys.test_rooms import Running, running
from tests.member import Member
from zhibu.demo.synapse import Account, Synapse

TOP, EAST, WEST = (OrganisationId(name) for name in ("top", "east", "west"))


@pytest.mark.synapse
async def test_an_upgraded_room_is_followed_after_an_outage_and_a_false_tombstone_is_reported(
    synapse: Synapse, account: Callable[..., Awaitable[Account]], tmp_path: Path
) -> None:
    """N23, N25, N31, X07: the upgrade from version 11 to 12 is seen in state only, and in raw state."""
    robot, owning = await account("upgradebot"), await account("owner")
    me, owner_id = UserId(robot.user_id), UserId(owning.user_id)
    async with Member(synapse.url, owning) as owner:
        true = RoomId(await owner.create_room(me, room_version="11", name="东支部群"))
        false = RoomId(await owner.create_room(me, room_version="11", name="西支部群"))
        trap = RoomId(await owner.create_room(me, name="冒充的群"))
        facts = [
            OrganisationFounded(
                organisation=Organisation(id=TOP, parent=None, kind=Kind.GENERAL_BRANCH, name="示范总支")
            ),
            *(
                OrganisationFounded(organisation=Organisation(id=id, parent=TOP, kind=Kind.BRANCH, name=name))
                for id, name in ((EAST, "东支部"), (WEST, "西支部"))
            ),
            DutyGranted(duty=Duty(user=owner_id, organisation=TOP, role=Role.SECRETARY)),
            *(
                RoomKept(room=Room(id=id, organisation=node, purpose=Purpose.BRANCH, name="群", encrypted=False))
                for id, node in ((true, EAST), (false, WEST))
            ),
        ]
        async with running(synapse.url, robot, tmp_path, facts) as run:
            await run.until(lambda unit: all_joined(unit, me, true, false, trap))

        upgraded = await owner.ask("POST", f"/v3/rooms/{quote(true)}/upgrade", {"new_version": "12"})
        new = RoomId(upgraded["replacement_room"])
        await owner.ask("POST", f"/v3/rooms/{quote(new)}/invite", {"user_id": me})
        pointing = {"body": "moved", "replacement_room": trap}
        await owner.ask("PUT", f"/v3/rooms/{quote(false)}/state/m.room.tombstone", pointing)

        async with running(synapse.url, robot, tmp_path, []) as run:
            followed = await run.until(lambda unit: settled(unit, true))
            doubted = await run.until(lambda unit: settled(unit, false))
            assert followed.followed
            assert followed.replacement == new
            kept = await run.store.read(lambda unit: rooms.room(unit, new))
            assert kept is not None
            assert (kept.organisation, kept.purpose, kept.name) == (EAST, Purpose.BRANCH, "东支部群")
            assert doubted.doubt is Doubt.STRANGER
            used = await in_use(run)
            assert {new, false} <= used
            assert not used & {true, trap}


async def all_joined(unit: Reading, me: UserId, *wanted: RoomId) -> bool | None:
    """Tell whether the bot is in all of these rooms."""
    return all([me in await rooms.joined(unit, room) for room in wanted]) or None


async def settled(unit: Reading, room: RoomId) -> Upgrade | None:
    """Return what became of a room's tombstone, once something has."""
    found = await upgrades.upgrade(unit, room)
    done = found is not None and (found.followed or found.doubt not in (None, Doubt.NOT_ASKED_IN))
    return found if done else None


async def in_use(run: Running) -> set[RoomId]:
    """Return the rooms in which the bot may have to write."""
    return {id for id, _ in await run.store.read(rooms.known)}
