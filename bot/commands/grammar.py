"""Reads a chat message as people type it, and finds the command in it, if there is one."""

from __future__ import annotations

import re
from difflib import get_close_matches
from functools import lru_cache

from msgspec import Struct

from bot.commands import manners
from bot.commands.amounts import LENGTH, LENGTH_PATTERN, NUMBERS, TENS
from bot.commands.leave_reasons import reason_of_leave
from bot.commands.plain import SIMPLIFIED, keyword, normalise, simplified
from bot.commands.remarks import VENUE_CODE
from bot.commands.vocabulary import CALLING, FORMS, KEYWORDS, REASONS, TELLING_REASONS, WORDS, Verb
from content import chains

LONGEST_CHAIN = 20_000
"""Characters of a pasted chain that are looked at."""

LONGEST_GUESSED = 12
"""Characters of a message for which a word of ours is guessed; in longer ones it only happens to stand."""

_PICTURES_BEHIND = re.compile("[\\s\u2190-\u2bff\U0001f300-\U0001faff]+$")
"""Arrows, signs and emoji with which people end what they say: 签到✅."""

_VOTE = re.compile(rf"(?:投票|投|选|改票|vote)\s*({NUMBERS.pattern})", re.IGNORECASE)
_MORE_OF_ACTIVITY = re.compile(
    r"(?:补充|補充|add)(?:\s*(?:一下|一点|一點|几句|幾句)\s*[:：]|[\s:,，](?!\s*(?:一下|一点|一點|几句|幾句)))\s*\S",
    re.IGNORECASE,
)
_ACTIVITY_GLUED = re.compile(rf"活[动動](?P<argument>{_MORE_OF_ACTIVITY.pattern}.*)", re.DOTALL | re.IGNORECASE)
"""活动补充：…, and not 活动补充说明在群里, nor 活动补充 一下，记得带手套."""

_COUNTED = "(?:[0-9]{1,3}|[一二三四五六七八九十])[号期]?"
_HELP_CODE = "[0-9a-z]{4}(?:[- ]?[0-9a-z]{4}){3}"
_OF_HELP = re.compile(rf"b?-?[0-9]{{1,6}}|{_HELP_CODE}", re.IGNORECASE)
"""The number of a help case, or what is meant as the code of one without a name."""

_OF_ASKING = (
    r"(?:(?:[热熱]线|[电電]话|渠道|平台|中心|信箱|[邮郵]箱|方式|方法|流程|指南|公[众眾][号號])(?:[号號][码碼])?(?:$|.*(?:多少|什么|哪|[谁誰]|[吗嗎]$))"
    r"|是什么|是多少|是[谁誰]|怎么[写发用说填提弄]|如何[写发用说填提]|有什么用|找[谁誰]|在哪|(?:可以|可不可以|能|能不能)匿名(?:[吗嗎]|$))"
)
"""What asks about asking for help, and is none: 求助热线是多少."""

_GLUED = re.compile(
    rf"(?P<word>学完|签到|补学|学习|取消|撤回提问|撤回|接管|绑定|静音|免打扰|别打扰|问卷|进度|承诺)"
    rf"(?P<argument>(?<=问卷)网页|(?<=签到)[0-9]{{6}}|(?<!绑定)(?<!静音|打扰)(?<!问卷)(?<!进度)(?<!撤回){_COUNTED}|(?<=撤回)(?i:b-?[0-9]{{1,6}})|(?<=进度)(?i:{_OF_HELP.pattern})|(?<=绑定)[A-Za-z0-9-]{{4,40}}|(?<=静音|打扰){LENGTH_PATTERN})"
)
_ASKED = re.compile(
    rf"(?P<word>匿名求助|匿名反映|求助|有个困难|匿名提问|提问|举报)(?!(?<=求助){_OF_ASKING}|(?<=匿名反映){_OF_ASKING})"
    r"(?P<argument>(?<=匿名提问)\S.+|(?<=匿名求助|匿名反映)\S.+|(?<=举报)(?:https:|matrix:).+|(?<=求助)[(\[]?匿名.*"
    r"|(?<!举报)\S.{4,})",
    re.DOTALL,
)
_WHOLE_NUMBER = rf"(?:[0-9]{{1,4}}|{TENS.pattern}|[一二三四五六七八九])"
_EDGE = r"(?![\w%‰]|[-./~+][0-9])"
_MEASURES = (
    r"[月米吨噸层層栋棟岁歲]|日(?![常期])|[点點](?![位检檢])|[个個](?![别別人])|元(?!旦)|[圆圓]|天(?![气氣])|年(?![底终終度轻輕])"
    r"|[楼樓](?![道梯])|人(?![员員手家为為们們])|[条條](?!件)|[处處](?!理)|[周週](?![一二三四五六日末边邊围圍])"
    r"|[万萬](?!一)|[块塊]|[分秒][钟鐘]|小[时時]|星期(?![一二三四五六日天])"
    r"|(?i:(?:days?|weeks?|months?|years?|hours?|minutes?|yuan|metres?|floors?|people|o'clock|[ap]m)\b)"
)
"""What is measured or counted, but for words that only begin so: 3 个月 is no pledge 3, and 3 个别 may be."""

