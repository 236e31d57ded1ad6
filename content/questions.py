"""Questions of an appraisal or a survey: what is asked, what a paper answers, and what all answers amount to."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Any

from msgspec import Struct

from content.cells import hidden_in_row, hidden_in_table

LONGEST_TEXT = 300
"""How many characters an open answer may have."""
SKIPPED = ""
"""What stands for a question that was left out."""

_UNSEEN = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
"""Signs that are not seen, turn the reading round, or that a database cannot hold."""

Answers = Mapping[str, tuple[str, ...]]
Raw = Mapping[tuple[str, ...], int]
"""How often each option of each question was chosen, alone and together with an option of the question of groups."""


class Sort(StrEnum):
    """How a question is answered: by one option, by several, by a step of a scale, or in one's own words."""

    SINGLE = "single"
    MULTIPLE = "multiple"
    SCALE = "scale"
    OPEN = "open"


class Question(Struct, frozen=True, kw_only=True):
    """One question; an option is known on papers by its number, from 1 on."""

    id: str
    sort: Sort
    text: str
    options: tuple[str, ...] = ()

    @property
    def numbers(self) -> tuple[str, ...]:
        """Return how papers name the options."""
        return tuple(str(number) for number in range(1, len(self.options) + 1))


def plain(text: str) -> str:
    """Return what a reader sees of an open answer; somebody's own signs could lie in the rest of it."""
    return _UNSEEN.sub("", text.replace("\r\n", "\n")).strip()


def fits(questions: Sequence[Question], answers: Answers) -> bool:
    """Tell whether answers are what these questions ask for; any of them may be left out."""
    known = {one.id: one for one in questions}
    return all(name in known and _answers(known[name], said) for name, said in answers.items())


def _answers(question: Question, said: tuple[str, ...]) -> bool:
    if question.sort is Sort.OPEN:
        return len(said) == 1 and 1 <= len(said[0]) <= LONGEST_TEXT
    several = question.sort is Sort.MULTIPLE
    return (
        1 <= len(said) <= (len(question.options) if several else 1)
        and set(said) <= set(question.numbers)
        and (len(set(said)) == len(said))
    )


def longest_answers(questions: Sequence[Question]) -> dict[str, list[str]]:
    """Return the answers that take the most room on a paper."""
    found = {}
    for one in questions:
        if one.sort is Sort.OPEN:
            found[one.id] = ["\U0010ffff" * LONGEST_TEXT]
        else:
            found[one.id] = list(one.numbers) if one.sort is Sort.MULTIPLE else [one.numbers[-1]]
    return found


def tally_answers(questions: Sequence[Question], by: str, papers: Sequence[Answers]) -> Raw:
    """Count every option of every closed question, alone and by the options of the question of groups."""
    found: Counter[tuple[str, ...]] = Counter()
    for paper in papers:
        groups = _categories(_find(questions, by), paper) if by else ()
        for one in questions:
            if one.sort is Sort.OPEN:
                continue
            for said in _categories(one, paper):
                found[one.id, said] += 1
                if one.id != by:
                    found.update((one.id, said, group) for group in groups)
    return dict(found)


def _find(questions: Sequence[Question], id: str) -> Question:  # noqa: A002
    return next(one for one in questions if one.id == id)


def _categories(question: Question, paper: Answers) -> tuple[str, ...]:
    """Return where a paper belongs: among those who left a question out, unless several may be chosen in it."""
    said = paper.get(question.id, ())
    return said or (() if question.sort is Sort.MULTIPLE else (SKIPPED,))


