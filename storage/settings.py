"""What organisations have set for themselves, and what follows for those below."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Column, ForeignKey, String, Table, delete, select, update

from content.identifiers import OrganisationId
from content.organisations import OrganisationFounded
from content.settings import BY_NAME, LANGUAGE, TIMEZONE, SettingChosen, held_at, is_remembered
from content.structure import OrganisationMoved
from storage.organisations import organisation_closure, organisations
from storage.tables import Instant, metadata
from storage.unit import Reading, Writing

organisation_settings = Table(
    "organisation_settings",
    metadata,
    Column("organisation_id", ForeignKey("organisations.id"), primary_key=True),
    Column("name", String(40), primary_key=True),
    Column("value", String(100), nullable=False),
)

former_settings = Table(
    "former_settings",
    metadata,
    Column("organisation_id", ForeignKey("organisations.id"), primary_key=True),
    Column("name", String(40), primary_key=True),
    Column("until", Instant, primary_key=True),
    Column("value", String(100)),
)
"""What was set before it was changed, ``value`` empty where nothing was; of the cadence alone, whose past counts."""

KEPT_WITH_THE_NODE = (TIMEZONE, LANGUAGE)
"""What holds of these stands in each node's own row as well, where every card and every page reads it."""


async def chosen(unit: Reading, nodes: Iterable[OrganisationId] | None = None) -> dict[OrganisationId, dict[str, str]]:
    """Return what organisations have set themselves, all or only these."""
    query = select(organisation_settings)
    if nodes is not None:
        query = query.where(organisation_settings.c.organisation_id.in_(list(nodes)))
    found: dict[OrganisationId, dict[str, str]] = {}
    for row in await unit.rows(query):
        found.setdefault(row.organisation_id, {})[row.name] = row.value
    return found


async def value_of(unit: Reading, node: OrganisationId, name: str) -> str:
    """Return what holds at an organisation."""
    above = organisation_closure
    query = (
        select(organisation_settings.c.value)
        .join(above, above.c.ancestor_id == organisation_settings.c.organisation_id)
        .where(above.c.descendant_id == node, organisation_settings.c.name == name)
        .order_by(above.c.depth)
    )
    found = await unit.value(query.limit(1))
    return str(found) if found is not None else BY_NAME[name].default


async def values_of(unit: Reading, nodes: Iterable[OrganisationId], name: str) -> dict[OrganisationId, str]:
    """Return what holds at each of some organisations."""
    paths, own = organisation_closure.c, organisation_settings.c
    found = dict.fromkeys(nodes, BY_NAME[name].default)
    query = (
        select(paths.descendant_id, own.value)
        .join(organisation_closure, paths.ancestor_id == own.organisation_id)
        .where(own.name == name, paths.descendant_id.in_(list(found)))
        .order_by(paths.depth.desc())
    )
    # The nearest comes last, and holds.
    return found | {OrganisationId(row.descendant_id): str(row.value) for row in await unit.rows(query)}


async def above(unit: Reading, node: OrganisationId) -> dict[OrganisationId, str]:
    """Return the names of a node and of all above it, which may lie outside of what a person sees."""
    paths = organisation_closure
    query = select(organisations.c.id, organisations.c.name).join(paths, paths.c.ancestor_id == organisations.c.id)
    return {row.id: row.name for row in await unit.rows(query.where(paths.c.descendant_id == node))}


async def write_chosen(unit: Writing, fact: SettingChosen) -> None:
    """Keep what was set, or let go of it, and let it hold below."""
    own = organisation_settings
    if is_remembered(fact.name):
        named = (own.c.organisation_id == fact.organisation, own.c.name == fact.name)
        before = await unit.value(select(own.c.value).where(*named))
        if before != fact.value:
            row = {"organisation_id": fact.organisation, "name": fact.name, "until": unit.now, "value": before}
            await unit.add_missing(former_settings, row)
    if fact.value is None:
        named = (own.c.organisation_id == fact.organisation, own.c.name == fact.name)
        await unit.execute(delete(own).where(*named))
    else:
        values = {"organisation_id": fact.organisation, "name": fact.name, "value": fact.value}
        await unit.put(own, values, key=["organisation_id", "name"])
    if fact.name in KEPT_WITH_THE_NODE:
        await _let_hold(unit, fact.organisation, (fact.name,))


async def write_founded(unit: Writing, fact: OrganisationFounded) -> None:
    """Keep as set what a new node has other than it would inherit."""
    node = fact.organisation
    for name in KEPT_WITH_THE_NODE:
        value = getattr(node, name)
        inherited = await value_of(unit, node.parent, name) if node.parent is not None else None
        if value != inherited:
            await unit.add(organisation_settings, {"organisation_id": node.id, "name": name, "value": value})


async def write_moved(unit: Writing, fact: OrganisationMoved) -> None:
    """Let what is set above the new place hold for a node that was moved."""
    await _let_hold(unit, fact.organisation, KEPT_WITH_THE_NODE)


async def _let_hold(unit: Writing, node: OrganisationId, names: Iterable[str]) -> None:
    rows = await unit.rows(select(organisations.c.id, organisations.c.parent_id))
    parents = {OrganisationId(row.id): row.parent_id for row in rows}
    below = select(organisation_closure.c.descendant_id).where(organisation_closure.c.ancestor_id == node)
    known = await chosen(unit)
    for row in await unit.rows(below):
        held = {name: held_at(row.descendant_id, BY_NAME[name], chosen=known, parents=parents).value for name in names}
        await unit.execute(update(organisations).where(organisations.c.id == row.descendant_id).values(**held))
