"""Finds the header of a roster sheet under its many names, and what each of its columns is."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping

from msgspec import Struct
from msgspec.structs import replace

from content.decision import Words, words
from content.grid import Cell, Grid
from content.roster import cells

COLUMNS = (
    "序号",
    "姓名",
    "性别",
    "民族",
    "出生年月",
    "学历",
    "学位",
    "参加工作时间",
    "所在党支部",
    "党小组",
    "党内职务",
    "工作岗位(职务)",
    "人员类别",
    "加入党组织日期",
    "转为正式党员日期",
    "联系电话",
    "党籍状态",
    "是否流动党员",
    "外出流向",
    "备注",
)
"""The columns of a 党员花名册, in the order in which it is filed."""
FIELDS = {
    "姓名": "name",
    "性别": "gender",
    "民族": "ethnicity",
    "出生年月": "born",
    "学历": "education",
    "学位": "degree",
    "参加工作时间": "working_since",
    "所在党支部": "organisation",
    "党小组": "group",
    "党内职务": "position",
    "工作岗位": "post",
    "人员类别": "category",
    "加入党组织日期": "joined",
    "转为正式党员日期": "full_since",
    "联系电话": "phone",
    "党籍状态": "status",
    "是否流动党员": "floating",
    "外出流向": "destination",
    "是否失联党员": "out_of_touch",
    "失联日期": "lost_since",
    "倒班": "shift",
    "备注": "note",
    "群账号": "user",
}
_ALIASES = {
    "倒班班组": "倒班",
    "倒班组": "倒班",
    "倒班班次": "倒班",
    "轮班": "倒班",
    "轮班班组": "倒班",
    "shift": "倒班",
    "党员姓名": "姓名",
    "name": "姓名",
    "入党时间": "加入党组织日期",
    "入党日期": "加入党组织日期",
    "转正时间": "转为正式党员日期",
    "转正日期": "转为正式党员日期",
    "党员类别": "人员类别",
    "政治面貌": "人员类别",
    "手机": "联系电话",
    "电话": "联系电话",
    "联系方式": "联系电话",
    "手机号": "联系电话",
    "手机号码": "联系电话",
    "phone": "联系电话",
    "支部": "所在党支部",
    "所在支部": "所在党支部",
    "党支部名称": "所在党支部",
    "所在组织": "所在党支部",
    "organisation": "所在党支部",
    "branch": "所在党支部",
    "身份证": "公民身份号码",
    "身份证号": "公民身份号码",
    "身份证号码": "公民身份号码",
    "居民身份证号": "公民身份号码",
    "居民身份证号码": "公民身份号码",
    "住址": "家庭住址",
    "家庭地址": "家庭住址",
    "现住址": "家庭住址",
    "现居住地": "家庭住址",
    "流动党员": "是否流动党员",
    "失联党员": "是否失联党员",
    "流向": "外出流向",
    "失联时间": "失联日期",
    "工作时间": "参加工作时间",
    "文化程度": "学历",
    "出生日期": "出生年月",
    "岗位": "工作岗位",
    "职务": "工作岗位",
    "所在党小组": "党小组",
    "matrix账号": "群账号",
    "matrix": "群账号",
    "matrixid": "群账号",
    "user_id": "群账号",
    "userid": "群账号",
}
NEVER_KEPT = {"公民身份号码", "家庭住址"}
NOT_KEPT = {"籍贯", "固定电话"}
_KNOWN = set(FIELDS) | NEVER_KEPT | NOT_KEPT | {"序号"}
_HEADER_ROWS = 5
_UNIT = re.compile(r"\([^()]*\)$")


class Header(Struct, frozen=True, kw_only=True):
    """Where the header ends, and what every column is called: as written, and in canonical form or None."""

    last_row: int
    written: tuple[str, ...]
    canonical: tuple[str | None, ...]

    def places(self, canonical: str) -> tuple[int, ...]:
        """Return the columns, counted from 0, that carry this canonical name."""
        return tuple(place for place, name in enumerate(self.canonical) if name == canonical)


class Column(Struct, frozen=True, kw_only=True):
    """One column of a sheet: its place counted from 0, its letter, its header as written, and a value from it."""

    place: int
    letter: str
    written: str
    example: str


class Question(Struct, frozen=True, kw_only=True):
    """Two or more columns that could each be the one of a canonical name; a person has to say which."""

    name: str
    columns: tuple[Column, ...]


def normal_header(cell: Cell) -> str:
    """Return a header without spaces, marks and the unit in brackets at its end, in its canonical name if known."""
    visible = "".join(letter for letter in str(cell or "") if unicodedata.category(letter) != "Cf")
    plain = _UNIT.sub("", cells.compact(visible).replace("*", "")).lower()
    return _ALIASES.get(plain, plain)


def find_header(grid: Grid) -> Header | None:
    """Find the first of the first five rows that has 姓名 and two other known headers; it may be two rows high."""
    for place, row in enumerate(grid.rows[:_HEADER_ROWS]):
        found = {normal_header(cell) for cell in row} & _KNOWN
        if "姓名" in found and len(found) >= 3:
            return _header(grid, place)
    return None


def _header(grid: Grid, place: int) -> Header:
    upper = grid.rows[place]
    lower = grid.rows[place + 1] if place + 1 < len(grid.rows) else ()
    if not _is_second_header(upper, lower):
        lower = ()
    width = max(len(upper), len(lower))
    chosen = [at(lower, column) or at(upper, column) for column in range(width)]
    return Header(
        last_row=place + 1 if lower else place,
        written=tuple(str(cell).strip() if cell is not None else "" for cell in chosen),
        canonical=tuple(name if (name := normal_header(cell)) in _KNOWN else None for cell in chosen),
    )


def _is_second_header(upper: tuple[Cell, ...], lower: tuple[Cell, ...]) -> bool:
    """Tell the child names of a two-row header from a person's row: none under 姓名, and known names elsewhere."""
    given = [(place, cell) for place, cell in enumerate(lower) if cell is not None]
    if not given or any(normal_header(at(upper, place)) == "姓名" for place, _ in given):
        return False
    return any(normal_header(cell) in _KNOWN for _, cell in given)


