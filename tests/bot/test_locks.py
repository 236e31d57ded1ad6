"""A room is locked once and opened exactly as it was, whatever is cut off, demoted, replaced or set in between."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from bot.delivery import MODERATION, MOST_FAILURES
from bot.locks import settle_due, try_again
from bot.matrix.faults import Fault, Kind
from content import locks
from content.decision import Decision, Refusal
from content.identifiers import UserId
from content.levels import TALK
from content.locks import Lock, Part, State
from content.sanctions import Hindrance, PlaceState, Step
from storage import locks as stored
from storage import outbox
from storage.locks import Told
from storage.store import Step as Settled
from storage.unit import Reading
from tests.bot.test_sanctions import NEW, WHO, Scene, is_done
from tests.small_branch import EAST_ROOM, LI, ME, SECRETARY, WANG, SmallBranch, account, fresh_cause

HOURS = timedelta(hours=2)
OPEN = {"users": {account(WANG): 50}, "events_default": 0}


class LockedScene(Scene):
    """The same room, and what is locked in it."""

    async def lock(
        self, part: Part = Part.TALK, lasts: timedelta | None = HOURS, *, by: UserId | None = SECRETARY
    ) -> Lock | Refusal:
        """Lock the room by the rules."""
        cause, made = fresh_cause(), list[Lock]()

        async def decide(unit: Reading) -> Decision | Refusal:
            place = await stored.place(unit, EAST_ROOM, ME)
            assert place is not None
            one = locks.prepare(place, part, lasts=lasts, by=by, cause=cause, me=ME, now=unit.now)
            if isinstance(one, Refusal):
                return one
            made.append(one)
            return locks.hold(one, now=unit.now)

        (outcome,) = await self.branch.store.settle([Settled(cause=cause, decide=decide, actor=by)])
        assert not outcome.failed
        return outcome.refusal or made[-1]

    async def unlock(self, one: Lock) -> None:
        """Open the room before its time."""

        async def decide(unit: Reading) -> Decision | Refusal:
            told = await stored.told(unit, one.id)
            assert told is not None
            return locks.unlock(told.lock, by=SECRETARY, now=unit.now)

        await self.branch.store.settle([Settled(cause=fresh_cause(), decide=decide, actor=SECRETARY)])

    async def later(self, **how_far: float) -> None:
        """Let time pass, and what is over end."""
        self.branch.clock.forward(**how_far)
        await settle_due(self.branch.store)
        await super().later()

    async def told(self, one: Lock) -> Told:
        told = await self.branch.store.read(lambda unit: stored.told(unit, one.id))
        assert told is not None
        return told

    @property
    def rule(self) -> dict[str, Any]:
        """Return the room's join rule as the homeserver has it."""
        return self.homeserver.states[EAST_ROOM]["m.room.join_rules", ""].content

    def set_levels(self, **changed: Any) -> None:
        """Let somebody else change the room's levels."""
        self.homeserver._set(EAST_ROOM, "m.room.power_levels", {**self.levels, **changed})


@pytest.fixture
def room(branch: SmallBranch) -> LockedScene:
    return LockedScene(branch)


def is_locked(one: Lock | Refusal) -> Lock:
    assert isinstance(one, Lock), one
    return one


LEVELS: list[tuple[str, dict[str, Any]]] = [
    ("12", OPEN),
    ("12", {"users": {account(WANG): 50}}),
    ("12", {"users_default": 10, "events": {"m.room.name": 50, "m.reaction": -3}}),
    ("12", {"events": {"m.room.message": 5, "m.room.encrypted": 0, "m.sticker": 60}, "events_default": 0}),
    ("11", {"users": {ME: 100}, "events_default": 10, "kick": 75}),
    ("9", {"users": {ME: 100, WHO: "7"}, "events_default": "0"}),
]


@pytest.mark.parametrize(("version", "levels"), LEVELS)
async def test_a_lock_ends_by_the_clock_and_the_levels_are_what_they_were(
    room: LockedScene, version: str, levels: dict[str, Any]
) -> None:
    await room.begin(levels, version=version)
    lock = is_locked(await room.lock())
    await room.work()
    closed = room.levels
    quiet = max(levels.get("kick", 50), levels.get("users_default", 0) + 1)
    assert closed["events_default"] == quiet
    assert {closed["events"].get(kind, quiet) >= quiet for kind in TALK} == {True}
    # Cards are answered by reactions while a room is locked, as they were before.
    usual = levels.get("events", {}).get("m.reaction", int(levels.get("events_default", 0)))
    assert closed["events"]["m.reaction"] == usual
    assert closed.get("users") == levels.get("users")
    await room.later(hours=2)
    assert room.levels == levels
    assert (await room.told(lock)).place is PlaceState.UNDONE


