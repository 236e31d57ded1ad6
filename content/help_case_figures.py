"""How many working days help cases took, by category and never by person."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from statistics import median

from content.help_cases import Category, HelpCase, Stage
from content.workdays import WorkCalendar

FEWEST = 5
"""Of fewer cases than these no figure is told."""


def working_days(first: date, last: date, known: WorkCalendar) -> int:
    """Return how many working days lie after a day, up to another and with it."""
    day, number = first, 0
    while day < last:
        day = date.fromordinal(day.toordinal() + 1)
        number += known.works(day)
    return number


def medians(cases: Iterable[HelpCase], known: WorkCalendar) -> tuple[tuple[Category, int, float | None], ...]:
    """Return of each category how many cases were settled and the median of working days, ``None`` for under five.

    Where no figure is told, neither is the number.
    """
    found: dict[Category, list[int]] = {}
    for one in cases:
        if one.stage in (Stage.CLOSED, Stage.REFERRED) and one.ended_on is not None:
            lasted = working_days(one.received_on, one.ended_on, known)
            found.setdefault(one.category or Category.OTHER, []).append(lasted)
    return tuple(
        (category, len(found[category]), median(found[category]) if len(found[category]) >= FEWEST else None)
        for category in Category
        if category in found
    )
