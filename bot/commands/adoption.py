"""接管: make a room into which the bot was brought the room of a branch or a group, said in that room."""

from __future__ import annotations

from msgspec.structs import replace

from bot.commands.amounts import number_in
from bot.commands.asking import Asking, Place
from content import adoption
from content.adoption import Found
from content.decision import Decision, Refusal, refused
from content.identifiers import RoomId
from content.organisations import Right, roots
from storage import inquiries, organisations, rooms
from storage.upkeep import standing, survey


async def adopt(asking: Asking) -> Decision | Refusal | None:
    """接管: say in private what the room could become; 接管 2, there or in private, takes it over."""
    held = roots(await organisations.duties_of(asking.unit, asking.sender), Right.MANAGE_ROOMS)
    if not held:
        return refused("adoption.no_right") if asking.place is Place.PRIVATE else None
    room = await _asked_about(asking) if asking.place is Place.PRIVATE else asking.room
    if room is None:
        return refused("adoption.say_it_there")
    known = await survey(asking.unit, held, asking.settings.me)
    free = adoption.choices(known.housed(node) for node in known.seen)
    console, by = asking.settings.console, asking.sender
    found = await _found(asking, room)
    if found.owner is not None:
        return refused("rooms.has_owner")
    if not asking.argument:
        return adoption.offer(found, free, by=by, console=console, now=asking.unit.now)
    choice = next((one for one in free if one.number == number_in(asking.argument)), None)
    if choice is None:
        return refused("adoption.no_such_number", number=asking.argument)
    found = replace(found, space=known.space(choice.purpose, choice.node))
    return adoption.adopt(found, choice, by=by, console=console)


async def _asked_about(asking: Asking) -> RoomId | None:
    """Return the room about which the person was asked last in private, if it still waits for somebody."""
    about = await inquiries.waiting(asking.unit, asking.sender)
    waiting = await rooms.unclaimed(asking.unit, asking.settings.me)
    return next((one.room for one in waiting if adoption.subject(one.room) == about), None)


async def _found(asking: Asking, room: RoomId) -> Found:
    owned = await rooms.room(asking.unit, room)
    return Found(
        room=room,
        standing=await standing(asking.unit, room, asking.settings.me),
        owner=owned.organisation if owned is not None else None,
        private=await rooms.direct_user(asking.unit, room) is not None,
    )
