"""A sheet of a spreadsheet as plain values, whatever file it came from."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta

from msgspec import Struct

Cell = str | int | float | bool | date | datetime | time | timedelta | None


class Grid(Struct, frozen=True, kw_only=True):
    """One sheet from its first row and column on; rows may differ in length and empty cells are None.

    ``sheet`` is the sheet read and ``sheets`` are all that the file offers. ``unread`` holds the (row, column) places,
    both counted from 0, of formulas without a stored result and of error values. Counts of hidden rows and columns
    are told to the reader, because what is hidden is read like the rest. ``merged`` holds (first row, last row, column)
    of cells that were made one downwards; only the first of them has the value.
    """

    rows: tuple[tuple[Cell, ...], ...]
    sheet: str = ""
    sheets: tuple[str, ...] = ()
    hidden_rows: int = 0
    hidden_columns: int = 0
    counts_from_1904: bool = False
    unread: frozenset[tuple[int, int]] = frozenset()
    merged: tuple[tuple[int, int, int], ...] = ()
