"""A measured figure with its unit and its aim, and the table in which figures are printed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One measured number; ``aim`` says in words what it should be, empty where there is no aim."""

    name: str
    value: float
    unit: str
    aim: str = ""


def quantile(samples: Sequence[float], share: float) -> float:
    """Return the sample below which a share of all samples lies."""
    ordered = sorted(samples)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def written(value: float) -> str:
    """Return a number as a person would write it: no more digits than it is worth."""
    if value >= 1000:
        return f"{value:,.0f}"
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def table(figures: Iterable[Figure]) -> str:
    """Return figures as a Markdown table."""
    lines = ["| what | figure | aim |", "|---|---:|---|"]
    lines += [f"| {one.name} | {written(one.value)} {one.unit} | {one.aim} |" for one in figures]
    return "\n".join(lines)
