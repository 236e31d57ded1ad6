"""A series as a whole: moved from one on or altogether, shifted by working days, reckoned anew, and taken back."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from content import schedules
from content.decision import Decision, Refusal
from content.identifiers import LessonId, OrganisationId, ScheduleId, UserId
from content.occurrences import State
from content.recurrences import OffDays, Recurrence
from content.schedules import Change, Schedule, materialise
from content.series import (
    Scope,
    Series,
    SeriesReplanned,
    Standing,
    continued,
    decide,
    divided,
    drifted,
    moved,
    replan,
    shifted,
    undivided,
)
from content.workday_lists import Day
from content.workdays import calendar

KNOWN = calendar()
NOW = datetime(2026, 2, 1, tzinfo=UTC)
WHO = UserId("@who:test")


def series(**more: Any) -> Series:
    usual: dict[str, Any] = {
        "id": ScheduleId("rule"),
        "owner": OrganisationId("roof"),
        "audience": OrganisationId("roof"),
        "lessons": (LessonId("a"), LessonId("b")),
        "recurrence": Recurrence.WEEKLY,
        "weekdays": frozenset({0, 4}),
        "start": date(2026, 2, 2),
        "at": time(9),
        "timezone": "Asia/Shanghai",
        "window": timedelta(hours=2),
        "late": timedelta(minutes=10),
        "count": 8,
    }
    rule = Schedule(**{**usual, **more})
    planned = materialise(rule, KNOWN)
    return Series(
        schedule=rule, standing=tuple(Standing(planned=one, state=State.PLANNED, touched=False) for one in planned)
    )


def after(one: Series, changes: tuple[Change, ...] | Refusal | None, **more: Any) -> Series:
    """Return a series as it stands once changes were accepted."""
    assert isinstance(changes, tuple)
    wanted = replan(one, changes, known=more.get("known", KNOWN), now=NOW, anew=more.get("anew"))
    answer = decide(one, wanted, by=WHO, now=NOW)
    assert isinstance(answer, Decision)
    (fact,) = answer.facts
    assert isinstance(fact, SeriesReplanned)
    new = {planned.id: planned for planned in (*fact.moved, *fact.added)}
    kept = [
        replace(each, planned=new.pop(each.planned.id, each.planned))
        for each in one.standing
        if each.planned.id not in fact.gone
    ]
    kept += [Standing(planned=planned, state=State.PLANNED, touched=False) for planned in new.values()]
    return replace(
        one,
        schedule=replace(one.schedule, changes=fact.changes),
        standing=tuple(sorted(kept, key=lambda each: each.planned.meant)),
        former=fact.former,
    )


def dates(one: Series) -> list[str]:
    return [f"{each.planned.local_date:%m-%d}" for each in one.standing]


def times(one: Series) -> list[int]:
    return [(each.planned.due_at.hour + 8) % 24 for each in one.standing]


def move(one: Series, place: int, scope: Scope, on: date, at: time) -> tuple[Change, ...] | None:
    rule = one.schedule
    id = one.standing[place].planned.id
    return moved(one, id, scope=scope, on=on, at=at, window=rule.window, late=rule.late, known=KNOWN)


def test_this_and_following_moves_those_from_it_on() -> None:
    one = series()
    assert dates(one) == ["02-02", "02-06", "02-09", "02-13", "02-16", "02-20", "02-23", "02-27"]
    later = after(one, move(one, 5, Scope.FOLLOWING, date(2026, 2, 21), time(15)))
    assert dates(later) == ["02-02", "02-06", "02-09", "02-13", "02-16", "02-21", "02-24", "02-28"]
    assert times(later) == [9] * 5 + [15] * 3


def test_the_series_moves_whole_and_a_second_change_counts_from_the_rule() -> None:
    one = series()
    first = after(one, move(one, 0, Scope.SERIES, date(2026, 2, 3), time(10)))
    second = after(first, move(first, 0, Scope.SERIES, date(2026, 2, 4), time(11)))
    assert dates(second)[:3] == ["02-04", "02-08", "02-11"]
    assert set(times(second)) == {11}


def test_what_went_out_or_was_touched_stays() -> None:
    one = series()
    sent, own = replace(one.standing[0], state=State.CLOSED), replace(one.standing[1], touched=True)
    one = replace(one, standing=(sent, own, *one.standing[2:]))
    moved_on = after(one, move(one, 2, Scope.SERIES, date(2026, 2, 10), time(9)))
    assert dates(moved_on)[:3] == ["02-02", "02-06", "02-10"]


def test_a_shift_by_working_days_passes_over_the_holiday_and_lands_on_the_make_up_saturday() -> None:
    """The holiday of 2026 is 15 to 23 February; Saturday 14 is worked."""
    shifted_by_one = after(series(), shifted(series(), 1))
    assert dates(shifted_by_one) == ["02-03", "02-09", "02-10", "02-14", "02-24", "02-24", "02-24", "02-28"]


@settings(max_examples=25)
@given(
    st.lists(
        st.one_of(
            st.integers(-2, 9).filter(bool),
            st.tuples(st.integers(0, 7), st.sampled_from([Scope.FOLLOWING, Scope.SERIES]), st.integers(0, 20)),
        ),
        min_size=1,
        max_size=4,
    )
)
def test_every_change_of_the_whole_is_taken_back_exactly(done: list[Any]) -> None:
    one = series(start=date(2026, 3, 2))
    for what in done:
        if isinstance(what, int):
            changes: tuple[Change, ...] | Refusal | None = shifted(one, what)
        else:
            place, scope, day = what
            on = one.standing[place].planned.local_date + timedelta(days=day)
            changes = move(one, place, scope, on, time(8 + day % 8))
        assert isinstance(changes, tuple)
        wanted = replan(one, changes, known=KNOWN, now=NOW)
        if isinstance(decide(one, wanted, by=WHO, now=NOW), Refusal):
            continue
        there = after(one, changes)
        assert there.former == one.schedule.changes
        back = after(there, there.former) if replan(there, there.former, known=KNOWN, now=NOW).differences else one
        assert [each.planned for each in back.standing] == [each.planned for each in one.standing]
        one = replace(there, former=None)


def test_a_year_that_was_listed_is_shown_before_anything_changes() -> None:
    one = series(recurrence=Recurrence.WORKDAYS, start=date(2026, 12, 30), count=5)
    assert dates(one) == ["12-30", "12-31", "01-01", "01-04", "01-05"]
    assert [each.planned.provisional for each in one.standing] == [False, False, True, True, True]
    listed = calendar({2027}, [Day(date=date(2027, 1, 1), works=False, name="")])
    wanted = replan(one, (), known=listed, now=NOW)
    assert [each.planned for each in one.standing][2] in [each.before for each in wanted.differences]
    again = after(one, (), known=listed)
    assert dates(again) == ["12-30", "12-31", "01-04", "01-05", "01-06"]
    assert not any(each.planned.provisional for each in again.standing)
    assert not replan(again, (), known=listed, now=NOW).differences


@given(
    st.sampled_from([Recurrence.WEEKLY, Recurrence.WORKDAYS]),
    st.sampled_from([OffDays.SKIP, OffDays.NEXT, OffDays.PREVIOUS]),
    st.integers(0, 30),
    st.integers(1, 10),
)
def test_of_a_stretch_the_same_is_found_as_of_the_whole(
    recurrence: Recurrence, off_days: OffDays, start: int, number: int
) -> None:
    """What lies outside is not looked at, and each keeps its lesson."""
    one = series(recurrence=recurrence, off_days=off_days, start=date(2026, 12, 1), count=40)
    listed = calendar({2027}, [Day(date=date(2027, 1, day), works=False, name="") for day in (1, 4, 5, 12, 29)])
    whole = replan(one, (), known=listed, now=NOW).differences
    part = one.standing[start : start + number]
    ids = {each.planned.id for each in part}
    expected = tuple(each for each in whole if each.before is not None and each.before.id in ids)
    found = drifted(replace(one, standing=part), known=listed, now=NOW)
    assert tuple(each for each in found if each.before is not None) == expected
    meant = [each.planned.meant for each in part]
    added = [each.after.meant for each in found if each.before is None and each.after is not None]
    assert all(meant[0] <= day <= meant[-1] for day in added)
    assert drifted(replace(one, standing=()), known=listed, now=NOW) == ()


def test_what_the_rule_yields_no_more_falls_away() -> None:
    one = series(off_days=OffDays.SKIP, start=date(2027, 1, 1), count=0)
    listed = calendar({2027}, [Day(date=date(2027, 1, 1), works=False, name="")])
    wanted = replan(one, (), known=listed, now=NOW)
    assert (wanted.differences[0].before is not None, wanted.differences[0].after) == (True, None)


def test_nothing_is_moved_into_the_past_or_to_where_it_is() -> None:
    one = series()
    past = replan(one, move(one, 0, Scope.SERIES, date(2026, 1, 2), time(9)) or (), known=KNOWN, now=NOW)
    same = replan(one, (), known=KNOWN, now=NOW)
    for wanted, key in ((past, "schedule.in_the_past"), (same, "series.nothing_changes")):
        answer = decide(one, wanted, by=WHO, now=NOW)
        assert isinstance(answer, Refusal)
        assert answer.words.key == key


@pytest.mark.parametrize("number", [0, 61, -61])
def test_a_shift_has_a_limit(number: int) -> None:
    answer = shifted(series(), number)
    assert isinstance(answer, Refusal)
    assert answer.words.key == "series.shift_out_of_range"


def test_a_rule_without_end_is_continued_as_it_was_changed_and_only_further() -> None:
    one = series(count=0)
    assert continued(one, known=KNOWN, now=NOW) is None
    later = after(one, move(one, 0, Scope.SERIES, date(2026, 2, 3), time(10)))
    answer = continued(later, known=KNOWN, now=NOW + timedelta(days=30))
    assert answer is not None
    (fact,) = answer.facts
    added = fact.added  # type: ignore[attr-defined]
    assert min(each.meant for each in added) > max(each.planned.meant for each in later.standing)
    assert {each.local_date.weekday() for each in added} == {1, 5}
    assert continued(series(), known=KNOWN, now=NOW + timedelta(days=300)) is None


def test_a_rule_with_an_end_is_continued_to_its_last_time_and_no_further() -> None:
    whole = series(count=40)
    part = replace(whole, standing=whole.standing[:18])
    assert part.unfinished
    assert continued(part, known=KNOWN, now=NOW) is None
    added: list[Any] = []
    for day in range(0, 200, 20):
        answer = continued(part, known=KNOWN, now=NOW + timedelta(days=day))
        if answer is not None:
            (fact,) = answer.facts
            new = fact.added  # type: ignore[attr-defined]
            added += new
            standing = tuple(Standing(planned=one, state=State.PLANNED, touched=False) for one in new)
            part = replace(part, standing=(*part.standing, *standing))
    assert part.standing == whole.standing
    assert not part.unfinished


@contextlib.contextmanager
def clocks_of(place: str) -> Iterator[None]:
    """Let a zone have the clocks of another place, as a new release of the time zone database may bring."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(schedules, "ZoneInfo", lambda _name: ZoneInfo(place))
        yield


