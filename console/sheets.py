"""Reads the sheets that organisers upload, within limits set before parsing, and writes the sheets they take away.

The libraries for each form are imported where it is read or written: between two sheets a console need not hold them.
"""

from __future__ import annotations

import csv
import io
import re
import stat
import unicodedata
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from decimal import Decimal
from pathlib import PurePosixPath
from typing import Any
from xml.parsers import expat

from msgspec import Struct, field

from console.sheet_limits import (
    LARGEST_FILE_BYTES,
    LARGEST_OLD_FILE_BYTES,
    LARGEST_RATIO,
    LARGEST_UNPACKED_BYTES,
    LONGEST_CELL,
    MOST_COLUMNS,
    MOST_ENTRIES,
    MOST_ROWS,
    MOST_SHEETS,
    NotReadable,
    Ration,
    SheetProblem,
)
from content.grid import Cell, Grid

FORMULA_STARTERS = frozenset("=+-@\t\r＝＋－＠")

_RATIO_MATTERS_ABOVE_BYTES = 1024 * 1024
_ZIP = b"PK\x03\x04"
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")
_LARGEST_EXACT_INTEGER = 2**53
# Spreadsheet programs keep 15 digits: a longer number is a name made of digits, and stays whole as text.
_FIRST_INTEGER_TO_LOSE_DIGITS = 10**15
_A4 = 9

Written = str | int | float | Decimal | date | datetime | bool | None


class Book(Struct, frozen=True, kw_only=True):
    """The sheets of a file in their order, each as it was read or with the reason why not; a .csv is one of no name."""

    sheets: Mapping[str, Grid | SheetProblem]

    def first(self, is_wanted: Callable[[Grid], object]) -> str:
        """Return the name of the first sheet that is wanted; where none is, of the first."""
        wanted = (name for name, grid in self.sheets.items() if isinstance(grid, Grid) and is_wanted(grid))
        return next(wanted, next(iter(self.sheets)))


class SheetFile(Struct, frozen=True, kw_only=True):
    """A file that was uploaded and waits for a person's yes, with what they have said of it so far.

    ``sheet`` is the one that is meant, ``columns`` which column to use where two mean the same, by name, ``answers``
    who the rows in doubt are, by the row's number.
    """

    name: str
    data: bytes
    sheet: str
    columns: Mapping[str, int] = field(default_factory=dict)
    answers: Mapping[str, str] = field(default_factory=dict)


def read_grid(data: bytes, filename: str, *, sheet: str | None = None) -> Grid | SheetProblem:
    """Read one sheet of an .xlsx, .xls or .csv file: the named one, or the first.

    What the file is, is judged by its first bytes; its name only helps to word a refusal.
    """
    book = read_book(data, filename, only=sheet or "")
    if isinstance(book, SheetProblem):
        return book
    return next(iter(book.sheets.values()))


def read_book(data: bytes, filename: str, *, only: str | None = None) -> Book | SheetProblem:
    """Read the sheets of an .xlsx, .xls or .csv file, at most the first twelve.

    ``only`` names one sheet to read, the first one if it is empty. A problem of the file as a whole is returned alone.
    """
    try:
        return Book(sheets=_read(data, PurePosixPath(filename.replace("\\", "/")).suffix.lower(), only))
    except NotReadable as reason:
        return reason.problem


