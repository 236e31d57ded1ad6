"""How the bench measures: cases with contestants, repetitions in alternating order, ratios inside one repetition."""

from __future__ import annotations

import statistics
import sys
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

Figures = dict[str, float]


class How(StrEnum):
    """What a row says of a figure: itself, or how it stands to the measure's in the same repetition."""

    ITSELF = "itself"
    RATIO = "÷"
    DIFFERENCE = "−"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of the table: which figure of a case, how it is compared, and what we aim for."""

    label: str
    figure: str
    how: How = How.ITSELF
    most: float | None = None
    least: float | None = None
    digits: int = 2

    @property
    def target(self) -> str:
        """Return the target as it is written."""
        if self.most is not None:
            return f"≤ {self.most:g}"
        return f"≥ {self.least:g}" if self.least is not None else ""

    def met(self, value: float) -> bool | None:
        """Tell whether a value reaches the target, ``None`` where there is none."""
        if self.most is not None:
            return value <= self.most
        return value >= self.least if self.least is not None else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One thing that is measured for several contestants, of whom ``measure`` is the one others are compared with.

    ``stage`` prepares what all repetitions share and is given the size, 1 for the full one. ``run`` measures one
    contestant once on that stage. ``absent`` tells why a contestant cannot take part here.
    """

    name: str
    ours: str
    contestants: tuple[str, ...]
    rows: tuple[Row, ...]
    stage: Callable[[float], AbstractAsyncContextManager[Any]]
    run: Callable[[Any, str], Awaitable[Figures]]
    measure: str | None = None
    absent: Callable[[str], str | None] = lambda _: None


@dataclass(slots=True, kw_only=True)
class Measured:
    """What came out of one case: the figures of each contestant by repetition, and who is missing and why."""

    case: Case
    repetitions: list[dict[str, Figures]] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)

    def values(self, row: Row, contestant: str) -> list[float]:
        """Return a row's value for each repetition in which it can be told."""
        found = []
        for figures in self.repetitions:
            own, measure = figures.get(contestant, {}), figures.get(self.case.measure or "", {})
            value, base = own.get(row.figure), measure.get(row.figure)
            if value is None:
                continue
            if row.how is How.ITSELF:
                found.append(value)
            elif base is not None:
                found.append(value / base if row.how is How.RATIO else value - base)
        return found


async def measure(case: Case, *, repetitions: int, size: float, tell: Callable[[str], None]) -> Measured:
    """Measure every contestant of a case so often, in the order A B C, then C B A, and so on."""
    measured = Measured(case=case)
    measured.left_out = {name: why for name in case.contestants if (why := case.absent(name))}
    present = [name for name in case.contestants if name not in measured.left_out]
    async with case.stage(size) as stage:
        for number in range(repetitions):
            figures: dict[str, Figures] = {}
            for name in present if number % 2 == 0 else reversed(present):
                tell(f"{case.name}: {number + 1} of {repetitions}, {name}")
                try:
                    figures[name] = await case.run(stage, name)
                except Exception as error:
                    # One that fails must not take the others' figures with it; the table says so.
                    measured.left_out[name] = f"{type(error).__name__}: {error}"[:300]
            measured.repetitions.append(figures)
    return measured


def spread(values: Sequence[float], digits: int) -> str:
    """Write min / median / max."""
    return " / ".join(f"{value:.{digits}f}" for value in (min(values), statistics.median(values), max(values)))


def table(measured: Sequence[Measured], *, targets_only: bool = False) -> str:
    """Return everything that was measured as one Markdown table; or only what we aim for, and how we stand to it."""
    lines = ["| case | figure | bot | min / median / max | target | |", "|---|---|---|---|---|---|"]
    for one in measured:
        for row in one.case.rows:
            if targets_only and not row.target:
                continue
            for name in one.case.contestants if not targets_only else (one.case.ours,):
                values = one.values(row, name)
                if not values or (row.how is not How.ITSELF and name == one.case.measure):
                    continue
                ours = name == one.case.ours
                met = row.met(statistics.median(values)) if ours else None
                mark = "" if met is None else ("reached" if met else "**not reached**")
                target = row.target if ours else ""
                shown = f"**{name}**" if ours else name
                lines.append(
                    f"| {one.case.name} | {row.label} | {shown} | {spread(values, row.digits)} | {target} | {mark} |"
                )
    for one in measured if not targets_only else ():
        lines += [f"\nLeft out of “{one.case.name}”: {name} ({why})." for name, why in one.left_out.items()]
    return "\n".join(lines)


def record(measured: Sequence[Measured]) -> list[dict[str, Any]]:
    """Return everything that was measured for a JSON file."""
    return [
        {
            "case": one.case.name,
            "repetitions": one.repetitions,
            "left_out": one.left_out,
            "rows": [
                {
                    "label": row.label,
                    "how": row.how,
                    "target": row.target,
                    "values": {name: one.values(row, name) for name in one.case.contestants},
                }
                for row in one.case.rows
            ],
        }
        for one in measured
    ]


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value below which a share of all lies."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def tell(line: str) -> None:
    """Say on standard error what is going on."""
    print(line, file=sys.stderr, flush=True)
