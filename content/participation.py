"""What the answers add up to: shares with their base, weeks, and never a ranking of people."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta

from msgspec import Struct

from content.checkins import TOOK_PART, State


class Share(Struct, frozen=True, kw_only=True):
    """How many took part, out of how many who were asked; ``excused`` are among those asked."""

    took_part: int
    asked: int
    excused: int
    waiting: int
    unanswered: int
    absent: int = 0

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
        absent=numbers.get(State.ABSENT, 0),
    )


def monday(day: date) -> date:
    """Return the Monday of a day's week."""
    return day - timedelta(days=day.weekday())


def add(shares: Iterable[Share]) -> Share:
    """Add shares up."""
    shares = tuple(shares)
    if len(shares) == 1:
        return shares[0]
    return Share(
        took_part=sum(one.took_part for one in shares),
        asked=sum(one.asked for one in shares),
        excused=sum(one.excused for one in shares),
        waiting=sum(one.waiting for one in shares),
        unanswered=sum(one.unanswered for one in shares),
        absent=sum(one.absent for one in shares),
    )


def by_week(days: Iterable[tuple[str, date, Share]]) -> dict[str, dict[date, Share]]:
    """Add up (branch, local date, share) into branch → Monday → share."""
    weeks: dict[str, dict[date, list[Share]]] = {}
    for branch, day, counted in days:
        weeks.setdefault(branch, {}).setdefault(monday(day), []).append(counted)
    return {branch: {week: add(found) for week, found in some.items()} for branch, some in weeks.items()}


def by_hour(counted: Iterable[tuple[datetime, Share]]) -> dict[tuple[int, int], Share]:
    """Add up (local time, share) into (weekday, hour) → share; weekdays count from Monday, 0."""
    hours: dict[tuple[int, int], list[Share]] = {}
    for at, one in counted:
        hours.setdefault((at.weekday(), at.hour), []).append(one)
    return {place: add(found) for place, found in hours.items()}


class Months(Struct, frozen=True, kw_only=True):
    """A stretch of days as the whole months in it and the days at either end that fill none.

    The months are those whose first day is ``since`` or later and before ``before``, ``None`` leaves an end open;
    where there are ``none``, all days are in ``edges``. Each edge is a first and a last day, ``None`` for an open end.
    """

    since: date | None
    before: date | None
    none: bool
    edges: tuple[tuple[date | None, date | None], ...]


def months(since: date | None, until: date | None) -> Months:
    """Take the days from ``since`` to ``until``, both included, apart into whole months and the rest."""
    first = since if since is None or since.day == 1 else _next_month(since)
    before = None if until is None else until.replace(day=1)
    if until is not None and (until + timedelta(days=1)).day == 1:
        before = until + timedelta(days=1)
    if first is not None and before is not None and first >= before:
        return Months(since=None, before=None, none=True, edges=((since, until),))
    edges: list[tuple[date | None, date | None]] = []
    if since is not None and first is not None and since < first:
        edges.append((since, first - timedelta(days=1)))
    if until is not None and before is not None and before <= until:
        edges.append((before, until))
    return Months(since=first, before=before, none=False, edges=tuple(edges))


def _next_month(day: date) -> date:
    return (day.replace(day=1) + timedelta(days=32)).replace(day=1)
