"""Search everywhere at once, kind by kind, as far as whoever asks may see each on a page of its own."""

from __future__ import annotations

from collections.abc import Iterable

from flask import Blueprint, render_template, request
from msgspec import Struct

from console.access import here, requires
from console.addresses import link
from console.desk import ask
from console.pages.audit import did, scope_of
from content.organisations import Right
from content.views import Filter
from storage import members, record, search
from storage.search import Found
from storage.unit import Reading

pages = Blueprint("search", __name__)

MOST_OF_A_KIND = 10
LONGEST = 80


class Group(Struct, frozen=True, kw_only=True):
    """What was found of one kind; ``by`` is how its page names one.

    ``all`` leads to the page that lists the rest, where there may be more.
    """

    noun: str
    found: tuple[Found, ...]
    page: str
    by: str
    all: str | None = None


@pages.get("/search")
@requires(Right.READ)
def show() -> str:
    """Show what has a text in its name, by kinds."""
    wanted = " ".join(request.args.get("q", "")[:LONGEST].split())
    groups = ask(lambda unit: _look(unit, wanted)) if wanted else ()
    return render_template("search/show.html", wanted=wanted, groups=groups, longest=LONGEST)


async def _look(unit: Reading, wanted: str) -> tuple[Group, ...]:
    at, most = here(), MOST_OF_A_KIND + 1
    reading, by_name, in_rooms = (at.roots_for(right) for right in (Right.READ, Right.READ_MEMBERS, Right.MANAGE_ROOMS))
    people = await members.roster(unit, by_name, wanted=Filter(text=wanted), limit=most) if by_name else ()
    named = (Found(id=one.id, name=one.name, organisation=one.organisation) for one in people)
    nodes = (one for one in at.within(Right.READ) if wanted.casefold() in one.name.casefold())
    trees = (Found(id=one.id, name=one.name, organisation=one.parent or one.id) for one in nodes)
    recording, changing = at.roots_for(Right.RECORD), at.roots_for(Right.IMPORT_ROSTER)
    rows = (
        await record.entries(unit, scope_of(recording), record.Filter(person=wanted), limit=most) if recording else ()
    )
    said = (Found(id=str(row.number), name=did(row), organisation=None, at=row.at) for row in rows)
    groups = (
        _group("members", named, "members.show_one", link("members.show", q=wanted)),
        _group(
            "lessons",
            await search.lessons_named(unit, reading, wanted, limit=most),
            "lessons.show_one",
            link("lessons.show", q=wanted),
        ),
        _group("checkins", await search.occurrences_named(unit, reading, wanted, limit=most), "checkins.show_one"),
        _group("polls", await search.polls_named(unit, reading, wanted, limit=most), "polls.show_one"),
        _group("ballots", await search.ballots_named(unit, reading, wanted, limit=most), "ballots.show_one"),
        _group("structure", trees, "structure.show_one"),
        _group("rooms", await search.rooms_named(unit, in_rooms, wanted, limit=most), "rooms.show_one"),
        _group("edits", await search.edits_named(unit, changing, wanted, limit=most), "edits.show_one"),
        _group("audit", said, "audit.show_one", link("audit.show", person=wanted), "number"),
    )
    return tuple(group for group in groups if group.found)


def _group(noun: str, found: Iterable[Found], page: str, all: str | None = None, by: str = "id") -> Group:  # noqa: A002
    shown = tuple(found)
    more = all if len(shown) > MOST_OF_A_KIND else None
    return Group(noun=noun, found=shown[:MOST_OF_A_KIND], page=page, by=by, all=more)
