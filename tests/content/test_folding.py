"""Text is compared in one form, whatever people put in its place; two sentences are never read as one."""

from __future__ import annotations

import pytest

from content import patterns
from content.decision import Refusal
from content.folding import LONGEST, fold, holds, phrase, sounds
from content.hosts import entry, hosts_in, is_allowed
from content.syllables import syllable


def found(written: str, text: str, *, heard: bool = False) -> bool:
    one, folded = phrase(written), fold(text)
    assert one is not None
    return holds(folded, one, sounds(folded.tight) if heard else None)


@pytest.mark.parametrize(
    "text",
    [
        *(
            "刷单返利",
            "刷單返利",
            "刷 单 返 利",
            "刷.单.返.利",
            "刷*单-返_利",
            "【刷】单(返)利",
            "刷\u200b单\u200d返\ufe0f利",
        ),
        *("刷，单，返，利", "刷！单！返！利！", "大家来看：刷单返利，日结", "ＡＢＣ刷单返利", "刷️单️返️利️"),
    ],
)
def test_a_phrase_is_found_however_it_is_written(text: str) -> None:
    assert found("刷单返利", text)
    assert found("刷單返利", text)


@pytest.mark.parametrize("text", ["不要刷单。返利多少？", "刷单\n返利", "刷单、返利都是骗人的", "刷得单纯返利"])
def test_two_sentences_are_not_read_as_one(text: str) -> None:
    assert not found("刷单返利", text)


def test_latin_words_are_whole_words_of_any_case_and_any_look() -> None:
    for text in ("Online  CASINO!", "ｏｎｌｉｎｅ ｃａｓｉｎｏ", "оnline саsinо", "来看online casino吧"):
        assert found("online casino", text)
    assert not found("online casino", "online casinos")
    assert not found("ad", "reading")


def test_what_sounds_alike_is_found_where_that_is_wanted() -> None:
    assert found("加微信", "家威信", heard=True)
    assert not found("加微信", "家威信")
    assert not found("微信", "威信", heard=True)
    assert [syllable(sign) for sign in "共产党大都座a龘"] == ["gong", "chan", "dang", "da", "dou", "zuo", None, None]


def test_nothing_but_blanks_is_no_phrase() -> None:
    assert phrase(" \u200b·· ") is None


def test_no_pattern_keeps_the_bot_busy_and_a_wrong_one_is_refused() -> None:
    """A pattern that takes other engines ages is done at once, by steps that grow with the text alone."""
    assert patterns.refusal("(a+)+$") is None
    assert not patterns.finds("^(a+)+$", "a" * 4000 + "b")
    assert not patterns.finds("(x+x+)+y", "x" * 4000)
    for bad in ("(", r"(a)\1", "a(?=b)", "((a{100}){100}){100}", ".*", "a?", "a" * 300):
        assert isinstance(patterns.refusal(bad), Refusal), bad


def test_patterns_know_neither_case_nor_traditional_signs() -> None:
    assert patterns.finds(r"加\s*v\s*信", fold("加 Ｖ 信").plain)
    assert patterns.finds("單號[0-9]{4}", fold("单号1234").plain)


@pytest.mark.parametrize(
    ("text", "hosts"),
    [
        ("看 https://www.gov.cn/a?b=1 吧", ["www.gov.cn"]),
        ("HTTP://WWW.GOV.CN:80/", ["www.gov.cn"]),
        ("https://gov.cn@evil.example.com/", ["evil.example.com"]),
        ("https://gov%2Ecn/", ["gov.cn"]),
        ("http:\\\\evil.com\\x", ["evil.com"]),
        ("www.evil.com。明天见", ["www.evil.com"]),
        ("请点evil.xyz领取", ["evil.xyz"]),
        ("evil 点 com，evil2[.]net", ["evil.com", "evil2.net"]),
        ("https://хuexi.cn/", ["xn--uexi-46d.cn"]),
        ("https://中国.cn/", ["xn--fiqs8s.cn"]),
        ("https://1.2.3.4/x", ["1.2.3.4"]),
        ("t.me/abc", ["t.me"]),
        ("邮箱 zhang@corp.com.cn", []),
        ("文件 v1.2.3.docx 和 README.md，运行 setup.py", []),
        ("done. Me too. See me.Then go", []),
        ("下午 3.5 小时，e.g. 明天", []),
    ],
)
def test_links_are_known_by_their_hosts(text: str, hosts: list[str]) -> None:
    assert list(hosts_in(fold(text).plain)) == hosts


def test_a_list_of_hosts_covers_what_lies_below_and_nothing_that_only_looks_so() -> None:
    assert is_allowed("www.gov.cn", {"gov.cn"})
    assert is_allowed("gov.cn", {"gov.cn"})
    for strange in ("gov.cn.evil.com", "xgov.cn", "cn", "", "1.2.3.4"):
        assert not is_allowed(strange, {"gov.cn"})
    assert entry(" https://WWW.Example.cn/path ") == "www.example.cn"
    assert entry("*.example.cn") == "example.cn"
    assert entry("学习.中国") == "xn--vjq503a.xn--fiqs8s"
    for bad in ("", "nothing", "a b.cn", "http://", "..."):
        assert entry(bad) is None


@pytest.mark.parametrize("filler", ["\u200b", "\u3164", " ", " \n"])
def test_what_nobody_sees_does_not_fill_the_part_of_a_message_that_is_looked_at(filler: str) -> None:
    found = phrase("兼职刷单")
    assert found is not None
    assert holds(fold(filler * LONGEST + "兼职刷单"), found)


def test_each_of_several_texts_is_looked_at_for_itself() -> None:
    assert fold("长" * (2 * LONGEST), "兼职").tight == "长" * LONGEST + "\n兼职"
