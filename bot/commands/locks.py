"""锁定, 解锁: from the phone, a room in which for a while only who moderates writes; a reaction confirms it."""

from __future__ import annotations

from datetime import timedelta

from msgspec.structs import replace

from bot.commands.amounts import span_of
from bot.commands.asking import Asking, Place
from bot.commands.remarks import is_acknowledgement
from bot.commands.sanctions import NO, YES, Answer
from content import locks
from content.decision import Decision, Effect, Fact, Refusal, Tell, refused, words
from content.identifiers import Cause, EventId, LockId, RoomId, UserId
from content.locks import OPENED, Lock, Part, State
from content.organisations import Right, roots
from content.rooms import Purpose, Room
from storage import locks as stored
from storage import organisations, rooms
from storage.open_in_rooms import open_in
from storage.unit import Reading


async def lock(asking: Asking) -> Answer:
    """锁定 2小时: in its room, or in private by the room's name."""
    lasts, rest = span_of(asking.argument)
    room = await room_meant(asking, rest)
    if not isinstance(room, Room):
        return room
    one = await prepared(asking, room, Part.TALK, lasts)
    return one if isinstance(one, Refusal) else locks.ask_to_confirm(one, room.name, await open_in(asking.unit, room))


async def prepared(
    asking: Asking, room: Room, part: Part, lasts: timedelta | None, *, gap: timedelta | None = None
) -> Lock | Refusal:
    """Weigh a lock of a part of a room; nothing at all as its length means the usual one, ``None`` for good."""
    place = await stored.place(asking.unit, room.id, asking.settings.me)
    if place is None:
        return refused("locks.no_room", name=room.name)
    return locks.prepare(
        place,
        part,
        lasts=locks.USUAL if lasts == timedelta(0) else lasts,
        gap=gap,
        by=asking.sender,
        cause=asking.cause,
        me=asking.settings.me,
        now=asking.unit.now,
    )


async def unlock(asking: Asking) -> Answer:
    """解锁: undoing hurts nobody, and is done at once."""
    room = await room_meant(asking, asking.argument.strip())
    if not isinstance(room, Room):
        return room
    there = (await stored.held(asking.unit, [room.id])).get(room.id, ())
    held = [one.lock for one in there if one.lock.state is State.HELD and one.lock.part in OPENED]
    if not held:
        return refused("locks.is_open")
    facts: list[Fact] = []
    effects: list[Effect] = []
    for one in held:
        done = locks.unlock(one, by=asking.sender, now=asking.unit.now)
        if isinstance(done, Refusal):
            return done
        facts += done.facts
        effects += done.effects
    effects.append(Tell(user=asking.sender, words=words("locks.opened", room=room.name)))
    return Decision(facts=tuple(facts), effects=tuple(effects))


async def room_meant(asking: Asking, name: str, *, unclear: str = "locks.which") -> Room | Answer:
    """Find the room that is meant: the one in which it is said, in private the one of a name.

    Where no room is found by its name, ``unclear`` asks which one.
    """
    unit, private = asking.unit, asking.place is Place.PRIVATE
    held = roots(await organisations.duties_of(unit, asking.sender), Right.MODERATE)
    if not held:
        return refused("locks.no_right") if private else None
    if asking.place is Place.ROOM:
        room = await rooms.room(unit, asking.room)
        talk = bool(name) or room is None
        if talk or not await organisations.may(unit, asking.sender, Right.MODERATE, room.organisation):  # type: ignore[union-attr]
            return None
        return room
    kept = [one for one, lost in await rooms.rooms_of(unit, held) if lost is None and one.purpose is not Purpose.SPACE]
    found = [one for one in kept if one.name == name] or [one for one in kept if name in one.name]
    if len(found) == 1:
        return found[0]
    lines = tuple(words("sanction.room", room=one.name) for one in (found or kept)[:10])
    return refused(unclear, list=lines)


async def replied(asking: Asking, matter: str) -> Answer:
    """Take a reply to the message that asked about a lock as the word that it asked for."""
    told = await stored.told(asking.unit, LockId(matter))
    word = asking.text.strip().lower()
    if told is None or (word not in YES and word not in NO):
        return None
    if is_acknowledgement(asking.text) and word not in YES:
        return None
    me = asking.settings.me
    return await _answered(asking.unit, told.lock, asking.sender, asking.cause, me, yes=word in YES)


async def tap(unit: Reading, target: EventId, user: UserId, key: str, cause: Cause, me: UserId) -> Answer:
    """Take a reaction to a message that asked about a lock as the word that it asked for."""
    if key not in YES and key not in NO:
        return None
    id = await stored.asked_by(unit, target, user)  # noqa: A001
    told = await stored.told(unit, id) if id is not None else None
    return await _answered(unit, told.lock, user, cause, me, yes=key in YES) if told is not None else None


async def _answered(unit: Reading, one: Lock, user: UserId, cause: Cause, me: UserId, *, yes: bool) -> Answer:
    if one.state is not State.DRAFT or user != one.by:
        return None
    if not yes:
        return locks.let_go(one, now=unit.now)
    if not await organisations.may(unit, user, Right.MODERATE, one.organisation):
        return refused("locks.no_right")
    place = await stored.place(unit, RoomId(one.room), me)
    if place is None:
        return refused("locks.no_room", name="")

    def decide(draft: Lock) -> Decision | Refusal:
        fresh = locks.prepare(
            place, draft.part, lasts=draft.lasts, gap=draft.gap, by=user, cause=cause, me=me, now=unit.now
        )
        return fresh if isinstance(fresh, Refusal) else locks.hold(replace(fresh, id=draft.id), now=unit.now)

    done = locks.confirm(one, by=user, decide=decide, now=unit.now)
    if not isinstance(done, Decision):
        return done
    done_words = words("slow.done" if one.part is Part.SLOW else "locks.done", room=place.site.name)
    said = Tell(user=user, words=done_words)
    return Decision(facts=done.facts, effects=(*done.effects, said))
