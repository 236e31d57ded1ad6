"""Working days: the rules' own examples, the make-up Saturdays, and a year whose list nobody has yet."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from content.decision import Decision, Refusal
from content.published_workdays import published
from content.workday_lists import Day, Festival, read_list
from content.workdays import (
    Reckoned,
    Source,
    WorkdaySet,
    YearForgotten,
    YearListed,
    calendar,
    forget_year,
    list_years,
    set_day,
)
from tests.machine import in_ci

CALENDAR = calendar()

NOTICE_2026 = """国务院办公厅关于2026年部分节假日安排的通知
一、元旦：1月1日（周四）至3日（周六）放假调休，共3天。1月4日（周日）上班。
二、春节：2月15日（农历腊月二十八、周日）至23日（农历正月初七、周一）放假调休，共9天。2月14日（周六）、2月28日（周六）上班。
三、清明节：4月4日（周六）至6日（周一）放假，共3天。
四、劳动节：5月1日（周五）至5日（周二）放假调休，共5天。5月9日（周六）上班。
五、端午节：6月19日（周五）至21日（周日）放假，共3天。
六、中秋节：9月25日（周五）至27日（周日）放假，共3天。
七、国庆节：10月1日（周四）至7日（周三）放假调休，共7天。9月20日（周日）、10月10日（周六）上班。
节假日期间，各地区、各部门要妥善安排好值班和安全、保卫、疫情防控等工作。"""


def day(text: str) -> date:
    return date.fromisoformat(text)


@pytest.mark.parametrize(
    ("start", "number", "counts_start", "expected"),
    [
        ("2026-07-20", 5, True, "2026-07-24"),  # DEV-14, the posting day counts
        ("2026-07-22", 5, True, "2026-07-28"),
        ("2026-07-20", 5, False, "2026-07-27"),  # the day after posting is day 1
        ("2026-07-24", 2, False, "2026-07-28"),  # BAL-9
        ("2026-02-11", 5, False, "2026-02-25"),  # across the Spring Festival, with its Saturday
        ("2026-02-27", 1, False, "2026-02-28"),  # a Saturday that is worked
        ("2026-02-28", 1, True, "2026-02-28"),
        ("2026-09-30", 1, False, "2026-10-08"),
        ("2026-10-08", 3, False, "2026-10-12"),  # 9, Saturday the 10th, Monday
        ("2025-12-31", 1, False, "2026-01-04"),  # a Sunday that is worked
    ],
)
def test_working_days_are_counted_as_the_rules_say(start: str, number: int, counts_start: bool, expected: str) -> None:
    """DEV-14, BAL-6, BAL-9."""
    count = CALENDAR.nth_from if counts_start else CALENDAR.after
    assert count(day(start), number) == Reckoned(date=day(expected), confirmed=True)


@pytest.mark.parametrize(
    ("at", "works"),
    [
        ("2026-02-14", True),  # Saturday before the Spring Festival
        ("2026-02-16", False),  # Monday of it
        ("2026-02-28", True),
        ("2026-02-21", False),  # an ordinary Saturday of it
        ("2026-07-25", False),
        ("2026-07-24", True),
        ("2025-01-26", True),
        ("2025-02-08", True),
        ("2025-01-28", False),
    ],
)
def test_a_make_up_day_is_worked_and_a_holiday_is_not(at: str, works: bool) -> None:
    """CALM-1: holidays and make-up working days count, not the order of the week alone."""
    assert CALENDAR.works(day(at)) is works


def test_backwards_and_to_the_nearest() -> None:
    assert CALENDAR.before(day("2026-02-24"), 1).date == day("2026-02-14")
    assert CALENDAR.on_or_after(day("2026-10-03")).date == day("2026-10-08")
    assert CALENDAR.on_or_before(day("2026-10-03")).date == day("2026-09-30")
    assert CALENDAR.on_or_after(day("2026-07-24")).date == CALENDAR.on_or_before(day("2026-07-24")).date
    assert CALENDAR.number(day("2026-02-09"), day("2026-02-28")) == 6 + 5


def test_the_first_and_the_last_of_a_month() -> None:
    first, last = CALENDAR.nth_of_month(2026, 10, 1), CALENDAR.nth_of_month(2026, 2, -1)
    assert (first and first.date, last and last.date) == (day("2026-10-08"), day("2026-02-28"))
    assert CALENDAR.nth_of_month(2026, 2, 30) is None
    assert CALENDAR.nth_between(day("2026-10-01"), day("2026-10-07"), 1) is None
    with pytest.raises(ValueError, match="from one"):
        CALENDAR.nth_from(day("2026-10-01"), 0)


def test_a_year_without_a_list_is_reckoned_by_the_week_and_says_so() -> None:
    """Nobody ships a year before it is published: Monday to Friday then, unconfirmed, and no error."""
    known = calendar()
    assert known.source(2050) is Source.NONE
    assert known.after(day("2050-03-04"), 1) == Reckoned(date=day("2050-03-07"), confirmed=False)
    assert not known.knows(day("2050-03-04"))
    newest = max(published())
    across = known.after(date(newest, 12, 30), 5)
    assert (across.date.year, across.confirmed) == (newest + 1, False)


def test_what_is_missing_is_asked_for_from_december_on() -> None:
    newest = max(published())
    assert CALENDAR.missing(date(newest, 11, 30)) is None
    assert CALENDAR.missing(date(newest, 12, 1)) == newest + 1
    assert CALENDAR.missing(date(newest + 1, 3, 1)) == newest + 1
    assert CALENDAR.known_until(date(newest, 5, 1)) == date(newest, 12, 31)
    assert CALENDAR.known_until(date(newest + 1, 5, 1)) is None


def test_the_published_notice_is_read_as_it_stands() -> None:
    days, problems = read_list(NOTICE_2026)
    assert problems == ()
    assert days == published()[2026]
    assert {at.date.isoformat() for at in days if at.works} == {
        *("2026-01-04", "2026-02-14", "2026-02-28", "2026-05-09", "2026-09-20", "2026-10-10"),
    }
    assert sum(not at.works for at in days) == 3 + 9 + 3 + 5 + 3 + 3 + 7


@pytest.mark.parametrize(
    "text",
    [
        "2027-02-17 休 春节 / 2027-02-20 班",
        "2027-02-17 休 春节\n2027-02-20 班",
        "日期,类型,名称\n2027-02-17,休,春节\n2027/2/20,班,",
        "\ufeffdate\tkind\tname\r\n2027/2/17\trest\tSpring Festival\r\n20270220\twork\r\n",
        '"2027-02-17","春节","放假"\n"2027-02-20","","补班"',
        "2027年2月17日（周三） 休 春节；2027年2月20日（周六） 上班",
        "# 我们自己记的\n2027.2.17 Holiday spring_festival\n\n2027.2.20 WORK",
    ],
)
def test_a_list_is_read_however_it_is_written(text: str) -> None:
    expected = (
        Day(date=day("2027-02-17"), works=False, name=Festival.SPRING_FESTIVAL),
        Day(date=day("2027-02-20"), works=True),
    )
    assert read_list(text) == (expected, ())


@pytest.mark.parametrize("to", ["至", "~", "—", "..", " to ", "到"])
def test_a_stretch_is_read_whole(to: str) -> None:
    days, _ = read_list(f"2027-01-30{to}2027-02-01 休 厂休")
    assert [(at.date.isoformat(), at.name) for at in days] == [
        ("2027-01-30", "厂休"),
        ("2027-01-31", "厂休"),
        ("2027-02-01", "厂休"),
    ]


@pytest.mark.parametrize(
    ("text", "key", "line"),
    [
        ("", "workdays.list_empty", None),
        ("春节快乐", "workdays.list_empty", None),
        ("2027-02-17 休\n下周二 班 9", "workdays.no_date", 2),
        ("2027-02-30 休", "workdays.no_such_date", 1),
        ("2027-02-17至2027-02-10 休", "workdays.no_such_date", 1),
        ("2027-01-01至2027-03-01 休", "workdays.no_such_date", 1),
        ("1027-01-01 休", "workdays.no_such_date", 1),
        ("2027-02-17 春节", "workdays.no_kind", 1),
        ("2027-02-17 休 " + "长" * 41, "workdays.name_too_long", 1),
        ("2027-02-17 休\n2027-02-17 班", "workdays.said_twice", 2),
        ("2027-02-17 休\n" * 2000, "workdays.list_too_long", None),
    ],
)
def test_what_cannot_be_read_is_named_by_its_line(text: str, key: str, line: int | None) -> None:
    _, problems = read_list(text)
    assert problems[0].words.key == key
    assert problems[0].words.parameters.get("line") == line


def whole(year: int) -> tuple[Day, ...]:
    return tuple(Day(date=date(year, month, 1), works=False) for month in (1, 5, 10))


def test_a_list_is_taken_for_its_whole_years_only() -> None:
    stray = Day(date=day("2027-12-31"), works=False, name=Festival.NEW_YEAR)
    assert list_years([stray, *whole(2028)]) == Decision(
        facts=(YearListed(year=2028, days=whole(2028)), WorkdaySet(day=stray))
    )
    refused = list_years([stray])
    assert isinstance(refused, Refusal)
    assert refused.words.key == "workdays.not_whole"


def test_a_year_entered_here_replaces_the_shipped_one_and_a_single_day_stands_above_both() -> None:
    known = calendar({2026}, whole(2026), [Day(date=day("2026-07-25"), works=True, name="抢修")])
    assert known.works(day("2026-02-16"))
    assert known.works(day("2026-07-25"))
    assert known.source(2026) is Source.LISTED
    assert known.source(2025) is Source.PUBLISHED
    assert [one.by_hand for one in known.year(2026)] == [False, False, True, False]


def test_a_single_day_does_not_make_its_year_known() -> None:
    known = calendar(by_hand=[Day(date=day("2050-03-07"), works=False)])
    assert known.after(day("2050-03-04"), 1) == Reckoned(date=day("2050-03-08"), confirmed=False)


def test_days_that_are_alike_are_shown_as_one_stretch() -> None:
    stretches = CALENDAR.year(2026)
    assert [(one.first.isoformat(), one.number) for one in stretches[:5]] == [
        ("2026-01-01", 3),
        ("2026-01-04", 1),
        ("2026-02-14", 1),
        ("2026-02-15", 9),
        ("2026-02-28", 1),
    ]


def test_one_day_is_set_with_a_date_and_a_short_name() -> None:
    taken = set_day(day("2027-02-17"), works=False, name=" 春节 ")
    assert taken == Decision(
        facts=(WorkdaySet(day=Day(date=day("2027-02-17"), works=False, name=Festival.SPRING_FESTIVAL)),)
    )
    for at, name, field in (
        (None, "", "date"),
        (day("1999-01-01"), "", "date"),
        (day("2027-01-01"), "长" * 41, "name"),
    ):
        refused = set_day(at, works=False, name=name)
        assert isinstance(refused, Refusal)
        assert refused.field == field


def test_only_what_was_entered_can_be_dropped() -> None:
    assert isinstance(forget_year(CALENDAR, 2026), Refusal)
    assert forget_year(calendar({2026}, whole(2026)), 2026) == Decision(facts=(YearForgotten(year=2026),))
    alone = calendar(by_hand=[Day(date=day("2026-07-25"), works=True)])
    assert forget_year(alone, 2026) == Decision(facts=(YearForgotten(year=2026),))


def test_what_is_shipped_is_what_the_library_for_it_says() -> None:
    """A newer library knows a year more: then this fails, and the year belongs into the list in content."""
    theirs = pytest.importorskip("chinese_calendar") if not in_ci() else __import__("chinese_calendar")
    newest = max(at.year for at in theirs.holidays)
    assert max(published()) >= newest
    for year in range(min(published()), newest + 1):
        at = date(year, 1, 1)
        while at.year == year:
            assert CALENDAR.works(at) is theirs.is_workday(at), at
            at += timedelta(days=1)


ICS_2027 = """BEGIN:VCALENDAR\r
VERSION:2.0\r
BEGIN:VEVENT\r
DTSTART;VALUE=DATE:20270101\r
DTEND;VALUE=DATE:20270104\r
SUMMARY:元旦（休）\r
END:VEVENT\r
BEGIN:VEVENT\r
DTSTART;VALUE=DATE:20270206\r
DTEND;VALUE=DATE:20270213\r
SUMMARY:春\r
 节 假期\r
