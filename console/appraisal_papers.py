"""The papers of an appraisal: the one on which everyone grades, and the sheet for counting; in Chinese, as filed."""

from __future__ import annotations

from collections.abc import Iterable

from console.word import Document, Grid, Paragraph
from content.decision import words
from content.forms import Grade
from content.speech import Reader, Speech

CHINESE = Reader(language="zh_CN")


def grading_paper(names: Iterable[str], speech: Speech) -> Document:
    """Write 民主测评表, as everyone gets it: no name, no number."""
    header = [*_head(speech), _said(speech, "appraisals.remarks")]
    rows = tuple((str(n), name, *[""] * 5) for n, name in enumerate(names, start=1))
    blocks = (Grid(header=tuple(header), rows=rows), Paragraph(text=_said(speech, "appraisals.paper_help")))
    return Document(title=_said(speech, "appraisals.paper_title"), blocks=blocks)


def counting_sheet(title: str, names: Iterable[str], speech: Speech) -> Document:
    """Write the sheet on which tellers tally grades by hand."""
    rows = tuple((str(n), name, *[""] * 5) for n, name in enumerate(names, start=1))
    blocks = (
        Paragraph(text=_said(speech, "paper.figures_by_hand")),
        Grid(header=(*_head(speech), _said(speech, "appraisals.ungraded")), rows=rows),
        Paragraph(text=_said(speech, "appraisals.tally_help")),
        Paragraph(text=_said(speech, "paper.signed_by_hand"), right=True),
    )
    return Document(title=_said(speech, "paper.sheet_counting", title=title), blocks=blocks)


def grades_counted(lines: Iterable[tuple[str, tuple[int, ...]]], valid: int, speech: Speech) -> Grid:
    """Return the table of the grades that each was given, and last how many gave none."""
    rows = tuple(
        (str(n), name, *map(str, cells), str(valid - sum(cells))) for n, (name, cells) in enumerate(lines, start=1)
    )
    return Grid(header=(*_head(speech), _said(speech, "appraisals.ungraded")), rows=rows)


def _head(speech: Speech) -> tuple[str, ...]:
    grades = (_said(speech, f"appraisals.grade_{grade}") for grade in Grade)
    return _said(speech, "appraisals.number"), _said(speech, "appraisals.appraised"), *grades


def _said(speech: Speech, key: str, **parameters: str) -> str:
    return speech.say(words(key, **parameters), CHINESE)
