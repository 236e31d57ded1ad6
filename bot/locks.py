"""The hands on locks of rooms: they close a room, and open it again exactly as it was."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from bot.matrix.events import Event
from bot.matrix.faults import Fault
from bot.matrix.homeserver import Homeserver
from bot.matrix.power import Powers, powers
from content.decision import Decision, Fact
from content.identifiers import Cause, LockId, UserId, derive
from content.levels import Entry, closing, put_back, with_entries
from content.locks import (
    CLOSED_DOOR,
    KINDS,
    Before,
    Close,
    Lock,
    LockNoted,
    LockSettled,
    Part,
    Reopen,
    State,
    end,
    hindrance,
    is_open,
    tell_stuck,
)
from content.organisations import Right
from content.posting import Who, as_first, carried, covered, opening, witnessed
from content.sanctions import Hindrance, PlaceState
from content.sanctions import Step as Measure
from storage import locks, organisations, outbox, rooms, sanction_places, sanctions
from storage.locks import Told
from storage.outbox import Claimed
from storage.posting import is_locked, voices
from storage.slow_mode import usual_gap
from storage.store import Step, Store
from storage.unit import Reading

_CHANGED = (PlaceState.DONE, PlaceState.STUCK)
"""How far a lock has come that may have changed its room."""


class _Live(Struct, frozen=True, kw_only=True):
    """What a room says at this moment."""

    powers: Powers
    rule: dict[str, Any] | None

    @property
    def levels(self) -> dict[str, Any]:
        return dict(self.powers.levels or {})


class Locksmith:
    """Everything here may be done again without a second effect; what has no sense any more is let go."""

    def __init__(self, store: Store, homeserver: Homeserver) -> None:
        self._store = store
        self._homeserver = homeserver
        self._me = UserId(homeserver.user_id)

    async def do(self, row: Claimed) -> None:
        """Lock or open a room as a row asks for. Raises Fault."""
        id = LockId(row.matter or "")  # noqa: A001
        told = await self._store.read(lambda unit: locks.told(unit, id))
        if told is None:
            return
        holds = told.lock.state is State.HELD
        if holds is not (row.kind is outbox.Kind.LOCK):
            # It was ended before it was carried out.
            return
        done = PlaceState.DONE if holds else PlaceState.UNDONE
        if told.lock.part is Part.POSTING and await self._store.read(lambda unit: is_locked(unit, told.lock.room)):
            # It is taken up again once the room is open.
            return
        if told.place is done and (not holds or told.lock.part is not Part.POSTING):
            # Only who may write is set again; what one that came after has taken over is not undone a second time.
            return
        if holds or told.before is not None:
            why = await self._change(told, undoing=not holds)
            if why is not None:
                await self._stuck(row, told.lock, why, undoing=not holds)
                return
            left = () if holds else await self._covered(told)
            if left:
                # What a mute brings back when it ends is taken then, and nothing else.
                now = self._store.now()
                noted = LockNoted(id=id, before=Before(entries=left), at=now)
                await self._settle(noted, LockSettled(id=id, state=PlaceState.DONE, at=now))
                return
        await self._settle(LockSettled(id=id, state=done, at=self._store.now()))

    async def _change(self, told: Told, *, undoing: bool) -> Hindrance | None:
        """Change what is to be changed in the room as it is at this moment, or return what is in the way."""
        live = await self._look(told.lock)
        if told.lock.part is Part.SLOW:
            return hindrance(told.lock.part, live.powers, me=self._me, undoing=undoing)
        changed = self._undone(told, live) if undoing else await self._closed(told, live)
        if changed is None:
            return None
        why = hindrance(told.lock.part, live.powers, me=self._me, undoing=undoing)
        if why is not None:
            return why
        try:
            await self._homeserver.set_state(told.lock.room, KINDS[told.lock.part], changed)
        except Fault as fault:
            if fault.errcode != "M_FORBIDDEN":
                raise
            return Hindrance.NO_RIGHT
        return None

    async def _look(self, lock: Lock) -> _Live:
        state = [event for event in await self._homeserver.state(lock.room) if isinstance(event, Event)]
        rules = [one.content for one in state if one.type == KINDS[Part.DOOR] and one.state_key == ""]
        return _Live(powers=powers(state), rule=rules[-1] if rules else None)

    async def _closed(self, told: Told, live: _Live) -> dict[str, Any] | None:
        """Return what the room is to say while it is locked; what it said before is kept first."""
        lock, left = told.lock, await self._store.read(lambda unit: locks.left_in(unit, told.lock))
        own = told.before
        if lock.part is Part.DOOR:
            before = own or next((one.before for one in left if live.rule == dict(CLOSED_DOOR)), None)
            before = before or Before(rule=live.rule, has_rule=live.rule is not None)
            await self._note(lock, before, left)
            return dict(CLOSED_DOOR) if is_open(live.rule) else None
        if hindrance(lock.part, live.powers, me=self._me) is not None:
            # Said by who asked for this; nothing is changed.
            return live.levels
        held = [own] if own is not None else []
        ours = [entry for one in (*held, *(one.before for one in left)) if one is not None for entry in one.every]
        levels = put_back(live.levels, ours)
        again = own.every if own is not None and lock.part is Part.POSTING and told.place in _CHANGED else ()
        levels = as_first(levels, again)
        was = Powers(version=live.powers.version, creators=live.powers.creators, levels=levels)
        entries = await self._entries(lock, was)
        closed = with_entries(levels, entries)
        if lock.part is Part.POSTING:
            hidden = covered(live.levels, ours, await self._muted(lock))
            entries = (*carried(witnessed(Who(lock.who or Who.LEADERS), was, entries), again), *hidden)
        if own is None or left or (entries and entries != own.entries):
            meant = entries or (own.entries if own is not None else ())
            # Whoever is killed before the room is changed finds in it what was ours before, and must know it as such.
            earlier = tuple(one for one in dict.fromkeys(ours) if one not in meant)
            await self._note(lock, Before(entries=meant, earlier=earlier), left)
        return closed if closed != live.levels else None

    async def _entries(self, lock: Lock, powers: Powers) -> tuple[Entry, ...]:
        """Return what is to be changed in the levels of a room as it was."""
        if lock.part is not Part.POSTING:
            return closing(powers)
        found = await self._store.read(lambda unit: voices(unit, lock.organisation, lock.room))
        return opening(Who(lock.who or Who.LEADERS), powers, found)

    async def _muted(self, lock: Lock) -> frozenset[UserId]:
        standing = await self._store.read(lambda unit: sanction_places.in_room(unit, lock.room))
        return frozenset(one.user for one in standing if one.step is Measure.MUTE)

    async def _covered(self, told: Told) -> tuple[Entry, ...]:
        """Return what of ours lies below a mute in a room that was opened."""
        if told.before is None or told.lock.part is not Part.POSTING:
            return ()
        live = await self._look(told.lock)
        return covered(live.levels, _standing(told), await self._muted(told.lock))

    async def _note(self, lock: Lock, before: Before, left: tuple[Told, ...]) -> None:
        over = tuple(one.lock.id for one in left)
        await self._settle(LockNoted(id=lock.id, before=before, taken_over=over, at=self._store.now()))

    def _undone(self, told: Told, live: _Live) -> dict[str, Any] | None:
        """Return what the room is to say again; nothing where somebody has opened it themself."""
        before = told.before
        if before is None:
            return None
        if told.lock.part is Part.DOOR:
            still = live.rule == dict(CLOSED_DOOR) and before.has_rule and before.rule != live.rule
            return before.rule if still else None
        back = put_back(live.levels, _standing(told))
        return back if back != live.levels else None

    async def _settle(self, *facts: Fact) -> None:
        await self._store.settle(notes=list(facts))

    async def _stuck(self, row: Claimed, lock: Lock, why: Hindrance, *, undoing: bool) -> None:
        """Keep that a room cannot be locked or opened, and tell those who moderate once for each try."""
        fact = LockSettled(id=lock.id, state=PlaceState.STUCK, at=self._store.now(), why=why)

        async def decide(unit: Reading) -> Decision:
            held = await organisations.holders_of(unit, lock.organisation, Right.MODERATE)
            whom = (lock.by,) if lock.by is not None and lock.by in held else held
            kept = await rooms.room(unit, lock.room)
            return tell_stuck(kept.name if kept is not None else lock.room, lock.part, why, undoing=undoing, whom=whom)

        await self._store.settle([Step(cause=Cause(f"stuck:{row.id}"), decide=decide)], notes=[fact])


def _standing(told: Told) -> tuple[Entry, ...]:
    """Return what of ours may stand in a room, the newest first."""
    if told.before is None:
        return ()
    # What was carried out stands in place of anything earlier; the same level by then is somebody's own.
    return told.before.entries if told.place is PlaceState.DONE else told.before.every


async def settle_due(store: Store) -> None:
    """End the locks whose time is over, however long ago that was."""
    due = await store.read(lambda unit: locks.due(unit, unit.now))
    if due:
        await store.settle([ending(id) for id in due])  # noqa: A001


def ending(id: LockId) -> Step:  # noqa: A002
    """Return the step that ends a lock, once."""

    async def decide(unit: Reading) -> Decision | None:
        told = await locks.told(unit, id)
        if told is None:
            return None
        usual = await usual_gap(unit, told.lock.room) if told.lock.part is Part.SLOW else None
        return end(told.lock, now=unit.now, usual=usual)

    return Step(cause=Cause(f"lock:{id}:end"), decide=decide)


async def try_again(store: Store, me: UserId) -> None:
    """Take up again what is not as it should be in a room, once for each time that what it says has changed."""

    async def found(unit: Reading) -> list[Step]:
        steps = []
        for lock in await locks.unsettled(unit):
            for site in await sanctions.sites(unit, lock.organisation, me, only=[lock.room]):
                if hindrance(lock.part, site.powers, me=me, undoing=lock.state is State.OVER) is None:
                    version = await rooms.version_of(unit, lock.room, "m.room.power_levels")
                    steps.append(_again(lock, version or ""))
        return steps

    steps = await store.read(found)
    if steps:
        await store.settle(steps)


def _again(lock: Lock, version: str) -> Step:
    kind = Close if lock.state is State.HELD else Reopen

    async def decide(_unit: Reading) -> Decision:
        return Decision(effects=(kind(lock=lock.id, organisation=lock.organisation, room=lock.room),))

    return Step(cause=Cause(f"lock:{derive(lock.id, lock.room, lock.state, version)}:again"), decide=decide)
