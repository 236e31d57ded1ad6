"""Text as it is compared: one form for everything that people write in its place, on purpose or not."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from itertools import groupby

from msgspec import Struct

from content.confusables import LATIN
from content.syllables import syllable
from content.traditional import SIMPLIFIED

LONGEST = 4096
"""Signs of a message that are looked at, of those that are seen."""

_LARGEST = 65_536
"""Signs of the largest message; among them those that are not seen are left out."""

_UNSEEN = re.compile(
    "[\u00ad\u0300-\u036f\u061c\u115f\u1160\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2069\u20d0-\u20ff"
    "\u3164\ufe00-\ufe0f\ufeff\uffa0\U000e0000-\U000e0fff]"
)
"""What is not seen, or only decorates the sign before it."""
_BETWEEN = re.compile(r"[ \t·•・.*_\-‐-―~|/\\+^`'\"“”‘’()\[\]【】<>《》〈〉「」{}#=…★☆●○■□▪→]+")
"""What is put between the signs of a word to hide it, and ends no sentence."""
_ENDS = re.compile(r"[，。！？；：、,!?;:\n]+")
_GAP = re.compile(r"\s{2,}")
_BLANK = re.compile(r"[^\S\n]+")
_LATIN = str.maketrans(LATIN)
_HAN = re.compile("[\u3400-\u9fff]")


class Folded(Struct, frozen=True, kw_only=True):
    """One text in three forms. ``plain`` is the text in its normal form and simplified signs, with its letters' case.

    ``loose`` has small Latin letters alone and single blanks. ``tight`` holds its sentences, one a line, without what
    stands between the signs of a word.
    """

    plain: str
    loose: str
    tight: str


def fold(*texts: str) -> Folded:
    """Return a text in the forms in which it is compared; of several, each is a line of its own."""
    cut = "\n".join(map(_cut, texts))
    plain = _UNSEEN.sub("", unicodedata.normalize("NFKC", cut)).translate(SIMPLIFIED)
    loose = _BLANK.sub(" ", plain.casefold().translate(_LATIN)).strip()
    return Folded(plain=plain, loose=loose, tight=_tighten(loose))


def _cut(text: str) -> str:
    """Return the beginning of a text; blanks and signs that nobody sees do not fill it."""
    if len(text) <= LONGEST:
        return text
    return _GAP.sub(lambda gap: "\n" if "\n" in gap[0] else " ", _UNSEEN.sub("", text[:_LARGEST]))[:LONGEST]


def _tighten(loose: str) -> str:
    """Return the sentences of a text; signs that stand alone between stops, as in 刷,单,返,利, are read together."""
    parts = [part for one in _ENDS.split(loose) if (part := _BETWEEN.sub("", one))]
    lines: list[str] = []
    for alone, group in groupby(parts, key=lambda part: len(part) == 1):
        found = list(group)
        lines += ["".join(found)] if alone else found
    return "\n".join(lines)


@lru_cache(maxsize=4096)
def _sound(sign: str) -> str:
    return syllable(sign) or sign


def sounds(tight: str) -> str:
    """Return a text as a row of syllables with a blank around each; what is no common Chinese sign stays as it is."""
    return f" {' '.join(map(_sound, tight))} "


class Phrase(Struct, frozen=True, kw_only=True):
    """A word or a phrase in the form in which it is looked for; ``latin`` ones are whole words."""

    written: str
    key: str
    latin: bool
    sound: str | None
    """How it sounds, where that is long enough to be told from other words."""


SHORTEST_SOUND = 3
"""Signs that a phrase needs for its sound to mean it alone."""


def phrase(written: str) -> Phrase | None:
    """Return a phrase to look for, ``None`` for what is nothing but blanks and signs between words."""
    folded = fold(written)
    latin = _HAN.search(folded.loose) is None
    key = folded.loose if latin else folded.tight.replace("\n", "")
    if not any(sign.isalnum() for sign in key):
        return None
    heard = not latin and len(key) >= SHORTEST_SOUND and all(syllable(sign) for sign in key)
    return Phrase(written=written, key=key, latin=latin, sound=sounds(key) if heard else None)


def holds(folded: Folded, one: Phrase, heard: str | None = None) -> bool:
    """Tell whether a text holds a phrase; where its ``sounds`` are given too, also one that sounds like it."""
    if not one.latin:
        return one.key in folded.tight or (heard is not None and one.sound is not None and one.sound in heard)
    at = folded.loose.find(one.key)
    while at >= 0:
        if not (_joins(folded.loose, at - 1, one.key[0]) or _joins(folded.loose, at + len(one.key), one.key[-1])):
            return True
        at = folded.loose.find(one.key, at + 1)
    return False


def _joins(text: str, at: int, edge: str) -> bool:
    """Tell whether the sign beside a word belongs to it."""
    beside = text[at] if 0 <= at < len(text) else " "
    return beside.isascii() and beside.isalnum() and edge.isalnum()
