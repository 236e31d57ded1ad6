"""A digest is due by the clock of its place, tells whole weeks or months, and gives way to a newer one."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from content.decision import Decision, words
from content.digests import (
    Bar,
    Digest,
    DigestPlanned,
    DigestSettled,
    Due,
    Fate,
    Planned,
    PostDigest,
    Rhythm,
    Sort,
    bars_of,
    chart,
    compose,
    is_rhythm,
    last_due,
    next_due,
    replan,
    rhythm_from,
    settle,
    stretch,
    stretches,
)
from content.identifiers import OrganisationId, RoomId
from content.participation import Share, share

EAST, ROOM = OrganisationId("east"), RoomId("!east:test")
MONDAY = Rhythm(sort=Sort.WEEKLY, day=1, at=time(9), timezone="Asia/Shanghai")
FIRST = Rhythm(sort=Sort.MONTHLY, day=1, at=time(9), timezone="Asia/Shanghai")
NOON = datetime(2026, 11, 24, 4, tzinfo=UTC)
"""A Tuesday, twelve o'clock in Shanghai."""

SOME = Share(took_part=18, asked=22, excused=3, waiting=1, unanswered=0)


def digest(**more: Any) -> Digest:
    usual: dict[str, Any] = {
        "sort": Sort.WEEKLY,
        "place": "东支部",
        "since": date(2026, 11, 16),
        "until": date(2026, 11, 22),
        "held": 2,
        "titles": ("安全", "党课"),
        "share": SOME,
        "bars": (Bar(label="11-09", share=share({})), Bar(label="11-16", share=SOME)),
        "planned": ((NOON, "主题党日"),),
    }
    return Digest(**usual | more)


def planned(on: date, rhythm: Rhythm = MONDAY) -> Planned:
    at = next_due(rhythm, datetime(on.year, on.month, on.day, tzinfo=UTC) - timedelta(hours=9)).at
    return Planned(organisation=EAST, sort=rhythm.sort, due=Due(on=on, at=at))


def keys(**more: Any) -> list[str]:
    lines = compose(digest(**more)).parameters["lines"]
    assert isinstance(lines, tuple)
    return [one.key for one in lines]


@pytest.mark.parametrize(
    ("sort", "value", "good"),
    [
        (Sort.WEEKLY, "none", True),
        (Sort.WEEKLY, "7-23", True),
        (Sort.WEEKLY, "0-9", False),
        (Sort.WEEKLY, "8-9", False),
        (Sort.WEEKLY, "1-24", False),
        (Sort.MONTHLY, "28-0", True),
        (Sort.MONTHLY, "29-9", False),
        (Sort.MONTHLY, "", False),
    ],
)
def test_a_setting_is_a_day_that_every_week_or_month_has_and_a_full_hour(sort: Sort, value: str, good: bool) -> None:
    assert is_rhythm(sort)(value) is good
    assert (rhythm_from(sort, value, "UTC") is not None) is (good and value != "none")


def test_it_is_due_by_the_clock_of_its_place() -> None:
    assert next_due(MONDAY, NOON) == Due(on=date(2026, 11, 30), at=datetime(2026, 11, 30, 1, tzinfo=UTC))
    assert last_due(MONDAY, NOON) == Due(on=date(2026, 11, 23), at=datetime(2026, 11, 23, 1, tzinfo=UTC))
    at = datetime(2026, 12, 1, 1, tzinfo=UTC)
    assert (last_due(FIRST, at).at, next_due(FIRST, at).on) == (at, date(2027, 1, 1))
    # At this time the clocks go forward in New York, and three is the first instant after the gap.
    gap = Rhythm(sort=Sort.WEEKLY, day=7, at=time(2), timezone="America/New_York")
    assert next_due(gap, datetime(2026, 3, 7, 12, tzinfo=UTC)).at == datetime(2026, 3, 8, 7, tzinfo=UTC)


@given(
    st.sampled_from([MONDAY, FIRST, replace(FIRST, day=28), replace(MONDAY, timezone="America/New_York", day=7)]),
    st.integers(0, 3 * 365 * 24 * 60),
)
def test_between_two_times_at_which_it_is_due_there_is_no_other(rhythm: Rhythm, minutes: int) -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
    before, after = last_due(rhythm, now), next_due(rhythm, now)
    assert before.at <= now < after.at
    assert next_due(rhythm, before.at) == after
    assert last_due(rhythm, after.at) == after


def test_it_tells_of_the_seven_days_or_the_month_before() -> None:
    assert stretch(Sort.WEEKLY, date(2026, 11, 23)) == (date(2026, 11, 16), date(2026, 11, 22))
    assert stretch(Sort.MONTHLY, date(2026, 3, 5)) == (date(2026, 2, 1), date(2026, 2, 28))
    weeks, months = stretches(Sort.WEEKLY, date(2026, 11, 23)), stretches(Sort.MONTHLY, date(2026, 3, 5))
    assert (len(weeks), weeks[-1], weeks[0][0]) == (8, (date(2026, 11, 16), date(2026, 11, 22)), date(2026, 9, 28))
    assert (len(months), months[-1], months[0]) == (
        6,
        (date(2026, 2, 1), date(2026, 2, 28)),
        (date(2025, 9, 1), date(2025, 9, 30)),
    )


