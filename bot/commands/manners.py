"""What people put around a command out of courtesy, which takes nothing from it: 签到，谢谢, 我请假, done, thanks."""

from __future__ import annotations

import re

from bot.commands.vocabulary import Verb

LONGEST = 40
"""Characters of what is looked at so: beside a command there is little."""

_THANKS = (
    "(?:谢谢|謝謝|多谢|多謝|感谢|感謝)(?:您|你|大家|了|啦|哈)*|辛苦(?:您|你)?(?:了|啦)?|麻[烦煩](?:您|你)?(?:了|啦)"
    "|抱歉|不好意思|拜托(?:了|啦)?"
)
_BEHIND = re.compile(
    rf"(?P<said>.*?\S)(?P<apart>[,，、。.!~\s]*)(?P<tail>{_THANKS}|哈+|啊|呀|哦|喔|啦|了|吧"
    r"|(?<![a-z])(?:thanks|thank you|thx|please|pls))[!~。.\s]*",
    re.DOTALL | re.IGNORECASE,
)
_BEFORE = re.compile("我(?P<done>已[经經]?)?|(?P<only_done>已[经經]?)")
_ASKED = "?"

_OF_ONESELF = frozenset({Verb.CHECK_IN, Verb.LEARNED, Verb.LEAVE, Verb.ABSTAIN})
_DONE = frozenset({Verb.CHECK_IN, Verb.LEARNED})
_ASKS = frozenset({Verb.HELP, Verb.HOURS, Verb.PROGRESS, Verb.CONSOLE})
_WISHED = frozenset({Verb.MUTE, Verb.UNMUTE})
_SENDS_AWAY = frozenset({Verb.LEAVE, Verb.CANCEL})


def without_tail(plain: str) -> tuple[str, str, bool] | None:
    """Return a message without its polite ending, that ending, and whether something stood between the two."""
    found = _BEHIND.fullmatch(plain) if len(plain) <= LONGEST else None
    return (found["said"], found["tail"].casefold(), bool(found["apart"])) if found is not None else None


def tail_fits(verb: Verb, said: str, tail: str, *, apart: bool) -> bool:
    """Tell whether an ending leaves a command what it is.

    请假了 and 取消了 tell of somebody else, 签到吧 asks others, "leave please" sends somebody away, 我谢谢 is no 我 and
    到 了 no 到.
    """
    if len(said) < 2 and (not apart or len(tail) < 2):
        return False
    if tail in ("了", "啦"):
        return verb in _DONE
    if tail == "吧":
        return verb in _WISHED
    return not (verb in _SENDS_AWAY and tail in ("please", "pls"))


def without_head(plain: str) -> tuple[str, bool] | None:
    """Return a message without 我, 已 or 我已经 before it, and whether it says that something is done."""
    found = _BEFORE.match(plain)
    if found is None or found.end() == len(plain):
        return None
    return plain[found.end() :], found["done"] is not None or found["only_done"] is not None


def head_fits(verb: Verb, word: str, *, done: bool) -> bool:
    """Tell whether 我 or 已 before a command leaves it what it is; 我到 is said on the way."""
    return len(word) > 1 and verb in (_DONE if done else _OF_ONESELF)


def is_asked(plain: str, verb: Verb) -> bool:
    """Tell whether a command that shows something is put as a question: 学时?"""
    return plain.endswith(_ASKED) and verb in _ASKS
