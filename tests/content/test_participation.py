"""Shares are honest: no data is not zero, and what was not offered is nobody's absence."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from content.checkins import TOOK_PART, State
from content.participation import add, by_week, monday, months, share

NUMBERS = st.dictionaries(st.sampled_from(list(State)), st.integers(0, 5000))


def test_nobody_asked_is_no_data() -> None:
    assert share({}).percent is None
    assert share({State.NOT_OFFERED: 24}).percent is None
    assert share({State.OPEN: 1}).percent == 0


@pytest.mark.parametrize(
    ("took", "asked", "percent"), [(1, 3, 33), (2, 3, 67), (1, 8, 13), (1, 200, 1), (1, 201, 0), (24, 24, 100)]
)
def test_half_percents_are_rounded_up(took: int, asked: int, percent: int) -> None:
    assert share({State.DONE: took, State.UNANSWERED: asked - took}).percent == percent


@given(NUMBERS)
def test_everyone_asked_is_in_one_place(numbers: dict[State, int]) -> None:
    counted = share(numbers)
    assert counted.took_part + counted.excused + counted.waiting + counted.unanswered + counted.absent == counted.asked
    assert counted.asked == sum(numbers.values()) - numbers.get(State.NOT_OFFERED, 0)
    assert counted.took_part == sum(numbers.get(state, 0) for state in TOOK_PART)
    if counted.asked:
        assert counted.percent is not None
        assert 0 <= counted.percent <= 100
        assert abs(Fraction(counted.percent) - Fraction(100 * counted.took_part, counted.asked)) <= Fraction(1, 2)


@given(st.dates(date(1900, 1, 1), date(2200, 1, 1)))
def test_a_week_begins_on_monday(day: date) -> None:
    assert monday(day).weekday() == 0
    assert timedelta(0) <= day - monday(day) < timedelta(days=7)


def test_weeks_add_up_their_days_branch_by_branch() -> None:
    days = [
        ("east", date(2026, 6, 29), share({State.DONE: 2, State.EXCUSED: 1})),
        ("east", date(2026, 7, 5), share({State.DONE: 3})),
        ("east", date(2026, 7, 6), share({State.OPEN: 4})),
        ("west", date(2026, 7, 5), share({State.DONE: 1})),
    ]
    assert by_week(days) == {
        "east": {
            date(2026, 6, 29): share({State.DONE: 5, State.EXCUSED: 1}),
            date(2026, 7, 6): share({State.OPEN: 4}),
        },
        "west": {date(2026, 6, 29): share({State.DONE: 1})},
    }


@given(st.lists(NUMBERS))
def test_shares_add_up_as_their_numbers_do(several: list[dict[State, int]]) -> None:
    together: Counter[State] = Counter()
    for numbers in several:
        together.update(numbers)
    assert add(share(numbers) for numbers in several) == share(together)


DAYS = st.dates(date(2025, 11, 1), date(2027, 2, 28))


@given(st.none() | DAYS, st.none() | DAYS, DAYS)
def test_months_and_edges_hold_each_day_of_a_stretch_once(since: date | None, until: date | None, day: date) -> None:
    apart = months(since, until)
    month = day.replace(day=1)
    in_months = (
        not apart.none
        and (apart.since is None or month >= apart.since)
        and (apart.before is None or month < apart.before)
    )
    in_edges = sum((first is None or day >= first) and (last is None or day <= last) for first, last in apart.edges)
    inside = (since is None or day >= since) and (until is None or day <= until)
    assert in_months + in_edges == int(inside)
