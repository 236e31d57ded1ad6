"""Each thing is told once in our documents: where two branches of work are joined, both their lines stay."""

from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[2]
BEGINNING = 40
"""So many characters alike are two versions of one entry; shorter ones only begin alike."""


def told_twice(text: str) -> list[str]:
    """Return how entries of lists and tables begin that are there more than once."""
    entries = [line for line in text.splitlines() if line.startswith(("- ", "| ")) and len(line) > BEGINNING]
    return [start for start, number in Counter(line[:BEGINNING] for line in entries).items() if number > 1]


def test_no_entry_of_a_document_is_there_in_two_versions() -> None:
    documents = ("CHANGELOG.md", "ARCHITECTURE.md", "README.md", "README.zh-CN.md")
    twice = {name: told_twice((ROOT / name).read_text(encoding="utf-8")) for name in documents}
    assert {name: starts for name, starts in twice.items() if starts} == {}


def test_an_entry_beside_its_later_version_is_found() -> None:
    early = "- Meetings are called at the console with a look at the notice first."
    assert told_twice(f"{early}\n- Something else altogether, which is told once.\n{early[:-1]}, and closed there.\n")
