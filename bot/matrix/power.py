"""Reads who may do what out of a room's current state; what follows from it is reckoned in `content/power.py`."""

from __future__ import annotations

from collections.abc import Iterable

from bot.matrix.events import Event, Poison
from content.power import (
    Action,
    Powers,
    Undecidable,
    may,
    may_send,
    needed,
    needed_to_send,
    power,
    powers_from,
)

__all__ = [
    "Action",
    "Powers",
    "Undecidable",
    "may",
    "may_send",
    "needed",
    "needed_to_send",
    "power",
    "powers",
    "powers_from",
]


def powers(state: Iterable[Event | Poison]) -> Powers:
    """Pick the deciding events out of a room's current state; a later event replaces an earlier one whole."""
    create = levels = None
    for event in state:
        if isinstance(event, Poison) or event.state_key != "" or event.encrypted:
            continue
        if event.type == "m.room.create":
            create = event
        elif event.type == "m.room.power_levels":
            levels = event
    return powers_from(
        sender=create.sender if create else None,
        create=create.content if create else {},
        levels=levels.content if levels else None,
    )
