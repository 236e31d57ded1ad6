"""The years of branches as they are asked for: what holds of each, what is known of it, and how its year stands."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import date

from msgspec import Struct
from sqlalchemy import func, select

from content.cadence import BY_SETTING, LINES, Norm, norm_from
from content.franchise import FULL
from content.identifiers import OrganisationId
from content.notices import Form
from content.organisations import Kind, Organisation
from content.terms import SINGLE
from content.year import Column, Evidence, Place, Span, reckon
from storage import evidence, terms
from storage.members import by_ids, members
from storage.organisations import organisation_closure, organisations
from storage.settings import organisation_settings
from storage.unit import Reading

_ALSO_FULL = ("", FULL)
"""Of whom nothing is said counts as a full member."""


class Held(Struct, frozen=True, kw_only=True):
    """How often a form is held at a place, and the organisation that has set it so; ``None`` where nobody has."""

    norm: Norm | None
    source: OrganisationId | None


class Seen(Struct, frozen=True, kw_only=True):
    """The year of one place: what holds there, and its columns."""

    place: Place
    held: Mapping[Form, Held]
    columns: tuple[Column, ...]


async def table(unit: Reading, nodes: Iterable[OrganisationId]) -> dict[OrganisationId, dict[Form, Held]]:
    """Return what holds at organisations: their own choice, else that of the nearest above, else the table's."""
    nodes, above = list(nodes), organisation_closure.c
    query = (
        select(
            above.descendant_id,
            organisation_settings.c.name,
            organisation_settings.c.value,
            organisation_settings.c.organisation_id,
        )
        .join(organisation_settings, organisation_settings.c.organisation_id == above.ancestor_id)
        .where(above.descendant_id.in_(nodes), organisation_settings.c.name.in_(list(BY_SETTING)))
        .order_by(above.depth)
    )
    found: dict[OrganisationId, dict[Form, Held]] = {node: {} for node in nodes}
    for row in await unit.rows(query):
        form = BY_SETTING[row.name].form
        held = Held(norm=norm_from(form, row.value), source=OrganisationId(row.organisation_id))
        found[row.descendant_id].setdefault(form, held)
    for held_there in found.values():
        for line in LINES:
            held_there.setdefault(line.form, Held(norm=norm_from(line.form, line.default), source=None))
    return found


async def places(unit: Reading, nodes: Collection[Organisation]) -> tuple[Place, ...]:
    """Return what is known of branches and groups that tells what is asked of them."""
    ids = [node.id for node in nodes]
    paths, own = organisation_closure, organisations.c
    above: dict[str, set[OrganisationId]] = {}
    ways = select(paths.c.ancestor_id, paths.c.descendant_id).where(paths.c.descendant_id.in_(ids), paths.c.depth > 0)
    for row in await unit.rows(ways):
        above.setdefault(row.descendant_id, set()).add(OrganisationId(row.ancestor_id))
    groups: dict[str, dict[OrganisationId, str]] = {}
    below = select(own.id, own.name, own.parent_id).where(
        own.parent_id.in_(ids), own.kind == Kind.GROUP, own.closed_at.is_(None)
    )
    for row in await unit.rows(below.order_by(own.name, own.id)):
        groups.setdefault(row.parent_id, {})[OrganisationId(row.id)] = row.name
    standing = (
        select(paths.c.ancestor_id, func.count().label("number"))
        .join(members, members.c.organisation_id == paths.c.descendant_id)
        .where(
            paths.c.ancestor_id.in_(ids),
            members.c.left_at.is_(None),
            members.c.category.in_(_ALSO_FULL),
        )
        .group_by(paths.c.ancestor_id)
    )
    full = {row.ancestor_id: int(row.number) for row in await unit.rows(standing)}
    sitting = await terms.at_or_below(unit, ids)
    return tuple(
        Place(
            organisation=node.id,
            kind=node.kind,
            above=frozenset(above.get(node.id, ())),
            groups=groups.get(node.id, {}),
            full=full.get(node.id, 0),
            seats=len(sitting[node.id].seats) if node.id in sitting else 0,
        )
        for node in nodes
    )


async def years(
    unit: Reading,
    nodes: Collection[Organisation],
    *,
    year: int,
    today: date,
    cells: bool = True,
    beside: Iterable[Evidence] | None = None,
) -> tuple[Seen, ...]:
    """Return the year of each of these branches and groups, without the ``cells`` of months where nobody shows them.

    ``beside`` is what ``beside_meetings`` knows of all of them and what stands above, where it is known already.
    """
    if not nodes:
        return ()
    known = await places(unit, nodes)
    held = await table(unit, [node.id for node in nodes])
    above = sorted({one for place in known for one in place.above})
    by_place: dict[OrganisationId, list[Evidence]] = {}
    span = _span([node.id for node in nodes], above, year)
    found = await evidence.found(unit, span, evidence.SOURCES if beside is None else evidence.MEETINGS)
    for one in (*found, *(beside or ())):
        by_place.setdefault(one.place, []).append(one)
    return tuple(
        Seen(
            place=place,
            held=held[place.organisation],
            columns=reckon(
                {form: one.norm for form, one in held[place.organisation].items()},
                # What may count here and nothing else: there are hundreds of branches, each with a year of meetings.
                [one for at in {place.organisation, *place.groups, *place.above} for one in by_place.get(at, ())],
                place,
                year=year,
                today=today,
                cells=cells,
            ),
        )
        for place in known
    )


async def beside_meetings(
    unit: Reading, roots: Iterable[OrganisationId], above: Iterable[OrganisationId], *, year: int
) -> tuple[Evidence, ...]:
    """Return what else than meetings was held or is planned in a year at or below roots, and at what stands above."""
    return await evidence.found(unit, _span(roots, above, year), evidence.BESIDE_MEETINGS)


async def secretary_of(unit: Reading, node: OrganisationId) -> str | None:
    """Return the name of the secretary by the term that runs, ``None`` where none is recorded."""
    running = await terms.of_node(unit, node)
    seat = next((one for one in running[0].seats if one.post in SINGLE), None) if running else None
    found = await by_ids(unit, [seat.member]) if seat is not None else ()
    return found[0].name if found else None


def _span(roots: Iterable[OrganisationId], above: Iterable[OrganisationId], year: int) -> Span:
    return Span(roots=tuple(roots), above=tuple(above), since=date(year, 1, 1), until=date(year, 12, 31))
