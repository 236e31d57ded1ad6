"""On which days rules fall: by RFC 5545, by working days around the Spring Festival, on the 31st and in leap years."""

from __future__ import annotations

from calendar import monthrange
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from content.identifiers import LessonId, OrganisationId, ScheduleId
from content.recurrences import OffDays, Pattern, Recurrence, days
from content.schedules import Schedule, late_after, materialise
from content.workday_lists import Day as Workday
from content.workdays import Source, calendar

KNOWN = calendar()
STARTS = st.dates(date(2023, 1, 1), date(2026, 12, 31))
ZONES = ("Asia/Shanghai", "America/New_York", "Australia/Lord_Howe", "Africa/Cairo", "Europe/London", "Asia/Kathmandu")
OF_THE_CALENDAR = (Recurrence.WEEKLY, Recurrence.MONTHLY, Recurrence.WEEKDAY, Recurrence.YEARLY)


def found(**pattern: Any) -> list[str]:
    return [day.on.isoformat() for day in days(Pattern(**pattern), KNOWN)]


def is_meant(day: date, pattern: Pattern) -> bool:
    """Tell of one day whether RFC 5545 means it by such a rule."""
    start, nth = pattern.start, pattern.nth
    last = monthrange(day.year, day.month)[1]
    months = (day.year - start.year) * 12 + day.month - start.month
    weeks = (day - timedelta(days=day.weekday()) - (start - timedelta(days=start.weekday()))).days // 7
    match pattern.recurrence:
        case Recurrence.WEEKLY:
            return day.weekday() in pattern.weekdays and weeks % pattern.every == 0
        case Recurrence.MONTHLY:
            return months % pattern.every == 0 and day.day == (nth if nth > 0 else last + 1 + nth)
        case Recurrence.WEEKDAY:
            place = (day.day - 1) // 7 + 1 if nth > 0 else -((last - day.day) // 7 + 1)
            return months % pattern.every == 0 and day.weekday() in pattern.weekdays and place == nth
        case _:
            same = (day.month, day.day) == (start.month, start.day)
            return same and (day.year - start.year) % pattern.every == 0


@settings(max_examples=50)
@given(
    st.sampled_from(OF_THE_CALENDAR),
    STARTS,
    st.frozensets(st.integers(0, 6), min_size=1, max_size=4),
    st.integers(1, 3),
    st.sampled_from([1, 2, 4, 5, 15, 29, 30, 31, -1, -2]),
)
def test_a_rule_yields_what_rfc_5545_says_of_it(
    kind: Recurrence, start: date, weekdays: frozenset[int], every: int, nth: int
) -> None:
    if kind is Recurrence.WEEKDAY:
        weekdays, nth = frozenset({min(weekdays)}), max(-2, min(nth, 5))
    pattern = Pattern(recurrence=kind, start=start, weekdays=weekdays, every=every, nth=nth, count=0)
    until = start + timedelta(days=500)
    one_by_one = [start + timedelta(days=number) for number in range(501)]
    expected = [day for day in one_by_one if is_meant(day, pattern)]
    assert [day.on for day in days(pattern, KNOWN, until=until)] == expected


@settings(max_examples=60)
@given(st.sampled_from(list(Recurrence)), STARTS, st.sampled_from(list(OffDays)), st.integers(1, 4))
def test_dates_come_in_order_once_each_and_on_working_days_where_that_is_asked(
    kind: Recurrence, start: date, off_days: OffDays, every: int
) -> None:
    pattern = Pattern(
        recurrence=kind,
        start=start,
        weekdays=frozenset({5}),
        every=every,
        nth=2,
        off_days=off_days,
        count=12,
        on_days=tuple(range(1, 12 * every, every)),
    )
    yielded = list(days(pattern, KNOWN))
    assert all(earlier.on < later.on for earlier, later in pairwise(yielded))
    assert len({day.meant for day in yielded}) == len(yielded) <= 12
    by_workdays = kind in (Recurrence.WORKDAYS, Recurrence.WORKDAY, Recurrence.OF_WEEK)
    if kind is not Recurrence.ONCE and (by_workdays or off_days is not OffDays.KEEP):
        assert all(KNOWN.works(day.on) for day in yielded)
    for day in yielded:
        assert not day.confirmed or not by_workdays or KNOWN.source(day.on.year) is not Source.NONE


def test_every_working_day_works_on_the_make_up_saturdays_around_the_spring_festival() -> None:
    """The holiday of 2026 is 15 to 23 February; Saturdays 14 and 28 are worked to make up."""
    assert found(recurrence=Recurrence.WORKDAYS, start=date(2026, 2, 12), count=7) == [
        *("2026-02-12", "2026-02-13", "2026-02-14"),
        *("2026-02-24", "2026-02-25", "2026-02-26", "2026-02-27"),
    ]


@pytest.mark.parametrize(
    ("off_days", "on"),
    [
        (OffDays.KEEP, ["2026-02-13", "2026-02-20", "2026-02-27"]),
        (OffDays.SKIP, ["2026-02-13", "2026-02-27", "2026-03-06"]),
        (OffDays.PREVIOUS, ["2026-02-13", "2026-02-14", "2026-02-27"]),
        (OffDays.NEXT, ["2026-02-13", "2026-02-24", "2026-02-27"]),
    ],
)
def test_a_day_of_rest_is_kept_skipped_or_moved(off_days: OffDays, on: list[str]) -> None:
    weekly = {"recurrence": Recurrence.WEEKLY, "weekdays": frozenset({4})}
    assert found(**weekly, start=date(2026, 2, 13), off_days=off_days, count=3) == on


