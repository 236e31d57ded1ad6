"""Reads every row of a roster sheet, good or bad."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from datetime import date
from difflib import get_close_matches
from enum import StrEnum
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from content.decision import Words, words
from content.grid import Cell, Grid
from content.identifiers import UserId
from content.roster import cells
from content.roster.cells import ANSWERS, DAYS, TEXTS, Wrong
from content.roster.headers import (
    FIELDS,
    NEVER_KEPT,
    NOT_KEPT,
    Header,
    Question,
    at,
    canonical_name,
    columns_of,
    find_header,
    question_of,
    said_twice,
    shortened,
)

_LONGEST = {"organisation": 120, "group": 120, **TEXTS}
_SPANNING = ("organisation", "group")
"""What offices write once, in a cell that spans all the rows it is about."""
_CLOSING_ROW = re.compile(r"(合计|总计|小计)|(制表|填表|填报|审核|负责|联系)人?[:：].*|(注|说明)[:：].*")
_SAMPLE = re.compile(r"(例|示例|样例|例如)([:：].*)?")


class Gravity(StrEnum):
    """What a problem costs: the whole row, one cell of it, or nothing but a second look."""

    ROW = "row"
    CELL = "cell"
    WARNING = "warning"


class Entry(Struct, frozen=True, kw_only=True):
    """What a roster says of one person; empty text and None mean that it does not say.

    Dates are ``YYYY-MM-DD`` or ``YYYY-MM``; ``organisation`` and ``group`` are names as written.
    """

    name: str
    organisation: str = ""
    group: str = ""
    gender: str = ""
    ethnicity: str = ""
    born: str = ""
    education: str = ""
    degree: str = ""
    working_since: str = ""
    category: str = ""
    joined: str = ""
    full_since: str = ""
    phone: str = ""
    post: str = ""
    position: str = ""
    status: str = ""
    floating: bool | None = None
    destination: str = ""
    out_of_touch: bool | None = None
    lost_since: str = ""
    shift: str = ""
    user: UserId | None = None
    note: str = ""


class RosterRow(Struct, frozen=True, kw_only=True):
    """One person's row; ``number`` counts from 1 as the spreadsheet program shows it."""

    number: int
    entry: Entry


class CellProblem(Struct, frozen=True, kw_only=True):
    """What is wrong in one cell: where, what stands there (shortened), a code, and a sentence."""

    row: int
    column: str
    value: str
    code: str
    words: Words
    gravity: Gravity


class Reading(Struct, frozen=True, kw_only=True):
    """All that a sheet says: good rows, problems by cell, and notes about what was passed over.

    ``obstacles`` must be removed before anything can be imported; rows are then empty. ``questions`` are about columns
    that mean the same; one that was answered stays in the list, so that the answer can be changed.
    ``skipped`` counts rows that are no persons: totals, signatures and samples.
    """

    rows: tuple[RosterRow, ...] = ()
    problems: tuple[CellProblem, ...] = ()
    obstacles: tuple[Words, ...] = ()
    questions: tuple[Question, ...] = ()
    notes: tuple[Words, ...] = ()
    skipped: int = 0

    @property
    def refused_rows(self) -> int:
        """Count the rows that are left out because of a problem."""
        return len({problem.row for problem in self.problems if problem.gravity is Gravity.ROW})


def read(
    grid: Grid,
    *,
    today: date,
    organisations: Collection[str] | None = None,
    organisation: str = "",
    bot: UserId | None = None,
    choices: Mapping[str, int] | None = None,
) -> Reading:
    """Read every row of a roster sheet.

    ``organisations`` are the names that a row may belong to (None: any); ``organisation`` is where rows belong that do
    not say. ``bot`` is nobody's account. ``choices`` says which column, counted from 0, to use for a canonical name
    that two columns carry.
    """
    if not any(cell is not None for row in grid.rows for cell in row):
        return Reading(obstacles=(words("roster.empty_sheet"),))
    header = find_header(grid)
    if header is None:
        return Reading(obstacles=(words("roster.no_header"),))
    questions = tuple(question_of(grid, header, name) for name in FIELDS if len(header.places(name)) > 1)
    columns = columns_of(header, choices or {})
    twice = [name for name, places in columns.items() if len(places) > 1]
    if twice:
        return Reading(obstacles=tuple(said_twice(name, header) for name in twice), questions=questions)
    sheet = _Sheet(
        grid=grid,
        header=header,
        columns={FIELDS[name]: places[0] for name, places in columns.items()},
        today=today,
        organisations=None if organisations is None else {cells.compact(name): name for name in organisations},
        organisation=organisation,
        bot=bot,
    )
    return replace(sheet.reading(), questions=questions)


