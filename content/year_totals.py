"""What was held in a year, in numbers: by form and month, how many came, what was decided and what is done of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from msgspec import Struct
from msgspec.structs import replace

from content.checkins import State as Answer
from content.notices import Form
from content.roll_calls import Mark, mark_of
from content.year import Column, Evidence, Standing

COUNTED = (Mark.PRESENT, Mark.ONLINE, Mark.LEAVE, Mark.ABSENT, Mark.MADE_UP, Mark.SILENT)
"""How people stood, in the order of the columns; who came late was there."""

THERE = (Mark.PRESENT, Mark.ONLINE)

Months = Mapping[int, Mapping[Form, int]]
"""How many of each form were held in each month."""


class Totals(Struct, frozen=True, kw_only=True):
    """The meetings of one form in a year; ``attendance`` counts places, so that of two meetings each counts once."""

    form: Form
    held: int = 0
    due: int = 0
    attendance: Mapping[Mark, int] = {}
    resolutions: int = 0
    tasks: int = 0
    done: int = 0

    @property
    def share(self) -> int | None:
        """Return how many of those due were there, in whole per cent and never rounded up; ``None`` of nobody."""
        there = sum(self.attendance.get(mark, 0) for mark in THERE)
        return there * 100 // self.due if self.due else None


def by_month(found: Iterable[Evidence], meetings: Months | None = None) -> Months:
    """Count what was held, each by all forms as which it counts, beside the meetings that are counted already."""
    counted: dict[int, Counter[Form]] = {month: Counter((meetings or {}).get(month, {})) for month in range(1, 13)}
    for one in found:
        if one.standing is Standing.HELD:
            counted[one.on.month].update(one.forms)
    return counted


def of_columns(columns: Iterable[Column]) -> Months:
    """Count the same of one place, by what counts there."""
    held = {column.form: [_held(cell.evidence) for cell in column.cells] for column in columns}
    return {month: {form: counts[month - 1] for form, counts in held.items()} for month in range(1, 13)}


def _held(evidence: Iterable[Evidence]) -> int:
    return sum(one.standing is Standing.HELD for one in evidence)


def attendance(places: Iterable[tuple[Answer, str | None, int]]) -> dict[Mark, int]:
    """Count places on rolls by how people stood; who was never asked to come is not among those due."""
    counted: Counter[Mark] = Counter()
    for state, note, number in places:
        if state is not Answer.NOT_OFFERED:
            mark = mark_of(state, note)
            counted[Mark.PRESENT if mark is Mark.LATE else mark] += number
    return dict(counted)


def with_entered(one: Totals, *, held: int, due: int, present: int) -> Totals:
    """Add meetings that were entered by hand, with how many were due and came where that was counted."""
    both = dict(one.attendance)
    both[Mark.PRESENT] = both.get(Mark.PRESENT, 0) + present
    return replace(one, held=one.held + held, due=one.due + due, attendance=both)
