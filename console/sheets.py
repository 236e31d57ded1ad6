"""Reads the sheets that organisers upload, within limits set before parsing.

What reads each form, and its libraries, is imported where it is read: between two sheets a console need not hold them.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from pathlib import PurePosixPath

from msgspec import Struct, field

from console.sheet_limits import (
    LARGEST_FILE_BYTES,
    LARGEST_OLD_FILE_BYTES,
    MOST_COLUMNS,
    MOST_ROWS,
    MOST_SHEETS,
    NotReadable,
    Ration,
    SheetProblem,
)
from content.grid import Cell, Grid

_ZIP = b"PK\x03\x04"
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")


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


def _read_xlsx(data: bytes, only: str | None) -> dict[str, Grid | SheetProblem]:
    from console.new_sheets import NewBook

    book = NewBook(data)
    return _each(_wanted(list(book.sheets), only), book.read)


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