ABOUT_PLEDGE = re.compile(
    rf"(?P<number>{_WHOLE_NUMBER})(?!\s*(?:{_MEASURES}))"
    rf"(?:\s*[号號](?:承[诺諾]|(?![\w%‰]))|承[诺諾]|(?!\s*[号號]){_EDGE}|(?=-[0-9]))"
    rf"(?:-(?P<question>[0-9]{{1,4}}){_EDGE}|(?!-[0-9]))[\s:,，、.。;；]*(?P<rest>.*)",
    re.DOTALL,
)
"""The number of a pledge or of a question to it, and what is said; 一切, 三天, 3 个月 and 12号装好 have none."""

_OF_PLEDGE = re.compile(
    rf"(?P<word>问承诺|答承诺|更新承诺|进展(?={ABOUT_PLEDGE.pattern}))(?P<argument>[0-9一二三四五六七八九十].*)",
    re.DOTALL,
)
_PLEDGE_ALONE = re.compile(f"{_WHOLE_NUMBER}[号期]?")
_WHAT = re.compile(r"什[么麼]是([^?]{1,40})\?*|([^?,，。这那這你我他她它您]{2,20})是什[么麼](?:意思)?\?*")
_NUMBER_ALONE = re.compile(_COUNTED)
_NUMBER_OR_CODE = re.compile(f"{_COUNTED}|{VENUE_CODE.pattern}")
"""Of what is open one's number, or the code that is shown where it is held."""

_NAME = r"[\u3400-\u9fffA-Za-z·.' ]{2,30}(?:带?\+?[0-9]人?)?"
_NAMES = rf"{_NAME}(?:[、,]{_NAME})*"
_TAKES = {
    Verb.CHECK_IN: _NUMBER_OR_CODE,
    Verb.LEARNED: _NUMBER_ALONE,
    Verb.MAKE_UP: _NUMBER_ALONE,
    Verb.CANCEL: _NUMBER_ALONE,
    Verb.TAKE_QUESTION_BACK: _NUMBER_ALONE,
    Verb.LESSON: _NUMBER_ALONE,
    Verb.PLEDGES: _PLEDGE_ALONE,
    **dict.fromkeys((Verb.ASK_PLEDGE, Verb.ANSWER_PLEDGE, Verb.PLEDGE_PROGRESS), re.compile(r".+", re.DOTALL)),
    Verb.ADOPT: _NUMBER_ALONE,
    Verb.MUTE: LENGTH,
    Verb.WATCHWORD: re.compile(r".{1,60}"),
    Verb.CORRECT: re.compile(r".+", re.DOTALL),
    Verb.LEAVE: re.compile(r"(?![条條单單]子?$).+", re.DOTALL),
    Verb.DUES_WRONG: re.compile(r".+", re.DOTALL),
    Verb.SESSION: re.compile(r"[12一二abAB]场?"),
    Verb.ASK: re.compile(r".+", re.DOTALL),
    Verb.ASK_UNNAMED: re.compile(r".+", re.DOTALL),
    Verb.HELP_CASE: re.compile(r".+", re.DOTALL),
    Verb.HELP_CASE_UNNAMED: re.compile(r".+", re.DOTALL),
    Verb.PROGRESS: _OF_HELP,
    Verb.WITHDRAW: _OF_HELP,
    Verb.PRACTISE: re.compile(r".{1,60}"),
    Verb.LOOK_UP: re.compile(r".{1,60}"),
    Verb.MISTAKES: re.compile(r"清空|clear", re.IGNORECASE),
    Verb.BIND: re.compile(r"\S{4,40}"),
    # A title and how it is meant, or names.
    Verb.SIGN_UP: re.compile(rf"[^;]*;.*|{_NAMES}", re.DOTALL),
    Verb.ACTIVITY: re.compile(r"(?:补充|補充|add).+", re.DOTALL | re.IGNORECASE),
    Verb.SIGN_OFF: re.compile(_NAMES),
    **dict.fromkeys(
        (*CALLING, Verb.APPEAL, Verb.COMPLAIN, Verb.LOCK, Verb.UNLOCK, Verb.SLOW_MODE), re.compile(r".+", re.DOTALL)
    ),
    Verb.PLAN: re.compile(rf".*(?:{'|'.join(FORMS)}).*[0-9].*", re.DOTALL | re.IGNORECASE),
    **dict.fromkeys((Verb.RESOLVE, Verb.ASSIGN, Verb.SPEAK), re.compile(r".+", re.DOTALL)),
    Verb.THOUGHTS: re.compile(r".+", re.DOTALL),
    Verb.NOMINATE: re.compile(r".+", re.DOTALL),
    Verb.NOMINATE_FOR_GROUP: re.compile(r".+", re.DOTALL),
    Verb.AGREE: re.compile(r".{1,60}"),
    Verb.DISAGREE: re.compile(r".{1,60}"),
    Verb.OBJECT: re.compile(r".+", re.DOTALL),
    # A question and at least two answers, each after its semicolon.
    Verb.SURVEY: re.compile(r"网页|網頁|page", re.IGNORECASE),
    Verb.VOTE: re.compile(r"[^;]+(?:;[^;]*){2,}", re.DOTALL),
}
_COUNTING = frozenset(
    verb for verb, takes in _TAKES.items() if takes in (_NUMBER_ALONE, _PLEDGE_ALONE, _NUMBER_OR_CODE, LENGTH)
)


