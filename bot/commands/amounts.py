"""Numbers and lengths of time as people write them."""

from __future__ import annotations

import re
from datetime import timedelta

from bot.commands.plain import SIMPLIFIED, keyword, normalise
from bot.commands.vocabulary import REASONS_OF_MEASURES

_NUMBER = "(?:[0-9]{1,2}|[一二三四五六七八九十])号?"
NUMBERS = re.compile(rf"{_NUMBER}(?:(?:[\s,、.]+|和|and){_NUMBER})*")
_DIGITS = {word: str(number) for number, word in enumerate("一二三四五六七八九十", start=1)}
LENGTH_PATTERN = (
    r"(?:(?P<count>[0-9]{1,4}|[一二两三四五六七八九十半]|an?|one)?\s*个?"
    r"(?P<measure>小时|天|日|周|星期|礼拜|月|年|hours?|h|days?|d|weeks?|w|months?|years?)"
    r"|(?P<days>[0-9]{1,4})|(?P<ever>永久|一直|forever)|(?P<end>恢复|取消|关闭|off))"
)
LENGTH = re.compile(LENGTH_PATTERN, re.IGNORECASE)
"""How long one wants silence: a count and a measure, days alone, for ever, or the end of it."""

TENS = re.compile("[一二三四五六七八九]?十[一二三四五六七八九]?")
_SPAN = (
    r"(?:for\s+)?(?P<count>half\s+an?|[0-9]{1,4}(?:\.[0-9])?|[一二三四五六七八九]?十[一二三四五六七八九]?"
    r"|[一二两三四五六七八九半]|an?|one)\s*个?(?P<half>半)?\s*"
    r"(?P<measure>分钟|分|小时|天|日|周|星期|礼拜|月|年"
    r"|minutes?|mins?|months?|m|hours?|h|days?|d|weeks?|w|years?)(?P<more>半)?"
    r"|(?P<ever>永久|for\s+good|forever)"
)
_FIRST_SPAN = re.compile(_SPAN, re.IGNORECASE)
_LAST_SPAN = re.compile(rf"(?:^|(?<=[\s,、;]))(?:{_SPAN})$", re.IGNORECASE)
_MINUTES = {
    "分": 1,
    "小": 60,
    "天": 1440,
    "日": 1440,
    "周": 10080,
    "星": 10080,
    "礼": 10080,
    "月": 43200,
    "年": 525600,
    "m": 1,
    "mo": 43200,
    "h": 60,
    "d": 1440,
    "w": 10080,
    "y": 525600,
}


def span_of(text: str) -> tuple[timedelta | None, str]:
    """Take how long something is to last out of a text, and return what else it says.

    It is said before everything else or after it; in the middle of a reason it belongs to that. Nothing at all where
    no length is said, ``None`` for what is to last for good, where no other length is said.
    """
    text = " ".join(text.split())
    plain = text.translate(SIMPLIFIED)
    found = [one for one in (_FIRST_SPAN.match(plain), _LAST_SPAN.search(plain)) if one and _is_whole(one, plain)]
    if not found:
        return timedelta(0), text
    one = next((one for one in found if not one["ever"]), found[0])
    rest = f"{text[: one.start()].strip(' ,、;')} {text[one.end() :].strip(' ,、;')}".strip()
    if one["ever"]:
        return None, rest
    measure = one["measure"].lower()
    many = _many(one["count"].lower()) + (0.5 if one["half"] or one["more"] else 0)
    return timedelta(minutes=many * (_MINUTES.get(measure[:2]) or _MINUTES[measure[0]])), rest


_GAP = re.compile(
    r"(?:^|(?<=[\s,、;]))(?P<count>[0-9]{1,4}|[一二三四五六七八九]?十[一二三四五六七八九]?|[一二两三四五六七八九半])\s*"
    r"(?P<measure>秒钟?|分钟?|seconds?|secs?|s|minutes?|mins?|m)(?=$|[\s,、;])",
    re.IGNORECASE,
)


def gap_in(text: str) -> tuple[timedelta | None, str]:
    """Take the first length in seconds or minutes out of a text, and return what else it says; ``None`` without one."""
    text = " ".join(text.split())
    found = _GAP.search(text.translate(SIMPLIFIED))
    if found is None:
        return None, text
    rest = f"{text[: found.start()].strip(' ,、;')} {text[found.end() :].strip(' ,、;')}".strip()
    minutes = found["measure"].lower()[0] in "分m"
    return timedelta(seconds=_many(found["count"]) * (60 if minutes else 1)), rest


def _is_whole(span: re.Match[str], plain: str) -> bool:
    """Tell whether nothing is glued to a length but a reason of ours, as in 2小时刷屏."""
    after = plain[span.end() :]
    return not after or after[0] in " ,、;" or keyword(after) in REASONS_OF_MEASURES


def _many(count: str) -> float:
    if count == "半" or count.startswith("half"):
        return 0.5
    if "十" in count:
        tens, _, ones = count.partition("十")
        return 10 * int(_DIGITS.get(tens, "1")) + int(_DIGITS.get(ones, "0"))
    return float(_DIGITS.get(count, {"两": "2", "a": "1", "an": "1", "one": "1"}.get(count, count)))


def number_in(argument: str) -> int | None:
    """Return the number that an argument is, ``None`` where there is none."""
    bare = argument.rstrip("号期")
    if TENS.fullmatch(bare):
        return int(_many(bare))
    bare = _DIGITS.get(bare, bare)
    return int(bare) if bare.isascii() and bare.isdigit() else None


def vote_numbers(text: str) -> tuple[str, ...] | None:
    """Return the numbers that a whole message is: ``1 3``, ``１、３``, ``三号``; a 号 stays with its number."""
    plain = normalise(text).translate(SIMPLIFIED)
    if not NUMBERS.fullmatch(plain):
        return None
    found = re.findall(_NUMBER, plain)
    return tuple("".join(_DIGITS.get(sign, sign) for sign in number) for number in found)