async def test_a_night_without_homeserver_leaves_no_room_locked(
    room: LockedScene, monkeypatch: pytest.MonkeyPatch
) -> None:
    await room.begin(OPEN)
    lock = is_locked(await room.lock())
    await room.work()
    await room.unlock(lock)

    async def away(*_arguments: Any) -> Any:
        raise Fault(Kind.SERVER, status=502)

    with monkeypatch.context() as night:
        night.setattr(room.homeserver, "state", away)
        for _ in range(MOST_FAILURES + 3):
            for row in await room.delivery._take(16, MODERATION):
                await room.delivery.deliver(row)
            room.branch.clock.forward(minutes=6)
    await room.work()
    assert room.levels == OPEN


async def test_the_room_is_told_of_its_lock_and_its_end_without_a_name(room: LockedScene) -> None:
    await room.begin(OPEN)
    is_locked(await room.lock())
    await room.later(hours=2)
    rows = await room.branch.rows(outbox.outbox.c.kind == outbox.Kind.SAY)
    assert [row.words["key"] for row in rows] == ["locks.said_until", "locks.said_open"]
    assert SECRETARY not in repr([row.words for row in rows])


async def test_a_door_is_closed_and_opened_as_it_was(room: LockedScene) -> None:
    await room.begin(OPEN)
    rule = {"join_rule": "knock_restricted", "allow": [{"type": "m.room_membership", "room_id": "!space:test"}]}
    room.homeserver._set(EAST_ROOM, "m.room.join_rules", rule)
    await room.look()
    is_locked(await room.lock(Part.DOOR, by=None))
    await room.work()
    assert room.rule == {"join_rule": "invite"}
    await room.later(hours=2)
    assert room.rule == rule
    room.homeserver._set(EAST_ROOM, "m.room.join_rules", {"join_rule": "invite"})
    await room.look()
    assert "locks.is_shut" in repr(await room.lock(Part.DOOR))


async def test_a_room_is_locked_once_and_a_quiet_one_not_at_all(room: LockedScene) -> None:
    await room.begin({"events_default": 50})
    assert "locks.is_quiet" in repr(await room.lock())
    await room.begin(OPEN)
    is_locked(await room.lock())
    assert "locks.holds_already" in repr(await room.lock(lasts=None))


@pytest.mark.parametrize("accepted", [False, True])
async def test_power_lost_in_the_middle_neither_loses_nor_doubles_a_lock(room: LockedScene, accepted: bool) -> None:
    await room.begin(OPEN)
    lock = is_locked(await room.lock())
    set_state = room.homeserver.set_state

    async def cut(*arguments: Any, **named: Any) -> str:
        if accepted:
            await set_state(*arguments, **named)
        room.homeserver.set_state = set_state  # type: ignore[method-assign]
        raise KeyboardInterrupt

    for verb in ("lock", "unlock"):
        room.homeserver.set_state = cut  # type: ignore[method-assign]
        rows = await room.delivery._take(16, MODERATION)
        assert [row.kind for row in rows] == [verb]
        with pytest.raises(KeyboardInterrupt):
            await room.delivery.deliver(rows[0])
        await room.work()
        assert room.levels["events_default"] == (50 if verb == "lock" else 0)
        await room.unlock(lock)
    assert room.levels == OPEN


async def test_a_bot_that_was_away_past_the_end_locks_nothing(room: LockedScene) -> None:
    await room.begin(OPEN)
    lock = is_locked(await room.lock())
    room.branch.clock.forward(hours=5)
    await settle_due(room.branch.store)
    await room.work()
    assert room.levels == OPEN
    assert (await room.told(lock)).lock.state is State.OVER


async def test_what_others_set_while_a_room_is_locked_stays(room: LockedScene) -> None:
    await room.begin(OPEN)
    is_locked(await room.lock())
    await room.work()
    room.set_levels(events_default=25, invite=50, users={account(LI): 50})
    await room.later(hours=2)
    assert room.levels == {"users": {account(LI): 50}, "events_default": 25, "invite": 50}