class Said(Struct, frozen=True, kw_only=True):
    """A command as it was said: the verb, the word used for it, and the rest with the case it was typed in."""

    verb: Verb
    word: str
    argument: str = ""


def read(text: str) -> Said | None:
    """Find the command that a whole message is; free talk that merely holds a keyword is none."""
    return _read_again(text) if len(text) <= BRIEF else _read(text)


BRIEF = 200
"""Characters of a message of which it is remembered for a while how it was read: on its way that is asked often."""


def _read(text: str) -> Said | None:
    plain = normalise(text).removeprefix("!").removeprefix("/").strip()
    if not plain:
        return None
    if chains.read_chain(text[:LONGEST_CHAIN]) is not None:
        return Said(verb=Verb.SIGN_UP, word=WORDS[Verb.SIGN_UP][0])
    more = _ACTIVITY_GLUED.fullmatch(plain)
    if more is not None:
        return Said(verb=Verb.ACTIVITY, word="活动", argument=more["argument"])
    head, _, rest = plain.partition(":")
    if rest.strip() and keyword(head) in KEYWORDS:
        plain = f"{head} {rest}"
    whole = keyword(plain)
    if whole not in KEYWORDS:
        whole = keyword(normalise(_PICTURES_BEHIND.sub("", plain)))
    if whole in KEYWORDS:
        return Said(verb=KEYWORDS[whole], word=whole)
    if chains.asks(plain):
        return Said(verb=Verb.SIGN_UP, word="+1")
    polite = _politely(plain)
    if polite is not None:
        return polite
    leave = _leave_by_reason(whole, plain)
    if leave is not None:
        return leave
    voted = _VOTE.fullmatch(plain.translate(SIMPLIFIED))
    if voted is not None:
        return Said(verb=Verb.VOTE, word="投" if not plain.isascii() else "vote", argument=voted[1])
    return _with_argument(plain) or _glued(plain) or _asked_what(plain) or _asked_without_space(plain)


_read_again = lru_cache(maxsize=128)(_read)


def language_of(said: Said | None) -> str | None:
    """Return the language in which a command was said, so that it is answered in it."""
    if said is None or not any(letter.isalpha() for letter in said.word):
        return None
    return "en" if said.word.isascii() else "zh_CN"


def is_talk(said: Said) -> bool:
    """Tell whether a command looks just like talk: many a sentence begins with "leave", and many a wish is 都行."""
    if said.word in ("leave", "cancel", "correct"):
        return bool(said.argument)
    if said.verb is Verb.ACTIVITY:
        return _MORE_OF_ACTIVITY.match(said.argument) is None
    if said.word == "ask pledge":
        return ABOUT_PLEDGE.fullmatch(said.argument) is None
    return said.word == "都行" or (said.word == "更正" and not said.argument)


_OF_A_PLACE = re.compile(r"[热熱]线|[电電]话|渠道|平台|中心|信箱|[邮郵]箱|方式|方法|流程|指南|公[众眾][号號]|信[号號]")


def is_talk_of_asking(said: Said, text: str) -> bool:
    """Tell of 求助 and 举报 in a room that they are talk: the beginning of another word, or of where one may ask."""
    if said.verb not in (Verb.HELP_CASE, Verb.COMPLAIN):
        return False
    runs_on = re.match(rf"\W*{re.escape(said.word)}\w", simplified(normalise(text))) is not None
    return (runs_on and said.verb is Verb.HELP_CASE) or _OF_A_PLACE.match(said.argument) is not None


