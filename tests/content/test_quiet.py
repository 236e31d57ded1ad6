"""Quiet hours: nine in the evening is quiet, eight in the morning is not, and make-up Saturdays are working days."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from content.decision import Decision
from content.occurrences import OccurrenceHeld, OccurrenceMissed, OccurrenceOpened, open_occurrence
from content.quiet import QuietDays, free_at, is_hours, quiet_from
from content.workdays import calendar
from tests.content.test_occurrences import DUE, EAST_STAGE, SEATS, occurrence

KNOWN = calendar()


def free(hours: str, days: str, at: str, zone: str = "Asia/Shanghai") -> str:
    instant = datetime.fromisoformat(at).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
    found = free_at(quiet_from(hours, days, zone), instant, KNOWN)
    return found.astimezone(ZoneInfo(zone)).strftime("%Y-%m-%dT%H:%M")


@pytest.mark.parametrize(
    ("hours", "days", "at", "until"),
    [
        ("21-8", "none", "2026-07-01T20:59", "2026-07-01T20:59"),
        ("21-8", "none", "2026-07-01T21:00", "2026-07-02T08:00"),
        ("21-8", "none", "2026-07-02T07:59", "2026-07-02T08:00"),
        ("21-8", "none", "2026-07-02T08:00", "2026-07-02T08:00"),
        ("12-14", "none", "2026-07-02T12:30", "2026-07-02T14:00"),
        ("none", "none", "2026-07-04T03:00", "2026-07-04T03:00"),
        # A Friday night waits for Monday; the Saturday after the Spring Festival is worked, and so is its 14th.
        ("21-8", "rest", "2026-07-03T22:00", "2026-07-06T08:00"),
        ("21-8", "rest", "2026-02-27T22:00", "2026-02-28T08:00"),
        ("none", "rest", "2026-02-14T10:00", "2026-02-14T10:00"),
        ("21-8", "rest", "2026-02-14T21:30", "2026-02-24T08:00"),
        ("none", "rest", "2026-02-16T10:00", "2026-02-24T00:00"),
        # An ordinary weekend is no public holiday.
        ("none", "holidays", "2026-07-04T10:00", "2026-07-04T10:00"),
        ("none", "holidays", "2026-10-03T10:00", "2026-10-08T00:00"),
    ],
)
def test_what_falls_into_quiet_hours_waits_until_they_end(hours: str, days: str, at: str, until: str) -> None:
    assert free(hours, days, at) == until


def test_the_end_of_quiet_hours_lies_on_the_clock_that_was_put_forward() -> None:
    assert free("22-2", "none", "2026-03-07T23:00", "America/New_York") == "2026-03-08T03:00"


@settings(max_examples=60)
@given(
    st.integers(0, 365 * 24 * 60).map(lambda minutes: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)),
    st.sampled_from(["none", "21-8", "22-7", "12-14", "0-23"]),
    st.sampled_from(list(QuietDays)),
    st.sampled_from(["Asia/Shanghai", "America/New_York", "Australia/Lord_Howe"]),
)
def test_the_instant_found_is_loud_never_earlier_and_at_most_a_long_holiday_away(
    at: datetime, hours: str, days: QuietDays, zone: str
) -> None:
    quiet = quiet_from(hours, days, zone)
    found = free_at(quiet, at, KNOWN)
    assert at <= found <= at + timedelta(days=12)
    assert free_at(quiet, found, KNOWN) == found


@pytest.mark.parametrize(
    ("written", "possible"),
    [("none", True), ("21-8", True), ("0-23", True), ("8-8", False), ("24-8", False), ("21", False), ("", False)],
)
def test_hours_are_two_full_ones(written: str, possible: bool) -> None:
    assert is_hours(written) is possible


def opened(minutes: int, *, urgent: bool = False, overtaken: bool = False) -> object:
    now = DUE + timedelta(minutes=minutes)
    one = replace(occurrence(late=10), urgent=urgent)
    free = datetime.combine(DUE.date() + timedelta(days=1), time(8), UTC)
    answer = open_occurrence(one, seats=SEATS, stages=[EAST_STAGE], parts=1, now=now, free_at=free, overtaken=overtaken)
    assert isinstance(answer, Decision)
    return answer.facts[0]


def test_what_is_due_in_quiet_hours_is_held_and_what_is_urgent_is_not() -> None:
    held = opened(5)
    assert isinstance(held, OccurrenceHeld)
    assert held.until.hour == 8
    assert isinstance(opened(5, urgent=True), OccurrenceOpened)


def test_what_is_too_late_is_not_held_and_of_a_series_only_the_newest_goes_out() -> None:
    late, older = opened(11), opened(5, overtaken=True)
    assert isinstance(late, OccurrenceMissed)
    assert isinstance(older, OccurrenceMissed)
    assert (late.reason, older.reason) == ("too_late", "overtaken")
