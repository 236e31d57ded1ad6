"""Takes a picture of every page of the console, from a living sample branch, for people to look at."""

from __future__ import annotations

import html
import sys
import tempfile
from collections import Counter
from itertools import product
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from flask import Flask
from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright
from werkzeug.exceptions import HTTPException
from werkzeug.routing import Map, RequestRedirect, Rule

from console.pages import PAGES
from tests.installation import Sample
from tests.machine import INSTALL, find_chromium

WIDTHS = (1280, 390)
THEMES = ("light", "dark")
LANGUAGES = ("zh-CN", "en")

ALIKE = 4
"""How many pages that look alike are gone through for links."""

LEFT_OUT = {
    "static": "files, not a page",
    "health.alive": "for machines",
    "health.ready": "for machines",
    "metrics.show": "for machines",
    "bank.export": "a file",
    "help_cases.ledger": "a file",
    "bank.export_gift": "a file",
    "bank.export_zip": "a file",
    "bank.picture": "a file",
    "bank.shelved": "a file",
    "glossary.export": "a file",
    "lessons.medium": "a file",
    "feeds.read": "a file, at an address of its own",
    "lessons.shelved": "a file",
    "activities.photo": "a file",
    "activities.small_photo": "a file",
    "activities.brief": "words to copy, as those of any text stand on their page",
    "activities.brief_file": "a file",
    "pledges.export": "a file",
    "meetings.notice_file": "a file",
    "polls.export": "a file",
    "appraisals.export": "a file",
    "appraisals.print_paper": "a file",
    "polls.picture": "a file",
    "ballots.show_manifest": "a file",
    "ballots.certificate": "a file",
    "audit.export": "a file",
    "burden.export": "a file",
    "moderation_counts.export": "a file",
    "hours.export": "a file",
    "dues_handovers.export": "a file",
    "away.export": "a file",
    "calendar.export": "a file",
    "checkins.export": "a file",
    "checkins.export_branches": "a file",
    "participation.export_times": "a file",
    "duties.export": "a file",
    "outbox.export": "a file",
    "reports.export": "a file",
    "surveys.export": "a file",
    "tellers.download": "a file",
    "elections.download": "a file",
    "members.export": "a file",
    "minutes.export_pdf": "a file",
    "minutes.export_record": "a file",
    "minutes.export_roll": "a file",
    "model_members.export": "a file",
    "model_members.give_out": "a file",
    "participation.export_places": "a file",
    "participation.export_weeks": "a file",
    "participation.export_members": "a file",
    "participation.export_rows": "a file",
    "participation.export_occurrences": "a file",
    "sign_in.offer": "its link is used up by the visit that takes the pictures",
    "safe_mode.show": "stands only where the bot cannot begin",
    "voting.offer": "needs one voter's link",
    "voting.show": "needs a voter who was let in",
    "voting.done": "needs a ballot that was cast",
    "surveying.offer": "needs one person's link",
    "surveying.show": "needs somebody who was let in",
    "surveying.done": "needs a survey that was answered",
}
"""Of which pages there is no picture, and why."""


GUIDE = {
    "home.show": "today",
    "lessons.edit": "lesson",
    "schedules.plan": "schedule",
    "calendar.show": "calendar",
    "checkins.show_one": "check-in",
    "members.show": "members",
    "imports.take_sheet": "import",
    "participation.show": "participation",
    "structure.show_one": "organisation",
}
"""Which pages the guide for organisers shows, and how their pictures in ``docs/guide/pictures`` are called."""

GUIDE_WIDTH, GUIDE_HEIGHT = 960, 600


def routes() -> Map:
    """Return every route, as the console has them."""
    app = Flask("console")
    for blueprint in PAGES:
        app.register_blueprint(blueprint)
    return app.url_map


def rules(known: Map) -> dict[str, Rule]:
    """Return each route that answers a visit, by the name of its page."""
    return {rule.endpoint: rule for rule in known.iter_rules() if "GET" in (rule.methods or ())}


