"""What the answers add up to: shares with their base, weeks, and never a ranking of people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from content.checkins import TOOK_PART, State


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """How many took part, out of how many who were asked; ``excused`` are among those asked."""

    took_part: int
    asked: int
    excused: int
    waiting: int
    unanswered: int

    @property
    def percent(self) -> int | None:
        """Return the share in whole percent, ``None`` where nobody was asked: no data is not zero."""
        return None if self.asked == 0 else (200 * self.took_part + self.asked) // (2 * self.asked)


def share(numbers: Mapping[State, int]) -> Share:
    """Add up states. Whom it was never offered to does not count among those asked."""
    return Share(
        took_part=sum(numbers.get(state, 0) for state in TOOK_PART),
        asked=sum(number for state, number in numbers.items() if state is not State.NOT_OFFERED),
        excused=numbers.get(State.EXCUSED, 0),
        waiting=numbers.get(State.OPEN, 0),
        unanswered=numbers.get(State.UNANSWERED, 0),
    )


def monday(day: date) -> date:
    """Return the Monday of a day's week."""
    return day - timedelta(days=day.weekday())


def by_week(
    days: Iterable[tuple[str, date, State, int]],
) -> dict[str, dict[date, Counter[State]]]:
    """Add up (branch, local date, state, number) into branch → Monday → numbers."""
    weeks: dict[str, dict[date, Counter[State]]] = {}
    for branch, day, state, number in days:
        weeks.setdefault(branch, {}).setdefault(monday(day), Counter())[state] += number
    return weeks
