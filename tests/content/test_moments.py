"""Wall times as people write them: each is read in full, or not at all."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from content.moments import find_moment, read_moment

SHANGHAI = ZoneInfo("Asia/Shanghai")
NOON = datetime(2026, 7, 1, 12, 0, tzinfo=SHANGHAI)
MORNING = datetime(2026, 11, 18, 10, 0, tzinfo=SHANGHAI)
"""A Wednesday."""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("18:00", "07-01 18:00"),
        ("6点", "07-01 06:00"),
        ("18点30", "07-01 18:30"),
        ("18点30分", "07-01 18:30"),
        ("9点半", "07-01 09:30"),
        ("明天 9:05", "07-02 09:05"),
        ("后天18:00", "07-03 18:00"),
        ("tomorrow 18:00", "07-02 18:00"),
        ("7月28日 18:00", "07-28 18:00"),
        ("28日 18:00", "07-28 18:00"),
        ("1日 18:00", "07-01 18:00"),
        ("7-28 下午6点", "07-28 18:00"),
        ("32日 18:00", None),
        ("周五 18:00", "07-03 18:00"),
        ("周三 18:00", "07-01 18:00"),
        ("2026-07-28 18:00", "07-28 18:00"),
        ("2月30日 18:00", None),
        ("24:00", None),
        ("18:60", None),
        ("六点", None),
        ("", None),
    ],
)
def test_a_deadline_is_read_as_people_write_it(text: str, expected: str | None) -> None:
    found = read_moment(text, NOON)
    assert (found.astimezone(NOON.tzinfo).strftime("%m-%d %H:%M") if found else None) == expected


def test_a_date_that_has_passed_means_next_year() -> None:
    found = read_moment("1月2日 18:00", NOON)
    assert found is not None
    assert found.year == 2027


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("今天晚上12点", "11-19 00:00"),
        ("明天晚上12点", "11-20 00:00"),
        ("24日晚上12点半", "11-25 00:30"),
        ("今天晚上0点", "11-19 00:00"),
        ("晚上1点", None),
        ("晚上4点", None),
        ("晚上5点", "11-18 17:00"),
        ("今晚8点", "11-18 20:00"),
        ("24日晚8点", "11-24 20:00"),
        ("明早9点", "11-19 09:00"),
        ("早上15:00", None),
        ("下午12点", "11-18 12:00"),
        ("下午 3点", "11-18 15:00"),
        ("中午12点", "11-18 12:00"),
        ("中午1点", "11-18 13:00"),
        ("中午9点", None),
    ],
)
def test_an_hour_belongs_to_its_part_of_the_day(text: str, expected: str | None) -> None:
    found = read_moment(text, MORNING)
    assert (found.astimezone(SHANGHAI).strftime("%m-%d %H:%M") if found else None) == expected


@pytest.mark.parametrize(
    ("said", "at"),
    [
        ("24日 15:00", "2026-07-24 15:00"),
        ("7-24 15:00", "2026-07-24 15:00"),
        ("7.24 15点", "2026-07-24 15:00"),
        ("7月24日下午3点半", "2026-07-24 15:30"),
        ("周五 下午3点", "2026-07-03 15:00"),
        ("1日 9:00", "2026-07-01 09:00"),
        ("31号 晚上8点", "2026-07-31 20:00"),
    ],
)
def test_a_day_without_its_month_is_the_next_such_day(said: str, at: str) -> None:
    local = datetime(2026, 7, 1, 8, tzinfo=SHANGHAI)
    seen = find_moment(f"党课 {said} 二楼", local)
    assert seen is not None
    assert (seen[0], seen[1].astimezone(SHANGHAI).strftime("%Y-%m-%d %H:%M"), seen[2]) == ("党课 ", at, " 二楼")


@pytest.mark.parametrize(
    ("said", "at", "before", "behind"),
    [
        ("党课 下周三 15:00", "2026-11-25 15:00", "党课 ", ""),
        ("党课 本周五 15:00", "2026-11-20 15:00", "党课 ", ""),
        ("党课 本周一 15:00", "2026-11-16 15:00", "党课 ", ""),
        ("党课 礼拜五 15:00", "2026-11-20 15:00", "党课 ", ""),
        ("党课 大后天 15:00", "2026-11-21 15:00", "党课 ", ""),
        ("党课 24日(周二)15:00", "2026-11-24 15:00", "党课 ", ""),
        ("党课 24日中午12点", "2026-11-24 12:00", "党课 ", ""),
        ("党课 24日, 15:00", "2026-11-24 15:00", "党课 ", ""),
        ("党课 12月24日,下午3点", "2026-12-24 15:00", "党课 ", ""),
        ("党课 24 日 15:00", "2026-11-24 15:00", "党课 ", ""),
        ("党课 24日 下午 3点", "2026-11-24 15:00", "党课 ", ""),
        ("党课 2026年11月24日 15:00", "2026-11-24 15:00", "党课 ", ""),
        ("党课 2026.11.24 15:00", "2026-11-24 15:00", "党课 ", ""),
        ("党课 24日下午3时30分 二楼", "2026-11-24 15:30", "党课 ", " 二楼"),
        ("党课 24日15点一刻", "2026-11-24 15:15", "党课 ", ""),
        ("党课 24日15点301会议室", "2026-11-24 15:00", "党课 ", "301会议室"),
        ("党课 24日 15:00 3号楼", "2026-11-24 15:00", "党课 ", " 3号楼"),
        ("党课 线下 24日 15:00", "2026-11-24 15:00", "党课 线下 ", ""),
        ("11月主题党日 24日 15:00", "2026-11-24 15:00", "11月主题党日 ", ""),
        ("2025年度民主评议 24日 15:00", "2026-11-24 15:00", "2025年度民主评议 ", ""),
        ("plan lecture the long march 11-24 15:00 room", "2026-11-24 15:00", "plan lecture the long march ", " room"),
    ],
)
def test_a_moment_is_found_with_all_that_is_said_of_it(said: str, at: str, before: str, behind: str) -> None:
    seen = find_moment(said, MORNING)
    assert seen is not None
    assert (seen[0], seen[1].astimezone(SHANGHAI).strftime("%Y-%m-%d %H:%M"), seen[2]) == (before, at, behind)


@pytest.mark.parametrize(
    "said",
    [
        "党课 下下周一 15:00",
        "党课 上周三 15:00",
        "党课 每周五 15:00",
        "党课 下个月24日 15:00",
        "党课 24日(周三)15:00",
        "党课 24日傍晚6点",
        "党课 24日凌晨6点",
        "党课 24 15:00",
        "24日 党课 15:00",
        "明天 党课 15:00",
        "周五 党课 15:00",
        "12月主题党日 24日 15:00",
        "2027年 党课 11月24日 15:00",
        "党课 十二月二十四日 15:00",
        "党课 十二月 24日 15:00",
        "党课 7/24/2026 15:00",
        "党课 15:00-17:00 二楼",
        "党课 24日 15:00 到17:00 二楼",
        "党课 24日 15:00至17:00",
        "党课 24日 3:00 pm",
        "党课 24日 3:00p.m. 二楼",
        "党课 24日 3点 下午",
        "党课 15:00 24日 二楼",
        "党课 24日 15:00 或 25日 15:00",
        "党课 24日15:00:00",
        "plan lecture Friday 15:00",
        "plan lecture March 24 15:00",
        "plan lecture 24th March 15:00",
        "plan lecture next week 15:00",
        "plan lecture 11-24 3:00 in the afternoon",
    ],
)
def test_what_is_said_of_another_day_or_hour_is_not_left_out(said: str) -> None:
    assert find_moment(said, MORNING) is None
