"""Every promise, fault, trap and bad input that the documents number is named by a test that proves something of it."""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCUMENTS = ("docs/faults.md", "docs/promises.md")
ROW = re.compile(r"^\| ((?:[RFNI][0-9]{1,3})(?:,? [RFNI][0-9]{1,3})*) \|", re.MULTILINE)
NUMBER = re.compile(r"\b[RFNI][0-9]{1,3}\b")
SPAN = re.compile(r"\b([RFNI])([0-9]{1,3}) to \1([0-9]{1,3})\b")


def listed(text: str) -> set[str]:
    """Return the numbers that stand at the beginning of a row of a table."""
    return {number for row in ROW.findall(text) for number in NUMBER.findall(row)}


def named(source: str) -> set[str]:
    """Return the numbers in the docstrings of tests, with all of a span such as I015 to I018."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
            text = ast.get_docstring(node) or ""
            found.update(NUMBER.findall(text))
            for letter, first, last in SPAN.findall(text):
                found.update(f"{letter}{number:0{len(first)}}" for number in range(int(first), int(last) + 1))
    return found


def test_every_number_of_the_documents_is_named_by_a_test() -> None:
    wanted = set().union(*(listed((ROOT / document).read_text(encoding="utf-8")) for document in DOCUMENTS))
    there = set().union(*(named(file.read_text(encoding="utf-8")) for file in (ROOT / "tests").rglob("test_*.py")))
    assert len(wanted) > 150
    assert sorted(wanted - there) == []


def test_a_number_that_no_test_names_would_be_seen() -> None:
    assert listed("| F99 | lightning |\n| R1, R2 | x |\nsee F98 |") == {"F99", "R1", "R2"}
    source = 'def test_x():\n    """F98, I015 to I017."""\ndef other():\n    """F99."""\n'
    assert named(source) == {"F98", "I015", "I016", "I017"}
