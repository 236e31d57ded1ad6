"""Has digests planned, and told when they are due: once for each organisation and time, whatever is killed."""

from __future__ import annotations

from datetime import datetime, timedelta

from content import digests as rules
from content.decision import Decision, Fact
from storage import digests, organisations
from storage.store import Step, Store
from storage.unit import Reading

LATELY = timedelta(days=2)
"""So far back it is looked for what was told: on a day on which one was, no other is planned."""


async def plan(store: Store, now: datetime) -> None:
    """Have planned what organisations want by now."""

    async def look(unit: Reading) -> tuple[Fact, ...]:
        wanted, known = await digests.wanted(unit), await digests.planned(unit)
        if not wanted and not known:
            return ()
        return rules.replan(wanted, known, await digests.told(unit, (now - LATELY).date()), now=now)

    facts = await store.read(look)
    if facts:
        await store.settle(notes=list(facts))


async def tell(store: Store, now: datetime, console: str) -> None:
    """Tell what is due, as far as its room is not to be left in peace just now."""
    due = await store.read(lambda unit: digests.ready(unit, now))
    if due:
        await store.settle([_telling(one, console) for one in due])


def _telling(planned: rules.Planned, console: str) -> Step:
    async def decide(unit: Reading) -> Decision | None:
        node = await organisations.organisation(unit, planned.organisation)
        if node is None or planned not in await digests.planned(unit):
            return None
        rhythm = await digests.rhythm_of(unit, node, planned.sort)
        room = await digests.room_of(unit, node.id, planned.sort)
        seen = None
        if rhythm is not None and room is not None:
            seen = await digests.digest(unit, node, planned.sort, planned.due.on, console=console)
        return rules.settle(planned, rhythm=rhythm, room=room, digest=seen, now=unit.now)

    return Step(cause=planned.cause, decide=decide)
