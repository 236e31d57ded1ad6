"""Shifts: a pattern is read as it is written, each group hears one session of a lesson, and no clock breaks that."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from content.shifts import Group, Pattern, Plan, Stance, heard_by, hears, on_duty_from, read_pattern, stance, written

ZONE = "Asia/Shanghai"
TURNS = "白 08:00-20:00\n夜 20:00-08:00"
GROUPS = "甲 白 夜 休 休\n乙 休 白 夜 休\n丙 休 休 白 夜\n丁 夜 休 休 白"


def pattern(since: str = "2026-12-01", turns: str = TURNS, groups: str = GROUPS) -> Pattern:
    found = read_pattern(since, turns, groups)
    assert isinstance(found, Pattern)
    return found


def plan(*patterns: Pattern, zone: str = ZONE) -> Plan:
    return Plan(timezone=zone, patterns=patterns or (pattern(),))


def at(said: str, zone: str = ZONE) -> datetime:
    return datetime.fromisoformat(said).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


def works(known: Plan, group: str, day: date) -> str:
    turn = known.turn(group, day)
    return turn.name if turn is not None else ""


def test_a_cycle_begins_anew_after_its_last_day_and_over_the_end_of_a_year() -> None:
    days = [date(2026, 12, 29) + timedelta(days=ahead) for ahead in range(5)]
    assert [works(plan(), "甲", day) for day in days] == ["白", "夜", "", "", "白"]
    assert works(plan(), "甲", date(2026, 11, 30)) == ""
    assert works(plan(), "戊", date(2026, 12, 1)) == ""


def test_what_was_written_is_read_in_every_form_in_which_people_type_it() -> None:
    typed = pattern(
        turns="白　8:00～20:00\n夜 20：00—08:00", groups="甲：白夜休休\n乙 休 白 夜 休\n丙 休休白夜\n丁 夜休休白"
    )
    assert typed == pattern()
    assert read_pattern("2026-12-01", *written(typed)) == typed
    assert pattern(turns="", groups="").groups == ()


@pytest.mark.parametrize(
    ("since", "turns", "groups", "key", "field"),
    [
        ("", TURNS, GROUPS, "shifts.bad_date", "since"),
        ("2026-12-01", "白 8-20", GROUPS, "shifts.bad_turn", "turns"),
        ("2026-12-01", "白 08:00-25:00", "", "shifts.bad_turn", "turns"),
        ("2026-12-01", f"{TURNS}\n白 09:00-10:00", GROUPS, "shifts.bad_turn", "turns"),
        ("2026-12-01", TURNS, "甲", "shifts.bad_group", "groups"),
        ("2026-12-01", TURNS, "甲 白 晚", "shifts.bad_group", "groups"),
        ("2026-12-01", TURNS, "甲 白\n甲 夜", "shifts.bad_group", "groups"),
        ("2026-12-01", TURNS, "甲 " + "白 " * 63, "shifts.bad_group", "groups"),
    ],
)
def test_what_cannot_be_meant_is_said_at_its_field(since: str, turns: str, groups: str, key: str, field: str) -> None:
    found = read_pattern(since, turns, groups)
    assert not isinstance(found, Pattern)
    assert (found[0].words.key, found[0].field) == (key, field)


@pytest.mark.parametrize(
    ("group", "when", "how"),
    [
        ("甲", "2026-12-01T08:00", Stance.WORKING),
        ("甲", "2026-12-01T20:00", Stance.AWAKE),
        ("甲", "2026-12-03T07:59", Stance.WORKING),
        ("甲", "2026-12-03T10:00", Stance.ASLEEP),
        ("甲", "2026-12-03T16:00", Stance.AWAKE),
        ("甲", "2026-12-04T23:00", Stance.ASLEEP),
        ("", "2026-12-01T10:00", Stance.AWAKE),
        ("", "2026-12-01T03:00", Stance.ASLEEP),
    ],
)
def test_a_group_works_is_awake_or_sleeps_off_its_night(group: str, when: str, how: Stance) -> None:
    assert stance(plan(), group, at(when)) is how


def test_of_two_sessions_each_group_hears_the_one_at_which_it_is_at_work_or_awake() -> None:
    # On the third 丙 works by day, and 甲 comes home from the night and sleeps; on the fourth 丁 works by day.
    sessions = [at("2026-12-03T10:00"), at("2026-12-04T10:00")]
    assert heard_by(plan(), sessions) == (("乙", "丙", ""), ("甲", "丁"))


def test_another_pattern_holds_from_its_day_on_and_leaves_the_days_before_as_they_were() -> None:
    later = pattern("2026-12-03", "中 14:00-22:00", "甲 中\n乙 休")
    both = plan(pattern(), later)
    assert [works(both, "甲", date(2026, 12, day)) for day in (1, 2, 3, 4)] == ["白", "夜", "中", "中"]
    assert stance(both, "甲", at("2026-12-03T07:00")) is Stance.WORKING, "the night that had begun goes on to its end"
    assert works(plan(pattern(), pattern("2026-12-03", "", "")), "甲", date(2026, 12, 5)) == ""


ZONES = st.sampled_from([ZONE, "America/New_York", "Australia/Lord_Howe", "Africa/Cairo", "Pacific/Apia", "UTC"])
HOURS = st.integers(min_value=0, max_value=23)
NAMES = ("甲", "乙", "丙", "丁")


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    """Draw a plan of up to three patterns around the ends of a year and the days on which clocks are set."""
    sinces = draw(st.lists(st.dates(date(2025, 10, 1), date(2027, 4, 30)), max_size=3, unique=True))
    found = []
    for since in sorted(sinces):
        turns = "\n".join(f"{name} {draw(HOURS)}:00-{draw(HOURS)}:30" for name in "白夜")
        cycle = st.lists(st.sampled_from(["白", "夜", "休"]), min_size=1, max_size=9)
        groups = "\n".join(f"{name} {' '.join(draw(cycle))}" for name in NAMES)
        found.append(pattern(since.isoformat(), turns, groups))
    return Plan(timezone=draw(ZONES), patterns=tuple(found))


INSTANTS = st.integers(0, 580 * 1_440).map(lambda minutes: at("2025-10-01T00:00") + timedelta(minutes=minutes))


@settings(deadline=None, max_examples=60)
@given(known=plans(), sessions=st.lists(INSTANTS, min_size=1, max_size=4))
def test_every_group_hears_exactly_one_session_and_none_that_suits_it_less_than_another(
    known: Plan, sessions: list[datetime]
) -> None:
    told = heard_by(known, sessions)
    everybody = [name for names in told for name in names]
    assert len(everybody) == len(set(everybody))
    assert {name for one in sessions for name in known.groups_on(one.astimezone(ZoneInfo(known.timezone)).date())} | {
        ""
    } == set(everybody)
    for name in (*NAMES, "", "unknown"):
        chosen = hears(known, name, sessions)
        assert all(stance(known, name, sessions[chosen]) <= stance(known, name, one) for one in sessions)


@settings(deadline=None, max_examples=60)
@given(known=plans(), day=st.dates(date(2025, 10, 1), date(2027, 4, 30)), group=st.sampled_from(NAMES))
def test_hours_are_real_instants_and_a_cycle_repeats_as_long_as_its_pattern_holds(
    known: Plan, day: date, group: str
) -> None:
    hours = known.hours(group, day)
    assert hours is None or timedelta() < hours[1] - hours[0] <= timedelta(hours=26)
    holds = known.on(day)
    if holds is None:
        assert known.turn(group, day) is None
        return
    (cycle,) = [one.cycle for one in holds.groups if one.name == group]
    again = day + timedelta(days=len(cycle))
    if known.on(again) == holds:
        assert known.turn(group, again) == known.turn(group, day)


def test_who_is_in_no_group_is_never_left_out_and_hears_what_is_not_in_the_night() -> None:
    assert (
        hears(
            plan(Pattern(since=date(2026, 12, 1), groups=(Group(name="甲", cycle=("",)),))),
            "",
            [at("2026-12-01T03:00"), at("2026-12-01T15:00")],
        )
        == 1
    )


@pytest.mark.parametrize(
    ("group", "when", "told"),
    [
        ("甲", "2026-12-01T09:00", "2026-12-01T09:00"),
        ("甲", "2026-12-02T09:00", "2026-12-02T20:00"),
        ("甲", "2026-12-03T07:00", "2026-12-03T07:00"),
        ("甲", "2026-12-03T09:00", "2026-12-05T08:00"),
        ("戊", "2026-12-03T09:00", "2026-12-03T09:00"),
    ],
)
def test_what_nobody_asked_for_waits_until_one_is_at_work(group: str, when: str, told: str) -> None:
    """CALM-4: a shift calendar moves what the bot begins to the member's next time on duty."""
    assert on_duty_from(plan(), group, at(when)) == at(told)
    assert on_duty_from(plan(pattern(groups="甲 休")), "甲", at(when)) == at(when)
