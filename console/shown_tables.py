"""Reads the tables that stand on a page, for a file of them: what is there to be pressed is left out."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from html.parser import HTMLParser

from msgspec import Struct

from console.written_sheets import Written

_VOID = frozenset(
    {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
)
_PRESSED = frozenset({"form", "button", "select", "textarea", "script", "svg"})
_APART = frozenset({"p", "div", "li", "dt", "dd", "br", "ul", "ol"})
_BETWEEN = " · "
_NUMBER = re.compile(r"-?[0-9]{1,15}")


class ShownTable(Struct, frozen=True, kw_only=True):
    """A table as a page shows it, less the columns in which something is chosen or pressed."""

    caption: str
    header: tuple[str, ...]
    rows: tuple[tuple[Written, ...], ...]


def read_tables(page: str, *, nothing: str) -> tuple[ShownTable, ...]:
    """Return every list on a page of ours; ``nothing`` is what stands where there is no value."""
    reader = _Reader()
    reader.feed(page)
    reader.close()
    return tuple(_table(drawn, nothing) for drawn in reader.tables)


def together(tables: tuple[ShownTable, ...], *, where: str) -> ShownTable | None:
    """Return lists that are alike as one, each row after the caption of its list; ``None`` where they are not alike."""
    if len(tables) == 1:
        return tables[0]
    if not tables or any(one.header != tables[0].header for one in tables):
        return None
    rows = tuple((one.caption, *row) for one in tables for row in one.rows)
    return ShownTable(caption="", header=(where, *tables[0].header), rows=rows)


class _Cell:
    """What stands in one cell, and whether it is there to be pressed."""

    def __init__(self, classes: frozenset[str]) -> None:
        self.pressed = bool(classes & {"actions", "pick"})
        self.is_number = "number" in classes
        self._parts: list[str] = [""]

    def add(self, text: str) -> None:
        self._parts[-1] += text

    def part(self) -> None:
        self._parts.append("")

    @property
    def text(self) -> str:
        return _BETWEEN.join(filter(None, (" ".join(part.split()) for part in self._parts)))


class _Drawn:
    def __init__(self) -> None:
        self.caption = _Cell(frozenset())
        self.rows: list[list[_Cell]] = []


class _Reader(HTMLParser):
    """Walks a page, and keeps the cells of its lists.

    An instant is read by its exact time, whatever is said of it; what leads elsewhere beside a cell's matter is passed.
    """

    def __init__(self) -> None:
        super().__init__()
        self.tables: list[_Drawn] = []
        self._into: _Cell | None = None
        self._passing: list[str] = []
        self._is_inside = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        classes = frozenset(given.get("class", "").split())
        if self._passing:
            self._passing += [] if tag in _VOID else [tag]
        elif tag == "table" and "list" in classes:
            self._is_inside = True
            self.tables.append(_Drawn())
        elif self._is_inside:
            self._within(tag, classes, given)

    def _within(self, tag: str, classes: frozenset[str], given: dict[str, str]) -> None:
        table, into = self.tables[-1], self._into
        if tag == "caption":
            self._into = table.caption
        elif tag == "tr":
            table.rows.append([])
        elif tag in ("td", "th"):
            self._into = _Cell(classes)
            table.rows[-1].append(self._into)
        elif into is None:
            return
        elif tag == "input":
            into.pressed = True
        elif tag == "time":
            into.add(_exact(given.get("datetime", "")))
            self._passing.append(tag)
        elif tag in _PRESSED or (tag == "a" and "aside" in classes):
            self._passing.append(tag)
        elif tag in _APART or "aside" in classes:
            into.part()

    def handle_endtag(self, tag: str) -> None:
        if self._passing:
            if tag == self._passing[-1]:
                self._passing.pop()
        elif tag == "table":
            self._is_inside, self._into = False, None
        elif tag in ("td", "th", "caption"):
            self._into = None

    def handle_data(self, data: str) -> None:
        if self._into is not None and not self._passing:
            self._into.add(data)


def _exact(written: str) -> str:
    """Return an instant, or a day, as files have it."""
    at = datetime.fromisoformat(written)
    return f"{at:%Y-%m-%d %H:%M}" if len(written) > len("2026-01-01") else written


def _table(drawn: _Drawn, nothing: str) -> ShownTable:
    kept = list(_kept(drawn.rows))
    header, *rows = kept or [[]]
    return ShownTable(
        caption=drawn.caption.text,
        header=tuple(cell.text for cell in header),
        rows=tuple(tuple(_value(cell, nothing) for cell in row) for row in rows),
    )


def _kept(rows: list[list[_Cell]]) -> Iterator[list[_Cell]]:
    pressed = {place for row in rows for place, cell in enumerate(row) if cell.pressed}
    for row in rows:
        yield [cell for place, cell in enumerate(row) if place not in pressed]


def _value(cell: _Cell, nothing: str) -> Written:
    text = cell.text
    if text in ("", nothing):
        return None
    return int(text) if cell.is_number and _NUMBER.fullmatch(text) else text