class _Sheet:
    """One pass over the rows of a sheet whose header is known."""

    def __init__(
        self,
        *,
        grid: Grid,
        header: Header,
        columns: Mapping[str, int],
        today: date,
        organisations: Mapping[str, str] | None,
        organisation: str,
        bot: UserId | None,
    ) -> None:
        self._grid = grid
        self._header = header
        self._columns = columns
        self._today = today.isoformat()
        self._organisations = organisations
        self._organisation = organisation
        self._bot = bot
        self._problems: list[CellProblem] = []
        self._told: set[tuple[int, str]] = set()
        self._refused: set[int] = set()
        self._skipped = 0
        self._spans = {
            columns[field]: _tops(grid, columns[field], header.last_row) for field in _SPANNING if field in columns
        }

    def reading(self) -> Reading:
        rows = list(self._rows())
        rows = self._without_repeats(rows)
        return Reading(
            rows=tuple(rows),
            problems=tuple(sorted(self._problems, key=lambda problem: problem.row)),
            obstacles=() if rows or self._refused else (words("roster.no_rows"),),
            notes=tuple(self._notes()),
            skipped=self._skipped,
        )

    def _rows(self) -> Iterator[RosterRow]:
        for place in range(self._header.last_row + 1, len(self._grid.rows)):
            row = self._grid.rows[place]
            written = [cells.text(cell) for cell in row]
            if not any(written) and not any((place, column) in self._grid.unread for column in range(len(row))):
                continue
            if self._is_no_person(written):
                self._skipped += 1
                continue
            entry = self._entry(place, row)
            if entry is not None:
                yield RosterRow(number=place + 1, entry=entry)

    def _is_no_person(self, written: list[str]) -> bool:
        first = cells.compact(next((text for text in written if text), ""))
        named = cells.compact(written[self._columns["name"]]) if self._columns["name"] < len(written) else ""
        return bool(_CLOSING_ROW.fullmatch(first) or _SAMPLE.fullmatch(first) or _SAMPLE.fullmatch(named))

    def _entry(self, place: int, row: tuple[Cell, ...]) -> Entry | None:
        found: dict[str, Any] = {}
        for field, column in self._columns.items():
            cell = at(row, column)
            top = self._spans.get(column, {}).get(place)
            if cell is None and top is not None:
                cell = at(self._grid.rows[top], column)
            if (place, column) in self._grid.unread:
                self._tell(place, field, cell, "no_result")
                continue
            value = self._value(field, cell)
            if isinstance(value, Wrong):
                self._tell(place, field, cell, value.code)
            else:
                found[field] = value
        if not found.get("name") and (place, "name") not in self._told:
            self._tell(place, "name", None, "no_name")
        self._place_in_tree(place, found)
        self._check_dates(place, found)
        if self._bot is not None and found.get("user") == self._bot:
            self._tell(place, "user", found["user"], "account_of_bot")
        return None if place in self._refused else Entry(**{**found, "user": found.get("user") or None})

    def _value(self, field: str, cell: Cell) -> str | bool | Wrong | None:
        match field:
            case "name":
                return cells.name(cell)
            case "phone":
                return cells.phone(cell)
            case _ if field in DAYS:
                return cells.day(cell, counts_from_1904=self._grid.counts_from_1904)
            case _ if field in ANSWERS:
                return cells.yes_or_no(cell)
            case "gender":
                return cells.gender(cell)
            case "category":
                return cells.category(cell)
            case "user":
                return cells.account(cell)
            case "destination":
                return cells.destination(cell)
            case _:
                value = cells.text(cell)
                return value if len(value) <= _LONGEST[field] else Wrong(code="too_long")

    def _place_in_tree(self, place: int, found: dict[str, Any]) -> None:
        written = found.get("organisation") or self._organisation
        found["organisation"] = written
        if not written:
            if (place, "organisation") not in self._told:
                self._tell(place, "organisation", None, "no_organisation")
        elif self._organisations is not None:
            known = self._organisations.get(cells.compact(written))
            if known is None:
                self._tell(place, "organisation", written, *self._nearest(written))
            else:
                found["organisation"] = known

    def _nearest(self, written: str) -> tuple[str, str]:
        near = get_close_matches(written, list((self._organisations or {}).values()), n=1, cutoff=0.5)
        return ("unknown_organisation_near", near[0]) if near else ("unknown_organisation", "")

    def _check_dates(self, place: int, found: Mapping[str, Any]) -> None:
        joined, full_since = found.get("joined", ""), found.get("full_since", "")
        for field in DAYS:
            value = found.get(field, "")
            if value and value > self._today[: len(value)]:
                self._tell(place, field, value, "in_future")
        shared = min(len(joined), len(full_since))
        if joined[:shared] > full_since[:shared]:
            self._tell(place, "full_since", full_since, "full_before_joined")

    def _tell(self, place: int, field: str, cell: Cell, code: str, nearest: str = "") -> None:
        column = self._columns.get(field)
        name = self._header.written[column] if column is not None else canonical_name(field)
        parameters = {"nearest": nearest} if nearest else {}
        gravity = _gravity(field, code)
        self._told.add((place, field))
        if gravity is Gravity.ROW:
            self._refused.add(place)
        self._problems.append(
            CellProblem(
                row=place + 1,
                column=name,
                value=shortened(cells.text(cell)),
                code=code,
                words=words(f"roster.{code}", **parameters),
                gravity=gravity,
            )
        )

    def _without_repeats(self, rows: list[RosterRow]) -> list[RosterRow]:
        """Leave out a row that says the same once more, and all rows that give one account to different persons."""
        accounts = Counter(entry.user for entry in {row.entry for row in rows} if entry.user is not None)
        kept: list[RosterRow] = []
        seen: set[Entry] = set()
        for row in rows:
            if row.entry in seen:
                self._tell(row.number - 1, "name", row.entry.name, "row_twice")
            elif row.entry.user is not None and accounts[row.entry.user] > 1:
                self._tell(row.number - 1, "user", row.entry.user, "account_twice")
            else:
                kept.append(row)
            seen.add(row.entry)
        return kept

    def _notes(self) -> Iterator[Words]:
        if self._grid.hidden_rows or self._grid.hidden_columns:
            yield words("roster.hidden", rows=self._grid.hidden_rows, columns=self._grid.hidden_columns)
        if self._skipped:
            yield words("roster.skipped", n=self._skipped)
        never = [name for name in self._header.canonical if name in NEVER_KEPT]
        if never:
            yield words("roster.never_kept", columns="、".join(never))
        unused = [name for name in self._header.canonical if name in NOT_KEPT]
        if unused:
            yield words("roster.not_kept", columns="、".join(unused))
        unknown = [
            written
            for written, name in zip(self._header.written, self._header.canonical, strict=True)
            if written and name is None
        ]
        if unknown:
            yield words("roster.unknown_columns", columns="、".join(shortened(name) for name in unknown))


def _tops(grid: Grid, column: int, last_header_row: int) -> dict[int, int]:
    """Return for the rows that a cell merged downwards covers in which row its value stands; each row once."""
    found: dict[int, int] = {}
    covered = last_header_row
    for first, last, _ in sorted(span for span in grid.merged if span[2] == column):
        if first > covered:
            found |= dict.fromkeys(range(first + 1, min(last + 1, len(grid.rows))), first)
            covered = last
    return found


def _gravity(field: str, code: str) -> Gravity:
    if code in {"in_future", "full_before_joined"}:
        return Gravity.WARNING
    if field in {"name", "organisation", "category", "user"}:
        return Gravity.ROW
    return Gravity.CELL
