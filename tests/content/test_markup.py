"""A lesson's Markdown becomes safe HTML and readable plain text, in parts that fit a message."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from content import markup

LESSON = """# 站台安全

列车通过时会带起**强风**，
请站在安全线以内。

- 不奔跑
- 不打闹
  - 照看好孩子

3. 先下
4. 后上

> 宁等一分，不抢一秒。

见 [宣传页](https://example.org/a?b=1&c=2)。

| 时间 | 地点 |
|---|---|
| 8 点 | 站台 |
"""


def test_html_has_the_structure_of_the_text() -> None:
    html = markup.to_html(LESSON)
    for part in ("<h1>站台安全</h1>", "<strong>强风</strong>", '<ol start="3">', "<blockquote>", "<th>时间</th>"):
        assert part in html


def test_links_lead_to_the_web_only_and_tell_nobody_where_the_reader_came_from() -> None:
    html = markup.to_html(
        "[好](https://example.org) [脚本](javascript:alert(1)) [数据](data:text/html,x) [信](mailto:a@b.cn)"
    )
    assert re.findall(r"<a [^>]*>", html) == ['<a href="https://example.org" rel="noreferrer noopener">']
    assert "脚本" in html
    assert "javascript" not in html


@pytest.mark.parametrize(
    "hostile",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "<iframe src='https://example.org'></iframe>",
        "<svg onload=alert(1)>",
        "<math><mi xlink:href='javascript:alert(1)'></math>",
        "[x](java\nscript:alert(1))",
        "[x](&#106;avascript:alert(1))",
        "![x](javascript:alert(1))",
        "![x](https://example.org/spy.png)",
        '[x](https://example.org"onmouseover="alert(1))',
        "```<b onclick=x>\ncode\n```",
    ],
)
def test_hostile_markup_is_shown_as_text_or_dropped(hostile: str) -> None:
    html = markup.to_html(hostile)
    assert not re.search(r"<(script|img|iframe|svg|math)\b", html)
    without_values = re.sub(r'"[^"]*"', "", html)
    assert not re.search(r"<[^>]*(onerror|onload|onclick|onmouseover|javascript)[^>]*>", without_values)
    assert 'href="java' not in html


@given(st.text(alphabet=st.sampled_from(list("ab <>&\"'[]()!*_`#-:/\n=张。javscript")), max_size=200))
@settings(max_examples=200, deadline=None)
def test_no_text_makes_a_tag_outside_matrix_s_list(text: str) -> None:
    tags = set(re.findall(r"</?([a-zA-Z][\w-]*)", markup.to_html(text)))
    assert tags <= markup.MATRIX_TAGS


def test_plain_text_reads_well_without_html() -> None:
    assert markup.to_plain(LESSON) == (
        "【站台安全】\n\n"
        "列车通过时会带起强风，请站在安全线以内。\n\n"
        "- 不奔跑\n- 不打闹\n  - 照看好孩子\n\n"
        "3. 先下\n4. 后上\n\n"
        "> 宁等一分，不抢一秒。\n\n"
        "见 宣传页 (https://example.org/a?b=1&c=2)。\n\n"
        "时间 | 地点\n8 点 | 站台"
    )


def test_lines_joined_from_the_source_keep_a_space_between_latin_words_only() -> None:
    assert markup.to_plain("学习\n材料\n\nplain\nwords") == "学习材料\n\nplain words"


def test_a_picture_is_its_description_in_chat_and_itself_in_a_preview() -> None:
    text = "![安全线的位置](line.png)"
    assert markup.to_plain(text) == "（安全线的位置）"
    assert markup.to_html(text) == "<p>（安全线的位置）</p>"
    assert markup.to_html(text, pictures={"line.png": "/media/7"}) == '<p><img src="/media/7" alt="安全线的位置"></p>'
    assert markup.images(f"\n\n{text}") == (markup.Image(address="line.png", alternative="安全线的位置", line=3),)


def test_a_text_over_64_kb_is_refused() -> None:
    assert markup.objection("字" * 21_845) is None
    refused = markup.objection("字" * 21_846)
    assert refused is not None
    assert refused.key == "lesson_text.too_large"
    with pytest.raises(ValueError, match="64 kB"):
        markup.to_html("字" * 21_846)


@pytest.mark.parametrize("deep", [">" * 10_000 + "x", "- " * 5_000 + "x"])
def test_a_text_nested_too_deeply_is_refused_instead_of_losing_its_words(deep: str) -> None:
    refused = markup.objection(deep)
    assert refused is not None
    assert refused.key == "lesson_text.too_deep"


@pytest.mark.parametrize(
    "endless", ["*" * 20_000, "_a*" * 20_000, "`" * 30_000, "<" * 60_000, "[" * 1_000, "![[" * 500]
)
def test_a_text_of_markers_alone_is_rendered(endless: str) -> None:
    assert isinstance(markup.to_html(endless), str)


@pytest.mark.parametrize("endless", ["[" * 1_001, "![[" * 20_000, "[a]: b\n" * 8_000])
def test_i072_a_text_of_brackets_that_would_keep_the_parser_busy_is_refused(endless: str) -> None:
    refused = markup.objection(endless)
    assert refused is not None
    assert refused.key == "lesson_text.too_many_brackets"
    with pytest.raises(ValueError, match="brackets"):
        markup.to_html(endless)


def test_a_text_that_fits_stays_whole() -> None:
    assert markup.split(LESSON, 60_000) == (LESSON.strip("\n"),)


def test_a_long_text_is_cut_between_paragraphs() -> None:
    paragraphs = [f"第{number}段。" + "话" * 60 for number in range(30)]
    parts = markup.split("\n\n".join(paragraphs), 2_000)
    assert len(parts) > 1
    assert [line for part in parts for line in part.split("\n\n")] == paragraphs


def test_a_long_paragraph_is_cut_between_sentences() -> None:
    sentences = [f"第{number}句话说到这里为止。" for number in range(100)]
    parts = markup.split("".join(sentences), 1_000)
    assert all(part.endswith("。") for part in parts)
    assert "".join(parts) == "".join(sentences)


def test_numbering_goes_on_in_the_next_part() -> None:
    parts = markup.split("\n".join(f"{n}. " + "条" * 40 for n in range(1, 30)), 2_000)
    assert '<ol start="' in markup.to_html(parts[1])


def test_a_long_block_of_code_stays_code_in_every_part() -> None:
    parts = markup.split("```\n" + "line of code\n" * 200 + "```", 1_000)
    assert all("<pre>" in markup.to_html(part) for part in parts)
    assert sum(markup.to_plain(part).count("line of code") for part in parts) == 200


@pytest.mark.parametrize(
    ("before", "code", "after"),
    [
        ("```\n", "学" * 3_500, "\n```"),
        ("~~~ python\n", "学" * 3_500, "\n~~~"),
        ("```\n", "学" * 3_500, ""),
        ("```\n", "学" * 1_750 + "`" * 9_000, "\n```"),
        ("````\n", "```\n" + "学" * 3_500 + "\n```", "\n````"),
    ],
    ids=["backticks", "tildes", "unclosed", "marks", "nested"],
)
def test_one_long_line_of_code_is_cut_within_and_stays_code(before: str, code: str, after: str) -> None:
    parts = markup.split(f"要点：\n\n{before}{code}{after}\n", 5_000)
    assert all(markup.weight(part) <= 5_000 for part in parts)
    assert all("<pre>" in markup.to_html(part) for part in parts[1:])
    shown = "".join(markup.to_plain(part) for part in parts)
    assert [shown.count(letter) for letter in "学`"] == [code.count(letter) for letter in "学`"]


@pytest.mark.parametrize("mark", ["```", "~~~"])
def test_a_remark_too_long_for_a_block_of_code_becomes_text(mark: str) -> None:
    parts = markup.split(f"{mark}{'x' * 30_000}\n好\n{mark}", 20_000)
    assert sum(markup.to_plain(part).count("x") for part in parts) == 30_000
    assert "<pre><code>好" in markup.to_html(parts[-1])


def test_a_link_defined_at_the_end_works_in_every_part() -> None:
    text = "\n\n".join([f"第{n}段[文][a]" + "字" * 100 for n in range(9)]) + "\n\n[a]: https://example.org\n"
    parts = markup.split(text, 1_500)
    assert len(parts) > 1
    assert all('href="https://example.org"' in markup.to_html(part) for part in parts)


@given(
    st.lists(
        st.text(alphabet=st.sampled_from(list("字。a &<*->1.\n`|")), min_size=1, max_size=300), min_size=1, max_size=12
    ).map("\n\n".join),
    st.integers(min_value=256, max_value=1_500),
)
@settings(max_examples=60, deadline=None)
def test_every_part_stays_under_the_limit_and_no_character_of_the_text_is_lost(text: str, limit: int) -> None:
    parts = markup.split(text, limit)
    assert all(markup.weight(part) <= limit for part in parts)
    assert "".join(parts).count("字") == text.count("字")


LINES = st.one_of(
    st.sampled_from(
        ["```", "````", "~~~", "``` 语", "- 字", "1. 字", "> 字", "|字|字|", "|-|-|", "    字", "", "[a]: b"]
    ),
    st.builds(
        lambda unit, count: unit * count,
        st.sampled_from(["字", "`", "~", "字。", "*字* ", " ", "> ", "#", "|"]),
        st.integers(min_value=1, max_value=1_200),
    ),
)


@given(st.lists(LINES, min_size=1, max_size=12).map("\n".join), st.integers(min_value=256, max_value=1_500))
@settings(max_examples=150, deadline=None)
def test_splitting_ends_for_any_blocks_with_every_part_under_the_limit(text: str, limit: int) -> None:
    parts = markup.split(text, limit)
    assert all(markup.weight(part) <= limit for part in parts)
    assert "".join(parts).count("字") == text.count("字")


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("- a\n" * 2_001, 2_001),
        ("a\n\n" * 2_001, 2_001),
        ("a\n" * 2_001, 2_001),
        ("*a* " * 2_001, 2_002),
        ("|a|b|c|\n|-|-|-|\n" + "|a|b|c|\n" * 600, 2_404),
    ],
    ids=["items", "paragraphs", "lines", "marks", "cells"],
)
def test_a_text_in_too_many_pieces_is_refused(text: str, count: int) -> None:
    refused = markup.objection(text)
    assert refused is not None
    assert (refused.key, refused.parameters) == ("lesson_text.too_many_pieces", {"count": count, "limit": 2_000})
    assert markup.objection("- a\n" * 2_000) is None


def test_a_text_that_was_cut_once_is_not_cut_again_for_the_next_edit_of_its_card() -> None:
    text = "一句话。" * 2_000
    assert markup.split(text, 5_000) is markup.split("".join(["一句话。"] * 2_000), 5_000)


def test_a_limit_too_small_to_hold_anything_is_refused() -> None:
    with pytest.raises(ValueError, match="256"):
        markup.split("字", 255)
