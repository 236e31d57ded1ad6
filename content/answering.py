"""Reads the answer to an item of the bank in every form in which people type one, and tells whether it is right."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence

from content.bank import FALSE, LETTERS, TRUE, Item, Kind

LONGEST_READ = 200

_UNSEEN = re.compile("[\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\ufe0e\ufe0f\u20e3\U0001f3fb-\U0001f3ff]")
_LEAD = re.compile(r"(?:我的?)?(?:答案?|answer|选择?|option)\s*(?:是|为|is)?\s*[:.,]?\s*", re.IGNORECASE)
_TAIL = re.compile(r"\s*(?:选项|个|项|号)?\s*(?:吧|啊|呢)?[\s.。!,、~)\]】]*$")
_BETWEEN = r"(?:[\s,、.;/&+|]|和|与|及|and)*"
_LETTERS = re.compile(rf"[a-z](?:{_BETWEEN}[a-z])*")
_DIGITS = re.compile(rf"[0-9](?:{_BETWEEN}[0-9])*")
_NUMERALS = {sign: str(number) for number, sign in enumerate("一二三四五六七八", start=1)}
_COUNTED = re.compile(rf"第?[{''.join(_NUMERALS)}](?:{_BETWEEN}第?[{''.join(_NUMERALS)}])*")
_ALL = frozenset("全选 全部 都选 都对 全对 all".split())  # noqa: SIM905

_TRUE = frozenset("对 √ ✓ ✔ ✅ ☑ 正确 对的 正确的 是 是的 真 t true y yes v right correct a 1 o ⭕".split())  # noqa: SIM905
_FALSE = frozenset(
    "错 × ✕ ✖ ✗ ✘ ❌ 错误 错的 错误的 不对 不正确 否 不是 假 f false n no x wrong incorrect b 2 0".split()  # noqa: SIM905
)


def plain(text: str) -> str:
    """Return a text in the plain forms of its signs, without what is not seen."""
    text = unicodedata.normalize("NFKC", text[:LONGEST_READ])
    return _UNSEEN.sub("", text).strip().strip("\"'“”‘’「」『』()[]【】").casefold()


def comparable(text: str) -> str:
    """Return what two texts share that fill a blank alike: signs between words do not count, those of a number do."""
    text = plain(text).replace("\u2212", "-").replace("\u2013", "-")
    return re.sub(r"(?<!\d)[.%/](?!\d)|(?<!\d)\.|\.(?!\d)|[^\w.%/+-]|_", "", text)


def read_choice(kind: Kind, options: Sequence[str], text: str) -> tuple[str, ...] | None:
    """Return the numbers of the options that a text names, also such as there are none; ``None`` for other talk.

    Letters and numbers name options, in any form and with anything between them, and so does the wording of one. A
    number that is the wording of another option means nothing sure.
    """
    said = plain(text)
    if kind is Kind.TRUE_FALSE:
        return _verdict(said)
    worded = [str(number) for number, option in enumerate(options, start=1) if comparable(option) == comparable(said)]
    lead = _LEAD.match(said)
    bare = _TAIL.sub("", said[lead.end() :] if lead else said)
    named = _named(bare)
    if kind is Kind.MULTIPLE and named is None and bare in _ALL:
        named = tuple(str(number) for number in range(1, len(options) + 1))
    if worded and comparable(said):
        beyond = named is None or any(not 1 <= int(one) <= len(options) for one in named)
        return tuple(worded) if beyond or set(named or ()) == set(worded) else None
    return named


def _named(said: str) -> tuple[str, ...] | None:
    if _LETTERS.fullmatch(said):
        letters = [sign.upper() for sign in said.replace("and", "") if "a" <= sign <= "z"]
        if len(letters) <= len(LETTERS):
            return _once(str(ord(sign) - ord("A") + 1) for sign in letters)
    if _DIGITS.fullmatch(said):
        return _once(sign for sign in said if sign.isdigit())
    if _COUNTED.fullmatch(said):
        return _once(_NUMERALS[sign] for sign in said if sign in _NUMERALS)
    return None


def _once(numbers: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(set(numbers), key=int))


def _verdict(said: str) -> tuple[str, ...] | None:
    lead = _LEAD.match(said)
    bare = _TAIL.sub("", said[lead.end() :] if lead else said) or said
    for one in (said, bare):
        if one in _TRUE:
            return (TRUE,)
        if one in _FALSE:
            return (FALSE,)
    return None


def is_right(item: Item, said: tuple[str, ...]) -> bool:
    """Tell whether an answer that was read is the right one; of several right options all are wanted."""
    return set(said) == set(item.answer)


def fills(item: Item, text: str) -> bool:
    """Tell whether a text is one that is taken to fill the blank; 答 before it is no part of it."""
    accepted = {comparable(one) for one in item.answer}
    lead = _LEAD.match(text.strip())
    return comparable(text) in accepted or (lead is not None and comparable(text.strip()[lead.end() :]) in accepted)
