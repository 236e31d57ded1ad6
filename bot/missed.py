"""Tells whoever answers for them what could not go out in time: all of it in one message, and once."""

from __future__ import annotations

from collections.abc import Sequence

from content import missed as rules
from content.decision import Decision
from content.identifiers import Cause, OrganisationId, UserId, derive
from storage import missed
from storage.store import Step, Store
from storage.undelivered import owners
from storage.unit import Reading


async def tell_owners(store: Store, console: str) -> None:
    """Tell of what was missed since somebody was told last."""
    found = await store.read(missed.untold)
    if found:
        await store.settle([_telling(whom, lines, console) for whom, lines in found.items()])


def _telling(whom: tuple[UserId, OrganisationId], untold: Sequence[rules.Line], console: str) -> Step:
    async def decide(unit: Reading) -> Decision | None:
        # Looked at anew: more may have been missed, or sent after all, meanwhile.
        lines = (await missed.untold(unit)).get(whom)
        if not lines:
            return None
        return rules.tell(lines, await owners(unit, *whom), console=console, now=unit.now)

    # What is missed once more is told of once more: each miss has its own instant.
    misses = [f"{one.occurrence} {one.missed_at}" for one in untold]
    return Step(cause=Cause(f"missed:{derive(whom[1], *misses)}"), decide=decide)