def publish(questions: Sequence[Question], by: str, papers: Sequence[Answers], *, least: int) -> dict[str, Any]:
    """Return what may be told of all papers as plain values; where ``least`` is not 0, no cell under it can be told.

    A cell that is not told is ``None``, and so is a whole table of which too little could be. How many left a question
    out follows from its base; of which group they were does not. Texts stand in an order that depends on nothing else.
    """
    raw, number = tally_answers(questions, by, papers), len(papers)
    told: dict[str, Any] = {}
    for one in questions:
        if one.sort is Sort.OPEN:
            texts = sorted(filter(None, (plain(text) for paper in papers for text in paper.get(one.id, ()))))
            told[one.id] = {"texts": texts if len(texts) >= least else None}
            continue
        cells = _margin(one, raw, number, least)
        base = number - raw.get((one.id, SKIPPED), 0)
        told[one.id] = {"cells": list(cells), "base": base if base >= least else None}
        if one.sort is Sort.SCALE and None not in cells:
            told[one.id]["sum"] = sum(step * count for step, count in enumerate(cells, start=1) if count)
        if by and one.id != by:
            told[one.id]["by"] = _crossed(one, _find(questions, by), raw, cells, number, least)
    return told


def _margin(question: Question, raw: Raw, number: int, least: int) -> tuple[int | None, ...]:
    """Return the cells of a question alone. Each option of several is a table of its own: chosen, or not."""
    counts = [raw.get((question.id, one), 0) for one in question.numbers]
    if not least:
        return tuple(counts)
    if question.sort is Sort.MULTIPLE:
        return tuple(count if min(count, number - count) >= least else None for count in counts)
    hidden = hidden_in_row(counts, least)
    return tuple(None if place in hidden else count for place, count in enumerate(counts))


def _lines(question: Question, raw: Raw) -> tuple[str, ...]:
    """Return the lines of a table by a question: its options, and last those who left it out, if anyone did."""
    return (*question.numbers, SKIPPED) if raw.get((question.id, SKIPPED)) else question.numbers


def _crossed(
    question: Question, by: Question, raw: Raw, cells: Sequence[int | None], number: int, least: int
) -> list[list[int | None]] | None:
    """Return a row for each group, ``None`` where no such table can be told."""
    groups = _lines(by, raw)
    rows = {place for place, count in enumerate(_margin(by, raw, number, least)) if count is None}
    if question.sort is not Sort.MULTIPLE:
        columns = _lines(question, raw)
        table = [[raw.get((question.id, said, group), 0) for said in columns] for group in groups]
        unsaid = {place for place, count in enumerate(cells) if count is None}
        return _told(table, least, rows, unsaid, shown=(len(by.options), len(question.options)))
    sizes = [raw.get((by.id, group), 0) for group in groups]
    told: list[list[int | None]] = [[None] * len(cells) for _ in by.options]
    for place, count in enumerate(cells):
        chosen = [raw.get((question.id, question.numbers[place], group), 0) for group in groups]
        table = [[one, size - one] for one, size in zip(chosen, sizes, strict=True)]
        unsaid = set[int]() if count is not None else {0, 1}
        found = _told(table, least, rows, unsaid, shown=(len(by.options), 1))
        for row, line in zip(told, found or (), strict=False):
            row[place] = line[0]
    return told


def _told(
    table: Sequence[Sequence[int]], least: int, rows: set[int], columns: set[int], *, shown: tuple[int, int]
) -> list[list[int | None]] | None:
    """Return the part of a table that is shown, without the cells that must not be told."""
    if not least:
        return [list(row[: shown[1]]) for row in table[: shown[0]]]
    # Who left a question out stands on a last line, which hides what would tell of few of them and is not shown.
    hidden = hidden_in_table(table, least, rows=rows, columns=columns)
    if hidden is None:
        return None
    return [
        [None if (i, j) in hidden else count for j, count in enumerate(row[: shown[1]])]
        for i, row in enumerate(table[: shown[0]])
    ]


def show_questions(questions: Iterable[Question]) -> list[dict[str, Any]]:
    """Return questions as plain values."""
    return [{"id": one.id, "sort": str(one.sort), "text": one.text, "options": list(one.options)} for one in questions]