_AROUND = ("我想问", "怎么用", "什么是", "查一下", "改一下", "帮忙", "有误")
"""Words of ours that people put around what they mean."""


def nearest(text: str) -> str | None:
    """Return the word of ours that a message is probably meant to be, ``None`` where none is near."""
    plain = keyword(normalise(text))
    if len(plain) > LONGEST_GUESSED:
        return None
    held = [word for word in KEYWORDS if len(word) > 1 and not word.isascii() and word in plain]
    if not held and any(reason in plain for reason in TELLING_REASONS):
        return WORDS[Verb.LEAVE][0]
    # Of 我的数据 it is no guess that 我的 is meant, and of 我想问请假怎么弄 none that it is a question to a lecture.
    whole = [word for word in held if not any(word in other for other in held if other != word)]
    meant = [word for word in whole if word not in _AROUND] or whole
    if meant:
        return WORDS[KEYWORDS[min(meant, key=lambda word: (-len(word), plain.index(word)))]][0]
    english = [word for word in KEYWORDS if word.isascii() and len(word) > 3]
    near = get_close_matches(plain, english, n=1, cutoff=0.75)
    return WORDS[KEYWORDS[near[0]]][1] if near else None


def _politely(plain: str) -> Said | None:
    """Find a command, alone or with a number, in what is said with thanks behind it, as a question, or with 我 before.

    Of what is said in words the whole is kept.
    """
    if (tail := manners.without_tail(plain)) is not None:
        rest, ending, apart = tail
        said = _read(rest)
        counted = said is not None and (
            not said.argument or said.verb in _COUNTING or _is_vote(said) or reason_of_leave(rest) == said.argument
        )
        if said is not None and counted and manners.tail_fits(said.verb, rest, ending, apart=apart):
            return said
    if plain.endswith("?") and (verb := KEYWORDS.get(keyword(plain[:-1]))) and manners.is_asked(plain, verb):
        return Said(verb=verb, word=keyword(plain[:-1]))
    if (head := manners.without_head(plain)) is not None:
        word = keyword(head[0])
        if word in KEYWORDS and manners.head_fits(KEYWORDS[word], word, done=head[1]):
            return Said(verb=KEYWORDS[word], word=word)
    return None


def _is_vote(said: Said) -> bool:
    return said.verb is Verb.VOTE and NUMBERS.fullmatch(said.argument) is not None


def _leave_by_reason(whole: str, plain: str) -> Said | None:
    reason = whole.removesuffix("请假") if whole.endswith("请假") else whole.removeprefix("请假")
    if reason in REASONS:
        return Said(verb=Verb.LEAVE, word="请假", argument=reason)
    said = reason_of_leave(plain)
    return Said(verb=Verb.LEAVE, word="请假", argument=said) if said else None


def _glued(plain: str) -> Said | None:
    """Read 学完2 and 绑定ABCDEFGHJK: on a phone the space is easily left out."""
    found = _GLUED.fullmatch(plain.translate(SIMPLIFIED))
    if found is None:
        return None
    return Said(verb=KEYWORDS[found["word"]], word=found["word"], argument=found["argument"])


def _asked_what(plain: str) -> Said | None:
    """Read 什么是三会一课? and 三会一课是什么?, as it is asked without a space."""
    found = _WHAT.fullmatch(plain)
    return Said(verb=Verb.LOOK_UP, word="什么是", argument=found[1] or found[2]) if found is not None else None


def _asked_without_space(plain: str) -> Said | None:
    """Read 匿名提问食堂能早点开吗: on a phone the space is easily left out."""
    simple = plain.translate(SIMPLIFIED)
    found = _ASKED.fullmatch(simple) or _OF_PLEDGE.fullmatch(simple)
    if found is None:
        return None
    return Said(
        verb=KEYWORDS[found["word"]], word=found["word"], argument=plain[found.start("argument") :].lstrip(",、.;! ")
    )


def _with_argument(plain: str) -> Said | None:
    for separator in (1, 2):
        pieces = plain.split(None, separator)
        if len(pieces) != separator + 1:
            return None
        word = keyword(" ".join(pieces[:separator]))
        verb = KEYWORDS.get(word)
        argument = pieces[separator].strip(" \"'“”「」:")
        if verb in _COUNTING:
            argument = argument.translate(SIMPLIFIED)
        read_as = simplified(argument) if verb is Verb.PLAN else argument
        if verb in _TAKES and _TAKES[verb].fullmatch(read_as):
            return Said(verb=verb, word=word, argument=argument)
    return None
