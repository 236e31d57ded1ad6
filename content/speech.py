"""Puts words into a language: fills the gaps of the catalogue's sentences, counts and dates included."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from zoneinfo import ZoneInfo

from msgspec import Struct
from msgspec.structs import replace

from content.decision import Parameter, Words

LANGUAGES = ("zh_CN", "en")

_WEEKDAYS = {
    "zh_CN": ("周一", "周二", "周三", "周四", "周五", "周六", "周日"),
    "en": ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"),
}
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


class Sentence(Struct, frozen=True, kw_only=True):
    """A sentence of the catalogue with ``{named}`` gaps; ``many`` is its form for any ``n`` other than one."""

    one: str
    many: str | None = None


class Reader(Struct, frozen=True, kw_only=True):
    """For whom words are put: their language (``zh_CN`` or ``en``) and the zone their clock shows (IANA name)."""

    language: str = "zh_CN"
    timezone: str = "Asia/Shanghai"


class _Dots(dict[str, str]):
    def __missing__(self, _name: str) -> str:
        return "…"


class Speech:
    """Every sentence in every language we speak."""

    def __init__(self, sentences: Mapping[str, Mapping[str, Sentence]]) -> None:
        self._sentences = sentences

    def keys(self, language: str) -> frozenset[str]:
        """Return the keys that can be said in a language."""
        return frozenset(self._sentences[language])

    def knows(self, key: str) -> bool:
        """Tell whether there is a sentence of this key; both languages have the same."""
        return key in self._sentences["zh_CN"]

    def say(self, words: Words, reader: Reader) -> str:
        """Return the sentence for a reader.

        A parameter is text, a number, an instant (shown in the reader's zone) or words of its own; it is never itself
        a pattern. Raises KeyError for a key that the catalogue does not have, or a gap that nothing fills.
        """
        if reader.language not in self._sentences:
            reader = replace(reader, language="zh_CN")
        sentence = self._sentences[reader.language][words.key]
        pattern = sentence.one
        if sentence.many is not None and words.parameters.get("n") != 1:
            pattern = sentence.many
        return pattern.format_map({name: self._show(value, reader) for name, value in words.parameters.items()})

    def outline(self, key: str, reader: Reader) -> str:
        """Return the sentence of a key with dots in its gaps, for where it is not kept what filled them."""
        language = reader.language if reader.language in self._sentences else "zh_CN"
        sentence = self._sentences[language][key]
        return (sentence.many or sentence.one).format_map(_Dots())

    def _show(self, value: Parameter, reader: Reader) -> str:
        if isinstance(value, datetime):
            return show_instant(value, reader)
        if isinstance(value, tuple):
            return "\n".join(self.say(line, reader) for line in value)
        return str(value)


def show_instant(instant: datetime, reader: Reader) -> str:
    """Return an instant as a person would write it: ``11月24日（周二）15:00`` or ``Tue 24 Nov 15:00``."""
    local = instant.astimezone(ZoneInfo(reader.timezone))
    weekday = _WEEKDAYS[reader.language][local.weekday()]
    if reader.language == "zh_CN":
        return f"{local.month}月{local.day}日（{weekday}）{local:%H:%M}"
    return f"{weekday} {local.day} {_MONTHS[local.month - 1]} {local:%H:%M}"