async def test_a_mute_within_a_lock_and_the_lock_are_undone_each_by_itself(room: LockedScene) -> None:
    await room.begin(OPEN)
    is_locked(await room.lock())
    await room.work()
    await room.look()
    is_done(await room.take(Step.MUTE, timedelta(hours=1)))
    await room.later(hours=1)
    assert room.levels["events_default"] == 50
    await room.look()
    is_done(await room.take(Step.MUTE, timedelta(hours=3)))
    await room.later(hours=1)
    assert room.levels == {**OPEN, "users": {account(WANG): 50, WHO: -1}}
    await room.later(hours=3)
    assert room.levels == OPEN


async def test_a_bot_that_is_demoted_says_so_and_opens_the_room_when_it_may_again(room: LockedScene) -> None:
    await room.begin({"users": {ME: 100}, "events_default": 0}, version="11")
    lock = is_locked(await room.lock())
    await room.work()
    room.set_levels(users={ME: 0, account(WANG): 100})
    await room.look()
    await room.later(hours=2)
    told = await room.told(lock)
    assert (told.place, told.why) == (PlaceState.STUCK, Hindrance.NO_RIGHT)
    assert (SECRETARY, "locks.stuck_undoing") in await room.branch.told()
    room.set_levels(users={ME: 100})
    await room.look()
    for _ in range(2):
        await try_again(room.branch.store, ME)
        await room.work()
    assert room.levels == {"users": {ME: 100}, "events_default": 0}
    assert (await room.told(lock)).place is PlaceState.UNDONE


async def test_a_lock_that_begins_while_one_before_it_is_still_to_be_undone_puts_back_what_was_before_both(
    room: LockedScene,
) -> None:
    await room.begin(OPEN)
    first = is_locked(await room.lock())
    await room.work()
    await room.unlock(first)
    await room.look()
    second = is_locked(await room.lock(lasts=timedelta(hours=9)))
    for kind in (outbox.Kind.LOCK, outbox.Kind.UNLOCK):
        for row in await room.delivery._take(16, [kind]):
            await room.delivery.deliver(row)
    await room.work()
    assert (await room.told(first)).place is PlaceState.UNDONE
    assert (await room.told(second)).place is PlaceState.DONE
    assert room.levels["events_default"] == 50
    await room.later(hours=9)
    assert room.levels == OPEN


@pytest.mark.parametrize("in_time", [True, False])
async def test_a_lock_that_takes_over_another_and_is_killed_before_it_changes_anything_still_opens_the_room(
    room: LockedScene, in_time: bool
) -> None:
    await room.begin(OPEN)
    first = is_locked(await room.lock())
    await room.work()
    room.set_levels(kick=75)
    await room.look()
    await room.unlock(first)
    second = is_locked(await room.lock(lasts=timedelta(hours=9)))
    set_state = room.homeserver.set_state

    async def cut(*_arguments: Any, **_named: Any) -> str:
        room.homeserver.set_state = set_state  # type: ignore[method-assign]
        raise KeyboardInterrupt

    room.homeserver.set_state = cut  # type: ignore[method-assign]
    (row,) = await room.delivery._take(16, [outbox.Kind.LOCK])
    with pytest.raises(KeyboardInterrupt):
        await room.delivery.deliver(row)
    if in_time:
        await room.work()
        assert (await room.told(second)).place is PlaceState.DONE
        assert room.levels["events_default"] == 75
    await room.later(hours=9)
    assert room.levels == {**OPEN, "kick": 75}


@pytest.mark.parametrize("copied", [True, False])
async def test_a_lock_goes_along_when_its_room_is_replaced(room: LockedScene, copied: bool) -> None:
    await room.begin(OPEN)
    lock = is_locked(await room.lock())
    await room.work()
    await room.replace(dict(room.levels) if copied else OPEN)
    await room.work()
    assert room.new_levels["events_default"] == 50
    assert (await room.told(lock)).lock.room == NEW
    await room.later(hours=2)
    assert room.new_levels == OPEN


async def test_what_the_bot_may_not_do_is_said_before(room: LockedScene) -> None:
    await room.begin({"users": {ME: 50}, "events": {"m.room.power_levels": 100}}, version="11")
    assert "no_right" in repr(await room.lock())
    await room.begin({"users": {ME: 40}, "events": {"m.room.power_levels": 0}}, version="11")
    assert "no_right" in repr(await room.lock())
    assert await room.branch.rows(outbox.outbox.c.kind == "lock") == []
    await room.begin(OPEN)
    assert "locks.length" in repr(await room.lock(lasts=timedelta(days=32)))
