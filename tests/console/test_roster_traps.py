"""The traps of real rosters, each as a real file from its bytes to the preview."""

from __future__ import annotations

import io
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from openpyxl.styles import Font
from openpyxl.worksheet.worksheet import Worksheet

from console.sheet_limits import SheetProblem
from console.sheets import Book, read_book, read_grid
from console.written_sheets import write_xlsx
from content.grid import Grid
from content.identifiers import MemberId
from content.roster import Gravity, KnownMember, Preview, Reading, Verdict, compare, find_header, read
from tests.console.roster_files import BRANCH, HEADER, SYSTEM, csv_of, person, saved, system_export, xlsx

OLD_FILE = Path(__file__).parent / "files" / "roster-97.xls"
TODAY = date(2026, 7, 24)


def opened(data: bytes, name: str = "花名册.xlsx") -> Reading:
    grid = read_grid(data, name)
    assert isinstance(grid, Grid), grid
    return read(grid, today=TODAY, organisations=[BRANCH])


def refused(data: bytes, name: str) -> str:
    found = read_grid(data, name)
    assert isinstance(found, SheetProblem), found
    return found.words.key


def names(found: Reading) -> list[str]:
    return [row.entry.name for row in found.rows]


def problems(found: Reading) -> list[tuple[int, str, str]]:
    return [(problem.row, problem.column, problem.code) for problem in found.problems]


def notes(found: Reading) -> dict[str, dict[str, Any]]:
    return {note.key.removeprefix("roster."): dict(note.parameters) for note in found.notes}


def taken_in(found: Reading) -> list[KnownMember]:
    return [KnownMember(id=MemberId(f"row {row.number}"), entry=row.entry) for row in found.rows]


def counts(preview: Preview) -> tuple[int, int, int, int, int]:
    return (
        len(preview.new),
        len(preview.changed),
        len(preview.unchanged),
        preview.open_doubts,
        preview.refused_rows,
    )


def test_imp01_a_merged_title_above_the_header_is_passed_over() -> None:
    found = opened(xlsx(["党员花名册"], HEADER, person(), change=lambda sheet: sheet.merge_cells("A1:H1")))
    assert [(row.number, row.entry.name) for row in found.rows] == [(3, "张明")]


def test_a_branch_and_a_group_in_cells_that_span_several_rows_hold_for_all_of_them() -> None:
    def merge(sheet: Worksheet) -> None:
        for span in ("C2:C4", "I2:I3", "E2:E4"):
            sheet.merge_cells(span)

    names = ("张明", "李强", "王丽", "张丽")
    rows = [[*person(name, 人员类别=None, 所在党支部=BRANCH if name == "张明" else None), None] for name in names]
    rows[0][4], rows[0][8], rows[3][2] = "正式党员", "第一党小组", BRANCH
    found = opened(xlsx([*HEADER, "党小组"], *rows, change=merge))
    assert [(row.entry.organisation, row.entry.group, row.entry.category) for row in found.rows] == [
        (BRANCH, "第一党小组", "正式党员"),
        (BRANCH, "第一党小组", ""),
        (BRANCH, "", ""),
        (BRANCH, "", ""),
    ]


def test_imp02_the_header_is_found_below_a_title_and_the_line_of_the_unit() -> None:
    found = opened(xlsx(["党员花名册"], [f"填报单位：{BRANCH}", None, "单位：人"], HEADER, person()))
    assert [(row.number, row.entry.name) for row in found.rows] == [(4, "张明")]


def test_imp03_of_a_merged_header_two_rows_high_the_child_names_count() -> None:
    def merge(sheet: Worksheet) -> None:
        sheet.merge_cells("D1:E1")
        for column in "ABC":
            sheet.merge_cells(f"{column}1:{column}2")

    upper, lower = ["序号", "姓名", "所在党支部", "联系方式", None], [None, None, None, "手机", "固定电话"]
    found = opened(xlsx(upper, lower, [1, "张明", BRANCH, "13800000000", "0571-88888888"], change=merge))
    assert [row.entry.phone for row in found.rows] == ["13800000000"]
    assert notes(found) == {"not_kept": {"columns": "固定电话"}}


