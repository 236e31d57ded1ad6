"""Writes the sheets that organisers take away, .xlsx and .csv, in which no text can become a formula.

The library for workbooks is imported where one is written: between two sheets a console need not hold it.
"""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from console.sheet_limits import LONGEST_CELL

FORMULA_STARTERS = frozenset("=+-@\t\r＝＋－＠")

# Spreadsheet programs keep 15 digits: a longer number is a name made of digits, and stays whole as text.
_FIRST_INTEGER_TO_LOSE_DIGITS = 10**15
_A4 = 9
_TALLEST = 400

_WIDEST = 130
"""So many letters lie beside each other on a sheet that lies on its side, before it has to be printed smaller."""

Written = str | int | float | Decimal | date | datetime | bool | None

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
    title: str,
    header: Sequence[str],
    rows: Sequence[Sequence[Written]],
    footer: str | None = None,
    *,
    above: Sequence[str] = (),
) -> bytes:
    """Write a sheet as an office files it: title, what stands ``above``, header, data below it, ready to print on A4.

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
    for place, line in enumerate(above, start=1):
        _across(sheet, place, last_column, neutralise(_fitting(line)), looks.footer)
    top = 1 + len(above)
    for column, name in enumerate(header):
        sheet.write_string(top, column, neutralise(_fitting(name)), looks.header)
    written = [[_as_written(value) for value in row] for row in rows]
    for place, row in enumerate(written, start=top + 1):
        for column, value in enumerate(row):
            _put(sheet, place, column, value, looks)
    if footer is not None:
        _across(sheet, len(written) + top + 1, last_column, neutralise(_fitting(footer)), looks.footer)
        # There is room to sign.
        sheet.set_row(len(written) + top + 1, 30)
    _lay_out(sheet, header, written, top)
    book.close()
    return out.getvalue()


class _Looks:
    """The five looks of a cell."""

    def __init__(self, book: Any) -> None:
        bordered = {"border": 1, "valign": "vcenter", "text_wrap": True}
        self.title = book.add_format({"bold": True, "font_size": 16, "align": "center", "valign": "vcenter"})
        self.header = book.add_format({**bordered, "bold": True, "align": "center"})
        self.text = book.add_format({**bordered, "num_format": "@"})
        # A number stands clear of the text in the next column.
        self.number = book.add_format({**bordered, "num_format": "General_ "})
        self.money = book.add_format({**bordered, "num_format": "0.00_ "})
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


def _lay_out(sheet: Any, header: Sequence[str], rows: Sequence[Sequence[object]], top: int) -> None:
    sheet.freeze_panes(top + 1, 0)
    sheet.repeat_rows(0, top)
    sheet.set_paper(_A4)
    sheet.fit_to_pages(1, 0)
    sheet.set_row(0, 30)
    named = [_width(name) for name in header]
    filled = [
        max((_width(str(row[column])) for row in rows if column < len(row) and row[column] is not None), default=0)
        for column in range(len(header))
    ]
    widths = [_column(*both) for both in zip(named, filled, strict=True)]
    if sum(widths) > _WIDEST:
        # A long name over short or empty cells takes two lines, so that the whole is not printed smaller.
        widths = [_column((name + 1) // 2, cells) for name, cells in zip(named, filled, strict=True)]
        sheet.set_row(top, 32)
    for column, width in enumerate(widths):
        sheet.set_column(column, column, width)
    for place, row in enumerate(rows, start=top + 1):
        # Not every program makes room for a text that takes several lines.
        lines = max((_lines(one, width - 2) for one, width in zip(row, widths, strict=False)), default=1)
        if lines > 1:
            sheet.set_row(place, min(_TALLEST, 15 * lines))
    if sum(widths) > 90:
        sheet.set_landscape()


def _column(*texts: int) -> int:
    return min(40, max(6, 2 + max(texts)))


def _lines(value: object, width: int) -> int:
    if not isinstance(value, str) or (len(value) * 2 <= width and "\n" not in value):
        return 1
    return sum(max(1, -(-_width(line, len(line)) // width)) for line in value.split("\n"))


def _width(text: str, most: int = 80) -> int:
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text[:most])


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
