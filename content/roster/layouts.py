"""The sheets in which a roster is filed: the 党员花名册, a short one, the system's 17 columns, and who may vote."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from msgspec import Struct
from msgspec.structs import replace

from content.members import Member
from content.roster.cells import said
from content.roster.headers import COLUMNS

SYSTEM_COLUMNS = (
    "序号",
    "姓名",
    "所在组织",
    "身份证",
    "性别",
    "民族",
    "出生日期",
    "学历",
    "人员类别",
    "加入党组织日期",
    "转为正式党员日期",
    "工作岗位",
    "手机号码",
    "固定电话",
    "党籍状态",
    "是否失联党员",
    "失联日期",
)
"""Two of them stay empty: identity numbers and landlines are not kept."""


SIMPLE_COLUMNS = ("序号", "姓名", "性别", "所在党支部", "党小组", "人员类别", "党内职务", "联系电话")
SHIFT = "倒班"
ROLL_COLUMNS = ("序号", "姓名", "所在党支部", "党小组", "人员类别", "有无表决权", "说明")


class Line(Struct, frozen=True, kw_only=True):
    """One person as a sheet has them; ``branch`` and ``group`` are names.

    ``barred`` tells that they may not vote, and ``why_not`` why, where that is for the reader.
    """

    number: int
    member: Member
    branch: str
    group: str
    barred: bool = False
    why_not: str = ""


class Layout(Struct, frozen=True, kw_only=True):
    """The columns of a sheet in their order, and what stands in them; a column of which nothing is kept is empty."""

    columns: tuple[str, ...]
    fill: Callable[[Line], Mapping[str, str | int]]
    shows_shifts: bool = False
    """Whether it has a column more where anybody works in shifts."""

    def of(self, people: Iterable[Member]) -> Layout:
        """Return it as it is for these people."""
        shifts = self.shows_shifts and any(one.shift for one in people)
        return replace(self, columns=(*self.columns, SHIFT)) if shifts else self

    def row(self, line: Line) -> tuple[str | int, ...]:
        """Return one person's row."""
        known = self.fill(line)
        return tuple(known.get(name, "") for name in self.columns)


def _common(line: Line) -> dict[str, str | int]:
    one = line.member
    return {
        "序号": line.number,
        "姓名": one.name,
        "性别": one.gender,
        "民族": one.ethnicity,
        "学历": one.education,
        "人员类别": one.category,
        "加入党组织日期": one.joined,
        "转为正式党员日期": one.full_since,
        "党籍状态": one.status,
    }


def _filed(line: Line) -> dict[str, str | int]:
    one = line.member
    return _common(line) | {
        "出生年月": one.born,
        "学位": one.degree,
        "参加工作时间": one.working_since,
        "所在党支部": line.branch,
        "党小组": line.group,
        "党内职务": one.position,
        "工作岗位(职务)": one.post,
        "联系电话": one.phone,
        "是否流动党员": said(one.floating),
        "外出流向": one.destination,
        SHIFT: one.shift,
        "备注": one.note,
    }


def _system(line: Line) -> dict[str, str | int]:
    one = line.member
    return _common(line) | {
        "所在组织": line.branch,
        "出生日期": one.born,
        "工作岗位": one.post,
        "手机号码": one.phone,
        "是否失联党员": said(one.out_of_touch),
        "失联日期": one.lost_since,
    }


def _roll(line: Line) -> dict[str, str | int]:
    return _filed(line) | {"有无表决权": "无" if line.barred else "有", "说明": line.why_not}


LAYOUTS: Mapping[str, Layout] = {
    "filed": Layout(columns=COLUMNS, fill=_filed, shows_shifts=True),
    "system": Layout(columns=SYSTEM_COLUMNS, fill=_system),
    "simple": Layout(columns=SIMPLE_COLUMNS, fill=_filed, shows_shifts=True),
    "roll": Layout(columns=ROLL_COLUMNS, fill=_roll),
}
