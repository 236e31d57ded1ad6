"""Reads sign-ups as people write them: whole chains that are copied and pasted (接龙), and single lines like +1.

A chain is compared by names; its numbers, its order and what it leaves out mean nothing.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterator
from itertools import takewhile

from msgspec import Struct
from msgspec.structs import replace

LONGEST_NAME = 30
LONGEST_NOTE = 40
MOST_LINES = 500
"""Of one pasted chain."""
MOST_BROUGHT = 20
"""So many one person brings along."""

_PLAIN = str.maketrans(
    "龍報參帶個補備註來與會還屬",
    "龙报参带个补备注来与会还属",
)
"""Traditional signs in the words that are looked for; names stay as they were typed."""
_DASHES = str.maketrans({"\u2212": "-", "\u2013": "-", "\u2014": "-"})
_INVISIBLE = re.compile("[\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\ufe0f\u20e3\U0001f3fb-\U0001f3ff]")
_ENGLISH = re.compile(r"\b(?:(?:and )?bring(?:s|ing)?|with) ([0-9]{1,2})(?: more)?\b", re.IGNORECASE)
_TICKS = re.compile("[☑✅✔√✓🙋👌👍💪🈶]")
_DIGITS = {sign: number for number, sign in enumerate("一二三四五六七八九十", start=1)} | {"两": 2, "俩": 2, "仨": 3}

_ENCLOSED = re.compile(
    "(?:[0-9]\ufe0f?\u20e3)+|\U0001f51f|[\u2460-\u249b\u24f5-\u24fe\u2776-\u2793\u3251-\u325f\u32b1-\u32bf]"
)
"""Numbers in a circle, in brackets, with a full stop or on a key: they number a line, whatever comes behind."""
_NUMBER = re.compile(r"\(?(?P<digits>[0-9]{1,3})|(?P<signs>[一二三四五六七八九十]{1,3})")
_NUMBERED = re.compile(
    r"(?:\([0-9]{1,3}\)\s*|[一二三四五六七八九十]{1,3}[、.]\s*"
    r"|[0-9]{1,3}(?P<mark>\s*[.、):,]\s*|\s*[\-/·•・]\s*(?=[^\s0-9])|\s*))(?P<rest>[^\s0-9].*)?"
)
_NO_LINE = re.compile(
    r"(?:日|号|月|点|分|人以|人为|人限|个名|天|小时|[:/\-])"
    r"|[周年时](?![\u3400-\u9fff]{1,3}(?:[\s+(,]|$)|[\u3400-\u9fff]{1,2}[携带])"
    r"|[周年时][一二三四五六日天年间级之初中终末内后前边度左右许半多起]"
)
"""After a number without a mark these make a date, a time or a sum of it; 周, 年 and 时 are surnames too."""
_HEAD = re.compile(r"#?\s*(?P<before>[^#]{0,60}?)接龙(?!中)\s*[:：]?\s*(?P<after>.{0,100})", re.DOTALL)
_GENERAL = re.compile(r"请|大家|各位|同志们?|踊跃|积极|报名|接龙|参加|活动|名单|统计|sign\s*up", re.IGNORECASE)
"""Words of a subject that tell no sign-up from another."""
_EXAMPLE = re.compile(r"例(?:如|子)?(?:[\s:.、]|$)")
_FOR_OTHERS = re.compile(r"\((?:[^()]*代报|signed up by [^()]*)\)\s*$", re.IGNORECASE)

_LATIN = re.compile(
    r"[A-Za-z\u00c0-\u024f][A-Za-z\u00c0-\u024f.'\u2019\-]*"
    r"(?: [A-Za-z\u00c0-\u024f][A-Za-z\u00c0-\u024f.'\u2019\-]*)*(?![A-Za-z\u00c0-\u024f])"
)
_JOINED = re.compile("[和与跟及&]")
"""Between two names in one word."""
_SPACED = re.compile(r"^([\u3400-\u9fff]) ([\u3400-\u9fff])(?=[^\u3400-\u9fff]|$)")
"""A name of two signs is often written with a space, so that it is as long as one of three."""
_AFTER_A_NAME = re.compile(
    r"[\s(\[,、;:/+]|(?<=\S)(?:携|带)(?=[家孩爱小老朋同徒上着了0-9一二三四五六七八九十两])|(?<=\S\S)(?:不去|取消)"
)

_COUNT = r"(?P<count>[0-9]{1,2}|[一二三四五六七八九十两俩仨])"
_WHO = r"(?P<who>家属|家人|爱人|对象|孩子|小孩|老人|朋友|同事|徒弟)?"
_KIN = _WHO.replace("who", "kin")
_BRINGS = re.compile(rf"(?:我)?(?:再|还|也)?(?:携|带)(?:上|着|了)?{_WHO}{_COUNT}?\s*(?:个|位|名|口)?(?:人)?{_KIN}")
_PLUS = re.compile(rf"\+\s*{_COUNT}\s*(?:个|位|名)?人?")
_JOINS = re.compile(
    r"(?:接龙|我?(?:也|要|想)?(?:报名|参加)|我也(?:去|来)|算我(?:一个|1个|一份)|加我(?:一个|1个)?"
    r"|\+\s*(?:1|一)|sign me up|sign up|count me in|join|i'?m in|me too)",
    re.IGNORECASE,
)
_LEAVES = re.compile(
    r"(?:取消(?:报名|接龙)?|退(?:出)?(?:报名|接龙)?|(?:我)?(?:就)?不(?:去|来|参加)了?|去不了|来不了"
    r"|-\s*(?:1|一)|sign me off|sign off|not coming|cancel)",
    re.IGNORECASE,
)
_MONEY = re.compile(r"党费|收款|缴费|交费|收费|交钱|付款|转账|捐款|代收|收钱")
_DAILY = re.compile(r"打卡|签到|每日|每天|天天|健康(?:上报|打卡)|已读|已转发|点赞")


class Line(Struct, frozen=True, kw_only=True):
    """One person in a chain. ``name`` is empty for who sent it; ``brings`` is how many come with them.

    ``brings`` is ``None`` where nothing is said of it. ``labelled`` has a colon behind the name, as 地点：… has, so
    it is a person only where one is called so. ``unclear`` is what was typed where it may be meant in two ways
    (+2: two more, or two together). ``out`` takes the person out again. ``number`` is the one before it, 0 for none.
    """

    name: str = ""
    note: str = ""
    brings: int | None = None
    unclear: str = ""
    out: bool = False
    labelled: bool = False
    number: int = 0


class Chain(Struct, frozen=True, kw_only=True):
    """A chain as it was pasted: what it is about, empty where it does not say, and its people."""

    subject: str
    lines: tuple[Line, ...]


def plain(text: str) -> str:
    """Return a text in plain forms of letters, digits and dashes, without signs that nobody sees; lines stay lines."""
    folded = unicodedata.normalize("NFKC", _INVISIBLE.sub("", text)).translate(_DASHES)
    return "\n".join(" ".join(line.split()) for line in folded.splitlines()).strip()


def folded(name: str) -> str:
    """Return a name as names are compared: without spaces, in one case, and without 同志 behind it."""
    bare = "".join(plain(name).split()).casefold()
    return bare.removesuffix("同志") or bare


def is_about_money(subject: str) -> bool:
    """Tell of a sign-up that it collects money: no sum is asked for in a room (DUE-20)."""
    return _MONEY.search(plain(subject)) is not None


def is_a_daily_tick(subject: str) -> bool:
    """Tell of a sign-up that it makes people report by signing it, as with a daily 打卡接龙 (AF-5)."""
    return _DAILY.search(plain(subject)) is not None


def read_chain(text: str, *, headed: bool = True, called: Collection[str] = ()) -> Chain | None:
    """Return the chain that a message is, ``None`` for one that is none.

    Where all of two names or more in one line are ``called`` so by the roster, as names are compared, they are people
    each; else what stands behind a name is a note.

    A ``headed`` one says 接龙 at the beginning or the end of its first line, not in the midst of a sentence, unless it
    is about money, of which it is told. In an answer to a card no head is needed.
    """
    lines = [line for line in plain(_ENCLOSED.sub(_marked, text)).split("\n") if line]
    if not lines:
        return None
    head = _HEAD.fullmatch(lines[0].translate(_PLAIN))
    if head is None and headed:
        return None
    found = [line for one in lines[:MOST_LINES] for line in _numbered(one, called)][:MOST_LINES]
    if not found:
        return None
    subject = _subject(lines, head)
    if headed and head is not None and head["before"].strip() and head["after"].strip() and not is_about_money(subject):
        return None
    return Chain(subject=subject, lines=tuple(found))


def is_about(subject: str, title: str) -> bool:
    """Tell whether a chain may belong to a sign-up: by what both are about, or because it does not say."""
    bare = re.sub(r"\W", "", _GENERAL.sub("", folded(subject).translate(_PLAIN)))
    whole, called = (re.sub(r"\W", "", folded(one).translate(_PLAIN)) for one in (subject, title))
    return not bare or whole in called or bare in called or (bool(called) and called in whole)


def _marked(found: re.Match[str]) -> str:
    """Write a number in a circle or on a key as one with a mark, which tells it from a date or a sum."""
    sign = found[0]
    if "\u20e3" in sign:
        return "".join(each for each in sign if each.isdigit()) + ". "
    return f"{int(unicodedata.numeric(sign, 10))}. "


def _subject(lines: list[str], head: re.Match[str] | None) -> str:
    """Return what a chain is about: what stands in its first line beside 接龙, else its next line in words."""
    if head is None:
        return ""
    beside = f"{head['before'].strip(' #')} {head['after'].strip()}".strip()
    before = takewhile(lambda line: not _numbered(line), lines[1:])
    after = next((line for line in before if not _EXAMPLE.match(line)), "")
    return beside or after


def _numbered(line: str, called: Collection[str] = ()) -> tuple[Line, ...]:
    found = _NUMBERED.fullmatch(line)
    if found is None or not found["rest"]:
        return ()
    rest = found["rest"]
    if found["mark"] is not None and not found["mark"].strip() and _NO_LINE.match(rest.translate(_PLAIN)):
        return ()
    number = _number_before(line)
    return tuple(replace(one, number=number) for one in _people(rest, called))


def _number_before(line: str) -> int:
    found = _NUMBER.match(line)
    if found is None:
        return 0
    if found["digits"]:
        return int(found["digits"])
    tens, ten, ones = found["signs"].rpartition("十")
    return (_DIGITS.get(tens, 1) * 10 if ten else 0) + _DIGITS.get(ones, 0)


def _people(text: str, called: Collection[str]) -> tuple[Line, ...]:
    """Read whom one line names: one, and where they are ``called`` so, others beside them; not coming goes for all."""
    line = _person(text)
    if line is None or line.labelled or not called:
        return (line,) if line is not None else ()
    *others, last = _each(_FOR_OTHERS.sub("", _TICKS.sub(" ", text)).strip(" .、,;:。"), called)
    named = _person(last)
    if named is None or not others:
        return (line,)
    # What is said behind the last is that one's, but for not coming: that is said of all in the line.
    return (*(Line(name=one[:LONGEST_NAME], out=named.out) for one in others), named)


def _each(text: str, called: Collection[str]) -> Iterator[str]:
    """Split a line before each name but the first that is called so, as long as the one before it is."""
    name, rest = _name_and_rest(_SPACED.sub(r"\1\2", text))
    joined = _JOINED.split(name)
    if len(joined) > 1 and folded(name) not in called and all(folded(one) in called for one in joined):
        yield from joined[:-1]
        name = joined[-1]
    following = _name_and_rest(_SPACED.sub(r"\1\2", rest))[0] if rest else ""
    if folded(name) in called and any(folded(one) in called for one in (following, *_JOINED.split(following)[:1])):
        yield name
        yield from _each(rest, called)
    else:
        yield f"{name} {rest}".strip()


def _person(text: str) -> Line | None:
    """Read a name and what stands behind it; the ``例`` line is nobody."""
    bare = _SPACED.sub(r"\1\2", _FOR_OTHERS.sub("", _TICKS.sub(" ", text)).strip(" .、,;:。"))
    if not bare or _EXAMPLE.match(bare):
        return None
    name, rest = _name_and_rest(_ENGLISH.sub(r"+\1", bare))
    if not name or name.isdigit():
        return None
    line = _behind(rest)
    labelled = bare[len(name) :].lstrip().startswith(":")
    return Line(name=name[:LONGEST_NAME], note=line.note, brings=line.brings, out=line.out, labelled=labelled)


def _name_and_rest(text: str) -> tuple[str, str]:
    """Split a line after the name: at a space, a bracket, a sign, or where it says who is brought along."""
    latin = _LATIN.match(text)
    found = None if latin else _AFTER_A_NAME.search(text.translate(_PLAIN))
    cut = latin.end() if latin else found.start() if found else len(text)
    return text[:cut].strip(" -"), text[cut:].strip(" ,、;:/")


def _behind(text: str) -> Line:
    """Read what stands behind a name: how many come along, that they do not come, and what else they say."""
    brings: int | None = None
    out, notes = False, list[str]()
    for word in _ENGLISH.sub(r"+\1", text).split():
        shown = word.translate(_PLAIN).strip(",、;")
        plus, more = _PLUS.fullmatch(shown), _BRINGS.fullmatch(shown)
        if plus:
            brings = _number(plus["count"])
        elif more:
            brings = _number(more["count"])
            kin = more["who"] or more["kin"]
            notes += [kin] if kin else []
        elif _LEAVES.fullmatch(shown):
            out = True
        else:
            notes.append(word.strip(",、;()[]"))
    note = " ".join(one for one in notes if one)
    return Line(note=note[:LONGEST_NOTE], brings=brings, out=out)


def _number(count: str | None) -> int:
    """Return how many are brought along; one where no number is said."""
    found = 1 if count is None else _DIGITS.get(count) or int(count)
    return min(found, MOST_BROUGHT)


def read_single(text: str) -> Line | None:
    """Return what a message of one line asks for, ``None`` for one that asks for no sign-up.

    ``+1`` is who sent it; ``+2`` may be two more or two together; ``带1`` is who sent it and one more.
    """
    said = _ENGLISH.sub(r"带\1", plain(text).rstrip(" 。.!~,、"))
    shown = said.translate(_PLAIN)
    if not said or "\n" in said or len(said) > LONGEST_NAME + LONGEST_NOTE:
        return None
    if _JOINS.fullmatch(shown):
        return Line()
    plus = _PLUS.fullmatch(shown)
    if plus:
        return Line(brings=1, unclear=f"+{_number(plus['count'])}")
    if _LEAVES.fullmatch(shown):
        return Line(out=True)
    more = _BRINGS.fullmatch(shown)
    if more and (more["count"] or more["who"] or more["kin"]):
        return Line(brings=_number(more["count"]), note=more["who"] or more["kin"] or "")
    return _named_alone(said, shown)


def _named_alone(said: str, shown: str) -> Line | None:
    """Read ``张明 带家属1`` and ``+1 带家属1``: a name, or a word for oneself, with what one brings."""
    begins = _JOINS.match(shown)
    if begins and begins.end() < len(said):
        rest = said[begins.end() :].strip(" ,、")
        line = _behind(rest)
        return line if line.brings is not None and not line.out else None
    first, rest = _name_and_rest(said)
    more = _behind(rest)
    if not rest or more.brings is None or more.out or len(first) < 2 or not _looks_like_a_name(first):
        return None
    return Line(name=first[:LONGEST_NAME], note=more.note, brings=more.brings)


def _looks_like_a_name(text: str) -> bool:
    return (
        re.fullmatch(r"[\u3400-\u9fff·]{2,6}|[A-Za-z\u00c0-\u024f][A-Za-z\u00c0-\u024f.'\u2019\- ]{1,29}", text)
        is not None
    )


def asks(text: str) -> bool:
    """Tell of a message that it may be a sign-up, from nothing but its own words."""
    line = read_single(text)
    return read_chain(text) is not None or (line is not None and not line.out)


def names_in(text: str, called: Collection[str] = ()) -> tuple[Line, ...]:
    """Return whom the words behind 报名 name: ``张明``, ``张明、李强``, or one with what they bring.

    ``called`` are names of the roster, as for a chain.
    """
    pieces = [piece.strip() for piece in re.split(r"[、,;\n]", plain(text)) if piece.strip()]
    return tuple(line for piece in pieces for line in _people(piece, called))[:MOST_LINES]


def written(number: int, name: str, brings: int, note: str, reported_by: str = "") -> str:
    """Return a line as a card has it, such that who copies it says the same again."""
    along = f" +{brings}" if brings else ""
    noted = f" {note}" if note else ""
    return f"{number}. {name}{along}{noted}{reported_by}"