def test_imp04_a_total_and_a_signature_are_ignored_and_counted() -> None:
    found = opened(xlsx(HEADER, person(), ["合计", None, 1], ["制表人：王丽", None, None, "2026年7月"]))
    assert (names(found), found.skipped) == (["张明"], 2)


def test_imp05_hidden_rows_and_columns_are_taken_in_and_counted() -> None:
    def hide(sheet: Worksheet) -> None:
        sheet.row_dimensions[3].hidden = True
        sheet.column_dimensions["D"].hidden = True
        sheet.column_dimensions.group("M", "XFD", hidden=True)

    found = opened(xlsx(HEADER, person(), person("李强", "13800000002"), change=hide))
    assert [(row.entry.name, row.entry.phone) for row in found.rows] == [("张明", ""), ("李强", "13800000002")]
    assert notes(found)["hidden"] == {"rows": 1, "columns": 1}


def test_imp06_two_rows_of_one_name_wait_for_a_person_and_are_told_apart_by_their_numbers_afterwards() -> None:
    found = opened(xlsx(HEADER, person("王丽", "13800000001"), person("王丽", "13800000002")))
    assert counts(compare([], found)) == (0, 0, 0, 2, 0)
    assert {doubt.words.key for doubt in compare([], found).doubts} == {"roster.same_name"}
    decided = compare([], found, answers={2: Verdict.NEW, 3: Verdict.NEW})
    assert counts(decided) == (2, 0, 0, 0, 0)
    assert counts(compare(taken_in(found), found)) == (0, 0, 2, 0, 0)


def test_imp07_spaces_of_any_width_in_a_name_do_not_make_another_person() -> None:
    for written in ("张　明", "张 明", " 张明 "):
        assert names(opened(xlsx(HEADER, person(written)))) == ["张明"]


def test_imp08_imp09_full_width_digits_and_numeric_cells_are_telephone_numbers() -> None:
    found = opened(xlsx(HEADER, person(phone="１３８００００００００"), person("李强", 13800000000.0)))
    assert [row.entry.phone for row in found.rows] == ["13800000000", "13800000000"]


def test_imp10_a_number_that_lost_its_digits_costs_the_cell_and_not_the_row() -> None:
    found = opened(xlsx(HEADER, person(phone="1.38E+10")))
    assert problems(found) == [(2, "联系电话", "digits_lost")]
    assert (found.problems[0].value, found.problems[0].gravity) == ("1.38E+10", Gravity.CELL)
    assert names(found) == ["张明"]


def test_imp11_identity_numbers_and_addresses_are_left_out_with_a_sentence() -> None:
    number = 110101199001011234
    found = opened(xlsx([*HEADER, "身份证号", "家庭住址"], [*person(), number, "某街 1 号"]))
    assert notes(found)["never_kept"] == {"columns": "公民身份号码、家庭住址"}
    assert names(found) == ["张明"]
    assert "110101" not in repr(found)
    assert "某街" not in repr(found)


def dated(*written: Any) -> list[str]:
    found = opened(xlsx([*HEADER, "出生年月"], *([*person(f"张{place}"), cell] for place, cell in enumerate(written))))
    assert not found.problems
    return [row.entry.born for row in found.rows]


def test_imp12_months_in_every_spelling_keep_the_precision_of_a_month() -> None:
    assert dated("1990.05", "199005", "1990-5", "1990年5月", 199005) == ["1990-05"] * 5


def test_imp13_days_in_every_spelling_become_one_form() -> None:
    assert dated("2001.07.01", "2001/7/1", "20010701", "2001年7月1日", date(2001, 7, 1)) == ["2001-07-01"] * 5


@pytest.mark.parametrize(
    ("cell", "code"),
    [("90.5", "year_unclear"), (1990.1, "month_unclear"), ("2016-02-30", "no_such_day")],
    ids=["imp14", "imp15", "imp17"],
)
def test_imp14_imp15_imp17_a_date_that_cannot_be_decided_costs_the_cell(cell: Any, code: str) -> None:
    found = opened(xlsx(HEADER, person(加入党组织日期=cell)))
    assert problems(found) == [(2, "加入党组织日期", code)]
    assert names(found) == ["张明"]


