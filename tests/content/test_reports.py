"""Quarters: every day lies in exactly one, and they follow on one another without a gap."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from content.reports import Quarter, quarter_of, read_quarter


@given(st.dates(min_value=date(2000, 1, 1), max_value=date(2098, 12, 31)))
def test_a_day_lies_in_its_quarter_and_quarters_leave_no_gap(day: date) -> None:
    found = quarter_of(day)
    assert found.since <= day <= found.until
    assert found.after.since == found.until + timedelta(days=1)
    assert found.after.before == found
    assert read_quarter(str(found)) == found
    assert found.months[0][0] == found.since
    assert found.months[2][1] == found.until
    assert all(one[1] + timedelta(days=1) == two[0] for one, two in zip(found.months, found.months[1:], strict=False))


@pytest.mark.parametrize("written", ["2026-0", "2026-5", "2026-11", "26-1", "2026-1 ", "x"])
def test_what_is_no_quarter_is_not_read_as_one(written: str) -> None:
    assert read_quarter(written) is None


def test_the_first_quarter_follows_the_fourth() -> None:
    assert Quarter(year=2026, number=4).after == Quarter(year=2027, number=1)
