"""What docs/access.md says of roles and rights is what the table of rights says."""

from __future__ import annotations

import re
from pathlib import Path

from content.organisations import RIGHTS, Right, Role

PAGE = (Path(__file__).parents[2] / "docs" / "access.md").read_text(encoding="utf-8")


def rows(text: str) -> dict[str, str]:
    """Return the last cell of each row of a table, by the names in its first."""
    found = {}
    for first, last in re.findall(r"^\| (`[^|]+`) \|.*?([^|]+) \|$", text, re.MULTILINE):
        found |= {name: last.strip() for name in re.findall(r"`(\w+)`", first)}
    return found


def test_the_page_says_of_every_role_what_it_may_do() -> None:
    said = rows(PAGE)
    assert set(Role) <= set(said)
    for role in Role:
        named = frozenset(Right) if said[role] == "everything" else set(re.findall(r"`(\w+)`", said[role]))
        assert named == RIGHTS[role], role


def test_the_page_says_of_every_right_what_it_lets_one_do() -> None:
    assert set(Right) <= set(rows(PAGE))
