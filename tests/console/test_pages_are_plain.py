"""Pages are light enough for a poor line, and every field says what belongs in it or needs no word."""

from __future__ import annotations

import re
from pathlib import Path

from tests.console.console_house import Browser, House
from tests.console.forms_on_pages import forms_of
from tests.console.open_ballot import link_to, open_ballot
from tests.console.test_in_a_browser import PAGES, filled

LARGEST = 100_000
STATIC = Path(__file__).parents[2] / "console" / "static"

SELF_EVIDENT = {
    # What is asked is the label, and what may be answered is listed below it.
    *("account", "audience", "category", "floating", "gender", "kind", "mark", "most", "organisation", "pack", "role"),
    *("members:reason", "final", "mutual", "own", "way", "difficulty", "sort", "take", "window", "late"),
    *("room", "shown", "until", "value", "weekdays", "when", "lessons", "to", "place"),
    # A name or a date like any other.
    *("date", "elected_on", "held_on", "name", "on", "time", "title", "code", "contact", "days"),
    # One of several alike, named by the person it is about.
    *("deeds", "reject", "places", "model-members:phone"),
    # What the office's own form asks in these words.
    *("degree", "education", "ethnicity"),
}
"""Fields of which the label says everything."""


ASKED = tuple(path for path in PAGES if path != "/second-factor")
"""Pages of somebody who has a second factor already, whom its set-up leads on."""


def weight(page: str) -> int:
    """Return the bytes of a page with its styles and scripts, as they are served: not compressed."""
    files = set(re.findall(r'(?:href|src)="/static/([^"]+\.(?:css|js))"', page))
    assert "style.css" in files
    return len(page.encode()) + sum((STATIC / name).stat().st_size for name in files)


def test_every_page_with_its_styles_and_scripts_is_light(house: House, browser: Browser) -> None:
    """Under 100 kB without pictures, before any compression by a proxy."""
    weights = {path: weight(browser.get(filled(house, path)).get_data(as_text=True)) for path in ASKED}
    open_ballot(house)
    weights["ballot"] = weight(house.browser(None).get(link_to(house)).get_data(as_text=True))
    assert {path: one for path, one in weights.items() if one >= LARGEST} == {}


def test_every_field_says_what_belongs_in_it_or_needs_no_word(house: House, browser: Browser) -> None:
    bare: dict[str, str] = {}
    for path in ASKED:
        page = browser.get(filled(house, path)).get_data(as_text=True)
        for form in forms_of(page):
            for one in form.filled:
                told = one.attributes.get("aria-describedby", "")
                # A tick has a whole sentence beside it.
                if one.kind != "checkbox" and not any(f'id="{id}"' in page for id in told.split()):
                    bare[f"{path.split('/')[1]}:{one.name.partition('-')[0]}"] = path
    assert {name for name in bare if not {name, name.partition(":")[2]} & SELF_EVIDENT} == set()