def test_what_still_waits_is_told_to_a_committee_and_not_to_a_branch() -> None:
    still = {"missed": 2, "corrections": 1, "address": "https://console.test/participation"}
    assert keys(**still) == [
        *("digest.head_weekly", "digest.held", "digest.took_part", "digest.waiting_open", "digest.waiting_missed"),
        *("digest.waiting_corrections", "digest.planned", "digest.address"),
    ]
    assert keys(sort=Sort.MONTHLY) == ["digest.head_monthly", "digest.held", "digest.took_part", "digest.planned"]


def test_no_data_is_said_and_is_not_nought() -> None:
    assert keys(share=share({}), held=0, planned=()) == [
        "digest.head_weekly",
        "digest.nothing_held",
        "digest.nothing_planned",
    ]
    said = chart(digest())
    assert bars_of(said) == (("11-09", None), ("11-16", 82))
    assert [one.key for one in said.parameters["lines"]] == ["digest.bar_none", "digest.bar"]  # type: ignore[union-attr]


def told(on: date, now: datetime, **how: Any) -> tuple[list[tuple[str, Any]], int]:
    usual: dict[str, Any] = {"rhythm": MONDAY, "room": ROOM, "digest": digest()}
    answer = settle(planned(on), now=now, **usual | how)
    assert isinstance(answer, Decision)
    facts = [
        (one.fate, one.on) if isinstance(one, DigestSettled) else ("next", one.due.on)
        for one in answer.facts
        if isinstance(one, DigestSettled | DigestPlanned)
    ]
    return facts, len(answer.effects)


def test_it_is_told_and_the_next_one_planned() -> None:
    monday, following = date(2026, 11, 23), date(2026, 11, 30)
    assert told(monday, NOON) == ([(Fate.POSTED, monday), ("next", following)], 1)
    (effect,) = settle(planned(monday), rhythm=MONDAY, room=ROOM, digest=digest(), now=NOON).effects
    assert isinstance(effect, PostDigest)
    assert effect.expires_at == datetime(2026, 11, 30, 1, tzinfo=UTC)


def test_after_weeks_away_only_the_newest_is_told() -> None:
    old, newest = date(2026, 11, 2), date(2026, 11, 23)
    assert told(old, NOON) == ([(Fate.REPLACED, old), ("next", newest)], 0)


def test_what_nobody_wants_any_more_or_has_no_room_is_let_go() -> None:
    monday = date(2026, 11, 23)
    assert told(monday, NOON, rhythm=None) == ([(Fate.DROPPED, monday)], 0)
    assert told(monday, NOON, room=None) == ([(Fate.DROPPED, monday)], 0)
    friday = replace(MONDAY, day=5)
    assert told(monday, NOON, rhythm=friday) == ([(Fate.DROPPED, monday), ("next", date(2026, 11, 27))], 0)


def test_where_there_is_nothing_to_tell_nothing_is_told() -> None:
    nothing = digest(held=0, planned=(), share=share({}))
    assert told(date(2026, 11, 23), NOON, digest=nothing)[0][0] == (Fate.EMPTY, date(2026, 11, 23))


def test_what_is_wanted_is_planned_once_and_moves_with_the_setting() -> None:
    (first,) = replan([(EAST, MONDAY)], [], (), now=NOON)
    assert isinstance(first, DigestPlanned)
    there = Planned(organisation=EAST, sort=Sort.WEEKLY, due=first.due)
    assert replan([(EAST, MONDAY)], [there], (), now=NOON) == ()
    dropped, again = replan([(EAST, replace(MONDAY, day=5))], [there], (), now=NOON)
    assert isinstance(dropped, DigestSettled)
    assert isinstance(again, DigestPlanned)
    assert (dropped.fate, again.due.on) == (Fate.DROPPED, date(2026, 11, 27))
    assert [type(one) for one in replan([], [there], (), now=NOON)] == [DigestSettled]
    assert replan([(EAST, MONDAY)], [planned(date(2026, 11, 23))], (), now=NOON) == (), "what is due is left alone"


def test_a_day_on_which_one_was_told_has_had_it() -> None:
    evening = replace(MONDAY, at=time(18))
    morning = datetime(2026, 11, 23, 2, tzinfo=UTC)
    (one,) = replan([(EAST, evening)], [], {(EAST, Sort.WEEKLY, date(2026, 11, 23))}, now=morning)
    assert isinstance(one, DigestPlanned)
    assert one.due.on == date(2026, 11, 30)


def test_what_may_be_held_is_told_to_a_committee_even_where_nothing_else_is() -> None:
    """Issue 8, part 1: one block of the digest and no post of its own; the branch's room hears nothing of it."""
    suggested = (words("cadence.within_quarter"),)
    quiet: dict[str, Any] = {"held": 0, "titles": (), "planned": (), "missed": 0, "corrections": 0}
    assert digest(**quiet).is_empty
    assert not digest(**quiet, suggestions=suggested).is_empty
    assert keys(suggestions=suggested).count("digest.suggestions") == 1
    assert "digest.suggestions" not in keys()
