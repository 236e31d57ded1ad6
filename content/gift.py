"""Items as GIFT text, which Moodle and others read and write: what of it we ask, and why the rest cannot be taken."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import date

from msgspec import Struct

from content.bank import FALSE, TRUE, Difficulty, Item, Kind, tidy
from content.bank_pictures import find
from content.bank_sheets import DIFFICULTIES, Given, Sheet, sift
from content.decision import Refusal, refused
from content.identifiers import ItemId

LONGEST_TEXT = 1_000_000
BLANK = "____"

_ESCAPED = re.compile(r"\\([~=#{}:\\n])")
_HELD = {sign: chr(number) for number, sign in enumerate("~=#{}:\\n", start=1)}
"""What stands for an escaped sign while a question is taken apart, so that a sign that is left is one of GIFT."""
_WITHOUT_HELD = str.maketrans("", "", "".join(_HELD.values()))
_LET_GO = str.maketrans({held: "\n" if sign == "n" else sign for sign, held in _HELD.items()})
_TITLE = re.compile(r"\s*::(?:[^:]|:(?!:))*::\s*")
_FORMAT = re.compile(r"\s*\[(?:html|moodle|plain|markdown)\]\s*", re.IGNORECASE)
_CATEGORY = re.compile(r"\$CATEGORY:\s*(.*)", re.IGNORECASE)
_NOTE = re.compile(r"\[(tag|source|date|difficulty|picture|alternative):((?:\\.|[^\\\]])*)(\]|\\?\Z)", re.IGNORECASE)
"""One that is never closed takes the rest of its line: a search from each of its beginnings would take for ever."""
_WEIGHT = re.compile(r"%(-?\d+(?:\.\d+)?)%")
_ANSWER = re.compile("([=~])")
_PIECES = {"~": "\\~", "=": "\\=", "#": "\\#", "{": "\\{", "}": "\\}", ":": "\\:", "\\": "\\\\", "\n": "\\n"}


class _Block(Struct, frozen=True, kw_only=True):
    """One question as it stands: on which line it begins, its text, and what notes above it say."""

    line: int
    text: str
    notes: tuple[tuple[str, str], ...]
    category: str


class _Choice(Struct, frozen=True, kw_only=True):
    """One answer of a question: whether it is right, by its sign or its weight, and its text."""

    right: bool
    text: str


def read_gift(text: str, given: Given) -> Sheet:
    """Read the questions of a text; what cannot be taken is told by the line on which it begins."""
    if len(text) > LONGEST_TEXT:
        return Sheet(rows=(), problems=(refused("bank_file.long_text", field="file", most=LONGEST_TEXT),))
    return sift([(block.line, _item(block, given)) for block in _blocks(text)])


def _blocks(text: str) -> list[_Block]:
    lines = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n").split("\n")
    blocks: list[_Block] = []
    held: list[str] = []
    notes: list[tuple[str, str]] = []
    category, began, depth = "", 0, 0
    for number, line in enumerate([*lines, ""], start=1):
        named = _CATEGORY.match(line.strip())
        if line.lstrip().startswith("//"):
            notes += _notes(line)
        elif named:
            category = tidy(named[1].rsplit("/", 1)[-1])
            category = "" if category.casefold() in ("top", "$course$", "$system$") else category
        elif line.strip():
            began = began or number
            held.append(_ESCAPED.sub(lambda found: _HELD[found[1]], line.translate(_WITHOUT_HELD)))
            depth += held[-1].count("{") - held[-1].count("}")
        elif held and depth > 0 and number <= len(lines):
            # An answer may have empty lines between its parts, as long as its bracket is open.
            held.append(line)
        elif held:
            blocks.append(_Block(line=began, text="\n".join(held), notes=tuple(notes), category=category))
            held, notes, began, depth = [], [], 0, 0
    return blocks


def _notes(line: str) -> list[tuple[str, str]]:
    found = [(name.lower(), value) for name, value, end in _NOTE.findall(line) if end == "]"]
    return [(name, tidy(re.sub(r"\\(.)", r"\1", value))) for name, value in found]


def _item(block: _Block, given: Given) -> Item | Refusal:
    text = _TITLE.sub("", block.text, count=1) if _TITLE.match(block.text) else block.text
    text = _FORMAT.sub("", text, count=1) if _FORMAT.match(text) else text
    before, _, opened = text.partition("{")
    inside, closed, after = opened.partition("}")
    if not closed:
        return refused("bank_file.no_brackets")
    stem = _plain(f"{before.rstrip()} {BLANK} {after.lstrip()}" if after.strip() else before)
    inside, _, general = inside.strip().partition("####")
    inside, explanation = inside.strip(), _plain(general)
    asked = _asked(inside)
    if isinstance(asked, Refusal):
        return asked
    kind, options, answer, said = asked
    dated, difficulty = _noted(block, "date"), _noted(block, "difficulty")
    try:
        of = date.fromisoformat(dated) if dated else given.dated
    except ValueError:
        return refused("bank_file.bad_date", said=dated[:20])
    picture = find(_noted(block, "picture"), _noted(block, "alternative"), given.pictures)
    if isinstance(picture, Refusal):
        return picture
    tags = [value for name, value in block.notes if name == "tag"]
    return Item(
        id=ItemId(""),
        organisation=given.organisation,
        kind=kind,
        stem=stem,
        options=options,
        answer=answer,
        explanation=explanation or said,
        source=_noted(block, "source") or given.source,
        dated=of,
        tags=tuple(dict.fromkeys([*tags, *([block.category] if block.category else [])])),
        difficulty=DIFFICULTIES.get(difficulty, Difficulty.MEDIUM),
        picture=picture,
    )


def picture_names(text: str) -> tuple[str, ...]:
    """Return the names of the pictures that the questions of a text show, each once."""
    blocks = _blocks(text) if len(text) <= LONGEST_TEXT else []
    return tuple(dict.fromkeys(name for block in blocks if (name := _noted(block, "picture"))))


def _noted(block: _Block, wanted: str) -> str:
    return next((value for name, value in block.notes if name == wanted), "")


_Asked = tuple[Kind, tuple[str, ...], tuple[str, ...], str]


def _asked(inside: str) -> _Asked | Refusal:
    """Return how a question is answered, its options, what is right, and what is said of the right answer."""
    word, *said = inside.split("#")
    verdict = {"t": TRUE, "true": TRUE, "f": FALSE, "false": FALSE}.get(word.strip().casefold())
    if verdict is not None:
        # What is said to who was wrong comes first; either explains the answer.
        return Kind.TRUE_FALSE, (), (verdict,), next((_plain(one) for one in said if one.strip()), "")
    if not inside:
        return refused("bank_file.essay")
    if inside.startswith("#"):
        return refused("bank_file.numeric")
    parts = _ANSWER.split(inside)
    if parts[0].strip() or len(parts) < 3:
        return refused("bank_file.no_answers")
    choices: list[_Choice] = []
    explained = ""
    for sign, raw in zip(parts[1::2], parts[2::2], strict=True):
        body, *said = raw.split("#")
        weight = _WEIGHT.match(body.strip())
        text = _plain(_WEIGHT.sub("", body.strip(), count=1) if weight else body)
        right = float(weight[1]) > 0 if weight else sign == "="
        choices.append(_Choice(right=right, text=text))
        explained = explained or (_plain(said[0]) if right and said else "")
    if any("->" in choice.text for choice in choices) and "~" not in parts[1::2]:
        return refused("bank_file.matching")
    texts = tuple(choice.text for choice in choices)
    if "~" not in parts[1::2]:
        return Kind.FILL_IN, (), tuple(dict.fromkeys(texts)), explained
    right = tuple(str(number) for number, choice in enumerate(choices, start=1) if choice.right)
    several = "=" not in parts[1::2]
    return Kind.MULTIPLE if several else Kind.SINGLE, texts, right, explained


def _plain(text: str) -> str:
    """Return a text as it is read: marks of GIFT undone, its format left out."""
    text = _FORMAT.sub("", text, count=1) if _FORMAT.match(text) else text
    return tidy(text.translate(_LET_GO))


def write_gift(items: Iterable[Item]) -> str:
    """Write items as GIFT text; what GIFT has no place for stands in notes above each, which we read again."""
    return "\n".join(_written(one) for one in items)


def _written(item: Item) -> str:
    notes = [f"[tag:{_noting(tag)}]" for tag in item.tags] + [f"[difficulty:{item.difficulty}]"]
    notes += [f"[source:{_noting(item.source)}]"] if item.source else []
    notes += [f"[date:{item.dated.isoformat()}]"] if item.dated else []
    if item.picture is not None:
        notes += [f"[picture:{_noting(item.picture.name)}]", f"[alternative:{_noting(item.picture.alternative)}]"]
    explained = f"####{_escaped(item.explanation)}" if item.explanation else ""
    body = "\n".join([*_answers(item), *([explained] if explained else [])])
    return f"// {' '.join(notes)}\n[plain]{_escaped(item.stem)} {{{body}}}\n"


def _answers(item: Item) -> Sequence[str]:
    if item.kind is Kind.TRUE_FALSE:
        return ["TRUE" if item.answer == (TRUE,) else "FALSE"]
    if item.kind is Kind.FILL_IN:
        return [f"={_escaped(one)}" for one in item.answer]
    right = set(item.answer)
    numbered = [(str(number) in right, _escaped(text)) for number, text in enumerate(item.options, start=1)]
    if item.kind is Kind.SINGLE:
        return [f"{'=' if is_right else '~'}{text}" for is_right, text in numbered]
    share = f"{100 / len(right):.5f}".rstrip("0").rstrip(".")
    return [f"~%{share if is_right else '-100'}%{text}" for is_right, text in numbered]


def _escaped(text: str) -> str:
    return re.sub(r"[~=#{}:\\\n]", lambda found: _PIECES[found[0]], text)


def _noting(text: str) -> str:
    return text.replace("\\", "\\\\").replace("]", "\\]").replace("\n", " ")
