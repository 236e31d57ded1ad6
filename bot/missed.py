"""Tells whoever answers for them what could not go out in time: all of it in one message, and once."""

from __future__ import annotations

from content import missed as rules
from content.decision import Decision
from content.identifiers import Cause, OrganisationId, UserId
from storage import missed
from storage.store import Step, Store
from storage.undelivered import owners
from storage.unit import Reading


async def tell_owners(store: Store, console: str) -> None:
    """Tell of what was missed since somebody was told last."""
    found = await store.read(missed.untold)
    if found:
        await store.settle([_telling(whom, lines[0].occurrence, console) for whom, lines in found.items()])


def _telling(whom: tuple[UserId, OrganisationId], first: str, console: str) -> Step:
    async def decide(unit: Reading) -> Decision | None:
        # Looked at anew: more may have been missed, or sent after all, meanwhile.
        lines = (await missed.untold(unit)).get(whom)
        if not lines:
            return None
        return rules.tell(lines, await owners(unit, *whom), console=console, now=unit.now)

    return Step(cause=Cause(f"missed:{first}:{whom[1]}"), decide=decide)
