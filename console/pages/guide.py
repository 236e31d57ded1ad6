"""Help at hand: what one does where, by what one may do; the keys; and whom to ask."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from flask import Blueprint, current_app, render_template, url_for
from markupsafe import Markup
from msgspec import Struct

from console.access import here, requires
from console.desk import ask
from console.wording import reader, t
from content.identifiers import UserId
from content.markup import images, to_html
from content.organisations import RIGHTS, Right
from storage import duties, organisations
from storage.unit import Reading

pages = Blueprint("guide", __name__)

PARTS: tuple[tuple[str, str, Right | None], ...] = (
    ("send", "lessons.show", Right.SCHEDULE),
    ("follow", "checkins.show", None),
    ("record", "corrections.show", Right.RECORD),
    ("members", "members.show", Right.IMPORT_ROSTER),
    ("away", "away.show", Right.READ_MEMBERS),
    ("dues", "dues.show", Right.HANDLE_DUES),
    ("tree", "structure.show", Right.ARRANGE),
    ("vote", "ballots.show", None),
    ("meet", "meetings.show", Right.SCHEDULE),
    ("pledges", "pledges.show", Right.RECORD),
    ("help_cases", "help_cases.show", Right.HANDLE_HELP),
    ("moderate", "cases.show", Right.MODERATE),
    ("report", "participation.show", None),
    ("repair", "outbox.show", Right.MANAGE_OUTBOX),
    ("operate", "health.show", Right.OPERATE),
)
"""What the help explains: the last part of its keys, the page where it begins, and the right that it is for."""

MOST_NAMED = 5

BOOKS = {"zh_CN": "guide/guide.zh-CN.md", "en": "guide/guide.en.md"}
"""The illustrated guide in each language, among the console's own files."""


class Chapter(Struct, frozen=True, kw_only=True):
    """A part of the illustrated guide: its head, and what stands below it as HTML."""

    head: str
    text: Markup


@pages.get("/help")
@requires(Right.READ)
def show() -> str:
    """Show what a person with these duties does here, and how."""
    at = here()
    return render_template(
        "guide/show.html",
        parts=[(name, page) for name, page, right in PARTS if right is None or at.may(right)],
        chapters=_places(),
        leading=ask(_leading),
    )


@pages.get("/help/guide")
@requires(Right.READ)
def read() -> str:
    """Show the illustrated guide for organisers."""
    return render_template("guide/read.html", chapters=_chapters(_book()))


def _book() -> Path:
    return Path(str(current_app.static_folder)) / BOOKS[reader().language]


@cache
def _chapters(book: Path) -> tuple[Chapter, ...]:
    """Return the guide, chapter by chapter; its own title, and what stands before the first head, have none."""
    written = book.read_text(encoding="utf-8")
    before, *parts = written.split("\n## ")
    found = [Chapter(head="", text=_html(before.partition("\n")[2]))]
    for part in parts:
        head, _, text = part.partition("\n")
        found.append(Chapter(head=head.strip(), text=_html(text)))
    return tuple(found)


def _html(text: str) -> Markup:
    pictures = {one.address: url_for("static", filename=f"guide/{one.address}") for one in images(text)}
    return Markup(to_html(text, pictures=pictures))  # noqa: S704 - written by our own renderer, of our own file


def _places() -> dict[str, int]:
    """Return in which chapter of the guide each part of the help is told of: in that with the head that it has."""
    heads = [chapter.head for chapter in _chapters(_book())]
    titles = {name: t(f"guide.part_{name}") for name, _, _ in PARTS}
    return {name: heads.index(title) for name, title in titles.items() if title in heads}


async def _leading(unit: Reading) -> tuple[tuple[UserId, str], ...]:
    """Return who may give duties where the person stands, nearest first, and their names: they are whom one asks."""
    found: dict[UserId, None] = {}
    for root in here().roots:
        for duty in reversed(await organisations.duties_over(unit, root)):
            if Right.GRANT_DUTIES in RIGHTS[duty.role] and duty.user != here().user:
                found.setdefault(duty.user)
    shown = tuple(found)[:MOST_NAMED]
    names = await duties.names_of(unit, shown)
    return tuple((user, names.get(user, "")) for user in shown)
