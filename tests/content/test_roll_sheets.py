"""Sheets of signatures against a roll: names and states as people write them, and what is left to a person."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from content.grid import Grid
from content.identifiers import MemberId
from content.roll_calls import Mark
from content.roll_sheets import Seat, Trouble, read
from content.venue_codes import STEP, changes_in, code_at, is_valid

ROLL = tuple(
    Seat(member=MemberId(id), name=name, mark=Mark.SILENT)
    for id, name in (("zhang", "张明"), ("li", "李强"), ("one", "王丽"), ("other", "王丽"))
)


def test_a_sheet_says_how_each_stands_and_what_is_in_doubt_is_left_to_a_person() -> None:
    rows = (
        ("某支部签到表", None, None),
        ("会议名称：大会", None, None),
        ("序号", "姓 名", "到会情况"),
        (1, "张　明", "✓"),
        (2, "李强", "病假"),
        (3, "王丽", "到会"),
        (4, "赵六", "到会"),
        (5, "李强", "到会"),
        (6, None, None),
        ("合计：4 人", None, None),
    )
    sheet = read(Grid(rows=rows), ROLL)
    assert sheet is not None
    assert sheet.has_states
    assert [(row.number, row.name, row.mark, row.trouble) for row in sheet.rows] == [
        (4, "张明", Mark.PRESENT, None),
        (5, "李强", Mark.LEAVE, Trouble.TWICE),
        (6, "王丽", Mark.PRESENT, Trouble.NAMESAKES),
        (7, "赵六", Mark.PRESENT, Trouble.UNKNOWN),
        (8, "李强", Mark.PRESENT, Trouble.TWICE),
    ]
    assert [seat.member for seat in sheet.rows[2].seats] == ["one", "other"]


def test_without_a_column_of_states_who_is_in_it_has_come_and_words_of_their_own_are_not_guessed() -> None:
    plain = read(Grid(rows=(("姓名",), ("张明",))), ROLL)
    assert plain is not None
    assert [row.mark for row in plain.rows] == [Mark.PRESENT]
    odd = read(Grid(rows=(("姓名", "情况"), ("张明", "好像来了"), ("李强", None))), ROLL)
    assert odd is not None
    assert [(row.mark, row.trouble) for row in odd.rows] == [(None, Trouble.UNREADABLE), (None, None)]
    assert read(Grid(rows=(("电话", "住址"), ("1", "2"))), ROLL) is None


def test_a_code_is_another_every_half_minute_and_is_taken_for_one_more() -> None:
    at = datetime(2026, 7, 1, 8, tzinfo=UTC)
    codes = {code_at("seed", at + number * STEP) for number in range(20)}
    assert len(codes) > 17
    assert all(len(code) == 6 and code.isdecimal() for code in codes)
    shown = code_at("seed", at)
    assert [is_valid("seed", shown, at + timedelta(seconds=late)) for late in (0, 29, 59, 60)] == [
        True,
        True,
        True,
        False,
    ]
    assert not is_valid("another", shown, at)
    assert changes_in(at + timedelta(seconds=7)) == timedelta(seconds=23)
