"""The year of a branch by the oracles of its rules: cadence, states, groups, what is lacking and what is suggested."""

from __future__ import annotations

from datetime import date
from itertools import pairwise
from typing import Any

import pytest

from content.cadence import (
    ATTENDANCE_LINE,
    LINE_OF,
    LINES,
    OFF,
    Every,
    Former,
    Label,
    Norm,
    is_attendance_line,
    is_cadence,
    label_of_line,
    norm_from,
)
from content.checkins import Note
from content.checkins import State as Answer
from content.decision import Decision, Refusal
from content.identifiers import Cause, MemberId, OrganisationId, UserId
from content.notices import Form
from content.organisations import Kind
from content.roll_calls import Mark
from content.settings import BY_NAME
from content.speech import Reader
from content.unannounced import Unannounced, UnannouncedRecorded, record
from content.year import (
    Column,
    Evidence,
    Pair,
    Place,
    Source,
    Standing,
    State,
    gaps,
    hold_by,
    lectures_by,
    of_quarter,
    pairs_of,
    reckon,
    stretches_of,
    suggest,
)
from content.year_totals import Totals, attendance, by_month, of_columns
from tests.small_branch import NOON
from zhibu.catalogue import load_speech

BRANCH, FIRST, SECOND, ABOVE = (OrganisationId(name) for name in ("branch", "first", "second", "above"))
TABLE = {line.form: norm_from(line.form, line.default) for line in LINES}
SPEECH = load_speech()
HELD, PLANNED = Standing.HELD, Standing.PLANNED


def place(**more: Any) -> Place:
    usual = {"organisation": BRANCH, "kind": Kind.BRANCH, "above": frozenset({ABOVE}), "full": 9, "seats": 3}
    return Place(**{**usual, "groups": {FIRST: "第一组", SECOND: "第二组"}, **more})


def one(form: Form, month: int, day: int = 10, standing: Standing = HELD, **more: Any) -> Evidence:
    usual = {"source": Source.MEETING, "id": f"{form}-{month}-{day}", "title": form, "place": BRANCH}
    return Evidence(**{**usual, "forms": (form,), "on": date(2026, month, day), "standing": standing, **more})


def year(
    *found: Evidence, today: date = date(2026, 8, 1), where: Place | None = None, **norms: str
) -> dict[Form, Column]:
    table = TABLE | {Form(name): norm_from(Form(name), value) for name, value in norms.items()}
    columns = reckon(table, found, where or place(), year=2026, today=today)
    return {column.form: column for column in columns}


@pytest.mark.parametrize(
    ("form", "value", "label"),
    [
        (Form.ASSEMBLY, "1-quarter", Label.REGULATION),
        (Form.COMMITTEE, "1-month", Label.REGULATION),
        (Form.GROUP, "1-month", Label.REGULATION),
        (Form.LECTURE, "1-quarter", Label.CUSTOM),
        (Form.LECTURE, "2-year", Label.LOCAL),
        (Form.PARTY_DAY, "1-month", Label.REGULATION),
        (Form.LIFE, "1-year", Label.REGULATION),
        (Form.REVIEW, "1-year", Label.REGULATION),
        (Form.TALK, "1-year", Label.REGULATION),
        (Form.TALK, "2-year", Label.LOCAL),
        (Form.ASSEMBLY, "2-quarter", Label.OWN),
    ],
)
def test_each_number_says_what_stands_behind_it_and_a_changed_one_is_called_no_rule(
    form: Form, value: str, label: Label
) -> None:
    """CAD-1 to CAD-10, CAD-12."""
    norm = norm_from(form, value)
    count, every = value.split("-")
    assert norm == Norm(form=form, count=int(count), every=Every(every), label=label)
    assert value in LINE_OF[form].offered or label is Label.OWN


def test_local_rules_are_off_until_somebody_chooses_them_and_every_line_can_be_set() -> None:
    """CAD-10, CAD-11: nothing local holds by itself, and there is no line of how many must come."""
    assert {norm.label for norm in TABLE.values() if norm is not None} == {Label.REGULATION, Label.CUSTOM}
    assert {BY_NAME[line.setting].default for line in LINES} == {"1-month", "1-quarter", "1-year"}
    assert norm_from(Form.TALK, OFF) is None
    for value in ("0-month", "13-month", "1-week", "1", "", "01-month"):
        assert not is_cadence(value), value