@given(
    before=st.sampled_from(["Europe/Berlin", "Africa/Cairo", "America/New_York"]),
    later=st.sampled_from(["Africa/Lagos", "Asia/Amman", "America/Bogota", "Europe/Berlin"]),
    at=st.sampled_from([time(0, 0), time(0, 30), time(2, 30), time(9, 0), time(23, 59)]),
    gone=st.integers(0, 5),
)
def test_after_other_rules_for_clocks_what_is_to_come_keeps_its_hour_on_the_wall_and_what_went_out_stays(
    before: str, later: str, at: time, gone: int
) -> None:
    """F19, a change of tzdata: shown first, then applied to what nobody touched, where its instant is another."""
    with clocks_of(before):
        one = series(timezone="Somewhere/Else", at=at, count=40)
    states = [State.CLOSED] * gone + [State.PLANNED] * (len(one.standing) - gone)
    one = replace(
        one, standing=tuple(replace(each, state=state) for each, state in zip(one.standing, states, strict=True))
    )
    with clocks_of(later):
        shown = drifted(one, known=KNOWN, now=NOW)
        there = after(one, ()) if shown else one
        meant = [schedules.instant(each.planned.local_date, at, "Somewhere/Else") for each in one.standing]
        assert not drifted(there, known=KNOWN, now=NOW), "nothing is left to be reckoned"
    changed = [
        each.planned.id
        for each, due in zip(one.standing, meant, strict=True)
        if each.state is State.PLANNED and due != each.planned.due_at
    ]
    assert [each.before and each.before.id for each in shown] == changed
    assert [each.planned.due_at for each in there.standing[gone:]] == meant[gone:]
    assert there.standing[:gone] == one.standing[:gone]
    assert dates(there) == dates(one)


