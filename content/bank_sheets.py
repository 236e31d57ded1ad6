"""Sheets of items: which column is which, what a row asks, and why it cannot be asked."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import date, datetime

from msgspec import Struct, field
from msgspec.structs import replace

from content.answering import read_choice
from content.bank import (
    LETTERS,
    Difficulty,
    Item,
    Kind,
    letter,
    objection,
    split_tags,
    stem_key,
    tidy,
)
from content.bank_pictures import Files, find
from content.decision import Refusal, refused
from content.grid import Cell, Grid
from content.identifiers import ItemId, OrganisationId

HEADER_WITHIN = 10
"""In how many first rows the head of the table is looked for."""

_HEADS: Mapping[str, tuple[str, ...]] = {
    "kind": ("题型", "类型", "题目类型", "kind", "type"),
    "stem": ("题干", "题目", "试题", "问题", "题目内容", "question", "stem"),
    "answer": ("答案", "正确答案", "标准答案", "参考答案", "answer"),
    "explanation": ("解析", "答案解析", "试题解析", "说明", "explanation"),
    "source": ("出处", "来源", "依据", "source"),
    "tags": ("标签", "知识点", "分类", "tags"),
    "difficulty": ("难度", "难易", "难易度", "难度等级", "difficulty"),
    "dated": ("截至", "截至日期", "日期", "as of", "date"),
    "picture": ("图片", "配图", "图", "图片文件", "picture", "image"),
    "alternative": ("图片说明", "配图说明", "图上有什么", "alternative", "alternative text", "alt"),
}
_NAMES = {name: column for column, names in _HEADS.items() for name in names}
_OPTION = re.compile(rf"(?:选项|备选项|option)?([{LETTERS.lower()}])(?:选项)?")

KINDS = {
    **dict.fromkeys(("单选", "单选题", "单项选择", "单项选择题", "single", "single choice"), Kind.SINGLE),
    **dict.fromkeys(("多选", "多选题", "多项选择", "多项选择题", "不定项选择题", "multiple"), Kind.MULTIPLE),
    "multiple choice": Kind.MULTIPLE,
    **dict.fromkeys(("判断", "判断题", "是非", "是非题", "true/false", "truefalse", "true or false"), Kind.TRUE_FALSE),
    **dict.fromkeys(("填空", "填空题", "fill-in", "fill in", "fill in the blank"), Kind.FILL_IN),
}
DIFFICULTIES = {
    **dict.fromkeys(("易", "容易", "简单", "低", "1", "easy"), Difficulty.EASY),
    **dict.fromkeys(("", "中", "中等", "一般", "适中", "2", "medium"), Difficulty.MEDIUM),
    **dict.fromkeys(("难", "困难", "较难", "高", "3", "hard", "difficult"), Difficulty.HARD),
}


class Row(Struct, frozen=True, kw_only=True):
    """A row, or a question of a text, that can be taken: where it stands and what it asks."""

    number: int
    item: Item


class Sheet(Struct, frozen=True, kw_only=True):
    """What a file of items holds: what can be taken, and what of it cannot, each by its number."""

    rows: tuple[Row, ...]
    problems: tuple[Refusal, ...]


class Given(Struct, frozen=True, kw_only=True):
    """What holds for the items of a file that say nothing else, whose they are and of when, and what came along."""

    organisation: OrganisationId
    dated: date | None = None
    source: str = ""
    pictures: Files = field(default_factory=dict)


def is_sheet(grid: Grid) -> bool:
    """Tell whether a sheet has the head of a table of items."""
    return _head(grid) is not None


def read_sheet(grid: Grid, given: Given) -> Sheet:
    """Read the items of a sheet row by row; what is broken is told by the row's number in the file."""
    head = _head(grid)
    if head is None:
        return Sheet(rows=(), problems=(refused("bank_file.no_head", field="file"),))
    place, columns = head
    found: list[tuple[int, Item | Refusal]] = []
    for number, cells in enumerate(grid.rows[place + 1 :], start=place + 2):
        said = {name: _text(cells[at]) if at < len(cells) else "" for name, at in columns.items()}
        if said["stem"] or said["answer"]:
            found.append((number, _item(said, given)))
    return sift(found)


def sift(found: Sequence[tuple[int, Item | Refusal]]) -> Sheet:
    """Divide what was read into what can be taken and what cannot; of two that ask the same the first is taken."""
    rows: list[Row] = []
    problems: list[Refusal] = []
    first: dict[str, int] = {}
    for number, one in found:
        trouble = one if isinstance(one, Refusal) else objection(one)
        if trouble is None and isinstance(one, Item):
            before = first.setdefault(stem_key(one.stem), number)
            trouble = refused("bank_file.same_as", other=before) if before != number else None
            if trouble is None:
                rows.append(Row(number=number, item=one))
                continue
        if trouble is not None:
            problems.append(_of_row(number, trouble))
    if not found:
        problems.append(refused("bank_file.empty", field="file"))
    return Sheet(rows=tuple(rows), problems=tuple(problems))