@pytest.mark.parametrize(
    ("every", "number", "last"), [(Every.MONTH, 12, 31), (Every.QUARTER, 4, 31), (Every.YEAR, 1, 31)]
)
def test_months_and_quarters_are_those_of_the_calendar(every: Every, number: int, last: int) -> None:
    """CAD-13."""
    found = stretches_of(every, 2028)
    assert (len(found), found[0][0], found[-1][1]) == (number, date(2028, 1, 1), date(2028, 12, last))
    assert all(before[1].toordinal() + 1 == after[0].toordinal() for before, after in pairwise(found))


def test_a_planned_assembly_is_scheduled_and_when_it_is_called_off_it_is_missing() -> None:
    """CAD-13, the worked example: 2026 Q3, planned for 18 September, looked at on 1 August."""
    planned = year(one(Form.ASSEMBLY, 9, 18, PLANNED))[Form.ASSEMBLY]
    assert [stretch.state for stretch in planned.stretches] == [
        State.MISSING,
        State.MISSING,
        State.SCHEDULED,
        State.LATER,
    ]
    assert planned.cells[8].state is State.SCHEDULED
    assert year()[Form.ASSEMBLY].stretches[2].state is State.MISSING
    assert year()[Form.ASSEMBLY].cells[7].state is State.MISSING, "what is missing stands in the month that runs"
    assert year(today=date(2026, 9, 19))[Form.ASSEMBLY].cells[8].state is State.MISSING
    late = year(one(Form.ASSEMBLY, 9, 18, PLANNED), today=date(2026, 9, 19))[Form.ASSEMBLY]
    assert late.stretches[2].state is State.MISSING, "what was planned and did not come about is no plan any more"


def test_a_committee_that_met_in_two_of_three_months_lacks_the_third() -> None:
    """CAD-2, the worked example."""
    found = year(one(Form.COMMITTEE, 7), one(Form.COMMITTEE, 8), today=date(2026, 9, 20))
    assert (Form.COMMITTEE, "", 2, 3) in of_quarter(found.values(), date(2026, 9, 20))
    assert [cell.state for cell in found[Form.COMMITTEE].cells[6:10]] == [
        State.DONE,
        State.DONE,
        State.MISSING,
        State.LATER,
    ]


def test_two_meetings_of_one_month_are_none_of_the_next() -> None:
    found = year(one(Form.COMMITTEE, 7, 1), one(Form.COMMITTEE, 7, 20), today=date(2026, 8, 31))
    assert (Form.COMMITTEE, "", 1, 3) in of_quarter(found.values(), date(2026, 8, 31))


def test_groups_are_counted_each_by_itself_and_never_together() -> None:
    """CAD-3, the worked example: 3/3 and 2/3, not 5/6."""
    first = [one(Form.GROUP, month, place=FIRST) for month in (7, 8, 9)]
    second = [one(Form.GROUP, month, place=SECOND) for month in (7, 8)]
    found = year(*first, *second, today=date(2026, 9, 30))
    told = [line for line in of_quarter(found.values(), date(2026, 9, 30)) if line[0] is Form.GROUP]
    assert told == [(Form.GROUP, FIRST, 3, 3), (Form.GROUP, SECOND, 2, 3)]
    cell = found[Form.GROUP].cells[8]
    assert (cell.state, cell.lacking) == (State.MISSING, (SECOND,))
    whole = year(one(Form.GROUP, 9), today=date(2026, 9, 30))
    assert whole[Form.GROUP].cells[8].state is State.DONE, "what the branch held for all was held in each"


def test_of_a_branch_without_a_committee_its_meetings_are_not_asked() -> None:
    """CAD-2, ORG-4: not applicable, which is not missing."""
    column = year(where=place(full=6, seats=1))[Form.COMMITTEE]
    assert (column.asked, column.stretches, {cell.state for cell in column.cells}) == (False, (), {None})
    assert year(where=place(full=7, seats=0))[Form.COMMITTEE].asked
    assert year(where=place(full=6, seats=3))[Form.COMMITTEE].asked, "one that is recorded is there"
    assert not year(where=place(groups={}))[Form.GROUP].asked
    assert [column.form for column in year(where=place(organisation=FIRST, kind=Kind.GROUP)).values()] == [Form.GROUP]


