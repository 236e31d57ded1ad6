"""What is open in a room and answered there, so that it is said before the room is locked."""

from __future__ import annotations

from sqlalchemy import func, select

from content.locks import OpenThere
from content.polls import State
from content.rooms import Room
from storage import checkins, sign_ups
from storage.polls import polls
from storage.unit import Reading


async def open_in(unit: Reading, room: Room) -> OpenThere:
    """Return how many cards, polls and sign-ups are open in a room."""
    asked = (polls.c.room_id == room.id, polls.c.state == State.OPEN, polls.c.event_id.is_not(None))
    return OpenThere(
        cards=len(await checkins.open_in_room(unit, room.id)),
        polls=int(await unit.value(select(func.count()).select_from(polls).where(*asked)) or 0),
        sign_ups=len(await sign_ups.open_in(unit, room.id)),
        encrypted=room.encrypted,
    )
