"""Formatted text is read in one pass, and says what people see of it."""

from __future__ import annotations

import re

import pytest

from bot.formatted import LARGEST, _without, html_of, links_in, shown_beside, text_in, whole_text


@pytest.mark.parametrize(
    ("html", "left"),
    [
        ("<mx-reply><b>他说</b></mx-reply>好", "好"),
        ("<MX-Reply>a</mx-reply>好<mx-reply>b</mx-reply>的", "好的"),
        ("</mx-reply><mx-reply>没有完", "</mx-reply><mx-reply>没有完"),
    ],
)
def test_what_is_quoted_before_a_reply_is_cut_out_where_it_ends(html: str, left: str) -> None:
    assert html_of({"formatted_body": html}) == left


class Counting:
    """A mark of which it is counted how often it is looked for."""

    def __init__(self, mark: str) -> None:
        self._mark, self.searches = re.compile(mark), 0

    def search(self, text: str, at: int) -> re.Match[str] | None:
        self.searches += 1
        return self._mark.search(text, at)


def test_quotes_that_never_end_are_looked_for_once() -> None:
    """60 KB of beginnings, and no end after the first: that would hold the whole bot up if each looked for its own."""
    begins, ends = Counting("<mx-reply>"), Counting("</mx-reply>")
    hostile = "</mx-reply>" + "<mx-reply>" * 6_000
    assert _without(hostile, begins, ends) == hostile  # type: ignore[arg-type]
    assert (begins.searches, ends.searches) == (1, 1)


def test_no_more_is_read_than_an_event_holds() -> None:
    assert len(html_of({"formatted_body": "字" * (2 * LARGEST)})) == LARGEST


def test_the_addresses_behind_words_are_found_however_they_are_written() -> None:
    html = (
        """<a href="https://a.xyz/?a=1&amp;b=2">x</a><A class='l' HREF = 'https://b.xyz'>y</A><a/href=https://c.xyz>z"""
    )
    assert links_in(html) == ("https://a.xyz/?a=1&b=2", "https://b.xyz", "https://c.xyz")
    assert links_in('<!-- <a href="https://a.xyz"> --><img src="https://b.xyz"><abbr href="https://c.xyz">') == ()


def test_words_are_as_they_are_shown() -> None:
    assert text_in("<p>兼<b>职</b><!-- x -->刷单</p><p>1 &lt; 2</p>").split("\n") == ["兼职刷单", "", "1 < 2"]


def test_formatting_that_says_the_same_adds_nothing_and_other_words_are_kept_beside() -> None:
    assert shown_beside("**大家**好\n- 一", "<strong>大家</strong>好<ul><li>一</li></ul>") == ""
    assert whole_text({"body": "大家好", "formatted_body": "<b>兼职</b>刷单"}) == "大家好\n兼职刷单"
    assert whole_text({"body": "大家好", "formatted_body": 7}) == "大家好"
    assert whole_text({}) == ""