def test_sessions_move_together_whichever_of_them_is_moved() -> None:
    one = series(count=2, sessions=(timedelta(hours=25),))
    assert dates(one) == ["02-02", "02-03", "02-06", "02-07"]
    assert times(one) == [9, 10, 9, 10]
    second = after(one, move(one, 1, Scope.SERIES, date(2026, 2, 4), time(0, 30)))
    assert dates(second) == ["02-02", "02-04", "02-06", "02-08"]
    assert times(second) == [23, 0, 23, 0]
    assert dates(after(second, shifted(second, 1))) == ["02-03", "02-05", "02-09", "02-11"]
    assert not replan(one, (), known=KNOWN, now=NOW).differences
    assert not one.unfinished
    assert replace(one, standing=one.standing[:2]).unfinished


def test_a_drip_is_shifted_by_working_days_and_taken_back() -> None:
    """The holiday of 2026 is 15 to 23 February; Saturday 14 is worked."""
    lessons = tuple(LessonId(name) for name in "abc")
    one = series(recurrence=Recurrence.DRIP, start=date(2026, 2, 10), on_days=(1, 3, 5), lessons=lessons, count=3)
    assert dates(one) == ["02-10", "02-12", "02-14"]
    later = after(one, shifted(one, 1))
    assert dates(later) == ["02-11", "02-13", "02-24"]
    assert [each.planned.lesson for each in later.standing] == list(lessons)
    assert dates(after(later, ())) == dates(one)


