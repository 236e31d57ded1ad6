"""Has committees told that their term ends, half a year before: once for each end, in their own room."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from content import terms as rules
from content.decision import Decision
from content.digests import Sort
from content.identifiers import Cause
from content.organisations import Organisation
from content.terms import Term
from storage import digests, organisations, terms
from storage.store import Step, Store
from storage.unit import Reading


async def remind(store: Store, now: datetime, console: str) -> None:
    """Tell each committee that is to be told by now and has a room; whose room is made later hears it then."""

    async def look(unit: Reading) -> list[tuple[Term, Organisation, date | None]]:
        found = []
        for term, reminded_of in await terms.running(unit):
            if reminded_of == term.ends_on or term.remind_on > now.date() + timedelta(days=1):
                # Most committees have years before them.
                continue
            node = await organisations.organisation(unit, term.organisation)
            if node is not None and await digests.room_of(unit, node.id, Sort.WEEKLY) is not None:
                found.append((term, node, reminded_of))
        return found

    steps = [
        _reminding(term, node, console)
        for term, node, reminded_of in await store.read(look)
        if rules.is_to_remind(term, reminded_of, timezone=node.timezone, now=now)
    ]
    if steps:
        await store.settle(steps)


def _reminding(term: Term, node: Organisation, console: str) -> Step:
    async def decide(unit: Reading) -> Decision | None:
        held = {one.id: (one, reminded_of) for one, reminded_of in await terms.running(unit)}
        if term.id not in held:
            return None
        one, reminded_of = held[term.id]
        return rules.remind(
            one,
            node,
            await digests.room_of(unit, node.id, Sort.WEEKLY),
            reminded_of=reminded_of,
            today=unit.now.astimezone(ZoneInfo(node.timezone)).date(),
            console=console,
            now=unit.now,
        )

    return Step(cause=Cause(f"term:{term.id}:remind:{term.ends_on.isoformat()}"), decide=decide)
