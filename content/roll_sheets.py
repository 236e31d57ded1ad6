"""Reads a sheet on which people signed, or were ticked off, against the roll of a meeting; nothing is decided by it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum

from msgspec import Struct

from content.grid import Cell, Grid
from content.identifiers import MemberId
from content.roll_calls import Mark

MOST_ROWS = 2_000
_HEAD_WITHIN = 12
_NAMES = ("姓名", "名字", "参会人员", "人员", "name")
_STATES = ("到会情况", "签到情况", "出席情况", "出勤情况", "到会", "签到", "出席", "情况", "状态", "attendance")

_MARKS: Mapping[Mark, tuple[str, ...]] = {
    Mark.PRESENT: (
        "到会",
        "到",
        "已到",
        "实到",
        "出席",
        "签到",
        "已签到",
        "参加",
        "是",
        "√",
        "✓",
        "✔",
        "✅",
        "1",
        "y",
        "yes",
        "present",
    ),
    Mark.ONLINE: ("线上", "在线", "线上参加", "视频", "online"),
    Mark.LATE: ("迟到", "late"),
    Mark.LEAVE: ("请假", "事假", "病假", "公假", "leave", "on leave"),
    Mark.ABSENT: ("缺席", "旷会", "absent"),
    Mark.MADE_UP: ("补会", "补学", "已补", "made up"),
    Mark.SILENT: ("未回", "no answer"),
}
_BY_WORD = {word: mark for mark, words in _MARKS.items() for word in words}


class Trouble(StrEnum):
    """Why a row of a sheet says nothing that can be taken: its name, what it says, or that it says it twice."""

    UNKNOWN = "unknown"
    NAMESAKES = "namesakes"
    TWICE = "twice"
    UNREADABLE = "unreadable"


class Seat(Struct, frozen=True, kw_only=True):
    """One person of the roll, and how they stand."""

    member: MemberId
    name: str
    mark: Mark


class Row(Struct, frozen=True, kw_only=True):
    """One row: its number in the sheet from 1, what stands in it, whom it may mean, and what it would put down.

    ``trouble`` is why it puts down nothing by itself.
    """

    number: int
    name: str
    said: str
    seats: tuple[Seat, ...]
    mark: Mark | None
    trouble: Trouble | None = None


class Sheet(Struct, frozen=True, kw_only=True):
    """What a sheet says; without a column of states who stands in it has come, as on a list that went round."""

    rows: tuple[Row, ...]
    has_states: bool


def read(grid: Grid, roll: Iterable[Seat]) -> Sheet | None:
    """Read a sheet against a roll; ``None`` where no column of names is found."""
    head = _head(grid.rows)
    if head is None:
        return None
    top, names, states = head
    by_name: dict[str, list[Seat]] = {}
    for seat in roll:
        by_name.setdefault(_plain(seat.name), []).append(seat)
    rows = []
    for number, cells in enumerate(grid.rows[top + 1 : top + 1 + MOST_ROWS], start=top + 2):
        name = _plain(_cell(cells, names))
        if not name or not re.search(r"\w", name):
            continue
        said = _cell(cells, states) if states is not None else ""
        rows.append(_row(number, name, said, by_name, has_states=states is not None))
    return Sheet(rows=_apart(rows), has_states=states is not None)


def _row(number: int, name: str, said: str, by_name: Mapping[str, Sequence[Seat]], *, has_states: bool) -> Row:
    seats = tuple(by_name.get(name, ()))
    mark = _mark(said) if has_states else Mark.PRESENT
    trouble = None
    if not seats:
        trouble = Trouble.UNKNOWN
    elif len(seats) > 1:
        trouble = Trouble.NAMESAKES
    elif mark is None and said:
        trouble = Trouble.UNREADABLE
    return Row(number=number, name=name, said=said, seats=seats, mark=mark, trouble=trouble)


def _apart(rows: Sequence[Row]) -> tuple[Row, ...]:
    """Mark the rows of who is named twice and not alike: which of them is meant is for a person to say."""
    said: dict[MemberId, set[Mark | None]] = {}
    for row in rows:
        for seat in row.seats:
            said.setdefault(seat.member, set()).add(row.mark)
    return tuple(
        Row(number=row.number, name=row.name, said=row.said, seats=row.seats, mark=row.mark, trouble=Trouble.TWICE)
        if row.trouble is None and len(said[row.seats[0].member]) > 1
        else row
        for row in rows
    )


def _head(rows: Sequence[Sequence[Cell]]) -> tuple[int, int, int | None] | None:
    for place, cells in enumerate(rows[:_HEAD_WITHIN]):
        words = [_plain(str(cell)) if cell is not None else "" for cell in cells]
        names = next((words.index(word) for word in _NAMES if word in words), None)
        if names is not None:
            return place, names, next((words.index(word) for word in _STATES if word in words), None)
    return None


def _cell(cells: Sequence[Cell], place: int) -> str:
    value = cells[place] if place < len(cells) else None
    if value is None or value is False:
        return ""
    number = isinstance(value, float) and value.is_integer()
    return "1" if value is True else str(int(value)) if number else str(value).strip()  # type: ignore[arg-type]


def _mark(said: str) -> Mark | None:
    return _BY_WORD.get(" ".join(unicodedata.normalize("NFKC", said).casefold().split()))


def _plain(text: str) -> str:
    """Return a name as names are compared: 张 明 is 张明."""
    return "".join(unicodedata.normalize("NFKC", text).casefold().split()).lstrip("'")
