"""Tells whoever answers for a broadcast that it did not reach all its rooms, once and in private."""

from __future__ import annotations

from content.decision import Decision
from content.identifiers import Cause
from content.undelivered import tell_owner
from storage import undelivered
from storage.store import Step, Store
from storage.unit import Reading


async def tell_owners(store: Store, console: str) -> None:
    """Look for broadcasts that were given up somewhere, and tell of each that nobody was told of."""
    found = await store.read(undelivered.untold)
    steps = [_telling(one.id, console) for one, _ in found]
    if steps:
        await store.settle(steps)


def _telling(id: str, console: str) -> Step:  # noqa: A002
    async def decide(unit: Reading) -> Decision | None:
        # Looked at anew: somebody may have tried it again meanwhile.
        for one, node in await undelivered.untold(unit):
            if one.id == id:
                return tell_owner(one, await undelivered.owners(unit, one.author, node), console=console)
        return None

    return Step(cause=Cause(undelivered.cause_of(id)), decide=decide)
