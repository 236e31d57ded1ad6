"""Search everywhere at once, kind by kind, as far as whoever asks may see each on a page of its own."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable

from flask import Blueprint, render_template, request
from msgspec import Struct

from console.access import here, requires, right_of
from console.addresses import link
from console.desk import ask
from console.pages.audit import did, scope_of
from content.glossary import searchable
from content.identifiers import OrganisationId
from content.organisations import Right
from content.views import Filter
from storage import bank, glossary, members, record, search
from storage.search import Found
from storage.unit import Reading

pages = Blueprint("search", __name__)

MOST_OF_A_KIND = 10
LONGEST = 80

Roots = tuple[OrganisationId, ...]


class Kind(Struct, frozen=True, kw_only=True):
    """What can be found: its heading, how it is found below some nodes, and the page that it leads to.

    Whoever may not open that page finds nothing of it. ``by`` is how the page names one, ``rest`` the page that lists
    all that match, and how that is told the text.
    """

    noun: str
    heading: str
    find: Callable[[Reading, Roots, str], Awaitable[Iterable[Found]]]
    page: str
    by: str = "id"
    rest: tuple[str, str] | None = None


class Group(Struct, frozen=True, kw_only=True):
    """What was found of one kind; ``all`` leads to the page that lists the rest, where there may be more."""

    kind: Kind
    found: tuple[Found, ...]
    all: str | None


@pages.get("/search")
@requires(Right.READ)
def show() -> str:
    """Show what has a text in its name, by kinds."""
    wanted = " ".join(request.args.get("q", "")[:LONGEST].split())
    groups = ask(lambda unit: _look(unit, wanted)) if wanted else ()
    return render_template("search/show.html", wanted=wanted, groups=groups, longest=LONGEST)


async def _look(unit: Reading, wanted: str) -> tuple[Group, ...]:
    at, groups = here(), list[Group]()
    for kind in KINDS:
        right = right_of(kind.page)
        roots = at.roots_for(right) if right is not None else ()
        found = tuple(await kind.find(unit, roots, wanted)) if roots else ()
        if found:
            groups.append(_group(kind, found, wanted))
    return tuple(groups)


def _group(kind: Kind, found: tuple[Found, ...], wanted: str) -> Group:
    more = len(found) > MOST_OF_A_KIND and kind.rest is not None
    rest = link(kind.rest[0], **{kind.rest[1]: wanted}) if more and kind.rest is not None else None
    return Group(kind=kind, found=found[:MOST_OF_A_KIND], all=rest)


_LIMIT = MOST_OF_A_KIND + 1


async def _members(unit: Reading, roots: Roots, text: str) -> Iterable[Found]:
    people = await members.roster(unit, roots, wanted=Filter(text=text), limit=_LIMIT)
    return (Found(id=one.id, name=one.name, organisation=one.organisation) for one in people)


async def _structure(_unit: Reading, _roots: Roots, text: str) -> Iterable[Found]:
    nodes = (one for one in here().within(Right.READ) if text.casefold() in one.name.casefold())
    return (Found(id=one.id, name=one.name, organisation=one.parent or one.id) for one in nodes)


async def _entries(unit: Reading, roots: Roots, text: str) -> Iterable[Found]:
    if not searchable(text):
        return ()
    found = await glossary.found(unit, roots, text, withdrawn=False, limit=_LIMIT)
    return (Found(id=one.term, name=one.term, organisation=one.organisation) for one in found)


async def _items(unit: Reading, roots: Roots, text: str) -> Iterable[Found]:
    found = await bank.found(unit, roots, bank.Filter(text=text), limit=_LIMIT)
    return (Found(id=one.id, name=one.stem, organisation=one.organisation) for one in found)


async def _record(unit: Reading, roots: Roots, text: str) -> Iterable[Found]:
    rows = await record.entries(unit, scope_of(roots), record.Filter(person=text), limit=_LIMIT)
    return (
        Found(id=str(row.number), name=did(row), organisation=None, at=None if row.is_discreet else row.at)
        for row in rows
    )


def _named(
    find: Callable[..., Awaitable[Iterable[Found]]],
) -> Callable[[Reading, Roots, str], Awaitable[Iterable[Found]]]:
    async def look(unit: Reading, roots: Roots, text: str) -> Iterable[Found]:
        return await find(unit, roots, text, limit=_LIMIT)

    return look


KINDS = (
    Kind(noun="members", heading="nav.members", find=_members, page="members.show_one", rest=("members.show", "q")),
    Kind(
        noun="lessons",
        heading="nav.lessons",
        find=_named(search.lessons_named),
        page="lessons.show_one",
        rest=("lessons.show", "q"),
    ),
    Kind(noun="series", heading="series.heading", find=_named(search.series_named), page="series.show_one"),
    Kind(noun="checkins", heading="nav.checkins", find=_named(search.occurrences_named), page="checkins.show_one"),
    Kind(noun="polls", heading="nav.polls", find=_named(search.polls_named), page="polls.show_one"),
    Kind(
        noun="activities",
        heading="activities.heading",
        find=_named(search.activities_named),
        page="activities.show_one",
    ),
    Kind(noun="pledges", heading="pledges.heading", find=_named(search.pledges_named), page="pledges.show_one"),
    Kind(noun="sign_ups", heading="sign_ups.heading", find=_named(search.sign_ups_named), page="sign_ups.show_one"),
    Kind(noun="ballots", heading="nav.ballots", find=_named(search.ballots_named), page="ballots.show_one"),
    Kind(
        noun="elections",
        heading="elections.heading",
        find=_named(search.elections_named),
        page="elections.show_one",
    ),
    Kind(noun="surveys", heading="surveys.heading", find=_named(search.surveys_named), page="surveys.show_one"),
    Kind(
        noun="selections",
        heading="selections.heading",
        find=_named(search.selections_named),
        page="model_members.show_one",
    ),
    Kind(
        noun="glossary",
        heading="glossary.heading",
        find=_entries,
        page="glossary.show",
        by="q",
        rest=("glossary.show", "q"),
    ),
    Kind(noun="bank", heading="bank.heading", find=_items, page="bank.show_one", rest=("bank.show", "q")),
    Kind(noun="structure", heading="nav.structure", find=_structure, page="structure.show_one"),
    Kind(noun="rooms", heading="nav.rooms", find=_named(search.rooms_named), page="rooms.show_one"),
    Kind(noun="edits", heading="nav.edits", find=_named(search.edits_named), page="edits.show_one"),
    Kind(
        noun="audit",
        heading="nav.audit",
        find=_record,
        page="audit.show_one",
        by="number",
        rest=("audit.show", "person"),
    ),
)
"""Everything that has a name and a page, in the order in which it is shown."""
