"""A roster sheet is read as offices write it, and what importing it would do is said before anything is done."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from content.grid import Cell, Grid
from content.identifiers import MemberId, OrganisationId, UserId
from content.roster import (
    COLUMNS,
    Entry,
    Gravity,
    KnownMember,
    Preview,
    Reading,
    Verdict,
    altered,
    compare,
    enrolled,
    find_header,
    known,
    normal_header,
    read,
)

TODAY = date(2026, 7, 24)
HEADER = ("序号", "姓名", "所在党支部", "联系电话", "人员类别", "加入党组织日期", "转为正式党员日期", "群账号")


def row(
    name: Cell = "张明",
    phone: Cell = None,
    *,
    branch: Cell = "一支部",
    category: Cell = "正式党员",
    joined: Cell = None,
    full: Cell = None,
    user: Cell = None,
) -> tuple[Cell, ...]:
    return (1, name, branch, phone, category, joined, full, user)


def sheet(*rows: Sequence[Cell], header: Sequence[Cell] = HEADER, **about: object) -> Grid:
    return Grid(rows=(tuple(header), *(tuple(row) for row in rows)), **about)  # type: ignore[arg-type]


def reading(*rows: Sequence[Cell], header: Sequence[Cell] = HEADER, **about: object) -> Reading:
    return read(sheet(*rows, header=header, **about), today=TODAY)


def entry(*rows: Sequence[Cell], **about: object) -> Entry:
    found = reading(*rows, **about)
    assert len(found.rows) == 1, found
    return found.rows[0].entry


def problems(found: Reading | Preview) -> list[tuple[int, str, str]]:
    listed = found.problems if isinstance(found, Reading) else found.errors
    return [(problem.row, problem.column, problem.code) for problem in listed]


def keys(found: Sequence[object]) -> list[str]:
    return [str(said.key).removeprefix("roster.") for said in found]  # type: ignore[attr-defined]


# --- the header -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "canonical"),
    [
        ("姓　名", "姓名"),
        ("党员\n姓名*", "姓名"),
        ("入党时间", "加入党组织日期"),
        ("转正日期（年月日）", "转为正式党员日期"),
        ("手机号码", "联系电话"),
        ("工作岗位(职务)", "工作岗位"),
        ("所在组织", "所在党支部"),
        ("Matrix账号", "群账号"),
        ("User_ID", "群账号"),
        ("身份证号", "公民身份号码"),
        ("\ufeff姓名", "姓名"),
    ],
)
def test_headers_are_known_by_their_many_names(written: str, canonical: str) -> None:
    assert normal_header(written) == canonical


def test_imp01_a_title_above_the_header_is_passed_over() -> None:
    header = find_header(Grid(rows=(("党员花名册", None, None), HEADER, row())))
    assert header is not None
    assert header.last_row == 1


def test_imp02_the_header_may_stand_on_row_three() -> None:
    grid = Grid(rows=(("党员花名册",), ("填报单位：一支部", None, "2026年7月"), HEADER, row()))
    found = read(grid, today=TODAY)
    assert [(r.number, r.entry.name) for r in found.rows] == [(4, "张明")]


def test_imp03_of_a_header_two_rows_high_the_child_names_count() -> None:
    upper = ("序号", "姓名", "所在党支部", "联系方式", None)
    lower = (None, None, None, "手机", "固定电话")
    found = read(Grid(rows=(upper, lower, (1, "张明", "一支部", "13800000000", "0571-1"))), today=TODAY)
    assert found.rows[0].entry.phone == "13800000000"
    assert len(found.rows) == 1


def test_both_official_column_lists_are_understood() -> None:
    header = find_header(Grid(rows=(COLUMNS,)))
    assert header is not None
    assert None not in header.canonical
    system = (
        "序号 姓名 所在组织 身份证 性别 民族 出生日期 学历 人员类别 加入党组织日期 转为正式党员日期 工作岗位 手机号码 "
        "固定电话 党籍状态 是否失联党员 失联日期"
    )
    header = find_header(Grid(rows=(tuple(system.split()),)))
    assert header is not None
    assert None not in header.canonical


def test_two_columns_of_one_meaning_are_asked_about_and_can_be_chosen() -> None:
    header = ("姓名", "所在党支部", "手机", "电话")
    grid = sheet(("张明", "一支部", "13800000000", "0571-88888888"), header=header)
    assert keys(read(grid, today=TODAY).obstacles) == ["column_twice"]
    assert read(grid, today=TODAY, choices={"联系电话": 3}).rows[0].entry.phone == "0571-88888888"


def test_unknown_columns_are_listed_and_ignored() -> None:
    found = reading((1, "张明", "一支部", "爱好"), header=("序号", "姓名", "所在党支部", "特长"))
    assert keys(found.notes) == ["unknown_columns"]
    assert found.notes[0].parameters == {"columns": "特长"}


# --- rows that are no persons -----------------------------------------------------------------------------------------


def test_imp04_totals_and_signatures_are_skipped_and_counted() -> None:
    found = reading(row(), ("合计", None, 1), (None, None, "制表人：王丽"))
    assert (len(found.rows), found.skipped) == (1, 2)
    assert found.notes[0].parameters == {"n": 2}


def test_imp05_hidden_rows_and_columns_are_told() -> None:
    assert keys(reading(row(), hidden_rows=2, hidden_columns=1).notes) == ["hidden"]


def test_imp23_sample_rows_are_skipped() -> None:
    found = reading(row("例：张明"), ("例", "李强", "一支部"), row("王丽"))
    assert [r.entry.name for r in found.rows] == ["王丽"]
    assert found.skipped == 2


@pytest.mark.parametrize(
    ("grid", "expected"),
    [
        (Grid(rows=()), "empty_sheet"),
        (Grid(rows=((None, None), ())), "empty_sheet"),
        (sheet(), "no_rows"),
        (sheet((None, None)), "no_rows"),
        (Grid(rows=(("说明", "请按要求填写"),)), "no_header"),
    ],
)
def test_imp27_a_sheet_without_a_roster_gets_a_sentence(grid: Grid, expected: str) -> None:
    found = read(grid, today=TODAY)
    assert keys(found.obstacles) == [expected]
    assert compare([], found).new == ()


def test_imp28_empty_rows_in_the_middle_and_at_the_end_are_ignored() -> None:
    found = reading(row(), (None,) * 8, row("李强"), *[(None, "")] * 1_000)
    assert [(r.number, r.entry.name) for r in found.rows] == [(2, "张明"), (4, "李强")]
    assert found.skipped == 0


# --- cells ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("written", ["张　明", "张 明", " 张明 ", "张\u200b明", "张\n明"])
def test_imp07_spaces_in_a_chinese_name_are_dropped(written: str) -> None:
    assert entry(row(written)).name == "张明"


@pytest.mark.parametrize(
    ("written", "name"),
    [("Anna  Li", "Anna Li"), ("买买提•艾力", "买买提·艾力"), ("𠮷田 明", "𠮷田明"), ("长" * 64, "长" * 64)],
)
def test_i064_names_of_all_kinds_are_kept(written: str, name: str) -> None:
    assert entry(row(written)).name == name


@pytest.mark.parametrize(
    ("written", "phone"),
    [
        ("１３８００００００００", "13800000000"),
        (13800000000, "13800000000"),
        (13800000000.0, "13800000000"),
        ("138-0000-0000", "13800000000"),
        ("+86 138 0000 0000", "13800000000"),
        ("0571—88888888", "0571-88888888"),
        ("无", ""),
        (None, ""),
    ],
)
def test_imp08_imp09_telephone_numbers_get_one_form(written: Cell, phone: str) -> None:
    assert entry(row(phone=written)).phone == phone


@pytest.mark.parametrize(
    ("written", "code"), [("1.38E+10", "digits_lost"), ("见备注", "not_a_phone"), (1.5, "not_a_phone")]
)
def test_imp10_a_number_that_lost_digits_is_an_error_of_its_cell_only(written: Cell, code: str) -> None:
    found = reading(row(phone=written))
    assert problems(found) == [(2, "联系电话", code)]
    assert found.problems[0].gravity is Gravity.CELL
    assert found.rows[0].entry.phone == ""


def test_away_6_an_address_as_the_place_somebody_went_to_is_left_out_and_a_city_is_kept() -> None:
    header = ("姓名", "支部", "外出流向")
    found = reading(("张明", "一支部", "成都市武侯区人民南路4段"), ("王丽", "一支部", "四川成都"), header=header)
    assert problems(found) == [(2, "外出流向", "too_close")]
    assert [row.entry.destination for row in found.rows] == ["", "四川成都"]


def test_imp11_priv_1_id_number_and_address_are_left_out_and_said_so() -> None:
    found = reading(
        ("张明", "一支部", 110101199001011234.0, "某街 1 号"), header=("姓名", "支部", "身份证", "家庭住址")
    )
    assert keys(found.notes) == ["never_kept"]
    assert found.notes[0].parameters == {"columns": "公民身份号码、家庭住址"}
    assert "某街" not in repr(found)
    assert "1101" not in repr(found)


@pytest.mark.parametrize(
    ("written", "normal"),
    [
        ("1990.05", "1990-05"),
        ("199005", "1990-05"),
        (199005, "1990-05"),
        ("1990-5", "1990-05"),
        ("1990年5月", "1990-05"),
        (1990.05, "1990-05"),
        (1990.12, "1990-12"),
        ("2001.07.01", "2001-07-01"),
        ("2001/7/1", "2001-07-01"),
        ("20010701", "2001-07-01"),
        (20010701, "2001-07-01"),
        ("2001年7月1日", "2001-07-01"),
        ("２００１－７－１", "2001-07-01"),
        ("2001-07-01 00:00:00", "2001-07-01"),
        (date(2001, 7, 1), "2001-07-01"),
        (datetime.fromisoformat("2001-07-01T00:00"), "2001-07-01"),
        (42549, "2016-06-28"),
        ("", ""),
    ],
)
def test_imp12_imp13_imp16_dates_get_one_form(written: Cell, normal: str) -> None:
    assert entry(row(joined=written)).joined == normal


def test_imp16_a_day_number_counts_from_the_workbook_s_first_year() -> None:
    assert entry(row(joined=41087), counts_from_1904=True).joined == "2016-06-28"


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("90.5", "year_unclear"),
        (90.5, "year_unclear"),
        (1990.1, "month_unclear"),
        ("2016-02-30", "no_such_day"),
        ("2016-13", "no_such_day"),
        ("2016-00-00", "no_such_day"),
        ("1990", "not_a_date"),
        (1990, "not_a_date"),
        ("不详", "not_a_date"),
        (True, "not_a_date"),
    ],
)
def test_imp14_imp15_imp17_a_date_that_cannot_be_decided_is_an_error_of_its_cell(written: Cell, code: str) -> None:
    found = reading(row(joined=written))
    assert problems(found) == [(2, "加入党组织日期", code)]
    assert found.rows[0].entry.joined == ""


def test_imp17_dates_that_contradict_each_other_are_warnings() -> None:
    found = reading(row(joined="2016-07-01", full="2015-07"), row("李强", joined="2026-08"))
    assert problems(found) == [(2, "转为正式党员日期", "full_before_joined"), (3, "加入党组织日期", "in_future")]
    assert {problem.gravity for problem in found.problems} == {Gravity.WARNING}
    assert len(found.rows) == 2
    assert problems(reading(row(joined="2026-07-24", full="2026-07"))) == []


def test_imp22_a_formula_without_a_result_is_an_error_of_its_cell() -> None:
    found = reading(row(), unread=frozenset({(1, 3)}))
    assert problems(found) == [(2, "联系电话", "no_result")]
    assert reading(row(), unread=frozenset({(1, 1)})).rows == ()


@pytest.mark.parametrize("written", ['=HYPERLINK("x")', '\'=HYPERLINK("x")'])
def test_imp26_a_name_like_a_formula_is_text_also_when_it_comes_back_from_our_export(written: str) -> None:
    assert entry(row(written)).name == '=HYPERLINK("x")'


@pytest.mark.parametrize(
    ("written", "category"),
    [("中共党员", "正式党员"), ("中共预备党员", "预备党员"), ("入党积极分子", "入党积极分子"), (None, "")],
)
def test_categories_get_their_canonical_names(written: Cell, category: str) -> None:
    assert entry(row(category=written)).category == category


@pytest.mark.parametrize(
    ("bad", "problem"),
    [
        (row(None, "13800000000"), (2, "姓名", "no_name")),
        (row("长" * 65), (2, "姓名", "name_too_long")),
        (row(category="群众"), (2, "人员类别", "not_a_member")),
        (row(branch=None), (2, "所在党支部", "no_organisation")),
        (row(user="张明"), (2, "群账号", "not_an_account")),
        (row(user="@a b:example.org"), (2, "群账号", "not_an_account")),
        (row(user="@" + "a" * 250 + ":b.cn"), (2, "群账号", "not_an_account")),
    ],
)
def test_a_bad_row_is_left_out_with_its_place_and_the_others_are_read(
    bad: tuple[Cell, ...], problem: tuple[int, str, str]
) -> None:
    found = reading(bad, row("王丽"))
    assert problems(found) == [problem]
    assert [r.entry.name for r in found.rows] == ["王丽"]
    assert found.refused_rows == 1


def test_a_branch_that_does_not_exist_gets_the_nearest_name() -> None:
    found = read(sheet(row(branch="运转一支布"), row(branch=" 运转一支部")), today=TODAY, organisations=["运转一支部"])
    assert found.problems[0].words.parameters == {"nearest": "运转一支部"}
    assert [r.entry.organisation for r in found.rows] == ["运转一支部"]


def test_rows_that_do_not_say_belong_to_the_branch_of_the_import() -> None:
    found = read(sheet(("张明", "女", "1"), header=("姓名", "性别", "序号")), today=TODAY, organisation="一支部")
    assert found.rows[0].entry.organisation == "一支部"


def test_i066_an_account_given_twice_or_the_bot_s_own_is_refused() -> None:
    rows = (row("张明", user="@a:x.cn"), row("李强", user="@a:x.cn"), row("王丽", user="@bot:x.cn"))
    found = read(sheet(*rows), today=TODAY, bot=UserId("@bot:x.cn"))
    assert [code for _, _, code in problems(found)] == ["account_twice", "account_twice", "account_of_bot"]
    assert found.rows == ()


def test_a_row_repeated_word_for_word_is_taken_once() -> None:
    found = reading(row("张明", "13800000000"), row("张明", "13800000000"))
    assert len(found.rows) == 1
    assert problems(found) == [(3, "姓名", "row_twice")]


def test_long_values_are_shortened_in_problems() -> None:
    assert len(reading(row(phone="x" * 5_000)).problems[0].value) == 40


CELLS = st.one_of(
    st.none(),
    st.text(max_size=20),
    st.integers(),
    st.floats(),
    st.booleans(),
    st.dates(),
    st.datetimes(),
    st.times(),
    st.timedeltas(),
)


@given(st.lists(st.lists(CELLS, max_size=9), max_size=6))
@settings(max_examples=200, deadline=None)
def test_no_sheet_makes_reading_fail(rows: list[list[Cell]]) -> None:
    found = reading(*rows)
    compare([], found)
    assert all(r.entry.name and r.entry.organisation for r in found.rows)


# --- comparing --------------------------------------------------------------------------------------------------------


def member(name: str, phone: str = "", branch: str = "一支部", user: str | None = None) -> KnownMember:
    account = UserId(user) if user else None
    return KnownMember(
        id=MemberId(f"{name}{phone}{branch}"),
        entry=Entry(name=name, organisation=branch, phone=phone, user=account, category="正式党员"),
    )


def outcome(preview: Preview) -> tuple[int, int, int, int]:
    return len(preview.new), len(preview.changed), len(preview.unchanged), preview.open_doubts


def test_imp06_two_rows_of_one_name_are_not_merged_until_someone_says_so() -> None:
    found = reading(row("王丽", "13800000001"), row("王丽", "13800000002"))
    preview = compare([], found)
    assert outcome(preview) == (0, 0, 0, 2)
    assert keys([doubt.words for doubt in preview.doubts]) == ["same_name", "same_name"]
    assert outcome(compare([], found, answers={2: Verdict.NEW, 3: Verdict.NEW})) == (2, 0, 0, 0)


def test_imp24_the_same_file_twice_changes_nothing() -> None:
    found = reading(row("张明", "13800000000", user="@a:x.cn", joined="2016-06-28"), row("李强"))
    existing = [KnownMember(id=MemberId(str(r.number)), entry=r.entry) for r in found.rows]
    assert outcome(compare(existing, found)) == (0, 0, 2, 0)


def test_imp25_one_changed_number_is_shown_old_and_new() -> None:
    preview = compare([member("张明", "13800000000")], reading(row("张明", "13800000009")))
    assert outcome(preview) == (0, 1, 0, 0)
    (field,) = preview.changed[0].fields
    assert (field.field, field.old, field.new) == ("phone", "13800000000", "13800000009")


def test_an_empty_cell_takes_nothing_away() -> None:
    assert outcome(compare([member("张明", "13800000000")], reading(row("张明")))) == (0, 0, 1, 0)


def test_i065_the_same_name_in_another_branch_is_another_person() -> None:
    preview = compare([member("张明", "13800000000", "二支部")], reading(row("张明", "13800000009")))
    assert outcome(preview) == (1, 0, 0, 0)
    assert len(preview.absent) == 1


def test_the_same_name_and_number_in_another_branch_may_have_moved() -> None:
    preview = compare([member("张明", "13800000000", "二支部")], reading(row("张明", "13800000000")))
    assert keys([doubt.words for doubt in preview.doubts]) == ["perhaps_moved"]
    assert preview.absent == ()


def test_a_person_with_an_account_is_recognised_in_another_branch() -> None:
    preview = compare([member("张明", branch="二支部", user="@a:x.cn")], reading(row("张明", user="@a:x.cn")))
    assert [(f.field, f.new) for f in preview.changed[0].fields] == [("organisation", "一支部")]


def test_two_known_of_one_name_are_told_apart_by_their_numbers() -> None:
    existing = [member("王丽", "13800000001"), member("王丽", "13800000002")]
    assert outcome(compare(existing, reading(row("王丽", "13800000002")))) == (0, 0, 1, 0)
    assert outcome(compare(existing, reading(row("王丽", "13800000003")))) == (0, 0, 0, 1)
    assert outcome(compare(existing, reading(row("王丽")))) == (0, 0, 0, 1)


def test_two_known_who_share_name_and_number_are_a_question() -> None:
    first, second = member("王丽", "0571-88888888"), member("王丽", "0571-88888888")
    assert outcome(compare([first, second], reading(row("王丽", "0571-88888888")))) == (0, 0, 0, 1)


def test_a_second_row_of_a_known_name_is_a_question() -> None:
    preview = compare([member("王丽", "13800000001")], reading(row("王丽", "13800000001"), row("王丽", "13800000002")))
    assert outcome(preview) == (0, 0, 1, 1)


def test_nobody_is_offered_who_has_another_account_or_another_row() -> None:
    known = member("王丽", "13800000001", user="@a:x.cn")
    found = reading(row("王丽", "13800000001", user="@a:x.cn"), row("王丽", "13800000002"))
    (doubt,) = compare([known], found, answers={3: known.id}).doubts
    assert (doubt.candidates, doubt.answer) == ((), None)
    other = reading(row("王丽", "13800000002", user="@b:x.cn"))
    (doubt,) = compare([known], other, answers={2: known.id}).doubts
    assert (doubt.candidates, doubt.answer) == ((), None)


def test_a_row_said_to_be_someone_changes_them_and_a_second_one_is_an_error() -> None:
    known = member("王丽", "13800000001")
    found = reading(row("王丽", "13800000002"), row("王丽", "13800000003"))
    preview = compare([known], found, answers={2: known.id, 3: Verdict.LEFT_OUT})
    assert (outcome(preview), preview.left_out, preview.absent) == ((0, 1, 0, 0), 1, ())
    assert problems(compare([known], found, answers={2: known.id, 3: known.id})) == [(3, "姓名", "person_twice")]


def test_a_member_who_is_said_to_have_moved_changes_their_branch() -> None:
    known = member("张明", "13800000000", "二支部")
    found = reading(row("张明", "13800000000"))
    (change,) = compare([known], found, answers={2: known.id}).changed
    assert [(one.field, one.old, one.new) for one in change.fields] == [("organisation", "二支部", "一支部")]
    assert outcome(compare([known], found, answers={2: Verdict.NEW})) == (1, 0, 0, 0)


def test_two_persons_of_one_name_with_accounts_of_their_own_are_new() -> None:
    assert outcome(compare([], reading(row("王丽", user="@a:x.cn"), row("王丽", user="@b:x.cn")))) == (2, 0, 0, 0)


def test_another_account_under_a_known_name_is_a_question() -> None:
    assert outcome(compare([member("张明", user="@a:x.cn")], reading(row("张明", user="@b:x.cn")))) == (0, 0, 0, 1)


def test_i066_an_account_of_another_member_is_an_error() -> None:
    preview = compare([member("张明", user="@a:x.cn")], reading(row("李强", user="@a:x.cn")))
    assert problems(preview) == [(2, "群账号", "account_of_other")]
    assert preview.refused_rows == 1


def test_an_account_is_added_to_a_member_who_had_none() -> None:
    preview = compare([member("张明")], reading(row("张明", user="@a:x.cn")))
    assert [(f.field, f.old, f.new) for f in preview.changed[0].fields] == [("user", "", "@a:x.cn")]


def test_what_a_preview_says_becomes_members() -> None:
    branch = OrganisationId("b")
    preview = compare([], reading(row("张明", "13800000000", joined="2016-06")))
    made = enrolled(preview.new[0].entry, id=MemberId("m"), organisation=branch)
    assert (made.name, made.phone, made.joined, made.category) == ("张明", "13800000000", "2016-06", "正式党员")
    again = compare([known(made, organisation="一支部")], reading(row("张明", "13800000009")))
    assert altered(made, again.changed[0]).phone == "13800000009"
    assert altered(made, again.changed[0]).joined == "2016-06"
