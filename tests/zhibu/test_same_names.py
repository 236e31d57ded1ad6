"""Founding with two people of one name in a branch: both, one of them, none, or each under a name of their own."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
from msgspec.structs import replace

from console.written_sheets import write_xlsx
from content.grid import Grid
from content.roster import Entry, Reading, RosterRow, read
from content.trouble import Exit, Trouble
from tests.installation import Installation
from tests.terminal import Terminal
from zhibu.same_names import Ask, Doubtful, entries, in_doubt

HEADER = ("姓名", "所在党支部", "人员类别", "联系电话", "群账号")
ROWS = (
    ("张明", "东支部", "正式党员", "13800000001", ""),
    ("李强", "东支部", "正式党员", "", ""),
    ("张明", "东支部", "正式党员", "13800000002", ""),
    ("张明", "西支部", "正式党员", "", ""),
    ("王丽", "西支部", "正式党员", "", "@a:test"),
    ("王丽", "西支部", "正式党员", "", "@b:test"),
)


@pytest.fixture
def reading() -> Reading:
    return read(Grid(rows=(HEADER, *ROWS)), today=date(2026, 11, 28), organisation="", organisations=None, bot=None)


def names(found: tuple[Entry, ...]) -> list[str]:
    return [one.name for one in found if one.organisation == "东支部"]


def answering(*said: str | Doubtful) -> Ask:
    left = list(said)

    def ask(_row: RosterRow, _is_free: Callable[[str], bool]) -> str | Doubtful:
        return left.pop(0)

    return ask


def test_only_rows_that_nothing_tells_apart_are_in_doubt(reading: Reading) -> None:
    assert [row.number for row in in_doubt(reading)] == [2, 4]


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        (Doubtful.KEEP, ["张明", "李强", "张明"]),
        (Doubtful.SKIP, ["李强"]),
        (answering(Doubtful.KEEP, "张明（乙班）"), ["张明", "李强", "张明（乙班）"]),
        (answering(Doubtful.SKIP, Doubtful.KEEP), ["李强", "张明"]),
    ],
)
def test_each_is_what_was_said_of_it(reading: Reading, how: Doubtful | Ask, expected: list[str]) -> None:
    found = entries(reading, how)
    assert names(found) == expected
    assert len(found) - len(expected) == 3


def test_to_stop_names_the_rows_and_only_where_there_are_any(reading: Reading) -> None:
    with pytest.raises(Trouble) as caught:
        entries(reading, Doubtful.STOP)
    assert caught.value.exit_code is Exit.DATA
    assert caught.value.words.parameters == {"n": 2, "rows": "2, 4"}
    assert len(entries(replace(reading, rows=reading.rows[1:2]), Doubtful.STOP)) == 1


def test_another_name_must_be_free_in_the_branch(reading: Reading) -> None:
    asked = {}

    def ask(row: RosterRow, is_free: Callable[[str], bool]) -> str:
        name = f"张明{row.number}"
        asked[row.number] = [is_free(one) for one in ("", "李强", "张明", name, "张明2", "长" * 65)]
        return name

    entries(reading, ask)
    assert asked == {2: [False, False, False, True, True, False], 4: [False, False, True, True, False, False]}


def test_whoever_founds_is_asked_about_each_row_before_anything_is_written(tmp_path: Path) -> None:
    installation = Installation(tmp_path, "http://127.0.0.1:1", "@zhibu:test", "a long password")
    sheet = tmp_path / "花名册.xlsx"
    sheet.write_bytes(write_xlsx("党员花名册", HEADER, ROWS))
    command = ["found", "示范总支", "--secretary", "@s:test", "--roster", str(sheet), "-c", str(installation.config)]
    with Terminal(*command) as terminal:
        terminal.answer("Row 3, 东支部, 张明", "k")
        terminal.answer("Row 5, 东支部, 张明", "n")
        terminal.answer("The name to write", "李强")
        terminal.answer("The name to write", "张明（乙班）")
        terminal.answer("with 6 members", "n")
        assert terminal.wait() == 0
    assert "2 rows share their names" in terminal.text
    assert not (tmp_path / "zhibu.db").exists()
