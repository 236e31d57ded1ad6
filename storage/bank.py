"""The question bank: items of an organisation, found by word, tag and difficulty, and how they were answered in sum."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from msgspec import Struct
from sqlalchemy import (
    JSON,
    Column,
    Date,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
    and_,
    func,
    or_,
    select,
    update,
)

from content.bank import (
    Difficulty,
    Figures,
    Item,
    ItemRestored,
    ItemRevised,
    ItemsAdded,
    ItemWithdrawn,
    Kind,
    stem_key,
)
from content.identifiers import ItemId, OrganisationId
from content.media import Medium
from storage.organisations import organisation_closure, within
from storage.tables import Instant, metadata
from storage.unit import AnyRow, Query, Reading, Writing

bank_items = Table(
    "bank_items",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("organisation_id", ForeignKey("organisations.id"), nullable=False),
    Column("kind", String(12), nullable=False),
    Column("stem", Text, nullable=False),
    Column("stem_key", String(32), nullable=False),
    Column("options", JSON, nullable=False),
    Column("answer", JSON, nullable=False),
    Column("explanation", Text, nullable=False),
    Column("source", String(200), nullable=False),
    Column("dated", Date),
    Column("tags", Text, nullable=False),
    Column("difficulty", String(8), nullable=False),
    Column("revision", Integer, nullable=False),
    Column("added_at", Instant, nullable=False),
    Column("withdrawn_at", Instant),
    Column("asked_as", Integer, nullable=False),
    Column("answered", Integer, nullable=False),
    Column("correct", Integer, nullable=False),
    Column("told_answered", Integer, nullable=False),
    Column("told_correct", Integer, nullable=False),
    Column("picture", JSON(none_as_null=True)),
    Index("ix_bank_items_organisation_id_stem_key", "organisation_id", "stem_key", unique=True),
)
"""``tags`` stand between line ends, so that each is found whole; ``asked_as`` is since which revision it asks the same.

``answered`` and ``correct`` count first answers, each person's once; what is told of them stands beside, and moves by
several at a time.
"""


class Filter(Struct, frozen=True, kw_only=True):
    """Which items are wanted: each field narrows, and one that is empty does not."""

    text: str = ""
    kind: Kind | None = None
    tag: str = ""
    difficulty: Difficulty | None = None
    withdrawn: bool = False


def _item(row: AnyRow) -> Item:
    return Item(
        id=row.id,
        organisation=row.organisation_id,
        kind=Kind(row.kind),
        stem=row.stem,
        options=tuple(row.options),
        answer=tuple(row.answer),
        explanation=row.explanation,
        source=row.source,
        dated=row.dated,
        tags=_tags(row.tags),
        difficulty=Difficulty(row.difficulty),
        picture=_picture(row.picture) if row.picture else None,
        revision=row.revision,
        asked_as=row.asked_as,
        withdrawn=row.withdrawn_at,
    )


def _picture(held: dict[str, Any]) -> Medium:
    return Medium(hash=held["hash"], name=held["name"], alternative=held["alternative"], size=held["size"])


def _tags(held: str) -> tuple[str, ...]:
    return tuple(held.strip("\n").split("\n")) if held else ()


def _held(tags: Iterable[str]) -> str:
    text = "\n".join(tags)
    return f"\n{text}\n" if text else ""


def tagged(tag: str) -> Any:
    """Return the condition that an item has a tag."""
    return bank_items.c.tags.icontains(f"\n{tag}\n", autoescape=True)


def _wanted(roots: Iterable[OrganisationId], wanted: Filter) -> Query:
    query = select(bank_items).where(within(bank_items.c.organisation_id, roots))
    over = bank_items.c.withdrawn_at.is_not(None) if wanted.withdrawn else bank_items.c.withdrawn_at.is_(None)
    query = query.where(over)
    if wanted.text:
        places = (bank_items.c.stem, bank_items.c.explanation, bank_items.c.source)
        query = query.where(or_(*(place.icontains(wanted.text, autoescape=True) for place in places)))
    if wanted.kind is not None:
        query = query.where(bank_items.c.kind == wanted.kind)
    if wanted.tag:
        query = query.where(tagged(wanted.tag))
    if wanted.difficulty is not None:
        query = query.where(bank_items.c.difficulty == wanted.difficulty)
    return query


async def found(
    unit: Reading, roots: Iterable[OrganisationId], wanted: Filter, *, limit: int, after: int = 0
) -> tuple[Item, ...]:
    """Return items at or below the roots, the newest first."""
    query = _wanted(roots, wanted).order_by(bank_items.c.added_at.desc(), bank_items.c.id)
    return tuple(_item(row) for row in await unit.rows(query.limit(limit).offset(after)))


async def count(unit: Reading, roots: Iterable[OrganisationId], wanted: Filter) -> int:
    """Return how many items there are."""
    return int(await unit.value(select(func.count()).select_from(_wanted(roots, wanted).subquery())) or 0)


async def has_pictures(unit: Reading, roots: Iterable[OrganisationId], wanted: Filter) -> bool:
    """Tell whether any of these items shows a picture."""
    query = _wanted(roots, wanted).where(bank_items.c.picture.is_not(None))
    return await unit.first(query.limit(1)) is not None


async def tags(unit: Reading, roots: Iterable[OrganisationId]) -> tuple[str, ...]:
    """Return the tags in use, in order."""
    query = select(bank_items.c.tags).where(within(bank_items.c.organisation_id, roots)).distinct()
    return tuple(sorted({tag for row in await unit.rows(query) for tag in _tags(row.tags)}))


async def visible(unit: Reading, roots: Iterable[OrganisationId], id: ItemId) -> Item | None:  # noqa: A002
    """Return an item, if it stands at or below the roots."""
    row = await unit.first(select(bank_items).where(bank_items.c.id == id, within(bank_items.c.organisation_id, roots)))
    return _item(row) if row else None


async def item(unit: Reading, id: ItemId) -> Item | None:  # noqa: A002
    """Return an item."""
    row = await unit.first(select(bank_items).where(bank_items.c.id == id))
    return _item(row) if row else None


async def figures(unit: Reading, id: ItemId) -> Figures:  # noqa: A002
    """Return what may be told of how an item was answered."""
    row = await unit.first(select(bank_items.c.told_answered, bank_items.c.told_correct).where(bank_items.c.id == id))
    return Figures(answered=row.told_answered, right=row.told_correct) if row else Figures(answered=0, right=0)


async def taken(
    unit: Reading, organisation: OrganisationId, keys: Collection[str], *, besides: ItemId | None = None
) -> frozenset[str]:
    """Return which of these stem keys are asked of an organisation's people already, or were: there, above or below."""
    path = organisation_closure.c
    above = select(path.ancestor_id).where(path.descendant_id == organisation)
    below = select(path.descendant_id).where(path.ancestor_id == organisation)
    same = bank_items.c.organisation_id
    query = select(bank_items.c.stem_key).where(or_(same.in_(above), same.in_(below)))
    if besides is not None:
        query = query.where(bank_items.c.id != besides)
    return frozenset(row.stem_key for row in await unit.rows(query)) & frozenset(keys)