def _read(data: bytes, suffix: str, only: str | None) -> dict[str, Grid | SheetProblem]:
    if not data:
        raise NotReadable("sheets.empty_file")
    if len(data) > LARGEST_FILE_BYTES:
        raise NotReadable("sheets.file_too_large", limit=LARGEST_FILE_BYTES // 1024 // 1024)
    if data.startswith(_ZIP):
        return _read_xlsx(data, only)
    if data.startswith(_OLE):
        return _read_xls(data, suffix, only)
    if suffix in {".xlsx", ".xls", ".xlsm", ".xlsb", ".et", ".ods"} or data.startswith(b"%PDF"):
        raise NotReadable("sheets.not_a_sheet")
    return {"": _read_csv(data)}


def _wanted(names: Sequence[str], only: str | None) -> list[str]:
    """Return which sheets are to be read."""
    if not names:
        raise NotReadable("sheets.damaged")
    if only and only not in names:
        raise NotReadable("sheets.no_such_sheet", name=only[:31])
    return [only or names[0]] if only is not None else list(names[:MOST_SHEETS])


def _each(names: Sequence[str], read: Callable[[str], Grid]) -> dict[str, Grid | SheetProblem]:
    """Read sheet by sheet; one that cannot be read does not keep the others from being read."""
    found: dict[str, Grid | SheetProblem] = {}
    for name in names:
        try:
            found[name] = read(name)
        except NotReadable as reason:
            found[name] = reason.problem
    return found


# --- .xls in ----------------------------------------------------------------------------------------------------------


def _read_xls(data: bytes, suffix: str, only: str | None) -> dict[str, Grid | SheetProblem]:
    if _ENCRYPTED in data:
        raise NotReadable("sheets.encrypted")
    if suffix == ".et":
        raise NotReadable("sheets.et_format")
    if len(data) > LARGEST_OLD_FILE_BYTES:
        raise NotReadable("sheets.old_file_too_large", limit=LARGEST_OLD_FILE_BYTES // 1024 // 1024)
    from console.old_sheets import OldBook

    book, ration = OldBook(data), Ration()
    return _each(_wanted(book.names, only), lambda name: book.read(name, ration))


# --- .xlsx in ---------------------------------------------------------------------------------------------------------


def _read_xlsx(data: bytes, only: str | None) -> dict[str, Grid | SheetProblem]:
    book = _Book(_unpack(data))
    return _each(_wanted(list(book.sheets), only), book.read)


def _unpack(data: bytes) -> dict[str, bytes]:
    """Inflate the XML parts into memory: declared sizes are judged first, and never more is read than was declared."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = archive.infolist()
            _judge(entries)
            return {
                entry.filename: archive.read(entry)
                for entry in entries
                if entry.filename.lower().endswith((".xml", ".rels"))
            }
    except NotReadable:
        raise
    except Exception as error:
        # BadZipFile, zlib.error, NotImplementedError …: whatever a broken archive raises, it is the file's fault.
        raise NotReadable("sheets.damaged") from error


def _judge(entries: Sequence[zipfile.ZipInfo]) -> None:
    if len(entries) > MOST_ENTRIES or sum(entry.file_size for entry in entries) > LARGEST_UNPACKED_BYTES:
        raise NotReadable("sheets.unpacks_too_large", limit=LARGEST_UNPACKED_BYTES // 1024 // 1024)
    for entry in entries:
        if entry.file_size > max(_RATIO_MATTERS_ABOVE_BYTES, LARGEST_RATIO * entry.compress_size):
            raise NotReadable("sheets.unpacks_too_large", limit=LARGEST_UNPACKED_BYTES // 1024 // 1024)
        if entry.flag_bits & 0x1:
            raise NotReadable("sheets.encrypted")
        if stat.S_ISLNK(entry.external_attr >> 16):
            raise NotReadable("sheets.damaged")
    names = {entry.filename for entry in entries}
    if len(names) != len(entries):
        raise NotReadable("sheets.damaged")
    if any(name.endswith(("vbaProject.bin", "workbook.bin")) for name in names):
        raise NotReadable("sheets.with_macros")
    if "xl/workbook.xml" not in names:
        raise NotReadable("sheets.not_a_sheet")


class _Book:
    """Which sheets a workbook has and where their parts lie, how it counts days, and how long its texts are."""

    def __init__(self, parts: dict[str, bytes]) -> None:
        self.counts_from_1904 = False
        self.sheets: dict[str, str] = {}
        self._targets: dict[str, str] = {}
        self._parts = parts
        self._texts = "xl/sharedStrings.xml"
        _walk(parts.get("xl/_rels/workbook.xml.rels", b"<none/>"), self._relation)
        _walk(parts["xl/workbook.xml"], self._element)
        self._lengths = _lengths(parts.get(self._texts, b"<none/>"))
        self._ration = Ration()
        self._values: Any = None

    def read(self, name: str) -> Grid:
        """Survey one sheet, and take its values only when it is within the limits."""
        survey = _Survey(self._lengths, self._ration)
        _walk(self._parts[self.sheets[name]], survey.start, survey.text, survey.end)
        if self._values is None:
            self._values = _open(self._parts)
        return Grid(
            rows=tuple(tuple(_plain(cell) for cell in row) for row in self._rows(name)[: survey.last_row + 1]),
            sheet=name,
            sheets=tuple(self.sheets),
            hidden_rows=survey.hidden_rows,
            hidden_columns=survey.hidden_columns,
            counts_from_1904=self.counts_from_1904,
            unread=frozenset(survey.unread),
            merged=tuple(survey.merged),
        )

    def _rows(self, name: str) -> list[list[Any]]:
        with _faults_of_the_file():
            rows: list[list[Any]] = self._values.get_sheet_by_name(name).to_python(skip_empty_area=False)
            return rows

    def _relation(self, tag: str, attributes: dict[str, str]) -> None:
        target = attributes.get("Target", "")
        part = target[1:] if target.startswith("/") else f"xl/{target}"
        if tag == "Relationship" and attributes.get("Type", "").endswith("/worksheet"):
            self._targets[attributes.get("Id", "")] = part
        elif tag == "Relationship" and attributes.get("Type", "").endswith("/sharedStrings"):
            self._texts = part

    def _element(self, tag: str, attributes: dict[str, str]) -> None:
        if tag == "workbookPr":
            self.counts_from_1904 = attributes.get("date1904", "0") in {"1", "true"}
        elif tag == "sheet":
            link = next((value for name, value in attributes.items() if name.rpartition(":")[2] == "id"), "")
            part = self._targets.get(link, "")
            if part in self._parts:
                self.sheets[attributes.get("name", "")] = part


def _lengths(part: bytes) -> list[int]:
    """Return how long each of the texts is that cells refer to by number."""
    lengths: list[int] = []
    inside = False

    def start(tag: str, _: dict[str, str]) -> None:
        nonlocal inside
        if tag == "si":
            lengths.append(0)
        inside = tag == "t" and bool(lengths)

    def text(text: str) -> None:
        if inside:
            lengths[-1] += len(text)

    def end(_: str) -> None:
        nonlocal inside
        inside = False

    _walk(part, start, text, end)
    return lengths


class _Survey(Struct):
    """What the values alone do not tell of a sheet: its true extent, what is hidden, and results that are missing."""

    lengths: Sequence[int]
    ration: Ration
    last_row: int = -1
    last_column: int = -1
    hidden_rows: int = 0
    unread: set[tuple[int, int]] = field(default_factory=set)
    merged: list[tuple[int, int, int]] = field(default_factory=list)
    _row: int = -1
    _column: int = -1
    _row_hidden: bool = False
    _formula: bool = False
    _error: bool = False
    _shared: bool = False
    _text: str = ""
    _inside: bool = False
    _row_counted: bool = False
    _hidden: list[tuple[int, int]] = field(default_factory=list)

    @property
    def hidden_columns(self) -> int:
        """Count the hidden columns up to the last one in use; offices hide all that follow it too."""
        return sum(max(0, min(last, self.last_column + 1) - first + 1) for first, last in self._hidden)

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        if tag == "row":
            self._row = _number(attributes.get("r"), self._row + 2) - 1
            self._column = -1
            self._row_hidden = _is_true(attributes.get("hidden"))
            self._row_counted = False
        elif tag == "c":
            self.ration.cells(1)
            self._column = _column(attributes.get("r", ""), self._column + 1)
            self._formula, self._text = False, ""
            self._error = attributes.get("t") == "e"
            self._shared = attributes.get("t") == "s"
        elif tag == "f":
            self._formula = True
        elif tag in {"v", "t"}:
            self._inside = True
        elif tag == "mergeCell":
            self._merge(attributes.get("ref", ""))
        elif tag == "col" and _is_true(attributes.get("hidden")):
            self._hidden.append((_number(attributes.get("min"), 1), _number(attributes.get("max"), 1)))

    def _merge(self, reference: str) -> None:
        ends = re.fullmatch(r"([A-Z]{1,3})([0-9]{1,7}):([A-Z]{1,3})([0-9]{1,7})", reference)
        if ends is not None and ends[1] == ends[3]:
            self.merged.append((int(ends[2]) - 1, int(ends[4]) - 1, _column(f"{ends[1]}1", 0)))

    def text(self, text: str) -> None:
        if self._inside:
            self.ration.characters(len(text))
            self._text = self._text or text

    def end(self, tag: str) -> None:
        if tag in {"v", "t"}:
            self._inside = False
        elif tag == "c" and (self._text or self._formula):
            self._cell()

    def _cell(self) -> None:
        if self._row >= MOST_ROWS:
            raise NotReadable("sheets.too_many_rows", limit=MOST_ROWS)
        if self._column >= MOST_COLUMNS:
            raise NotReadable("sheets.too_many_columns", limit=MOST_COLUMNS)
        self.last_row = max(self.last_row, self._row)
        self.last_column = max(self.last_column, self._column)
        if self._shared:
            number = _number(self._text, -1)
            self.ration.characters(self.lengths[number] if 0 <= number < len(self.lengths) else 0)
        if self._row_hidden and not self._row_counted:
            self._row_counted = True
            self.hidden_rows += 1
        if self._error or not self._text:
            self.unread.add((self._row, self._column))


def _walk(part: bytes, start: Any, text: Any = None, end: Any = None) -> None:
    """Go through one XML part by local names; a document type or an entity of its own is refused."""
    parser = expat.ParserCreate()
    parser.buffer_text = True

    def refuse(*_: object) -> None:
        raise NotReadable("sheets.damaged")

    parser.StartDoctypeDeclHandler = refuse
    parser.EntityDeclHandler = refuse
    parser.StartElementHandler = lambda tag, attributes: start(tag.rpartition(":")[2], attributes)
    if text is not None:
        parser.CharacterDataHandler = text
    if end is not None:
        parser.EndElementHandler = lambda tag: end(tag.rpartition(":")[2])
    try:
        parser.Parse(part, True)
    except expat.ExpatError as error:
        raise NotReadable("sheets.damaged") from error


def _is_true(value: str | None) -> bool:
    return value in {"1", "true"}


def _number(written: str | None, otherwise: int) -> int:
    return int(written) if written is not None and re.fullmatch(r"[0-9]{1,9}", written) else otherwise


def _column(address: str, otherwise: int) -> int:
    letters = re.match(r"[A-Z]{1,3}(?=[0-9])", address)
    if letters is None:
        return otherwise
    place = 0
    for letter in letters.group():
        place = place * 26 + ord(letter) - ord("A") + 1
    return place - 1


def _open(parts: dict[str, bytes]) -> Any:
    """Open parts that have been counted, so that the reader of values sees no byte that was not judged."""
    from python_calamine import load_workbook

    for part in parts.values():
        if b"<!" in part and re.search(rb"<!(DOCTYPE|ENTITY)", part):
            raise NotReadable("sheets.damaged")
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
        for path, part in parts.items():
            archive.writestr(path, part)
    packed.seek(0)
    with _faults_of_the_file():
        return load_workbook(packed)


@contextmanager
def _faults_of_the_file() -> Iterator[None]:
    try:
        yield
    except BaseException as error:
        # A panic of the Rust reader is no Exception; anything else that is none must pass.
        if isinstance(error, Exception) or type(error).__name__ == "PanicException":
            raise NotReadable("sheets.damaged") from error
        raise


def _plain(cell: Any) -> Cell:
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < _LARGEST_EXACT_INTEGER:
        return int(cell)
    if isinstance(cell, str) and not cell.strip():
        return None
    return cell  # type: ignore[no-any-return]


# --- .csv in ----------------------------------------------------------------------------------------------------------


def _read_csv(data: bytes) -> Grid:
    text = _decoded(data)
    if "\x00" in text:
        raise NotReadable("sheets.nul", line=text[: text.index("\x00")].count("\n") + 1)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text), strict=True)
    rows: list[tuple[Cell, ...]] = []
    try:
        for row in reader:
            if len(rows) >= MOST_ROWS:
                raise NotReadable("sheets.too_many_rows", limit=MOST_ROWS)
            if len(row) > MOST_COLUMNS:
                raise NotReadable("sheets.too_many_columns", limit=MOST_COLUMNS)
            rows.append(tuple(cell if cell.strip() else None for cell in row))
    except csv.Error as error:
        raise NotReadable("sheets.bad_line", line=reader.line_num) from error
    return Grid(rows=tuple(rows))


def _decoded(data: bytes) -> str:
    marked = data.startswith((b"\xff\xfe", b"\xfe\xff"))
    for encoding in ("utf-16",) if marked else ("utf-8-sig", "gb18030"):
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\ufffd" not in text:
            return text
    raise NotReadable("sheets.bad_encoding")


def _delimiter(text: str) -> str:
    first = next((line for line in text.splitlines() if line.strip()), "")
    return max(",;\t", key=first.count)


# --- out --------------------------------------------------------------------------------------------------------------


CONTENT_TYPES = {
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "csv": "text/csv; charset=utf-8",
}
"""How sheets are handed out, by the end of their names."""


def neutralise(value: str) -> str:
    """Put ' before a text that a spreadsheet program might take for a formula."""
    return f"'{value}" if value[:1] in FORMULA_STARTERS else value


def write_csv(header: Sequence[str], rows: Sequence[Sequence[Written]]) -> bytes:
    """Write UTF-8 with a byte order mark, for programs that would otherwise guess; texts are neutralised.

    Every field is quoted: where ; or a tab divides fields, what follows one within a text would be a field of its own.
    """
    out = io.StringIO(newline="")
    writer = csv.writer(out, quoting=csv.QUOTE_ALL)
    for row in [header, *rows]:
        written = [_as_written(value) for value in row]
        writer.writerow(["" if value is None else _decimals(value) for value in written])
    return b"\xef\xbb\xbf" + out.getvalue().encode()


def write_xlsx(
    title: str, header: Sequence[str], rows: Sequence[Sequence[Written]], footer: str | None = None
) -> bytes:
    """Write a sheet as an office files it: title, header, data from row 3, ready to print on A4.

    Dates become text ``yyyy-mm-dd``; instants are already in the reader's zone; numbers stay numbers (a Decimal with
    two places); texts are neutralised. A total is an ordinary last row; ``footer`` is the line under the table.
    """
    from xlsxwriter import Workbook

    out = io.BytesIO()
    book = Workbook(
        out,
        {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False},
    )
    sheet = book.add_worksheet(_sheet_name(title))
    looks = _Looks(book)
    last_column = max(0, len(header) - 1)
    _across(sheet, 0, last_column, neutralise(_fitting(title)), looks.title)
    for column, name in enumerate(header):
        sheet.write_string(1, column, neutralise(_fitting(name)), looks.header)
    written = [[_as_written(value) for value in row] for row in rows]
    for place, row in enumerate(written, start=2):
        for column, value in enumerate(row):
            _put(sheet, place, column, value, looks)
    if footer is not None:
        _across(sheet, len(written) + 2, last_column, neutralise(_fitting(footer)), looks.footer)
    _lay_out(sheet, header, written)
    book.close()
    return out.getvalue()


class _Looks:
    """The five looks of a cell."""

    def __init__(self, book: Any) -> None:
        bordered = {"border": 1, "valign": "vcenter", "text_wrap": True}
        self.title = book.add_format({"bold": True, "font_size": 16, "align": "center", "valign": "vcenter"})
        self.header = book.add_format({**bordered, "bold": True, "align": "center"})
        self.text = book.add_format({**bordered, "num_format": "@"})
        self.number = book.add_format(bordered)
        self.money = book.add_format({**bordered, "num_format": "0.00"})
        self.footer = book.add_format({"align": "left", "valign": "vcenter"})


def _across(sheet: Any, row: int, last_column: int, text: str, look: Any) -> None:
    if last_column:
        sheet.merge_range(row, 0, row, last_column, "", look)
    sheet.write_string(row, 0, text, look)


def _put(sheet: Any, row: int, column: int, value: str | int | float | Decimal | bool | None, looks: _Looks) -> None:
    if value is None:
        sheet.write_blank(row, column, None, looks.text)
    elif isinstance(value, bool):
        sheet.write_boolean(row, column, value, looks.number)
    elif isinstance(value, str):
        sheet.write_string(row, column, value, looks.text)
    elif isinstance(value, Decimal):
        sheet.write_number(row, column, float(value), looks.money)
    elif isinstance(value, int) and abs(value) >= _FIRST_INTEGER_TO_LOSE_DIGITS:
        sheet.write_string(row, column, str(value), looks.text)
    else:
        sheet.write_number(row, column, value, looks.number)


def _lay_out(sheet: Any, header: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    sheet.freeze_panes(2, 0)
    sheet.repeat_rows(0, 1)
    sheet.set_paper(_A4)
    sheet.fit_to_pages(1, 0)
    sheet.set_row(0, 30)
    widths = []
    for column, name in enumerate(header):
        shown = [name, *(str(row[column]) for row in rows if column < len(row) and row[column] is not None)]
        widths.append(min(40, max(6, 2 + max(_width(text) for text in shown))))
        sheet.set_column(column, column, widths[-1])
    if sum(widths) > 90:
        sheet.set_landscape()


def _width(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text[:80])


def _as_written(value: Written) -> str | int | float | Decimal | bool | None:
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, str):
        return neutralise(_fitting(value))
    return value


def _decimals(value: str | int | float | Decimal | bool) -> str | int | float | bool:
    return f"{value:.2f}" if isinstance(value, Decimal) else value


def _fitting(text: str) -> str:
    text = text.encode(errors="replace").decode()
    return text if len(text) < LONGEST_CELL else f"{text[: LONGEST_CELL - 2]}…"


def _sheet_name(title: str) -> str:
    name = re.sub(r"[\[\]:*?/\\\x00-\x1f]", " ", _fitting(title)).strip(" '")[:31].strip(" '")
    return name if name and name.lower() != "history" else "1"
