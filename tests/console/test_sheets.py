"""Uploaded sheets are read within limits or refused with one clear sentence; exported sheets hold no live formula."""

from __future__ import annotations

import csv
import io
import random
import zipfile
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from console.sheet_limits import SheetProblem
from console.sheets import Book, read_book, read_grid
from console.written_sheets import FORMULA_STARTERS, neutralise, write_csv, write_xlsx
from content.grid import Grid
from content.identifiers import MemberId
from content.roster import COLUMNS, KnownMember, compare, read


def workbook(change: Callable[[openpyxl.Workbook], None]) -> bytes:
    book = openpyxl.Workbook()
    change(book)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def repacked(data: bytes, changes: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            if name not in changes:
                new.writestr(name, old.read(name))
        for name, content in changes.items():
            new.writestr(name, content)
    return out.getvalue()


def grid(data: bytes, filename: str = "a.xlsx", sheet: str | None = None) -> Grid:
    read = read_grid(data, filename, sheet=sheet)
    assert isinstance(read, Grid), read
    return read


def refusal(data: bytes, filename: str = "a.xlsx", sheet: str | None = None) -> str:
    read = read_grid(data, filename, sheet=sheet)
    assert isinstance(read, SheetProblem), read
    return read.words.key.removeprefix("sheets.")


def simple(book: openpyxl.Workbook) -> None:
    book.active.append(["姓名", "电话"])
    book.active.append(["张明", "13800000000"])


MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
OLD_FILE = Path(__file__).parent / "files" / "roster-97.xls"
SIMPLE = workbook(simple)
HALF_PAST_NINE = datetime.fromisoformat("2016-06-28T09:30")


def test_values_keep_their_kinds() -> None:
    def fill(book: openpyxl.Workbook) -> None:
        book.active.append(["张明", 13800000000, 1.5, date(2016, 6, 28), HALF_PAST_NINE, True, None, "x"])

    assert grid(workbook(fill)).rows == (
        ("张明", 13800000000, 1.5, date(2016, 6, 28), HALF_PAST_NINE, True, None, "x"),
    )


def test_imp05_hidden_rows_and_columns_are_read_and_counted() -> None:
    def fill(book: openpyxl.Workbook) -> None:
        simple(book)
        book.active.row_dimensions[2].hidden = True
        book.active.row_dimensions[9].hidden = True
        book.active.column_dimensions["B"].hidden = True

    read = grid(workbook(fill))
    assert read.rows[1] == ("张明", "13800000000")
    assert (read.hidden_rows, read.hidden_columns) == (1, 1)


def test_imp16_a_workbook_that_counts_from_1904_says_so() -> None:
    def fill(book: openpyxl.Workbook) -> None:
        book.epoch = openpyxl.utils.datetime.CALENDAR_MAC_1904
        book.active.append([41087, date(2016, 6, 28)])

    read = grid(workbook(fill))
    assert read.counts_from_1904
    assert read.rows == ((41087, date(2016, 6, 28)),)


def test_imp22_a_formula_without_a_result_is_named_by_its_place() -> None:
    def fill(book: openpyxl.Workbook) -> None:
        book.active.append(["a", "b"])
        book.active.append([1, "=A2+1"])

    assert grid(workbook(fill)).unread == {(1, 1)}


def test_imp22_a_formula_with_a_result_gives_it() -> None:
    sheet = b"""<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData><row r="1">
        <c r="A1"><f>1+1</f><v>2</v></c></row></sheetData></worksheet>"""
    read = grid(repacked(SIMPLE, {"xl/worksheets/sheet1.xml": sheet}))
    assert read.rows == ((2,),)
    assert not read.unread


def test_imp27_another_sheet_can_be_chosen() -> None:
    def fill(book: openpyxl.Workbook) -> None:
        book.active.title = "说明"
        book.create_sheet("名册").append(["姓名"])

    data = workbook(fill)
    assert grid(data).sheets == ("说明", "名册")
    assert grid(data).rows == ()
    assert grid(data, sheet="名册").rows == (("姓名",),)
    assert refusal(data, sheet="别的") == "no_such_sheet"


def test_imp28_styled_empty_rows_at_the_end_are_ignored() -> None:
    def fill(book: openpyxl.Workbook) -> None:
        simple(book)
        for row in range(3, 1_003):
            book.active.cell(row, 1).font = openpyxl.styles.Font(bold=True)

    assert len(grid(workbook(fill)).rows) == 2


@pytest.mark.parametrize(
    ("data", "filename", "expected"),
    [
        (b"", "a.xlsx", "empty_file"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "a.xls", "damaged"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "a.et", "et_format"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "EncryptedPackage".encode("utf-16-le"), "a.xlsx", "encrypted"),
        (b"<html><table></table></html>", "a.xlsx", "not_a_sheet"),
        (b"<html><table></table></html>", "a.xls", "not_a_sheet"),
        (b"%PDF-1.7", "a.csv", "not_a_sheet"),
        (b"\x89PNG\r\n" + SIMPLE, "a.xlsx", "not_a_sheet"),
        (b"PK\x03\x04" + b"\0" * 100, "a.xlsx", "damaged"),
        (SIMPLE[:-200], "a.xlsx", "damaged"),
        (b"x" * (10 * 1024 * 1024 + 1), "a.csv", "file_too_large"),
        (repacked(SIMPLE, {"xl/vbaProject.bin": b"x"}), "a.xlsm", "with_macros"),
        (repacked(SIMPLE, {"xl/worksheets/sheet1.xml": b"<worksheet"}), "a.xlsx", "damaged"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_file_of_the_wrong_kind_gets_its_own_sentence(data: bytes, filename: str, expected: str) -> None:
    assert refusal(data, filename) == expected


def test_i046_a_file_that_unpacks_to_too_much_is_refused_before_it_is_unpacked() -> None:
    assert refusal(repacked(SIMPLE, {"xl/bomb.xml": b" " * 2_000_000})) == "unpacks_too_large"
    assert refusal(repacked(SIMPLE, {f"xl/{n}.xml": b"" for n in range(2_001)})) == "unpacks_too_large"


def test_i047_a_size_declared_too_small_is_found_out() -> None:
    content = b"<a>" + b"x" * 3_000_000 + b"</a>"
    data = bytearray(repacked(SIMPLE, {"xl/lie.xml": content}))
    honest = len(content).to_bytes(4, "little")
    while (place := data.find(honest)) >= 0:
        data[place : place + 4] = (1_000).to_bytes(4, "little")
    assert refusal(bytes(data)) == "damaged"


def test_i048_a_document_type_is_refused() -> None:
    bomb = b'<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><worksheet>&b;</worksheet>'
    assert refusal(repacked(SIMPLE, {"xl/worksheets/sheet1.xml": bomb})) == "damaged"
    assert refusal(repacked(SIMPLE, {"xl/sharedStrings.xml": bomb})) == "damaged"


@pytest.mark.parametrize(
    ("address", "row", "expected"),
    [("XFD1", 1, "too_many_columns"), ("A1048576", 1_048_576, "too_many_rows"), ("A20001", 20_001, "too_many_rows")],
)
def test_i046_one_cell_far_away_does_not_make_a_huge_grid(address: str, row: int, expected: str) -> None:
    sheet = f"""<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>
        <row r="1"><c r="A1"><v>1</v></c></row>
        <row r="{row}"><c r="{address}"><v>1</v></c></row></sheetData></worksheet>"""
    assert refusal(repacked(SIMPLE, {"xl/worksheets/sheet1.xml": sheet.encode()})) == expected


def test_i046_a_sheet_of_endless_empty_cells_is_refused() -> None:
    dice = random.Random(1)
    # Uneven rows: even ones would be packed so well that their ratio gave them away.
    rows = "".join("<row>" + "<c/>" * dice.randint(1, 60) + "</row>" for _ in range(40_000))
    sheet = f"<worksheet><sheetData>{rows}</sheetData></worksheet>"
    assert refusal(repacked(SIMPLE, {"xl/worksheets/sheet1.xml": sheet.encode()})) == "too_many_cells"


def with_shared_text(length: int, cells: int) -> bytes:
    """Return a workbook whose one text, hard to pack, stands in many cells."""
    dice = random.Random(2)
    text = "".join(chr(dice.randint(0x4E00, 0x9FA5)) for _ in range(length))
    texts = f"<sst><si><t>{text}</t></si></sst>".encode()
    rows = "".join(f'<row><c t="s"><v>0</v></c>{"<c/>" * dice.randint(0, 60)}</row>' for _ in range(cells))
    sheet = f'<worksheet xmlns="{MAIN}"><sheetData>{rows}</sheetData></worksheet>'.encode()
    return repacked(SIMPLE, {"xl/sharedStrings.xml": texts, "xl/worksheets/sheet1.xml": sheet})


def test_i046_one_text_repeated_without_end_is_refused_before_it_is_copied() -> None:
    assert refusal(with_shared_text(30_000, 700)) == "too_much_text"
    assert len(grid(with_shared_text(30_000, 20)).rows) == 20


def test_i046_text_in_the_cells_themselves_is_counted_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("console.sheet_limits.MOST_CHARACTERS", 10)
    assert refusal(SIMPLE) == "too_much_text"


def test_i046_the_sheets_of_a_file_share_one_ration(monkeypatch: pytest.MonkeyPatch) -> None:
    def fill(book: openpyxl.Workbook) -> None:
        simple(book)
        simple_again = book.create_sheet("二")
        simple_again.append(["姓名", "电话"])
        simple_again.append(["李强", "13800000000"])

    monkeypatch.setattr("console.sheet_limits.MOST_CELLS", 6)
    book = read_book(workbook(fill), "a.xlsx")
    assert isinstance(book, Book)
    first, second = book.sheets.values()
    assert isinstance(first, Grid)
    assert isinstance(second, SheetProblem)
    assert second.words.key == "sheets.too_many_cells"


def test_only_the_first_sheets_of_a_file_are_looked_into() -> None:
    def fill(book: openpyxl.Workbook) -> None:
        for number in range(20):
            book.create_sheet(str(number))

    book = read_book(workbook(fill), "a.xlsx")
    assert isinstance(book, Book)
    assert len(book.sheets) == 12


def test_an_archive_within_the_archive_is_never_opened() -> None:
    inner = repacked(SIMPLE, {"xl/bomb.xml": b" " * 40_000_000})
    assert grid(repacked(SIMPLE, {"xl/inner.zip": inner, "xl/embeddings/inner.xlsx": inner})).rows == grid(SIMPLE).rows
    assert refusal(repacked(b"PK\x05\x06" + b"\0" * 18, {"inner.xlsx": inner}), "a.xlsx") == "not_a_sheet"


def test_an_old_workbook_has_a_lower_limit_and_gets_its_own_sentences(monkeypatch: pytest.MonkeyPatch) -> None:
    data = OLD_FILE.read_bytes()
    assert refusal(data[:4096], "a.xls") == "damaged"
    assert refusal(data + b"\0" * (4 * 1024 * 1024), "a.xls") == "old_file_too_large"
    monkeypatch.setattr("console.sheet_limits.MOST_CHARACTERS", 10)
    assert refusal(data, "a.xls", sheet="党员花名册") == "too_much_text"
    monkeypatch.setattr("console.old_sheets.MOST_ROWS", 3)
    monkeypatch.setattr("console.sheet_limits.MOST_CHARACTERS", 10_000)
    assert refusal(data, "a.xls", sheet="党员花名册") == "too_many_rows"


@given(st.lists(st.tuples(st.integers(0, 7_167), st.integers(0, 255)), min_size=1, max_size=12))
@settings(max_examples=150, deadline=None)
def test_no_damage_to_an_old_workbook_makes_reading_fail(wounds: list[tuple[int, int]]) -> None:
    data = bytearray(OLD_FILE.read_bytes())
    for place, byte in wounds:
        data[place] = byte
    read_book(bytes(data), "a.xls")


def test_i059_twenty_thousand_rows_are_read_and_one_more_is_refused() -> None:
    line = b"a,b\n"
    assert len(grid(line * 20_000, "a.csv").rows) == 20_000
    assert refusal(line * 20_001, "a.csv") == "too_many_rows"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_imp21_csv_is_read_in_the_usual_encodings(encoding: str, delimiter: str) -> None:
    text = delimiter.join(["姓名", "电话"]) + "\r\n" + delimiter.join(["张明", '"1\n2"']) + "\r\n"
    assert grid(text.encode(encoding), "a.csv").rows == (("姓名", "电话"), ("张明", "1\n2"))


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ('姓名,电话\n张明,"1'.encode(), "bad_line"),
        ("姓名\n张\x00明".encode(), "nul"),
        ("姓名\ufffd".encode(), "bad_encoding"),
        (b"\xff\xff\xff", "bad_encoding"),
        (b"a" * 200_000, "bad_line"),
    ],
)
def test_i062_a_broken_csv_is_refused(data: bytes, expected: str) -> None:
    assert refusal(data, "a.csv") == expected


# Control characters and lone halves of pairs are written in escaped form; they are not what this is about.
TEXTS = st.text(alphabet=st.characters(exclude_categories=("Cs", "Cc")), max_size=30)
RISKY = st.tuples(st.sampled_from(["", *sorted(FORMULA_STARTERS)]), TEXTS).map("".join)


@given(st.lists(RISKY, min_size=1, max_size=5))
@settings(max_examples=60, deadline=None)
def test_s46_no_exported_text_is_a_formula(texts: list[str]) -> None:
    data = write_xlsx("=标题", ["姓名"] * len(texts), [texts], footer="=1+1")
    sheet = openpyxl.load_workbook(io.BytesIO(data)).active
    cells = [cell for row in sheet.iter_rows() for cell in row if cell.value is not None]
    assert all(cell.data_type == "s" and cell.value[:1] not in FORMULA_STARTERS for cell in cells)
    text = write_csv(["姓名"] * len(texts), [texts]).decode("utf-8-sig")
    assert list(csv.reader(io.StringIO(text, newline="")))[1] == [neutralise(value) for value in texts]
    assert all(field[:1] not in FORMULA_STARTERS for row in csv.reader(io.StringIO(text, newline="")) for field in row)


@given(st.one_of(st.integers(-(10**15) + 1, 10**15 - 1), st.floats(allow_nan=False, allow_infinity=False, width=32)))
@settings(max_examples=60, deadline=None)
def test_numbers_stay_numbers(number: float) -> None:
    sheet = openpyxl.load_workbook(io.BytesIO(write_xlsx("表", ["数"], [[number]]))).active
    assert sheet["A3"].data_type == "n"
    assert sheet["A3"].value == pytest.approx(number)


def test_a_number_too_long_for_a_spreadsheet_keeps_its_digits_as_text() -> None:
    sheet = openpyxl.load_workbook(io.BytesIO(write_xlsx("表", ["号"], [[6222020000000000123]]))).active
    assert sheet["A3"].value == "6222020000000000123"


def test_a_sheet_has_the_shape_that_offices_file() -> None:
    rows = [["张明", "13800000000", Decimal("75.00"), date(2026, 7, 1), None, -3]]
    data = write_xlsx("党费/台账", ["姓名", "电话", "金额", "日期", "备注", "差"], rows, footer="收款人：")
    sheet = openpyxl.load_workbook(io.BytesIO(data)).active
    assert sheet.title == "党费 台账"
    assert [cell.value for cell in sheet[3]] == ["张明", "13800000000", 75, "2026-07-01", None, -3]
    assert sheet["C3"].number_format == "0.00_ "
    assert sheet["A4"].value == "收款人："
    assert sorted(str(merged) for merged in sheet.merged_cells.ranges) == ["A1:F1", "A4:F4"]
    assert (sheet.freeze_panes, sheet.print_title_rows, sheet.page_setup.paperSize) == ("A3", "$1:$2", 9)
    assert (sheet.sheet_properties.pageSetUpPr.fitToPage, sheet.page_setup.fitToHeight) == (True, 0)


def test_a_text_of_several_lines_has_room_for_them_in_every_program() -> None:
    rows = [["张明", "长" * 60], ["李强", "短"], ["王丽", "一\n二\n三"]]
    sheet = openpyxl.load_workbook(io.BytesIO(write_xlsx("表", ["姓名", "备注"], rows))).active
    assert [sheet.row_dimensions[row].height for row in (3, 4, 5)] == [60, None, 45]


def test_one_column_and_no_rows_still_make_a_sheet() -> None:
    assert grid(write_xlsx("", ["姓名"], []), "a.xlsx").rows[1] == ("姓名",)


def test_a_long_text_is_cut_where_a_cell_ends_instead_of_being_dropped() -> None:
    value = openpyxl.load_workbook(io.BytesIO(write_xlsx("表", ["文"], [["字" * 40_000]]))).active["A3"].value
    assert value.startswith("字" * 32_000)
    assert value.endswith("…")


def test_csv_opens_with_a_byte_order_mark() -> None:
    data = write_csv(["姓名", "数", "额"], [["张明", -3, Decimal("1.5")]])
    assert data == b"\xef\xbb\xbf" + '"姓名","数","额"\r\n"张明","-3","1.50"\r\n'.encode()


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_no_exported_text_is_a_formula_whatever_divides_the_fields(delimiter: str) -> None:
    risky = ["x;=1+1;y", "x,=1+1,y", "x\t=1+1\ty", "x\n=1+1", 'x";=1+1']
    text = write_csv(["甲;=1"], [[value] for value in risky]).decode("utf-8-sig")
    rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))
    assert rows == [["甲;=1"], *([value] for value in risky)]


