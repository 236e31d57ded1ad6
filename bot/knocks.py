"""Turns down who has knocked at a room for a week and is not on the roster, as the clock has it."""

from __future__ import annotations

from content.decision import Decision
from content.identifiers import Cause, UserId, derive
from content.knocks import PATIENCE, Knock, turn_down_late
from storage import knocks, rooms
from storage.store import Step, Store
from storage.unit import Reading
from storage.upkeep import survey


async def answer_late(store: Store, me: UserId) -> None:
    """Turn down strangers who have waited long enough."""
    late = await store.read(lambda unit: knocks.late(unit, unit.now - PATIENCE))
    if late:
        await store.settle([_turning_down(one, me) for one in late])


def _turning_down(knock: Knock, me: UserId) -> Step:
    async def decide(unit: Reading) -> Decision | None:
        room = await rooms.room(unit, knock.room)
        if room is None:
            return None
        care = (await survey(unit, [room.organisation], me)).care(knock.room)
        return turn_down_late(care, knock, now=unit.now) if care is not None else None

    return Step(cause=Cause(f"knock:{derive(knock.room, knock.user, knock.at.isoformat())}:late"), decide=decide)