def at(row: tuple[Cell, ...], column: int) -> Cell:
    """Return a cell of a row, also where the row is too short to have it."""
    return row[column] if column < len(row) else None


def without_what_is_never_kept(grid: Grid) -> Grid:
    """Return a sheet without the cells of identity numbers and addresses, so that nothing of them is held on to."""
    header = find_header(grid)
    if header is None:
        return grid
    dropped = {place for name in NEVER_KEPT for place in header.places(name)}
    if not dropped:
        return grid
    rows = tuple(
        row
        if number <= header.last_row
        else tuple(None if place in dropped else cell for place, cell in enumerate(row))
        for number, row in enumerate(grid.rows)
    )
    return replace(grid, rows=rows, unread=frozenset(place for place in grid.unread if place[1] not in dropped))


def columns_of(header: Header, choices: Mapping[str, int]) -> dict[str, tuple[int, ...]]:
    """Return in which columns each name stands; where a person has chosen one of several, that one."""
    found = {name: header.places(name) for name in FIELDS if header.places(name)}
    return {name: (choices[name],) if choices.get(name) in places else places for name, places in found.items()}


def said_twice(name: str, header: Header) -> Words:
    """Say that several columns mean the same, and which."""
    written = "、".join(f"{header.written[place]}({_letter(place)})" for place in header.places(name))
    return words("roster.column_twice", name=name, columns=written)


def question_of(grid: Grid, header: Header, name: str) -> Question:
    """Return what a person has to decide between columns that mean the same."""
    below = grid.rows[header.last_row + 1 :]
    return Question(
        name=name,
        columns=tuple(
            Column(
                place=place,
                letter=_letter(place),
                written=header.written[place],
                example=shortened(next((text for row in below if (text := cells.text(at(row, place)))), "")),
            )
            for place in header.places(name)
        ),
    )


def _letter(place: int) -> str:
    """Return a column's letters as spreadsheet programs show them: A, B … Z, AA."""
    letters = ""
    place += 1
    while place:
        place, last = divmod(place - 1, 26)
        letters = chr(ord("A") + last) + letters
    return letters


def canonical_name(field: str) -> str:
    """Return the name that the column of a field has."""
    return next(name for name, known in FIELDS.items() if known == field)


def shortened(value: str) -> str:
    """Return as much of a value as fits beside others."""
    return value if len(value) <= 40 else f"{value[:39]}…"
