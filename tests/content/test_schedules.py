"""When things fall due: plain days, clocks that jump, and rules that cannot be meant."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from content.decision import Decision, Refusal
from content.identifiers import LessonId, OrganisationId, ScheduleId, UserId
from content.lectures import Lecture, Session
from content.lessons import Kind, Lesson
from content.recurrences import OffDays, Recurrence
from content.schedules import (
    MOST_OCCURRENCES,
    LessonsScheduled,
    Schedule,
    foreseen,
    instant,
    materialise,
    refuse_unannounced,
    schedule_lessons,
)

WHO = UserId("@who:test")
NOW = datetime(2026, 7, 1, 0, 0, tzinfo=UTC)
ZONES = (
    "Asia/Shanghai",
    "America/New_York",
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "Africa/Cairo",
    "Asia/Kathmandu",
    "UTC",
)


def rule(**more: Any) -> Schedule:
    usual: dict[str, Any] = {
        "id": ScheduleId("rule"),
        "owner": OrganisationId("roof"),
        "audience": OrganisationId("roof"),
        "lessons": (LessonId("a"),),
        "recurrence": Recurrence.ONCE,
        "start": date(2026, 7, 2),
        "at": time(8, 0),
        "timezone": "Asia/Shanghai",
        "window": timedelta(hours=2),
        "late": timedelta(minutes=10),
    }
    return Schedule(**{**usual, **more})


@pytest.mark.parametrize(
    ("zone", "wall", "utc"),
    [
        ("Asia/Shanghai", "2026-07-02T08:00", "2026-07-02T00:00"),
        ("Asia/Kathmandu", "2026-07-02T08:00", "2026-07-02T02:15"),
        # New York: 02:00 to 03:00 is left out on 8 March 2026, 01:00 to 02:00 comes twice on 1 November.
        ("America/New_York", "2026-03-08T01:59", "2026-03-08T06:59"),
        ("America/New_York", "2026-03-08T02:00", "2026-03-08T07:00"),
        ("America/New_York", "2026-03-08T02:30", "2026-03-08T07:00"),
        ("America/New_York", "2026-03-08T03:00", "2026-03-08T07:00"),
        ("America/New_York", "2026-11-01T01:30", "2026-11-01T05:30"),
        ("America/New_York", "2026-11-01T02:00", "2026-11-01T07:00"),
        # Lord Howe moves by half an hour only: 02:00 to 02:30 is left out on 4 October 2026.
        ("Australia/Lord_Howe", "2026-10-04T02:15", "2026-10-03T15:30"),
        ("Australia/Lord_Howe", "2026-10-04T02:30", "2026-10-03T15:30"),
        ("Australia/Lord_Howe", "2026-04-05T01:45", "2026-04-04T14:45"),
        # Apia had no 30 December 2011.
        ("Pacific/Apia", "2011-12-29T23:00", "2011-12-30T09:00"),
        ("Pacific/Apia", "2011-12-30T08:00", "2011-12-30T10:00"),
        ("Pacific/Apia", "2011-12-31T00:00", "2011-12-30T10:00"),
        # Cairo leaves out midnight to one o'clock on 24 April 2026.
        ("Africa/Cairo", "2026-04-24T00:00", "2026-04-23T22:00"),
        ("Africa/Cairo", "2026-04-24T00:30", "2026-04-23T22:00"),
        ("Africa/Cairo", "2026-04-24T01:00", "2026-04-23T22:00"),
    ],
)
def test_wall_times_become_instants(zone: str, wall: str, utc: str) -> None:
    """F19."""
    local = datetime.fromisoformat(wall)
    assert instant(local.date(), local.time(), zone) == datetime.fromisoformat(utc).replace(tzinfo=UTC)


@given(
    st.dates(date(1990, 1, 1), date(2040, 1, 1)),
    st.times().map(lambda at: at.replace(microsecond=0)),
    st.sampled_from(ZONES),
)
def test_an_instant_shows_its_wall_time_or_the_first_one_after_it(day: date, at: time, zone: str) -> None:
    meant = datetime.combine(day, at)
    found = instant(day, at, zone)
    shown = found.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
    assert shown >= meant
    if shown != meant:
        second_before = (found - timedelta(seconds=1)).astimezone(ZoneInfo(zone)).replace(tzinfo=None)
        assert second_before < meant


@given(
    st.dates(date(2026, 7, 2), date(2030, 1, 1)),
    st.sampled_from([time(0, 0), time(2, 15), time(2, 30), time(8, 0), time(23, 59)]),
    st.sampled_from(ZONES),
    st.frozensets(st.integers(0, 6), min_size=1),
    st.integers(1, 60),
)
def test_a_weekly_rule_yields_its_days_in_order_and_always_the_same(
    start: date, at: time, zone: str, weekdays: frozenset[int], count: int
) -> None:
    weekly = rule(recurrence=Recurrence.WEEKLY, start=start, at=at, timezone=zone, weekdays=weekdays, count=count)
    planned = materialise(weekly)
    assert len(planned) == count
    assert all(one.local_date.weekday() in weekdays and one.local_date >= start for one in planned)
    assert all(earlier.due_at < later.due_at for earlier, later in pairwise(planned))
    assert len({one.id for one in planned}) == count
    assert materialise(weekly) == planned
    longer = materialise(replace(weekly, count=count + 3))
    assert longer[:count] == planned


def test_lessons_are_taught_in_turn_and_begin_anew() -> None:
    two = (LessonId("a"), LessonId("b"))
    weekly = rule(lessons=two, recurrence=Recurrence.WEEKLY, weekdays=frozenset({0, 3}), count=5)
    assert [one.lesson for one in materialise(weekly)] == ["a", "b", "a", "b", "a"]
    assert [one.local_date.isoformat() for one in materialise(weekly)] == [
        "2026-07-02",
        "2026-07-06",
        "2026-07-09",
        "2026-07-13",
        "2026-07-16",
    ]


def test_a_single_rule_yields_its_date() -> None:
    assert [one.local_date for one in materialise(rule(count=7))] == [date(2026, 7, 2)]


def test_a_rule_that_makes_sense_is_accepted_with_everything_it_yields() -> None:
    answer = schedule_lessons(rule(), author=WHO, now=NOW)
    assert isinstance(answer, Decision)
    (fact,) = answer.facts
    assert fact == LessonsScheduled(schedule=rule(), planned=materialise(rule()), author=WHO)


DRIP: dict[str, Any] = {
    "recurrence": Recurrence.DRIP,
    "lessons": (LessonId("a"), LessonId("b")),
    "on_days": (1, 3),
    "count": 2,
}


def test_each_lesson_of_a_drip_has_its_day() -> None:
    planned = materialise(rule(**DRIP))
    assert [(one.lesson, (one.local_date - planned[0].local_date).days) for one in planned] == [("a", 0), ("b", 2)]
    assert isinstance(schedule_lessons(rule(**DRIP), author=WHO, now=NOW), Decision)


@pytest.mark.parametrize(
    ("change", "key", "field"),
    [
        ({"lessons": ()}, "schedule.no_lesson", "lessons"),
        ({"lessons": (LessonId("a"), LessonId("b"))}, "schedule.one_at_a_time", "when"),
        ({"recurrence": Recurrence.WEEKLY}, "schedule.no_weekday", "weekdays"),
        ({"recurrence": Recurrence.WEEKLY, "weekdays": frozenset({7})}, "schedule.no_weekday", "weekdays"),
        ({"count": 0}, "schedule.count_out_of_range", "count"),
        ({"count": MOST_OCCURRENCES + 1}, "schedule.count_out_of_range", "count"),
        ({"window": timedelta(minutes=4)}, "schedule.window_too_short", "window"),
        ({"start": date(2032, 1, 1)}, "schedule.too_far", "date"),
        ({"start": date(9999, 12, 31)}, "schedule.too_far", "date"),
        ({"start": date(2026, 7, 1), "at": time(7, 58)}, "schedule.in_the_past", "date"),
        ({"start": date(1, 1, 2)}, "schedule.in_the_past", "date"),
        (DRIP | {"on_days": ()}, "schedule.bad_days", "on_days"),
        (DRIP | {"on_days": (0, 3)}, "schedule.bad_days", "on_days"),
        (DRIP | {"on_days": (3, 3)}, "schedule.bad_days", "on_days"),
        (DRIP | {"on_days": (1, 367)}, "schedule.days_too_far", "on_days"),
        (DRIP | {"on_days": (1,), "count": 1}, "schedule.day_for_each", "on_days"),
        (DRIP | {"off_days": OffDays.SKIP}, "schedule.drip_skips", "off_days"),
    ],
)
def test_a_rule_that_cannot_be_meant_is_refused_at_its_field(change: dict[str, Any], key: str, field: str) -> None:
    answer = schedule_lessons(rule(**change), author=WHO, now=NOW)
    assert isinstance(answer, Refusal)
    assert (answer.words.key, answer.field) == (key, field)


def test_now_is_not_the_past() -> None:
    assert isinstance(schedule_lessons(rule(start=date(2026, 7, 1)), author=WHO, now=NOW), Decision)
    within_the_minute = NOW + timedelta(seconds=60)
    assert isinstance(schedule_lessons(rule(start=date(2026, 7, 1)), author=WHO, now=within_the_minute), Decision)


@pytest.mark.parametrize("kind", [Kind.LECTURE, Kind.BULLETIN])
def test_a_lecture_and_a_bulletin_are_not_planned_in_sessions(kind: Kind) -> None:
    given = Session(begins=NOW + timedelta(days=9), place="二楼会议室")
    told = Lecture(speaker="陈老师", sessions=(given,)) if kind is Kind.LECTURE else None
    lesson = Lesson(id=LessonId("a"), owner=OrganisationId("roof"), kind=kind, title="题", body="文", lecture=told)
    for sessions, key in (((), None), ((timedelta(days=5),), "schedule.no_sessions")):
        wanted = rule(recurrence=Recurrence.ONCE, count=1, sessions=sessions)
        answer = refuse_unannounced(wanted, [lesson], foreseen(wanted, NOW))
        assert (answer.words.key if answer is not None else None) == key


@settings(deadline=None, max_examples=40)
@given(
    start=st.dates(date(2026, 1, 1), date(2027, 12, 31)),
    at=st.times().map(lambda one: one.replace(second=0, microsecond=0, tzinfo=None, fold=0)),
    zone=st.sampled_from(ZONES),
    lengths=st.lists(st.integers(30, 7 * 1_440), min_size=1, max_size=2, unique=True).map(sorted),
)
def test_sessions_keep_their_distance_on_the_wall_over_every_change_of_clocks_and_end_of_a_year(
    start: date, at: time, zone: str, lengths: list[int]
) -> None:
    sessions = tuple(timedelta(minutes=length) for length in lengths)
    daily = rule(recurrence=Recurrence.WEEKLY, weekdays=frozenset(range(7)), start=start, at=at, timezone=zone, count=5)
    alone, planned = materialise(daily), materialise(replace(daily, sessions=sessions))
    assert tuple(one for one in planned if not one.session) == alone
    assert len({one.id for one in planned}) == len(planned) == len(alone) * (1 + len(sessions))
    for one in planned:
        first = next(each for each in alone if each.meant == one.meant)
        wall = datetime.combine(first.local_date, at) + (timedelta(), *sessions)[one.session]
        assert (one.local_date, one.due_at) == (wall.date(), instant(wall.date(), wall.time(), zone))
        assert one.lesson == first.lesson