def test_a_drip_comes_on_its_days_after_the_start() -> None:
    drip = {"recurrence": Recurrence.DRIP, "start": date(2026, 3, 2), "on_days": (1, 3, 7), "count": 3}
    assert found(**drip) == ["2026-03-02", "2026-03-04", "2026-03-08"]


def test_of_a_drip_no_lesson_is_left_out_over_a_holiday() -> None:
    """The holiday of 2026 is 1 to 7 October; Saturday 10 is worked to make up."""
    drip = {"recurrence": Recurrence.DRIP, "start": date(2026, 9, 30), "on_days": (1, 3, 4, 9), "count": 4}
    on_next = ["2026-09-30", "2026-10-08", "2026-10-09", "2026-10-10"]
    assert found(**drip, off_days=OffDays.NEXT) == on_next
    assert found(**drip, off_days=OffDays.PREVIOUS) == on_next


def test_the_31st_comes_in_seven_months_and_the_last_day_in_all() -> None:
    monthly = {"recurrence": Recurrence.MONTHLY, "start": date(2026, 1, 1)}
    assert [day[5:] for day in found(**monthly, nth=31, count=4)] == ["01-31", "03-31", "05-31", "07-31"]
    assert [day[5:] for day in found(**monthly, nth=-1, count=4)] == ["01-31", "02-28", "03-31", "04-30"]


def test_a_leap_day_comes_in_leap_years() -> None:
    assert found(recurrence=Recurrence.YEARLY, start=date(2024, 2, 29), count=2) == ["2024-02-29", "2028-02-29"]


@pytest.mark.parametrize(("nth", "on"), [(1, "2026-10-08"), (3, "2026-10-10"), (-1, "2026-10-30")])
def test_the_nth_working_day_of_a_month_knows_the_holidays(nth: int, on: str) -> None:
    assert found(recurrence=Recurrence.WORKDAY, start=date(2026, 10, 1), nth=nth, count=1) == [on]


def test_the_last_working_day_of_a_week_may_be_its_saturday_or_none() -> None:
    weekly = {"recurrence": Recurrence.OF_WEEK, "start": date(2026, 2, 9), "nth": -1}
    assert found(**weekly, count=3) == ["2026-02-14", "2026-02-28", "2026-03-06"]


def test_what_passes_through_a_year_without_a_list_is_not_confirmed() -> None:
    around = Pattern(recurrence=Recurrence.WORKDAYS, start=date(2026, 12, 31), count=2)
    assert [(day.on.year, day.confirmed) for day in days(around, KNOWN)] == [(2026, True), (2027, False)]
    listed = calendar({2027}, [Workday(date=date(2027, 1, 1), works=False, name="")])
    assert [(day.on, day.confirmed) for day in days(around, listed)][1] == (date(2027, 1, 4), True)


def rule(**more: Any) -> Schedule:
    usual: dict[str, Any] = {
        "id": ScheduleId("rule"),
        "owner": OrganisationId("roof"),
        "audience": OrganisationId("roof"),
        "lessons": (LessonId("a"), LessonId("b")),
        "recurrence": Recurrence.WEEKLY,
        "weekdays": frozenset(range(7)),
        "start": date(2026, 3, 1),
        "at": time(2, 30),
        "timezone": "America/New_York",
        "window": timedelta(hours=2),
        "late": timedelta(minutes=10),
        "count": 30,
    }
    return Schedule(**{**usual, **more})


@settings(max_examples=60)
@given(
    st.sampled_from(ZONES),
    st.times().map(lambda at: at.replace(second=0, microsecond=0)),
    st.sampled_from([date(2026, 3, 1), date(2026, 4, 1), date(2026, 9, 25), date(2026, 10, 20), date(2026, 3, 25)]),
)
def test_over_a_change_of_the_clocks_each_day_has_one_occurrence_at_its_wall_time_or_just_after(
    zone: str, at: time, start: date
) -> None:
    """F19: gap and overlap in several zones."""
    planned = materialise(rule(timezone=zone, at=at, start=start))
    assert len({one.local_date for one in planned}) == len({one.due_at for one in planned}) == 30
    for one in planned:
        shown = one.due_at.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
        assert timedelta(0) <= shown - datetime.combine(one.local_date, at) <= timedelta(hours=1)


@pytest.mark.parametrize(
    ("due", "zone", "hours"),
    [
        ("2026-07-01T00:00", "Asia/Shanghai", 16),
        ("2026-03-08T05:00", "America/New_York", 23),
        ("2026-11-01T04:00", "America/New_York", 25),
    ],
)
def test_until_the_day_ends_is_as_long_as_that_day_is(due: str, zone: str, hours: int) -> None:
    at = datetime.fromisoformat(due).replace(tzinfo=UTC)
    assert late_after(at, None, zone) == timedelta(hours=hours)


def test_a_rule_without_end_is_planned_sixty_days_ahead() -> None:
    planned = materialise(rule(count=0))
    assert (planned[0].local_date, planned[-1].local_date) == (date(2026, 3, 1), date(2026, 4, 30))
