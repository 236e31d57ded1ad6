"""Reads a chat message as people type it, and finds the command in it, if there is one."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum

LONGEST_READ = 4096
"""Characters of a message that are looked at; commands are short."""

_INVISIBLE = re.compile("[\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\ufe0f\u20e3\U0001f3fb-\U0001f3ff]")
_DASHES = str.maketrans({"\u2212": "-", "\u2013": "-", "\u2014": "-"})
_SIMPLIFIED = str.maketrans("簽請學補幫綁臺個課單菜現後", "签请学补帮绑台个课单菜现后")
_END = " 。.!~,、"


class Verb(StrEnum):
    """What a person may ask for in chat."""

    HELP = "help"
    MINE = "mine"
    CHECK_IN = "check_in"
    LEARNED = "learned"
    LEAVE = "leave"
    MAKE_UP = "make_up"
    CONSOLE = "console"
    BIND = "bind"
    VOTE = "vote"
    ABSTAIN = "abstain"


WORDS: dict[Verb, tuple[str, ...]] = {
    Verb.HELP: ("帮助", "help", "?", "菜单", "怎么用"),
    Verb.MINE: ("我的", "mine", "我", "个人", "me"),
    Verb.CHECK_IN: ("签到", "here", "到", "已到", "打卡", "check in", "checkin"),
    Verb.LEARNED: ("学完", "done", "学完了", "学好了", "finished"),
    Verb.LEAVE: ("请假", "leave"),
    Verb.MAKE_UP: ("补学", "makeup", "补课", "make up", "missed"),
    Verb.CONSOLE: ("控制台", "console"),
    Verb.BIND: ("绑定", "bind"),
    Verb.VOTE: ("投票", "vote"),
    Verb.ABSTAIN: ("弃权", "abstain", "都行"),
}
"""The first two are the names that help shows, in Chinese and in English."""

REASONS = ("有事", "值班", "出差", "倒班", "病假")
"""Said alone, or before 请假, these ask for leave and are the reason for it."""

ROOM_WORDS = {Verb.HELP: ("帮助", "help"), Verb.MINE: ("我的",), Verb.MAKE_UP: ("补学",), Verb.CONSOLE: ("控制台",)}
"""Of commands that are not answers to an open card, only these are heard in a room."""

CARD_WORDS = ("1", "在")
"""In a reply to a card these mean: I am here."""

_NUMBER = "(?:[0-9]{1,2}|[一二三四五六七八九十])号?"
_NUMBERS = re.compile(rf"{_NUMBER}(?:(?:[\s,、.]+|和|and){_NUMBER})*")
_VOTE = re.compile(rf"(?:投票|投|选|改票|vote)\s*({_NUMBERS.pattern})", re.IGNORECASE)
_DIGITS = {word: str(number) for number, word in enumerate("一二三四五六七八九十", start=1)}

_KEYWORDS = {word: verb for verb, all_words in WORDS.items() for word in all_words}
_GLUED = re.compile(r"(?P<word>学完|签到|补学|绑定)(?P<argument>[0-9]{1,3}|(?<=绑定)[A-Za-z0-9-]{4,40})")
_TAKES = {
    Verb.CHECK_IN: re.compile(r"[0-9]{1,3}"),
    Verb.LEARNED: re.compile(r"[0-9]{1,3}"),
    Verb.MAKE_UP: re.compile(r"[0-9]{1,3}"),
    Verb.LEAVE: re.compile(r".+", re.DOTALL),
    Verb.BIND: re.compile(r"\S{4,40}"),
    # A question and at least two answers, each after its semicolon.
    Verb.VOTE: re.compile(r"[^;]+(?:;[^;]*){2,}", re.DOTALL),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """A command as it was said: the verb, the word used for it, and the rest with the case it was typed in."""

    verb: Verb
    word: str
    argument: str = ""


def normalise(text: str) -> str:
    """Return a message as keywords are compared: plain forms of letters and digits, no decoration, no ending."""
    text = unicodedata.normalize("NFKC", text[:LONGEST_READ]).translate(_DASHES)
    text = _INVISIBLE.sub("", text).strip()
    stripped = text.rstrip(_END)
    return (stripped or text).strip(" \"'“”「」")


def without_reply_fallback(body: str) -> str:
    """Drop the quoted lines that older clients put before a reply."""
    lines = body.split("\n")
    start = 0
    while start < len(lines) and lines[start].startswith("> "):
        start += 1
    if start and start < len(lines) and not lines[start].strip():
        start += 1
    return "\n".join(lines[start:])


def read(text: str) -> Said | None:
    """Find the command that a whole message is; free talk that merely holds a keyword is none."""
    plain = normalise(text).removeprefix("!").strip()
    if not plain:
        return None
    whole = _keyword(plain)
    if whole in _KEYWORDS:
        return Said(verb=_KEYWORDS[whole], word=whole)
    leave = _leave_by_reason(whole)
    if leave is not None:
        return leave
    voted = _VOTE.fullmatch(plain)
    if voted is not None:
        return Said(verb=Verb.VOTE, word="投" if not plain.isascii() else "vote", argument=voted[1])
    return _with_argument(plain) or _glued(plain)


def language_of(said: Said | None) -> str | None:
    """Return the language in which a command was said, so that it is answered in it."""
    if said is None or not any(letter.isalpha() for letter in said.word):
        return None
    return "en" if said.word.isascii() else "zh_CN"


def is_talk(said: Said) -> bool:
    """Tell whether a command looks just like talk: many a sentence begins with "leave", and many a wish is 都行."""
    return (said.word == "leave" and bool(said.argument)) or said.word == "都行"


def card_word(text: str) -> bool:
    """Tell whether a reply to a card says no more than: I am here."""
    return normalise(text) in CARD_WORDS


def vote_numbers(text: str) -> tuple[str, ...] | None:
    """Return the numbers that a whole message is: ``1 3``, ``１、３``, ``三号``; a 号 stays with its number."""
    plain = normalise(text)
    if not _NUMBERS.fullmatch(plain):
        return None
    found = re.findall(_NUMBER, plain)
    return tuple("".join(_DIGITS.get(sign, sign) for sign in number) for number in found)


def _keyword(text: str) -> str:
    folded = text.casefold().translate(_SIMPLIFIED)
    together = "".join(folded.split())
    return together if not together.isascii() else " ".join(folded.split())


def _leave_by_reason(whole: str) -> Said | None:
    reason = whole.removesuffix("请假") if whole != "请假" else ""
    return Said(verb=Verb.LEAVE, word="请假", argument=reason) if reason in REASONS else None


def _glued(plain: str) -> Said | None:
    """Read 学完2 and 绑定ABCDEFGHJK: on a phone the space is easily left out."""
    found = _GLUED.fullmatch(plain.translate(_SIMPLIFIED))
    if found is None:
        return None
    word, argument = found.groups()
    return Said(verb=_KEYWORDS[word], word=word, argument=argument)


def _with_argument(plain: str) -> Said | None:
    for separator in (1, 2):
        pieces = plain.split(None, separator)
        if len(pieces) != separator + 1:
            return None
        word = _keyword(" ".join(pieces[:separator]))
        verb = _KEYWORDS.get(word)
        argument = pieces[separator].strip(" \"'“”「」:")
        if verb in _TAKES and _TAKES[verb].fullmatch(argument):
            return Said(verb=verb, word=word, argument=argument)
    return None
