"""慢速: from the phone, how often one person may write in a room for a while; a reaction confirms it."""

from __future__ import annotations

from bot.commands.amounts import gap_in, span_of
from bot.commands.asking import Asking
from bot.commands.locks import prepared, room_meant
from bot.commands.remarks import is_off
from bot.commands.sanctions import Answer
from content import locks
from content.decision import Decision, Refusal, Tell, refused, words
from content.locks import Part, State
from content.rooms import Room
from content.slow_mode import USUAL, gap_of
from storage import locks as stored
from storage.slow_mode import usual_gap


async def slow_mode(asking: Asking) -> Answer:
    """慢速 30秒, 慢速 30秒 2小时, 慢速 关: in its room, or in private with the room's name before it."""
    name, _, last = asking.argument.strip().rpartition(" ")
    if is_off(last):
        return await _end(asking, name.strip())
    gap, rest = gap_in(asking.argument)
    lasts, rest = span_of(rest)
    room = await room_meant(asking, rest, unclear="slow.which")
    if not isinstance(room, Room):
        return room
    one = await prepared(asking, room, Part.SLOW, lasts, gap=USUAL if gap is None else gap)
    return one if isinstance(one, Refusal) else locks.ask_to_confirm(one, room.name)


async def _end(asking: Asking, name: str) -> Answer:
    """慢速 关: undoing hurts nobody, and is done at once."""
    room = await room_meant(asking, name, unclear="slow.which")
    if not isinstance(room, Room):
        return room
    there = (await stored.held(asking.unit, [room.id])).get(room.id, ())
    held = next((one.lock for one in there if one.lock.state is State.HELD and one.lock.part is Part.SLOW), None)
    usual = await usual_gap(asking.unit, room.id)
    gap = (gap_of(usual),) if usual is not None else ()
    if held is None and usual is not None:
        address = f"{asking.settings.console}/guards/{room.id}"
        return refused("slow.is_set", room=room.name, gap=gap, address=address)
    if held is None:
        return refused("slow.is_off")
    done = locks.unlock(held, by=asking.sender, now=asking.unit.now, usual=usual)
    if isinstance(done, Refusal):
        return done
    said = words("slow.ended_usual", room=room.name, gap=gap) if gap else words("slow.ended", room=room.name)
    return Decision(facts=done.facts, effects=(*done.effects, Tell(user=asking.sender, words=said)))