def test_imp16_a_day_number_counts_from_the_year_of_its_workbook() -> None:
    def day(cell: int, epoch: Any) -> str:
        book = openpyxl.Workbook()
        book.epoch = epoch
        for row in (HEADER, person(加入党组织日期=cell)):
            book.active.append(list(row))
        return opened(saved(book)).rows[0].entry.joined

    assert day(42549, openpyxl.utils.datetime.CALENDAR_WINDOWS_1900) == "2016-06-28"
    assert day(41087, openpyxl.utils.datetime.CALENDAR_MAC_1904) == "2016-06-28"


def test_imp17_dates_in_the_wrong_order_or_in_the_future_are_warnings_of_rows_that_are_taken() -> None:
    early = person(加入党组织日期="2016-07-01", 转为正式党员日期="2015-07-01")
    found = opened(xlsx(HEADER, early, person("李强", 加入党组织日期="2027-01-01")))
    assert problems(found) == [(2, "转为正式党员日期", "full_before_joined"), (3, "加入党组织日期", "in_future")]
    assert {problem.gravity for problem in found.problems} == {Gravity.WARNING}
    assert names(found) == ["张明", "李强"]


def test_imp18_a_column_of_ticks_says_yes_no_or_nothing() -> None:
    marks = ["是", "否", "√", "×", None]
    rows = [[*person(f"张{place}"), mark, mark] for place, mark in enumerate(marks)]
    found = opened(xlsx([*HEADER, "是否流动党员", "是否失联党员"], *rows))
    expected = [True, False, True, False, None]
    assert [row.entry.floating for row in found.rows] == expected
    assert [row.entry.out_of_touch for row in found.rows] == expected
    assert problems(opened(xlsx([*HEADER, "是否流动党员"], [*person(), "也许"]))) == [
        (2, "是否流动党员", "not_yes_or_no")
    ]


def test_imp18_nothing_said_is_no_change_and_a_no_after_a_yes_is_one() -> None:
    def sheet(mark: str | None) -> Reading:
        return opened(xlsx([*HEADER, "是否流动党员"], [*person(), mark]))

    known = taken_in(sheet("是"))
    assert counts(compare(known, sheet(None))) == (0, 0, 1, 0, 0)
    (change,) = compare(known, sheet("否")).changed
    assert [(one.field, one.old, one.new) for one in change.fields] == [("floating", "是", "否")]


def test_imp19_an_old_binary_workbook_is_read() -> None:
    book = read_book(OLD_FILE.read_bytes(), "花名册.xls")
    assert isinstance(book, Book)
    assert list(book.sheets) == ["填表说明", "党员花名册"]
    grid = book.sheets["党员花名册"]
    assert isinstance(grid, Grid)
    assert (grid.hidden_rows, grid.hidden_columns, grid.counts_from_1904) == (1, 1, False)
    found = read(grid, today=TODAY, organisations=[BRANCH])
    people = [(row.entry.name, row.entry.phone, row.entry.joined, row.entry.out_of_touch) for row in found.rows]
    assert people == [
        ("张明", "13800000001", "2016-06-28", False),
        ("李强", "13800000002", "2001-07", None),
        ("王丽", "", "", True),
    ]
    assert problems(found) == [(3, "备注", "no_result"), (4, "备注", "no_result")]
    assert found.skipped == 1


def test_imp20_the_format_of_wps_is_refused_with_advice() -> None:
    assert refused(OLD_FILE.read_bytes(), "花名册.et") == "sheets.et_format"


@pytest.mark.parametrize("encoding", ["gb18030", "utf-8-sig"])
def test_imp21_csv_is_read_in_both_encodings_and_its_first_header_has_no_mark(encoding: str) -> None:
    found = opened(csv_of(HEADER[1:], person()[1:], encoding=encoding), "花名册.csv")
    assert names(found) == ["张明"]


def test_imp22_a_formula_counts_by_its_stored_result_and_without_one_costs_the_cell() -> None:
    found = opened(xlsx(HEADER, person(备注="=1+1")))
    assert problems(found) == [(2, "备注", "no_result")]
    assert names(found) == ["张明"]


def test_imp23_sample_rows_are_ignored() -> None:
    found = opened(xlsx(HEADER, person("例：张明"), person(序号="例", 姓名="李强"), person("王丽")))
    assert (names(found), found.skipped) == (["王丽"], 2)


