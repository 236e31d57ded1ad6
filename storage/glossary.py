"""The glossary: entries of an organisation, and the candidates for an answer, found alike on every engine."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import JSON, Column, Date, ForeignKey, Index, Integer, String, Table, Text, func, or_, select, update

from content.glossary import (
    EntriesWritten,
    Entry,
    EntryRestored,
    EntryRevised,
    EntryWithdrawn,
    bigrams,
    searchable,
)
from content.identifiers import EntryId, OrganisationId
from storage.organisations import organisation_closure, within
from storage.tables import Instant, metadata
from storage.unit import AnyRow, Reading, Writing

glossary_entries = Table(
    "glossary_entries",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("organisation_id", ForeignKey("organisations.id"), nullable=False),
    Column("term", String(40), nullable=False),
    Column("term_key", String(200), nullable=False),
    Column("also", JSON, nullable=False),
    Column("text", Text, nullable=False),
    Column("source", String(200), nullable=False),
    Column("dated", Date, nullable=False),
    Column("searched", Text, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("written_at", Instant, nullable=False),
    Column("withdrawn_at", Instant),
    Index("ix_glossary_entries_organisation_id_term_key", "organisation_id", "term_key", unique=True),
)
"""``searched`` holds names and text as they are compared. No full-text index: those of SQLite know no Chinese words."""

MOST_PAIRS = 12
"""So many pairs of signs of a question are looked for."""
MOST_CANDIDATES = 200


def _entry(row: AnyRow) -> Entry:
    return Entry(
        id=row.id,
        organisation=row.organisation_id,
        term=row.term,
        also=tuple(row.also),
        text=row.text,
        source=row.source,
        dated=row.dated,
        revision=row.revision,
        withdrawn=row.withdrawn_at,
    )


async def candidates(unit: Reading, organisation: OrganisationId, question: str) -> tuple[Entry, ...]:
    """Return the entries for the people of an organisation that share a pair of signs with a question."""
    pairs = bigrams(searchable(question))[:MOST_PAIRS]
    if not pairs:
        return ()
    above = select(organisation_closure.c.ancestor_id).where(organisation_closure.c.descendant_id == organisation)
    shares = or_(*(glossary_entries.c.searched.contains(pair, autoescape=True) for pair in pairs))
    query = select(glossary_entries).where(
        glossary_entries.c.organisation_id.in_(above), glossary_entries.c.withdrawn_at.is_(None), shares
    )
    in_order = query.order_by(func.length(glossary_entries.c.searched), glossary_entries.c.id)
    return tuple(_entry(row) for row in await unit.rows(in_order.limit(MOST_CANDIDATES)))


async def terms(unit: Reading, organisation: OrganisationId) -> tuple[str, ...]:
    """Return the terms that the people of an organisation can look up."""
    above = select(organisation_closure.c.ancestor_id).where(organisation_closure.c.descendant_id == organisation)
    query = select(glossary_entries.c.term).where(
        glossary_entries.c.organisation_id.in_(above), glossary_entries.c.withdrawn_at.is_(None)
    )
    return tuple(row.term for row in await unit.rows(query.order_by(glossary_entries.c.term)))


async def found(
    unit: Reading, roots: Iterable[OrganisationId], text: str, *, withdrawn: bool, limit: int, after: int = 0
) -> tuple[Entry, ...]:
    """Return entries at or below the roots with a text in them, by term."""
    over = glossary_entries.c.withdrawn_at
    query = select(glossary_entries).where(
        within(glossary_entries.c.organisation_id, roots), over.is_not(None) if withdrawn else over.is_(None)
    )
    if searchable(text):
        query = query.where(glossary_entries.c.searched.contains(searchable(text), autoescape=True))
    query = query.order_by(glossary_entries.c.term, glossary_entries.c.id)
    return tuple(_entry(row) for row in await unit.rows(query.limit(limit).offset(after)))


async def visible(unit: Reading, roots: Iterable[OrganisationId], id: EntryId) -> Entry | None:  # noqa: A002
    """Return an entry, if it stands at or below the roots."""
    table = glossary_entries
    row = await unit.first(select(table).where(table.c.id == id, within(table.c.organisation_id, roots)))
    return _entry(row) if row else None


async def taken(unit: Reading, organisation: OrganisationId, *, besides: EntryId | None = None) -> frozenset[str]:
    """Return the terms, as they are compared, that an organisation's glossary has."""
    query = select(glossary_entries.c.term_key).where(glossary_entries.c.organisation_id == organisation)
    if besides is not None:
        query = query.where(glossary_entries.c.id != besides)
    return frozenset(row.term_key for row in await unit.rows(query))


async def write_written(unit: Writing, fact: EntriesWritten) -> None:
    """Add entries."""
    kept = {"organisation_id": fact.organisation, "written_at": fact.at, "withdrawn_at": None, "revision": 1}
    await unit.add(glossary_entries, [{"id": one.id, **kept, **_values(one)} for one in fact.entries])


async def write_revised(unit: Writing, fact: EntryRevised) -> None:
    """Change an entry."""
    values = {**_values(fact.entry), "revision": fact.entry.revision}
    await unit.execute(update(glossary_entries).where(glossary_entries.c.id == fact.entry.id).values(**values))


async def write_withdrawn(unit: Writing, fact: EntryWithdrawn) -> None:
    """Let an entry be found no more."""
    await unit.execute(update(glossary_entries).where(glossary_entries.c.id == fact.entry).values(withdrawn_at=fact.at))


async def write_restored(unit: Writing, fact: EntryRestored) -> None:
    """Let an entry be found again."""
    await unit.execute(update(glossary_entries).where(glossary_entries.c.id == fact.entry).values(withdrawn_at=None))


def _values(entry: Entry) -> dict[str, object]:
    return {
        "term": entry.term,
        "term_key": searchable(entry.term),
        "also": list(entry.also),
        "text": entry.text,
        "source": entry.source,
        "dated": entry.dated,
        "searched": "\n".join(searchable(one) for one in (*entry.names, entry.text)),
    }