def test_what_was_held_together_counts_once_as_each() -> None:
    """CAD-7, CAD-8."""
    both = one(Form.LIFE, 12, forms=(Form.LIFE, Form.REVIEW))
    found = year(both, today=date(2026, 12, 31))
    assert [found[form].stretches[0].state for form in (Form.LIFE, Form.REVIEW)] == [State.DONE, State.DONE]
    months = of_columns(found.values())
    assert (months[12][Form.LIFE], months[12][Form.REVIEW], months[11][Form.LIFE]) == (1, 1, 0)
    assert by_month([both])[12] == {Form.LIFE: 1, Form.REVIEW: 1}


def test_talks_are_counted_by_who_talks_with_whom() -> None:
    """CAD-9: each pair class by itself; CAD-10 as two a year where a place has chosen it."""
    committee = [MemberId(name) for name in ("a", "b")]
    assert pairs_of([MemberId("a"), MemberId("b")], committee) == {Pair.COMMITTEE}
    assert pairs_of([MemberId("a"), MemberId("x")], committee) == {Pair.MIXED}
    assert pairs_of([MemberId("x"), MemberId("y")], committee) == {Pair.MEMBERS}
    assert pairs_of([MemberId("x")], committee) == frozenset(), "between whom it was is not known"
    talks = [one(Form.TALK, 3, 1, pairs=frozenset({Pair.MIXED})), one(Form.TALK, 3, 2, pairs=frozenset({Pair.MEMBERS}))]
    stretch = year(*talks)[Form.TALK].stretches[0]
    assert [(tally.subject, tally.held) for tally in stretch.tallies] == [
        ("committee", 0),
        ("mixed", 1),
        ("members", 1),
    ]
    assert stretch.state is State.MISSING
    few = year(*talks, where=place(seats=1, full=5))[Form.TALK].stretches[0]
    assert few.state is State.DONE, "with one on the committee there is no talk among it"
    assert year(*talks, where=place(seats=1, full=5), talk="2-year")[Form.TALK].stretches[0].state is State.MISSING


def test_what_is_held_above_for_all_counts_below_and_what_is_its_own_does_not() -> None:
    found = year(
        one(Form.LECTURE, 2, place=ABOVE), one(Form.ASSEMBLY, 2, place=ABOVE), one(Form.PARTY_DAY, 2, place=ABOVE)
    )
    assert [found[form].cells[1].state for form in (Form.LECTURE, Form.PARTY_DAY, Form.ASSEMBLY)] == [
        State.DONE,
        State.DONE,
        None,
    ]


def test_the_lectures_of_a_secretary_are_counted_by_who_gives_them() -> None:
    """CAD-4: at least one a year by the secretary of a Party committee."""
    found = [one(Form.LECTURE, 2, speaker="王书记"), one(Form.LECTURE, 9, 1, PLANNED, speaker="王书记")]
    tally = lectures_by([*found, one(Form.LECTURE, 3, speaker="陈老师")], "王书记")
    assert (tally.held, tally.planned) == (1, 1)


def test_where_nothing_is_asked_the_evidence_stands_and_nothing_lacks() -> None:
    found = year(one(Form.LECTURE, 2), lecture=OFF)[Form.LECTURE]
    assert (found.cells[1].state, found.cells[2].state, found.stretches) == (State.DONE, None, ())
    assert not [gap for gap in gaps([found]) if gap.norm.form is Form.LECTURE]


def said(*found: Evidence, today: date, **norms: str) -> list[str]:
    columns = year(*found, today=today, **norms).values()
    reader = Reader(language="zh_CN", timezone="Asia/Shanghai")
    return [SPEECH.say(line, reader) for line in suggest(columns, place(), today)]


ALL_BUT_LECTURE = tuple([one(form, 9, 1) for form in (Form.ASSEMBLY, Form.COMMITTEE, Form.GROUP, Form.PARTY_DAY)])


