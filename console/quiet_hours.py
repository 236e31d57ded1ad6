"""Says, before anything is planned, that quiet hours would hold it and until when; a second press means it so."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from content.decision import Refusal, refused
from content.identifiers import OrganisationId, derive
from content.quiet import free_at
from content.schedules import AHEAD, LATEST_AHEAD
from storage import quiet, workdays
from storage.unit import Reading

Held = Mapping[datetime, datetime]
"""Until when quiet hours hold what falls due at a time; what they do not hold is not in it."""


async def holding(unit: Reading, node: OrganisationId, times: Iterable[datetime], *, urgent: str = "") -> Held:
    """Return what of these times quiet hours hold at an organisation; of what is urgent nothing.

    What lies too far ahead to be planned is left to be refused for that.
    """
    hush = await quiet.at(unit, node)
    if urgent or not hush.ever:
        return {}
    known = await workdays.calendar(unit)
    near = (at for at in times if at <= unit.now + LATEST_AHEAD + AHEAD)
    return {at: free for at in near if (free := free_at(hush, at, known)) > at}


def told_of(held: Held) -> str:
    """Return the mark by which a form says what its writer was told; empty where there is nothing to tell."""
    return derive("told of quiet hours", *sorted({free.isoformat() for free in held.values()})) if held else ""


def refuse_untold(held: Held, told: str, *, field: str) -> Refusal | None:
    """Refuse to plan into quiet hours who was not told that it would wait, and until when."""
    if not held or told == told_of(held):
        return None
    first = min(held)
    said = "quiet.waits" if len(held) == 1 else "quiet.several_wait"
    return refused(said, field=field, at=first, until=held[first], n=len(held))
