"""Ends sign-ups by the clock: their message says then who comes."""

from __future__ import annotations

from datetime import datetime

from content import sign_ups as rules
from content.identifiers import Cause, SignUpId
from storage import sign_ups
from storage.store import Answer, Step, Store
from storage.unit import Reading


async def close_due(store: Store, now: datetime) -> None:
    """End the sign-ups whose time is over; asked for once everything said before has been heard."""
    over = await store.read(lambda unit: sign_ups.over(unit, now))
    if over:
        await store.settle([closing(one) for one in over])


def closing(id: SignUpId) -> Step:  # noqa: A002
    """Return the step by which a sign-up ends."""

    async def decide(unit: Reading) -> Answer:
        one = await sign_ups.sign_up(unit, id)
        return rules.close(await sign_ups.sheet(unit, one), now=unit.now) if one is not None else None

    return Step(cause=Cause(f"sign_up:{id}:close"), decide=decide)