def find(page: Page, console: str) -> dict[str, str]:
    """Return an address for each page: what has none of its own is reached as a person would, by the first link.

    Of pages that look alike the first few are gone through, for not each of them leads everywhere.
    """
    known = routes()
    found = {name: rule.rule for name, rule in rules(known).items() if not rule.arguments and name not in LEFT_OUT}
    waiting = list(found.values())
    alike = Counter[str]()
    match = known.bind("console").match
    for path in waiting:
        page.goto(console + path)
        for link in page.eval_on_selector_all("main a[href]", "links => links.map(link => link.href)"):
            parts = urlsplit(link)
            address = parts.path + (f"?{parts.query}" if parts.query else "")
            is_file = "as" in parse_qs(parts.query)
            if is_file or not link.startswith(console) or address in waiting:
                continue
            try:
                name = str(match(parts.path, method="GET")[0])
            except (HTTPException, RequestRedirect):
                continue
            if name not in LEFT_OUT and alike[name] < ALIKE:
                alike[name] += 1
                found.setdefault(name, address)
                waiting.append(address)
    return found


def take(browser: Browser, console: str, state: Any, found: dict[str, str], folder: Path) -> None:
    """Take every picture."""
    for width, theme, language in product(WIDTHS, THEMES, LANGUAGES):
        context = browser.new_context(
            storage_state=state, viewport={"width": width, "height": 800}, color_scheme=theme, locale=language
        )
        page = context.new_page()
        for name, path in found.items():
            page.goto(console + path)
            page.screenshot(path=folder / f"{name}-{width}-{theme}-{language}.jpg", full_page=True, quality=70)
        context.close()


def illustrate(folder: Path) -> None:
    """Make the guide's pictures out of those that were taken: the top of each page, small."""
    pictures = Path(__file__).parents[1] / "docs" / "guide" / "pictures"
    pictures.mkdir(exist_ok=True)
    for page, name in GUIDE.items():
        with Image.open(folder / f"{page}-1280-light-zh-CN.jpg") as taken:
            top = taken.crop((0, 0, taken.width, min(taken.height, taken.width * GUIDE_HEIGHT // GUIDE_WIDTH)))
            small = top.resize((GUIDE_WIDTH, top.height * GUIDE_WIDTH // top.width), Image.Resampling.LANCZOS)
            small.save(pictures / f"{name}.webp", quality=60, method=6)


def sheet(found: dict[str, str]) -> str:
    """Return the page on which all pictures lie side by side."""
    parts = ["<!doctype html><meta charset=utf-8><title>Zhibu</title>"]
    parts.append("<style>div{display:flex;gap:8px;overflow:auto}img{height:420px;border:1px solid #888}</style>")
    for name, path in found.items():
        parts.append(f"<h2>{name} <small>{html.escape(path)}</small></h2><div>")
        for width, theme, language in product(WIDTHS, THEMES, LANGUAGES):
            file = f"{name}-{width}-{theme}-{language}.jpg"
            parts.append(
                f'<a href="{file}"><img src="{file}" loading="lazy" alt="{name} {width} {theme} {language}"></a>'
            )
        parts.append("</div>")
    return "\n".join(parts)


def main() -> int:
    """Start the sample branch, take the pictures into ``screenshots/``, and say where they lie.

    With ``--guide`` the pictures of the guide for organisers are made anew as well.
    """
    program = find_chromium()
    if program is None:
        print(f"needs Chromium: {INSTALL} chromium fonts-noto-cjk", file=sys.stderr)
        return 1
    folder = Path(__file__).parents[1] / "screenshots"
    folder.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as data:
        sample = Sample(Path(data))
        ready = sample.start()
        console = str(ready["console"]).rstrip("/")
        try:
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
                context = browser.new_context(locale="zh-CN")
                page = context.new_page()
                page.goto(ready["organiser"]["sign_in_url"])
                page.get_by_role("button").click()
                found = find(page, console)
                take(browser, console, context.storage_state(), found, folder)
                browser.close()
        finally:
            sample.stop()
    (folder / "index.html").write_text(sheet(found), encoding="utf-8")
    for name in sorted(rules(routes()).keys() - found.keys() - LEFT_OUT.keys()):
        print(f"the sample has nothing to show on {name}", file=sys.stderr)
    if "--guide" in sys.argv[1:]:
        illustrate(folder)
    print(folder / "index.html")
    return 0


if __name__ == "__main__":
    sys.exit(main())