@pytest.mark.parametrize(
    ("today", "by"), [(date(2026, 9, 3), "24 日前"), (date(2026, 9, 25), "30 日前"), (date(2026, 7, 20), "9月24日前")]
)
def test_what_can_still_be_held_is_suggested_in_words_with_a_day_that_leaves_room(today: date, by: str) -> None:
    """Issue 8, part 1: “本季度党课未排，24 日前可补一次”."""
    rest = [one(form, today.month, 1) for form in (Form.ASSEMBLY, Form.COMMITTEE, Form.GROUP, Form.PARTY_DAY)]
    assert said(*rest, today=today) == [f"本季度党课未排，{by}可补一次"]


def test_suggestions_name_groups_and_numbers_and_what_is_asked_by_the_year_comes_up_in_its_last_quarter() -> None:
    rest = (one(Form.ASSEMBLY, 9), one(Form.COMMITTEE, 9, 1), one(Form.PARTY_DAY, 9), one(Form.LECTURE, 9))
    told = said(*rest, one(Form.GROUP, 9, place=FIRST), today=date(2026, 9, 2), committee="3-month")
    assert told == ["本月支委会还差 2 次，24 日前可补上", "本月党小组会（第二组）未排，24 日前可补一次"]
    november = [one(form, 11, 1) for form in Form if form not in (Form.LIFE, Form.REVIEW, Form.TALK)]
    assert said(*november, today=date(2026, 11, 2)) == [
        "今年组织生活会未排，12月25日前可补一次",
        "今年民主评议未排，12月25日前可补一次",
        *(f"今年{who}的谈心谈话未排，12月25日前可补一次" for who in ("委员之间", "委员和党员", "党员之间")),
    ]
    assert said(*ALL_BUT_LECTURE, one(Form.LECTURE, 9), today=date(2026, 9, 2)) == []


def test_the_day_that_is_suggested_is_never_past() -> None:
    for gap in gaps(year(today=date(2026, 2, 27)).values()):
        if gap.since <= date(2026, 2, 27):
            assert hold_by(gap, date(2026, 2, 27)) >= date(2026, 2, 27) or gap.until < date(2026, 2, 27)


def test_who_came_late_was_there_and_who_was_never_asked_is_not_due() -> None:
    counted = attendance(
        [
            (Answer.DONE, None, 5),
            (Answer.DONE, Note.LATE, 1),
            (Answer.DONE, Note.ONLINE, 2),
            (Answer.EXCUSED, None, 1),
            (Answer.OPEN, Note.COMING, 3),
            (Answer.UNANSWERED, None, 1),
            (Answer.NOT_OFFERED, None, 9),
        ]
    )
    assert counted == {Mark.PRESENT: 6, Mark.ONLINE: 2, Mark.LEAVE: 1, Mark.SILENT: 4}


def entered(**more: Any) -> Decision | Refusal:
    usual: dict[str, Any] = {
        "form": "assembly",
        "held_on": date(2026, 6, 20),
        "title": " 第二次  支部党员大会 ",
        "why": "启用以前开的",
        "together": False,
        "pair": "",
        "due": 20,
        "present": 16,
        "by": UserId("@secretary:test"),
        "cause": Cause("form:x"),
        "now": NOON,
        "today": date(2026, 7, 1),
    }
    return record(BRANCH, **(usual | more))


def test_one_that_was_held_without_a_notice_is_entered_with_its_reason() -> None:
    answer = entered()
    assert isinstance(answer, Decision)
    (fact,) = answer.facts
    assert isinstance(fact, UnannouncedRecorded)
    assert (fact.meeting.title, fact.meeting.forms) == ("第二次 支部党员大会", (Form.ASSEMBLY,))
    both = entered(form="life", together=True)
    assert isinstance(both, Decision)
    (fact,) = both.facts
    assert isinstance(fact, UnannouncedRecorded)
    assert isinstance(fact.meeting, Unannounced)
    assert fact.meeting.forms == (Form.LIFE, Form.REVIEW)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"form": "dance"}, "form"),
        ({"form": "seminar"}, "form"),
        ({"held_on": None}, "held_on"),
        ({"held_on": date(2026, 7, 2)}, "held_on"),
        ({"held_on": date(2022, 7, 2)}, "held_on"),
        ({"title": " "}, "title"),
        ({"title": "长" * 121}, "title"),
        ({"why": ""}, "why"),
        ({"why": "长" * 201}, "why"),
        ({"together": True}, "together"),
        ({"form": "talk"}, "pair"),
        ({"due": -1}, "due"),
        ({"present": 21}, "present"),
    ],
)
def test_what_cannot_have_been_is_refused_at_its_field(change: dict[str, Any], field: str) -> None:
    answer = entered(**change)
    assert isinstance(answer, Refusal)
    assert answer.field == field


