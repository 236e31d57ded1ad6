"""Rosters as offices write them: files made for tests, with sample names only."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from typing import Any

import openpyxl
from openpyxl.worksheet.worksheet import Worksheet

BRANCH = "检修车间第一党支部"
HEADER = ("序号", "姓名", "所在党支部", "联系电话", "人员类别", "加入党组织日期", "转为正式党员日期", "备注")
SYSTEM = [
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
]
"""The 17 columns of the system's own export."""

Row = Sequence[Any]


def person(name: Any = "张明", phone: Any = None, **cells: Any) -> list[Any]:
    """Return a row under HEADER; other cells by their header."""
    given = {"序号": 1, "姓名": name, "所在党支部": BRANCH, "联系电话": phone, "人员类别": "正式党员"} | cells
    return [given.get(column) for column in HEADER]


def xlsx(*rows: Row, change: Callable[[Worksheet], None] | None = None, title: str = "党员花名册") -> bytes:
    """Write a workbook of one sheet; ``change`` does to it what rows cannot say."""
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = title
    for row in rows:
        sheet.append(list(row))
    if change is not None:
        change(sheet)
    return saved(book)


def saved(book: openpyxl.Workbook) -> bytes:
    """Return a workbook as its file."""
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def csv_of(*rows: Row, encoding: str = "utf-8-sig") -> bytes:
    """Write a .csv file."""
    out = io.StringIO()
    csv.writer(out).writerows(rows)
    return out.getvalue().encode(encoding)


def system_export(*people: Row) -> bytes:
    """Write the system's own export: a merged title, a line about who filed it, 17 columns, and a closing line."""

    def merge(sheet: Worksheet) -> None:
        sheet.merge_cells("A1:Q1")
        sheet.merge_cells("A2:Q2")

    closing = [None, "合计", len(people)]
    return xlsx(["党员信息"], ["填报单位：机务段党委　2026年7月"], SYSTEM, *people, closing, change=merge)