def test_what_is_written_can_be_read_again() -> None:
    rows = [["张明", 3, None], ["=1", 2.5, "备注"]]
    assert grid(write_xlsx("表", ["姓名", "数", "注"], rows)).rows[2:] == (("张明", 3, None), ("'=1", 2.5, "备注"))


def test_imp24_imp26_a_roster_that_was_exported_comes_back_without_a_change() -> None:
    header = [*COLUMNS, "群账号"]
    rows: list[list[str | int | None]] = []
    for number, (name, account) in enumerate([("张明", "@zhang:example.org"), ('=HYPERLINK("x")', None)], start=1):
        filled: dict[str, str | int | None] = {"序号": number, "姓名": name, "所在党支部": "一支部", "群账号": account}
        filled |= {"联系电话": "13800000000", "加入党组织日期": "2016-06"}
        rows.append([filled.get(column) for column in header])
    read_back = read(grid(write_xlsx("党员花名册", header, rows, footer="制表人：王丽")), today=date(2026, 7, 24))
    assert [row.entry.name for row in read_back.rows] == ["张明", '=HYPERLINK("x")']
    assert (read_back.problems, read_back.skipped) == ((), 1)
    known = [KnownMember(id=MemberId(row.entry.name), entry=row.entry) for row in read_back.rows]
    assert len(compare(known, read_back).unchanged) == 2
