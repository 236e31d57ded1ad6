"""The list of what is done for security is whole, and names tests that there are."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "security.md"
_LINE = re.compile(r"^\| S(\d+) \| (.+) \| (.*) \|$", re.MULTILINE)
_NAMED = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")


def missing(text: str) -> list[str]:
    """Return the tests that a text names and that there are not."""
    return [
        f"{file}::{name}"
        for file, name in _NAMED.findall(text)
        if not (ROOT / file).exists() or f"def {name}(" not in (ROOT / file).read_text(encoding="utf-8")
    ]


def test_each_of_the_things_has_its_line_with_a_test_or_what_stands_against_it() -> None:
    lines = _LINE.findall(PAGE.read_text(encoding="utf-8"))
    assert [int(number) for number, _, _ in lines] == list(range(1, 73))
    assert [number for number, said, tests in lines if not tests.strip() and "*Not here yet:*" not in said] == []


@pytest.mark.parametrize("name", ["security.md", "faults.md"])
def test_every_test_that_is_named_is_there(name: str) -> None:
    assert missing((ROOT / "docs" / name).read_text(encoding="utf-8")) == []


def test_a_test_that_is_not_there_would_be_seen() -> None:
    gone = "`tests/house/test_security_docs.py::test_of_nothing`"
    assert missing(gone) == [gone.strip("`")]
