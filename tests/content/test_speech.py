"""Sentences are filled for their reader, and nothing a person wrote is ever taken for a pattern."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from content.decision import words
from content.speech import Reader, Sentence, Speech, show_instant

CHINESE, ENGLISH = Reader(), Reader(language="en", timezone="Europe/London")
SPEECH = Speech(
    {
        "zh_CN": {
            "a.named": Sentence(one="《{title}》好"),
            "a.at": Sentence(one="{at}"),
            "a.list": Sentence(one="共：\n{list}"),
            "a.counted": Sentence(one="{n} 个"),
        },
        "en": {
            "a.named": Sentence(one='"{title}" is good'),
            "a.at": Sentence(one="{at}"),
            "a.list": Sentence(one="All:\n{list}"),
            "a.counted": Sentence(one="{n} thing", many="{n} things"),
        },
    }
)
TUESDAY = datetime(2026, 11, 24, 7, 5, tzinfo=UTC)


def test_gaps_are_filled_in_the_readers_language() -> None:
    assert SPEECH.say(words("a.named", title="安全"), CHINESE) == "《安全》好"
    assert SPEECH.say(words("a.named", title="安全"), ENGLISH) == '"安全" is good'


def test_a_language_we_do_not_speak_is_answered_in_chinese() -> None:
    assert SPEECH.say(words("a.counted", n=1), Reader(language="fr")) == "1 个"


def test_an_instant_to_a_reader_of_a_language_we_do_not_speak_is_shown_too() -> None:
    assert SPEECH.say(words("a.at", at=TUESDAY), Reader(language="fr")) == "11月24日（周二）15:05"


def test_instants_are_shown_on_the_readers_clock() -> None:
    assert show_instant(TUESDAY, CHINESE) == "11月24日（周二）15:05"
    assert show_instant(TUESDAY, ENGLISH) == "Tue 24 Nov 07:05"
    assert SPEECH.say(words("a.at", at=TUESDAY), CHINESE) == "11月24日（周二）15:05"


def test_words_within_words_become_lines() -> None:
    lines = (words("a.counted", n=1), words("a.counted", n=2))
    assert SPEECH.say(words("a.list", list=lines), ENGLISH) == "All:\n1 thing\n2 things"


@pytest.mark.parametrize(("n", "said"), [(0, "0 things"), (1, "1 thing"), (2, "2 things"), (21, "21 things")])
def test_english_counts_one_and_many(n: int, said: str) -> None:
    assert SPEECH.say(words("a.counted", n=n), ENGLISH) == said


@given(st.text())
def test_what_people_wrote_is_shown_as_they_wrote_it(title: str) -> None:
    assert SPEECH.say(words("a.named", title=title), CHINESE) == f"《{title}》好"


@pytest.mark.parametrize("title", ["{title}", "{0.__class__}", "%s%n", "{{7*7}}", "${jndi:x}"])
def test_patterns_in_a_name_are_only_letters(title: str) -> None:
    assert SPEECH.say(words("a.named", title=title), CHINESE) == f"《{title}》好"


def test_a_missing_key_or_an_empty_gap_is_a_bug_and_says_so() -> None:
    with pytest.raises(KeyError):
        SPEECH.say(words("a.unknown"), CHINESE)
    with pytest.raises(KeyError):
        SPEECH.say(words("a.named"), CHINESE)


def test_the_keys_of_a_language_are_known() -> None:
    assert SPEECH.keys("en") == {"a.named", "a.at", "a.list", "a.counted"}


def test_of_a_sentence_of_which_nothing_is_kept_its_gaps_are_dots() -> None:
    speech = Speech({"zh_CN": {"k": Sentence(one="{name} 有 {n} 条", many="{name} 有 {n} 条。")}, "en": {}})
    assert speech.outline("k", Reader()) == "… 有 … 条。"
    assert speech.outline("k", Reader(language="fr")) == "… 有 … 条。"