def test_nothing_is_missing_before_a_branch_was_founded_and_after_it_was_closed() -> None:
    where = place(founded=date(2026, 5, 20), closed=date(2026, 9, 10))
    found = year(one(Form.COMMITTEE, 3), where=where, today=date(2026, 12, 31))
    states = [cell.state for cell in found[Form.COMMITTEE].cells]
    assert states == [
        *[State.BEFORE, State.BEFORE, State.DONE, State.BEFORE],
        *[State.MISSING] * 5,
        *[State.AFTER] * 3,
    ], "what was held all the same is shown"
    assembly = found[Form.ASSEMBLY]
    assert [one.state for one in assembly.stretches] == [State.BEFORE, State.MISSING, State.MISSING, State.AFTER]
    assert [one.state for one in assembly.cells] == [
        *[State.BEFORE] * 4,
        *[None, State.MISSING, None, None, State.MISSING],
        *[State.AFTER] * 3,
    ]
    assert {gap.since.month for gap in gaps(found.values()) if gap.norm.form is Form.COMMITTEE} == {5, 6, 7, 8, 9}
    new = year(where=place(founded=date(2026, 8, 20)), today=date(2026, 8, 25))
    assert ("", 0, 2) in [each[1:] for each in of_quarter(new.values(), date(2026, 8, 25))]


def test_of_a_group_nothing_is_missing_before_it_was_founded() -> None:
    where = place(groups_founded={SECOND: date(2026, 7, 2)})
    found = year(one(Form.GROUP, 6, place=FIRST), where=where)[Form.GROUP]
    assert found.stretches[5].state is State.DONE
    assert found.cells[6].lacking == (FIRST, SECOND)
    assert found.cells[4].lacking == (FIRST,)


def test_a_cadence_counts_from_the_day_on_which_it_was_changed() -> None:
    """A stretch counts by what was asked on its last day: months until July, from August on quarters."""
    line = Form.COMMITTEE
    (found,) = (
        column
        for column in reckon(
            TABLE | {line: norm_from(line, "1-quarter")},
            [one(line, 2), one(line, 8)],
            place(),
            year=2026,
            today=date(2026, 10, 5),
            former={line: (Former(until=date(2026, 8, 15), norm=norm_from(line, "1-month")),)},
        )
        if column.form is line
    )
    assert [(one.since.month, one.until.month, one.state) for one in found.stretches] == [
        (1, 1, State.MISSING),
        (2, 2, State.DONE),
        *[(month, month, State.MISSING) for month in range(3, 8)],
        (7, 9, State.DONE),
        (10, 12, State.MISSING),
    ]
    assert {gap.norm.every for gap in gaps([found])} == {Every.MONTH, Every.QUARTER}
    assert of_quarter([found], date(2026, 8, 20)) == ((line, "", 1, 1),)


@pytest.mark.parametrize(
    ("value", "label"), [("80", Label.LOCAL), ("85", Label.LOCAL), ("90", Label.OWN), ("66", Label.OWN)]
)
def test_a_line_for_attendance_is_off_until_it_is_set_and_says_what_stands_behind_it(value: str, label: Label) -> None:
    """CAD-11."""
    assert BY_NAME[ATTENDANCE_LINE].default == OFF
    assert is_attendance_line(value)
    assert label_of_line(value) is label
    assert not any(map(is_attendance_line, ("0", "101", "8.5", "", "-1")))
    assert Totals(form=Form.ASSEMBLY, due=24, attendance={Mark.PRESENT: 18, Mark.ONLINE: 3, Mark.LEAVE: 3}).share == 87
    assert Totals(form=Form.ASSEMBLY).share is None
