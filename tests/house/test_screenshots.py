"""Of every page there is a picture to look at, or a reason why not."""

from __future__ import annotations

import re
from pathlib import Path

from PIL import Image

from console.pages.guide import BOOKS
from tests.console.test_in_a_browser import ELSEWHERE, NOWHERE, PAGES
from tests.screenshots import GUIDE, GUIDE_HEIGHT, GUIDE_WIDTH, LEFT_OUT, routes, rules

GUIDE_BOOK = Path(__file__).parents[2] / "docs" / "guide"


def test_every_page_is_shot_or_left_out_for_a_reason() -> None:
    pages = rules(routes())
    assert pages.keys() >= LEFT_OUT.keys()
    assert all(LEFT_OUT.values())
    files = {
        name for name, rule in pages.items() if "." in rule.rule or ("<key>" in rule.rule and "shelved" in rule.rule)
    }
    assert files - LEFT_OUT.keys() == set()


def test_axe_looks_at_every_page_of_which_there_is_a_picture() -> None:
    """A page that is added cannot be forgotten."""
    match = routes().bind("console").match
    paths = [re.sub(r"[{}]", "", path).partition("?")[0] for path in PAGES if path != NOWHERE]
    looked_at = {str(match(path, method="GET")[0]) for path in paths}
    assert ELSEWHERE.keys() & looked_at == set()
    assert rules(routes()).keys() - LEFT_OUT.keys() == looked_at | ELSEWHERE.keys()


def test_the_guide_shows_small_pictures_that_the_tool_makes_and_no_others() -> None:
    """Made from the sample branch by ``python -m tests.screenshots --guide``, so that nobody real is in them."""
    made = {f"pictures/{name}.webp" for name in GUIDE.values()}
    for book in BOOKS.values():
        guide = (GUIDE_BOOK.parent / book).read_text(encoding="utf-8")
        assert set(re.findall(r"!\[[^\]]+\]\(([^)]+)\)", guide)) == made
    assert {f"pictures/{file.name}" for file in (GUIDE_BOOK / "pictures").iterdir()} == made
    assert rules(routes()).keys() >= GUIDE.keys()
    sizes = [(GUIDE_BOOK / name).stat().st_size for name in made]
    assert max(sizes) < 60_000
    assert sum(sizes) < 500_000
    for name in made:
        with Image.open(GUIDE_BOOK / name) as picture:
            assert picture.width == GUIDE_WIDTH
            assert picture.height <= GUIDE_HEIGHT
