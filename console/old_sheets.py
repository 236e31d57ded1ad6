"""Reads .xls, the binary workbooks that WPS and Excel wrote before .xlsx."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import datetime, time

import xlrd

from console.compound_files import find_stream
from console.sheet_limits import MOST_COLUMNS, MOST_ROWS, NotReadable, Ration
from content.grid import Cell, Grid

_LARGEST_EXACT_INTEGER = 2**53


class OldBook:
    """An .xls file whose sheets are taken apart one by one, when they are asked for."""

    def __init__(self, data: bytes) -> None:
        try:
            # xlrd follows the chains of a compound file for ever when they bite their own tail: it gets the stream.
            stream = find_stream(data, {"workbook", "book"})
            if stream is None:
                raise NotReadable("sheets.not_a_sheet")
            # Formats tell what is hidden; rows keep their own length, so that one far cell makes no huge grid.
            self._book = xlrd.open_workbook(
                file_contents=stream, logfile=io.StringIO(), formatting_info=True, on_demand=True, ragged_rows=True
            )
        except NotReadable:
            raise
        except xlrd.XLRDError as error:
            raise NotReadable("sheets.encrypted" if "encrypted" in str(error) else "sheets.damaged") from error
        except Exception as error:
            # The reader trusts what it reads: struct.error, AssertionError, IndexError … are all the file's fault.
            raise NotReadable("sheets.damaged") from error

    @property
    def names(self) -> list[str]:
        """Return the sheets' names in their order."""
        return list(self._book.sheet_names())

    def read(self, name: str, ration: Ration) -> Grid:
        """Read one sheet. Raises NotReadable when it is damaged or too large."""
        try:
            sheet = self._book.sheet_by_name(name)
            rows = list(self._rows(sheet, ration))
            self._book.unload_sheet(name)
        except NotReadable:
            raise
        except Exception as error:
            raise NotReadable("sheets.damaged") from error
        last = max((place for place, row in enumerate(rows) if any(cell is not None for cell in row)), default=-1)
        unread = frozenset(self._unread(sheet))
        return Grid(
            rows=tuple(rows[: max([last, *(row for row, _ in unread)]) + 1]),
            sheet=name,
            sheets=tuple(self.names),
            hidden_rows=sum(
                bool(about.hidden) and place < len(rows) and any(cell is not None for cell in rows[place])
                for place, about in sheet.rowinfo_map.items()
            ),
            hidden_columns=sum(bool(about.hidden) for place, about in sheet.colinfo_map.items() if place < sheet.ncols),
            counts_from_1904=bool(self._book.datemode),
            unread=unread,
            merged=tuple(
                (first, end - 1, column) for first, end, column, after in sheet.merged_cells if after == column + 1
            ),
        )

    def _rows(self, sheet: xlrd.sheet.Sheet, ration: Ration) -> Iterator[tuple[Cell, ...]]:
        for place in range(sheet.nrows):
            ration.cells(sheet.row_len(place))
            row = tuple(self._cell(*pair) for pair in zip(sheet.row_types(place), sheet.row_values(place), strict=True))
            if any(cell is not None for cell in row):
                if place >= MOST_ROWS:
                    raise NotReadable("sheets.too_many_rows", limit=MOST_ROWS)
                if any(cell is not None for cell in row[MOST_COLUMNS:]):
                    raise NotReadable("sheets.too_many_columns", limit=MOST_COLUMNS)
            ration.characters(sum(len(cell) for cell in row if isinstance(cell, str)))
            yield row

    def _cell(self, kind: int, value: object) -> Cell:
        if kind == xlrd.XL_CELL_BOOLEAN:
            return bool(value)
        if kind == xlrd.XL_CELL_TEXT and isinstance(value, str):
            return value if value.strip() else None
        if kind == xlrd.XL_CELL_DATE and isinstance(value, float):
            return self._instant(value)
        if kind == xlrd.XL_CELL_NUMBER and isinstance(value, float):
            return int(value) if value.is_integer() and abs(value) < _LARGEST_EXACT_INTEGER else value
        return None

    def _instant(self, days: float) -> Cell:
        """Return a day, a day with a time, or the bare number where it names none."""
        try:
            found: datetime = xlrd.xldate.xldate_as_datetime(days, self._book.datemode)
        except (ValueError, OverflowError):
            return days
        return found.date() if found.time() == time.min else found

    @staticmethod
    def _unread(sheet: xlrd.sheet.Sheet) -> Iterator[tuple[int, int]]:
        for place in range(sheet.nrows):
            for column, kind in enumerate(sheet.row_types(place)):
                if kind == xlrd.XL_CELL_ERROR:
                    yield place, column