def test_a_drip_that_is_shifted_over_a_weekend_has_one_lesson_a_day_still() -> None:
    lessons = tuple(LessonId(name) for name in "abc")
    one = series(recurrence=Recurrence.DRIP, start=date(2026, 3, 6), on_days=(1, 2, 3), lessons=lessons, count=3)
    assert dates(one) == ["03-06", "03-07", "03-08"]
    later = after(one, shifted(one, 1))
    assert dates(later) == ["03-09", "03-10", "03-11"]
    assert [each.planned.lesson for each in later.standing] == list(lessons)
    alone = materialise(later.schedule, KNOWN, since=date(2026, 3, 8))
    assert [each.local_date for each in alone] == [date(2026, 3, 11)]


def test_lessons_from_one_on_are_given_sessions_and_lose_them_again() -> None:
    one = series(count=4)
    twice = after(one, divided(one, date(2026, 2, 6), (timedelta(hours=25),)))
    assert dates(twice) == ["02-02", "02-06", "02-07", "02-09", "02-10", "02-13", "02-14"]
    assert [each.planned.session for each in twice.standing] == [0, 0, 1, 0, 1, 0, 1]
    for moved_on in (shifted(twice, 1), move(twice, 1, Scope.SERIES, date(2026, 2, 6), time(10))):
        assert [each.planned.session for each in after(twice, moved_on).standing] == [0, 0, 1, 0, 1, 0, 1]
    once = after(twice, divided(twice, date(2026, 2, 9), ()))
    assert dates(once) == ["02-02", "02-06", "02-07", "02-09", "02-13"]
    assert once.former is not None
    assert dates(after(once, once.former)) == dates(twice)


def test_what_has_begun_is_not_divided_and_what_was_moved_alone_is_not_left_behind() -> None:
    one = series(count=3)
    began = replace(one.standing[1], state=State.OPEN)
    begun = replace(one, standing=(one.standing[0], began, one.standing[2]))
    assert undivided(begun) == (date(2026, 2, 9),)
    for meant in (date(2026, 2, 2), date(2026, 2, 6)):
        answer = divided(begun, meant, (timedelta(hours=25),))
        assert isinstance(answer, Refusal)
        assert answer.words.key == "series.begun_already"
    close = divided(one, date(2026, 2, 9), (timedelta(minutes=1),))
    assert isinstance(close, Refusal)
    assert close.words.key == "schedule.sessions_close"
    twice = after(one, divided(one, date(2026, 2, 9), (timedelta(hours=25),)))
    alone = replace(twice, standing=(*twice.standing[:-1], replace(twice.standing[-1], touched=True)))
    back = decide(alone, replan(alone, (), known=KNOWN, now=NOW), by=WHO, now=NOW)
    assert isinstance(back, Refusal)
    assert back.words.key == "series.session_touched"


def test_no_session_is_taken_away_or_added_once_another_of_its_lesson_has_gone_out() -> None:
    one = series(count=3)
    twice = after(one, divided(one, date(2026, 2, 9), (timedelta(hours=25),)))
    assert twice.former is not None
    for there, changes in ((twice, twice.former), (one, twice.schedule.changes)):
        begun = replace(
            there,
            standing=tuple(
                replace(each, state=State.OPEN)
                if each.planned.meant == date(2026, 2, 9) and not each.planned.session
                else each
                for each in there.standing
            ),
        )
        answer = decide(begun, replan(begun, changes, known=KNOWN, now=NOW), by=WHO, now=NOW, back=True)
        assert isinstance(answer, Refusal)
        assert answer.words.key == "series.begun_already"


def test_nothing_is_added_to_a_series_that_was_ended() -> None:
    once = series(count=0)
    later = after(once, shifted(once, 1))
    called_off = tuple(replace(each, state=State.CANCELLED) for each in later.standing)
    ended = replace(later, standing=called_off, ended=NOW)
    assert ended.former is not None
    for changes in (ended.former, ended.schedule.changes):
        now = NOW + timedelta(days=30)
        answer = decide(ended, replan(ended, changes, known=KNOWN, now=now), by=WHO, now=now)
        assert isinstance(answer, Refusal)
        assert answer.words.key == "series.nothing_coming"