def asked_in(organisation: OrganisationId) -> Any:
    """Return the condition that an item is asked of the people of an organisation: its own, and those above it."""
    above = select(organisation_closure.c.ancestor_id).where(organisation_closure.c.descendant_id == organisation)
    return and_(bank_items.c.organisation_id.in_(above), bank_items.c.withdrawn_at.is_(None))


async def write_added(unit: Writing, fact: ItemsAdded) -> None:
    """Take items in."""
    nothing = {"asked_as": 1, "answered": 0, "correct": 0, "told_answered": 0, "told_correct": 0}
    rows = [
        {
            "id": one.id,
            "organisation_id": fact.organisation,
            "added_at": fact.at,
            "withdrawn_at": None,
            "revision": 1,
            **_values(one),
            **nothing,
        }
        for one in fact.items
    ]
    await unit.add(bank_items, rows)


async def write_revised(unit: Writing, fact: ItemRevised) -> None:
    """Change an item, and begin its figures anew where it asks something else now."""
    values = {**_values(fact.item), "revision": fact.item.revision}
    if fact.afresh:
        anew = {"answered": 0, "correct": 0, "told_answered": 0, "told_correct": 0}
        values |= {"asked_as": fact.item.revision, **anew}
    await unit.execute(update(bank_items).where(bank_items.c.id == fact.item.id).values(**values))


async def write_withdrawn(unit: Writing, fact: ItemWithdrawn) -> None:
    """Ask an item no more."""
    await unit.execute(update(bank_items).where(bank_items.c.id == fact.item).values(withdrawn_at=fact.at))


async def write_restored(unit: Writing, fact: ItemRestored) -> None:
    """Ask an item again."""
    await unit.execute(update(bank_items).where(bank_items.c.id == fact.item).values(withdrawn_at=None))


def _values(item: Item) -> Mapping[str, object]:
    return {
        "kind": item.kind,
        "stem": item.stem,
        "stem_key": stem_key(item.stem),
        "options": list(item.options),
        "answer": list(item.answer),
        "explanation": item.explanation,
        "source": item.source,
        "dated": item.dated,
        "tags": _held(item.tags),
        "difficulty": item.difficulty,
        "picture": _held_picture(item.picture) if item.picture else None,
    }


def _held_picture(picture: Medium) -> dict[str, object]:
    return {"hash": picture.hash, "name": picture.name, "alternative": picture.alternative, "size": picture.size}