def test_imp24_the_same_file_twice_changes_nothing() -> None:
    found = opened(xlsx(HEADER, person(phone=13800000000, 加入党组织日期=42549), person("李强")))
    assert counts(compare(taken_in(found), found)) == (0, 0, 2, 0, 0)


def test_imp25_one_changed_number_is_one_change_with_both_values() -> None:
    known = taken_in(opened(xlsx(HEADER, person(phone="13800000000"), person("李强"))))
    preview = compare(known, opened(xlsx(HEADER, person(phone="13800000009"), person("李强"))))
    assert counts(preview) == (0, 1, 1, 0, 0)
    assert [(f.field, f.old, f.new) for f in preview.changed[0].fields] == [("phone", "13800000000", "13800000009")]


def test_imp26_a_name_like_a_formula_is_text_and_leaves_as_text() -> None:
    def as_text(sheet: Worksheet) -> None:
        sheet["B2"].data_type = "s"

    found = opened(xlsx(HEADER, person('=HYPERLINK("x")'), change=as_text))
    assert names(found) == ['=HYPERLINK("x")']
    out = openpyxl.load_workbook(io.BytesIO(write_xlsx("名册", ["姓名"], [names(found)]))).active
    assert out["A3"].value == '\'=HYPERLINK("x")'


@pytest.mark.parametrize(
    ("rows", "said"),
    [([], "empty_sheet"), ([HEADER], "no_rows"), ([HEADER, [None]], "no_rows"), ([["说明", "请填写"]], "no_header")],
)
def test_imp27_a_file_without_people_gets_a_sentence(rows: Sequence[Sequence[Any]], said: str) -> None:
    assert [words.key for words in opened(xlsx(*rows)).obstacles] == [f"roster.{said}"]


def test_imp27_all_sheets_are_read_so_that_the_right_one_can_be_chosen() -> None:
    book = openpyxl.load_workbook(io.BytesIO(xlsx(["填表说明"], title="说明")))
    sheet = book.create_sheet("名册")
    for row in (HEADER, person()):
        sheet.append(list(row))
    found = read_book(saved(book), "花名册.xlsx")
    assert isinstance(found, Book)
    assert [isinstance(grid, Grid) and find_header(grid) is not None for grid in found.sheets.values()] == [False, True]


def test_imp28_empty_rows_in_the_middle_and_a_thousand_styled_ones_at_the_end_are_ignored() -> None:
    def style(sheet: Worksheet) -> None:
        for number in range(5, 1_005):
            for column in range(1, 9):
                sheet.cell(number, column).font = Font(bold=True)

    found = opened(xlsx(HEADER, person(), [], person("李强"), change=style))
    assert [(row.number, row.entry.name) for row in found.rows] == [(2, "张明"), (4, "李强")]
    assert found.skipped == 0


def test_the_system_s_own_export_of_17_columns_is_taken_as_it_is() -> None:
    zhang = [1, "张明", BRANCH, 110101199001011234, "男", "汉族", "1990-01-01", "本科", "中共党员", "2016-06-28"]
    zhang += ["2017-06-28", "检车员", 13800000001, "0571-88888888", "正常", "否", None]
    wang = [2, "王丽", BRANCH, "110101199202022345", "女", "汉族", "199202", "大专", "中共预备党员", "2026.06.30"]
    wang += [None, "统计员", "13800000002", None, "正常", "是", "2026年5月"]
    assert len(SYSTEM) == len(zhang) == len(wang) == 17
    found = opened(system_export(zhang, wang))
    first, second = (row.entry for row in found.rows)
    assert (first.gender, first.ethnicity, first.born, first.education) == ("男", "汉族", "1990-01-01", "本科")
    assert (first.category, first.joined, first.full_since) == ("正式党员", "2016-06-28", "2017-06-28")
    assert (first.post, first.phone, first.status, first.out_of_touch) == ("检车员", "13800000001", "正常", False)
    assert (second.category, second.born, second.joined) == ("预备党员", "1992-02", "2026-06-30")
    assert (second.out_of_touch, second.lost_since) == (True, "2026-05")
    assert (found.problems, found.skipped) == ((), 1)
    assert notes(found)["never_kept"] == {"columns": "公民身份号码"}
    assert "110101" not in repr(found)
    assert counts(compare(taken_in(found), found)) == (0, 0, 2, 0, 0)
