"""A lesson file is read whole, or all its mistakes are told at once, each with its line."""

from __future__ import annotations

from datetime import date

import pytest

from content.frontmatter import LessonText, parse

GOOD = """---
title: 站台安全
source: 本支部编写
date: 2026-07-01
minutes: 8
media: line.png，map.png
level: 公开
---
# 站台安全

![线](line.png)
"""


def mistakes(text: str) -> list[tuple[int, str]]:
    found = parse(text, "a.md")
    assert isinstance(found, tuple)
    assert all(problem.file == "a.md" for problem in found)
    return [(problem.line, problem.words.key.removeprefix("lesson_text.")) for problem in found]


def test_a_good_file_is_read() -> None:
    assert parse(GOOD, "a.md") == LessonText(
        title="站台安全",
        source="本支部编写",
        dated=date(2026, 7, 1),
        minutes=8,
        media=("line.png", "map.png"),
        body="# 站台安全\n\n![线](line.png)",
    )


@pytest.mark.parametrize("change", [("\n", "\r\n"), ("\n", "\r")])
def test_line_ends_of_other_systems_and_a_byte_order_mark_change_nothing(change: tuple[str, str]) -> None:
    assert parse("\ufeff" + GOOD.replace(*change), "a.md") == parse(GOOD, "a.md")


def test_chinese_keys_and_full_width_colons_mean_the_same() -> None:
    chinese = GOOD
    for key, name in (
        ("title", "标题"),
        ("source", "来源"),
        ("date", "日期"),
        ("minutes", "分钟"),
        ("media", "媒体"),
        ("level", "密级"),
    ):
        chinese = chinese.replace(f"{key}: ", f"{name}：")
    assert parse(chinese, "a.md") == parse(GOOD, "a.md")


def test_a_value_may_hold_colons_and_notes_are_skipped() -> None:
    lesson = parse(GOOD.replace("title: 站台安全", "# 备注\n\ntitle: 安全: 站台"), "a.md")
    assert isinstance(lesson, LessonText)
    assert lesson.title == "安全: 站台"


def test_all_mistakes_are_told_at_once_in_the_order_of_their_lines() -> None:
    text = "---\ntitel: x\nsource: a\nsource: b\ndate: 2026-02-30\nminutes: 0\nlevel: 秘密\n没有冒号\n---\n\n"
    assert mistakes(text) == [
        (2, "unknown_key_near"),
        (4, "key_twice"),
        (5, "bad_date"),
        (6, "bad_minutes"),
        (7, "not_public"),
        (8, "no_colon"),
        (9, "missing_key"),
        (9, "empty_body"),
    ]


def test_a_misspelt_key_gets_the_nearest_known_name() -> None:
    found = parse(GOOD.replace("minutes", "minuts"), "a.md")
    assert isinstance(found, tuple)
    assert found[0].words.parameters == {"name": "minuts", "nearest": "minutes"}


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("title: 站台安全", "title:", (2, "empty_value")),
        ("title: 站台安全", "title: " + "长" * 101, (2, "too_long")),
        ("2026-07-01", "2026.7.1", (4, "bad_date")),
        ("2026-07-01", "20260701", (4, "bad_date")),
        ("minutes: 8", "minutes: 181", (5, "bad_minutes")),
        ("minutes: 8", "minutes: 8.5", (5, "bad_minutes")),
        ("minutes: 8", "minutes: -1", (5, "bad_minutes")),
        ("map.png", "../map.png", (6, "bad_file_name")),
        ("map.png", "line.png", (6, "media_twice")),
        ("公开", "保密", (7, "bad_level")),
        ("(line.png)", "(other.png)", (11, "image_not_listed")),
        ("(line.png)", "(https://example.org/line.png)", (11, "image_not_listed")),
    ],
)
def test_each_mistake_has_its_line(old: str, new: str, expected: tuple[int, str]) -> None:
    assert mistakes(GOOD.replace(old, new)) == [expected]


@pytest.mark.parametrize("level", ["内部", "秘密", "机密", "绝密"])
def test_priv_14_material_that_is_not_public_is_refused_with_the_reason(level: str) -> None:
    assert mistakes(GOOD.replace("公开", level)) == [(7, "not_public")]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", [(1, "no_opening")]),
        ("# 没有开头", [(1, "no_opening")]),
        ("---\ntitle: x\n正文", [(3, "no_closing")]),
        ("---\ntitle: x\x00\n---\n", [(2, "nul")]),
    ],
)
def test_a_file_without_its_frame_is_refused(text: str, expected: list[tuple[int, str]]) -> None:
    assert mistakes(text) == expected


def test_a_body_over_64_kb_is_refused() -> None:
    assert mistakes(GOOD + "字" * 22_000) == [(9, "too_large")]


def test_a_picture_may_have_a_chinese_name() -> None:
    head = "---\ntitle: 宪法\nsource: 自编\ndate: 2026-10-12\nminutes: 5\nmedia: 国徽.png\n---\n"
    text = head + "![国徽](国徽.png)\n\n正文。\n"
    read = parse(text, "lesson.md")
    assert not isinstance(read, tuple)
    assert read.media == ("国徽.png",)
