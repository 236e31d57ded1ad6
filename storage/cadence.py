"""The years of branches as they are asked for: what holds of each, what is known of it, and how its year stands."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import date, datetime
from zoneinfo import ZoneInfo

from msgspec import Struct
from sqlalchemy import func, select

from content.cadence import BY_SETTING, LINES, Former, Line, Norm, norm_from
from content.franchise import FULL
from content.identifiers import OrganisationId
from content.notices import Form
from content.organisations import Kind, Organisation
from content.terms import SINGLE
from content.year import Column, Evidence, Place, Span, reckon
from storage import evidence, terms
from storage.members import by_ids, members
from storage.organisations import organisation_closure, organisations
from storage.settings import former_settings, organisation_settings
from storage.unit import Reading

_ALSO_FULL = ("", FULL)
"""Of whom nothing is said counts as a full member."""


class Held(Struct, frozen=True, kw_only=True):
    """How often a form is held at a place, and the organisation that has set it so; ``None`` where nobody has.

    ``former`` is what was asked before, oldest first; of what was changed before this was kept nothing is known.
    """

    norm: Norm | None
    source: OrganisationId | None
    former: tuple[Former, ...] = ()


class Seen(Struct, frozen=True, kw_only=True):
    """The year of one place: what holds there, and its columns."""

    place: Place
    held: Mapping[Form, Held]
    columns: tuple[Column, ...]


async def table(unit: Reading, nodes: Iterable[Organisation]) -> dict[OrganisationId, dict[Form, Held]]:
    """Return what holds at organisations: their own choice, else that of the nearest above, else the table's."""
    nodes, above = list(nodes), organisation_closure.c
    ids = [node.id for node in nodes]
    query = (
        select(
            above.descendant_id,
            organisation_settings.c.name,
            organisation_settings.c.value,
            organisation_settings.c.organisation_id,
            above.depth,
        )
        .join(organisation_settings, organisation_settings.c.organisation_id == above.ancestor_id)
        .where(above.descendant_id.in_(ids), organisation_settings.c.name.in_(list(BY_SETTING)))
        .order_by(above.depth)
    )
    set_by: dict[OrganisationId, dict[Form, dict[OrganisationId, tuple[int, str]]]] = {node: {} for node in ids}
    for row in await unit.rows(query):
        own = set_by[row.descendant_id].setdefault(BY_SETTING[row.name].form, {})
        own[row.organisation_id] = (row.depth, row.value)
    changes = await _changes(unit, ids)
    found: dict[OrganisationId, dict[Form, Held]] = {}
    for node in nodes:
        found[node.id] = {}
        for line in LINES:
            present = set_by[node.id].get(line.form, {})
            source = min(present, key=lambda one: present[one], default=None)
            norm = norm_from(line.form, present[source][1] if source is not None else line.default)
            past = changes.get((node.id, line.form), ())
            former = _former(line, present, past, ZoneInfo(node.timezone))
            found[node.id][line.form] = Held(norm=norm, source=source, former=former)
    return found


class _Change(Struct, frozen=True, kw_only=True):
    """What an organisation had set until an instant, seen from one below it at some depth."""

    until: datetime
    organisation: OrganisationId
    depth: int
    value: str | None


async def _changes(unit: Reading, nodes: Iterable[OrganisationId]) -> dict[tuple[OrganisationId, Form], list[_Change]]:
    above, past = organisation_closure.c, former_settings.c
    query = (
        select(above.descendant_id, above.depth, past.organisation_id, past.name, past.until, past.value)
        .join(former_settings, past.organisation_id == above.ancestor_id)
        .where(above.descendant_id.in_(list(nodes)))
        .order_by(past.until.desc(), past.organisation_id)
    )
    found: dict[tuple[OrganisationId, Form], list[_Change]] = {}
    for row in await unit.rows(query):
        change = _Change(until=row.until, organisation=row.organisation_id, depth=row.depth, value=row.value)
        found.setdefault((row.descendant_id, BY_SETTING[row.name].form), []).append(change)
    return found


def _former(
    line: Line, present: Mapping[OrganisationId, tuple[int, str]], changes: Iterable[_Change], zone: ZoneInfo
) -> tuple[Former, ...]:
    """Go back through the changes, newest first, and say what held here before each day with one."""
    known, before = dict(present), dict[date, str]()
    for one in changes:
        known.pop(one.organisation, None)
        if one.value is not None:
            known[one.organisation] = (one.depth, one.value)
        before[one.until.astimezone(zone).date()] = min(known.values())[1] if known else line.default
    found, held = list[Former](), min(present.values())[1] if present else line.default
    for on, value in before.items():
        if value != held:
            found.append(Former(until=on, norm=norm_from(line.form, value)))
        held = value
    return tuple(reversed(found))


async def places(unit: Reading, nodes: Collection[Organisation]) -> tuple[Place, ...]:
    """Return what is known of branches and groups that tells what is asked of them."""
    ids = [node.id for node in nodes]
    paths, own = organisation_closure, organisations.c
    above: dict[str, set[OrganisationId]] = {}
    ways = select(paths.c.ancestor_id, paths.c.descendant_id).where(paths.c.descendant_id.in_(ids), paths.c.depth > 0)
    for row in await unit.rows(ways):
        above.setdefault(row.descendant_id, set()).add(OrganisationId(row.ancestor_id))
    groups: dict[str, dict[OrganisationId, str]] = {}
    founded: dict[str, dict[OrganisationId, date]] = {}
    below = select(own.id, own.name, own.parent_id, own.founded_on).where(
        own.parent_id.in_(ids), own.kind == Kind.GROUP, own.closed_at.is_(None)
    )
    for row in await unit.rows(below.order_by(own.name, own.id)):
        groups.setdefault(row.parent_id, {})[OrganisationId(row.id)] = row.name
        if row.founded_on is not None:
            founded.setdefault(row.parent_id, {})[OrganisationId(row.id)] = row.founded_on
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
            founded=node.founded,
            closed=node.closed.astimezone(ZoneInfo(node.timezone)).date() if node.closed is not None else None,
            groups_founded=founded.get(node.id, {}),
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
    held = await table(unit, nodes)
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
                former={form: one.former for form, one in held[place.organisation].items()},
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
