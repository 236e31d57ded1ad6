"""Each thing is told once in our documents: where two branches of work are joined, both their lines stay."""

import re
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[2]
BEGINNING = 40
"""So many characters alike are two versions of one entry; shorter ones only begin alike."""


NAMED = re.compile(r"\*\*[^*]+\*\* \(`[^`]+`")
"""How a paragraph begins that is about one thing and names its file."""


def told_twice(text: str) -> list[str]:
    """Return how entries of lists and tables and paragraphs about one thing begin that are there more than once."""
    lines = text.splitlines()
    starts = [line[:BEGINNING] for line in lines if line.startswith(("- ", "| ")) and len(line) > BEGINNING]
    starts += [named[0] for line in lines if (named := NAMED.match(line))]
    return [start for start, number in Counter(starts).items() if number > 1]


def test_no_entry_of_a_document_is_there_in_two_versions() -> None:
    documents = ("CHANGELOG.md", "ARCHITECTURE.md", "README.md", "README.zh-CN.md")
    twice = {name: told_twice((ROOT / name).read_text(encoding="utf-8")) for name in documents}
    assert {name: starts for name, starts in twice.items() if starts} == {}


def test_an_entry_beside_its_later_version_is_found() -> None:
    early = "- Meetings are called at the console with a look at the notice first."
    paragraph = "**Meetings** (`content/meetings.py`) plan an occurrence."
    assert told_twice(f"{paragraph}\n{paragraph} It has a card.\n") == ["**Meetings** (`content/meetings.py`"]
    assert told_twice(f"{early}\n- Something else altogether, which is told once.\n{early[:-1]}, and closed there.\n")
