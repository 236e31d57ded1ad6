"""Reads .xlsx workbooks: each part is judged before it is inflated, and surveyed before its values are taken."""

from __future__ import annotations

import io
import re
import stat
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from xml.parsers import expat

from msgspec import Struct, field

from console.sheet_limits import (
    LARGEST_RATIO,
    LARGEST_UNPACKED_BYTES,
    MOST_COLUMNS,
    MOST_ENTRIES,
    MOST_ROWS,
    NotReadable,
    Ration,
)
from content.grid import Cell, Grid

_RATIO_MATTERS_ABOVE_BYTES = 1024 * 1024
_LARGEST_EXACT_INTEGER = 2**53


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


class NewBook:
    """Which sheets a workbook has and where their parts lie, how it counts days, and how long its texts are."""

    def __init__(self, data: bytes) -> None:
        parts = _unpack(data)
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
