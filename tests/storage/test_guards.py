"""What places set about guards is kept apart, follows a room into its successor, and strikes are forgotten in time."""

from __future__ import annotations

from datetime import timedelta

from content.erasure import PersonErased
from content.guards import BY_NAME, Guard, GuardEntriesAdded, GuardEntryDropped, GuardSet, Level, Place, Sort
from content.identifiers import EventId, RoomId, StrikeId
from content.rooms import Purpose, Room
from content.strikes import KEPT, GuardStruck, Strike
from content.upgrades import RoomMoved
from storage import guards
from storage.retention import Swept
from tests.small_branch import EAST, EAST_ROOM, NOON, ROOF, ZHANG, SmallBranch, account

IN_ROOM = Place(organisation=EAST, room=EAST_ROOM)
STRIKE = Strike(
    id=StrikeId("strike"),
    organisation=EAST,
    room=EAST_ROOM,
    event=EventId("$bad"),
    user=account(ZHANG),
    guard=Guard.LINKS,
    level=Level.HIDE,
    at=NOON,
)
STRUCK = GuardStruck(organisation=EAST, room=EAST_ROOM, user=STRIKE.user, strike=STRIKE)


async def test_a_place_sets_and_lets_go(branch: SmallBranch) -> None:
    def put(value: str | None, room: RoomId | None = None) -> GuardSet:
        return GuardSet(organisation=EAST, room=room, name="flood", value=value)

    await branch.store.settle(notes=[put("hide"), put("act"), put("off", EAST_ROOM)])
    known = await branch.store.read(guards.lists)
    assert known.held(IN_ROOM, BY_NAME["flood"]).value == "off"
    await branch.store.settle(notes=[put(None, EAST_ROOM)])
    known = await branch.store.read(guards.lists)
    assert (known.held(IN_ROOM, BY_NAME["flood"]).value, known.parents[EAST]) == ("act", ROOF)


async def test_entries_stand_once_and_go(branch: SmallBranch) -> None:
    added = GuardEntriesAdded(organisation=EAST, room=EAST_ROOM, sort=Sort.WORDS, entries=("加我", "代办"))
    gone = GuardEntryDropped(organisation=EAST, room=EAST_ROOM, sort=Sort.WORDS, entry="代办")
    await branch.store.settle(notes=[added, added, gone])
    known = await branch.store.read(guards.lists)
    assert known.listed(IN_ROOM, Sort.WORDS) == (("加我", EAST_ROOM),)


async def test_what_a_room_has_set_holds_in_the_one_that_takes_its_place(branch: SmallBranch) -> None:
    new = Room(id=RoomId("!new:test"), organisation=EAST, purpose=Purpose.BRANCH, name="支部群", encrypted=False)
    facts = [
        GuardSet(organisation=EAST, room=EAST_ROOM, name="flood", value="off"),
        GuardEntriesAdded(organisation=EAST, room=EAST_ROOM, sort=Sort.HOSTS, entries=("a.cn",)),
        RoomMoved(old=EAST_ROOM, new=new),
    ]
    await branch.store.settle(notes=facts)
    known = await branch.store.read(guards.lists)
    place = Place(organisation=EAST, room=new.id)
    assert known.held(place, BY_NAME["flood"]).value == "off"
    assert known.listed(place, Sort.HOSTS) == (("a.cn", new.id),)


async def test_strikes_are_counted_without_names_and_forgotten_in_time(branch: SmallBranch) -> None:
    await branch.store.settle(notes=[STRUCK, STRUCK])
    (count,) = await branch.store.read(lambda unit: guards.counts(unit, [ROOF], NOON - timedelta(days=1)))
    assert (count.room, count.guard, count.level, count.number) == (EAST_ROOM, Guard.LINKS, Level.HIDE, 1)
    assert await branch.store.read(lambda unit: guards.strike(unit, STRIKE.id)) == STRIKE
    await branch.store.settle(notes=[Swept(at=NOON + KEPT)])
    assert await branch.store.read(lambda unit: guards.strike(unit, STRIKE.id)) is not None
    await branch.store.settle(notes=[Swept(at=NOON + KEPT + timedelta(seconds=1))])
    assert await branch.store.read(lambda unit: guards.strike(unit, STRIKE.id)) is None


async def test_who_is_erased_takes_their_strikes_along(branch: SmallBranch) -> None:
    erased = PersonErased(members=(ZHANG,), accounts=(account(ZHANG),), at=NOON)
    await branch.store.settle(notes=[STRUCK, erased])
    assert await branch.store.read(lambda unit: guards.strike(unit, STRIKE.id)) is None