def without_taken(sheet: Sheet, taken: Collection[str]) -> Sheet:
    """Leave out what the bank asks already, and say so of each."""
    kept = tuple(row for row in sheet.rows if stem_key(row.item.stem) not in taken)
    known = (row for row in sheet.rows if stem_key(row.item.stem) in taken)
    told = [_of_row(row.number, refused("item.duplicate")) for row in known]
    return Sheet(rows=kept, problems=(*sheet.problems, *told))


def _of_row(number: int, trouble: Refusal) -> Refusal:
    return refused("bank_file.row", field="file", row=number, why=(trouble.words,))


def _head(grid: Grid) -> tuple[int, dict[str, int]] | None:
    for place, cells in enumerate(grid.rows[:HEADER_WITHIN]):
        columns: dict[str, int] = {}
        for at, cell in enumerate(cells):
            name = _column(_text(cell))
            if name is not None:
                columns.setdefault(name, at)
        if {"kind", "stem", "answer"} <= set(columns):
            return place, columns
    return None


def _column(head: str) -> str | None:
    plain = unicodedata.normalize("NFKC", head).casefold().strip()
    together = re.sub(r"\s+", "", plain)
    option = _OPTION.fullmatch(together)
    if option is not None:
        return f"option_{option[1].upper()}"
    return _NAMES.get(plain) or _NAMES.get(together)


def _text(cell: Cell) -> str:
    if isinstance(cell, bool):
        return "T" if cell else "F"
    if isinstance(cell, datetime):
        return cell.date().isoformat()
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return "" if cell is None else tidy(str(cell)).removeprefix("'")


def _item(said: Mapping[str, str], given: Given) -> Item | Refusal:
    kind = KINDS.get(unicodedata.normalize("NFKC", said["kind"]).casefold().strip())
    if kind is None:
        return refused("bank_file.no_kind", said=said["kind"][:20])
    difficulty = DIFFICULTIES.get(said.get("difficulty", "").casefold())
    if difficulty is None:
        return refused("bank_file.no_difficulty", said=said["difficulty"][:20])
    dated = _date(said.get("dated", ""))
    if isinstance(dated, Refusal):
        return dated
    options = _options(said) if kind in (Kind.SINGLE, Kind.MULTIPLE) else ()
    if isinstance(options, Refusal):
        return options
    answer = read_key(kind, options, said["answer"])
    if answer is None:
        return refused("bank_file.no_answer", said=said["answer"][:20])
    picture = find(said.get("picture", ""), said.get("alternative", ""), given.pictures)
    if isinstance(picture, Refusal):
        return picture
    return Item(
        id=ItemId(""),
        organisation=given.organisation,
        kind=kind,
        stem=said["stem"],
        options=options,
        answer=answer,
        explanation=said.get("explanation", ""),
        source=said.get("source", "") or given.source,
        dated=dated or given.dated,
        tags=split_tags(said.get("tags", "")),
        difficulty=difficulty,
        picture=picture,
    )


def _options(said: Mapping[str, str]) -> tuple[str, ...] | Refusal:
    texts = [said.get(f"option_{sign}", "") for sign in LETTERS]
    while texts and not texts[-1]:
        texts.pop()
    if "" in texts:
        return refused("bank_file.gap", option=LETTERS[texts.index("")])
    return tuple(texts)


def read_key(kind: Kind, options: Sequence[str], text: str) -> tuple[str, ...] | None:
    """Return the right answer as an author writes it; several texts that fill a blank stand with | between them."""
    if kind is Kind.FILL_IN:
        return tuple(dict.fromkeys(one for one in (tidy(part) for part in re.split(r"[|｜\n]", text)) if one))
    return read_choice(kind, options, text)


def _date(text: str) -> date | Refusal | None:
    if not text:
        return None
    found = re.fullmatch(r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?", text)
    try:
        if found is not None:
            return date(int(found[1]), int(found[2]), int(found[3]))
    except ValueError:
        pass
    return refused("bank_file.bad_date", said=text[:20])


def key_of(item: Item) -> str:
    """Return the right answer as an author writes it: letters, a mark, or texts with | between them."""
    if item.kind is Kind.TRUE_FALSE:
        return "√" if item.answer == ("1",) else "×"
    return "|".join(item.answer) if item.kind is Kind.FILL_IN else "".join(letter(one) for one in item.answer)


def options_of(items: Sequence[Item]) -> int:
    """Return how many columns the options of a sheet take: five, or as many as are needed."""
    return max(5, *(len(one.options) for one in items)) if items else 5


def cells_of(item: Item, width: int) -> Iterator[str]:
    """Yield the options of an item as the cells of a sheet."""
    yield from item.options
    yield from [""] * (width - len(item.options))


def placed(row: Row, id: ItemId) -> Item:  # noqa: A002
    """Return the item of a row under its own name."""
    return replace(row.item, id=id)