END:VEVENT\r
BEGIN:VEVENT\r
DTSTART;VALUE=DATE:20270214\r
SUMMARY;LANGUAGE=zh:春节（补班）\r
END:VEVENT\r
BEGIN:VEVENT\r
DTSTART;VALUE=DATE:20270308\r
SUMMARY:妇女节\r
END:VEVENT\r
BEGIN:VEVENT\r
DTSTART;VALUE=DATE:20270501\r
X-APPLE-SPECIAL-DAY:WORK-HOLIDAY\r
SUMMARY:劳动节\r
END:VEVENT\r
END:VCALENDAR\r
"""


def test_a_calendar_is_read_and_what_is_neither_rest_nor_work_is_left_out() -> None:
    days, problems = read_list(ICS_2027)
    assert problems == ()
    assert [(day.date.isoformat()[5:], day.works, day.name) for day in days] == [
        *((f"01-0{day}", False, Festival.NEW_YEAR) for day in (1, 2, 3)),
        *((f"02-{day:02}", False, Festival.SPRING_FESTIVAL) for day in range(6, 13)),
        ("02-14", True, ""),
        ("05-01", False, Festival.LABOUR_DAY),
    ]


def test_a_calendar_whose_dates_are_none_says_so() -> None:
    broken = "BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART:2027\nSUMMARY:元旦 休\nEND:VEVENT\nEND:VCALENDAR"
    days, problems = read_list(broken)
    assert (days, len(problems)) == ((), 1)
