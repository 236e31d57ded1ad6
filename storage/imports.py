"""Imports of rosters: which were made, in which branches, and for a while what each of them replaced."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from msgspec.structs import asdict
from sqlalchemy import JSON, Column, ForeignKey, Integer, String, Table, delete, select, update

from content.identifiers import ImportId, MemberId, OrganisationId, UserId
from content.imports import (
    UNDO_WITHIN,
    Counts,
    EnrolmentUndone,
    Entered,
    FoundingUndone,
    Import,
    ImportUndone,
    RosterImported,
    Since,
    by_branch,
)
from content.members import Member
from storage import kept_entries
from storage.members import binding_codes, by_ids, keys_of, members
from storage.organisations import organisation_closure, organisations, within
from storage.tables import Instant, Sequence, metadata
from storage.unit import Query, Reading, Writing

imports = Table(
    "roster_imports",
    metadata,
    Column("number", Sequence, primary_key=True, autoincrement=True),
    Column("id", String(32), nullable=False, unique=True),
    Column("by_user", String(255)),
    Column("at", Instant, nullable=False, index=True),
    Column("file", String(255), nullable=False),
    Column("counts", JSON, nullable=False),
    Column("founded", JSON, nullable=False),
    Column("undone_at", Instant),
    Column("undone_by", String(255)),
    Column("kept", Integer, nullable=False),
)

import_branches = Table(
    "roster_import_branches",
    metadata,
    Column("import_id", ForeignKey("roster_imports.id"), primary_key=True),
    Column("organisation_id", ForeignKey("organisations.id"), primary_key=True, index=True),
    Column("new", Integer, nullable=False),
    Column("changed", Integer, nullable=False),
)

import_entries = Table(
    "roster_import_entries",
    metadata,
    Column("import_id", ForeignKey("roster_imports.id"), primary_key=True),
    # No foreign key: a member who is taken out again leaves this line behind.
    Column("member_id", String(32), primary_key=True),
    Column("place", Integer, nullable=False),
    Column("branch_id", String(32), nullable=False),
    Column("left_id", String(32)),
    Column("before", JSON(none_as_null=True)),
    Column("after", JSON, nullable=False),
)

MOST = 100
"""How many imports a history shows, the newest."""

_PORTION = 500
"""Databases limit how many values one question may name."""


async def history(
    unit: Reading, roots: Iterable[OrganisationId], *, at: Iterable[OrganisationId] | None = None, limit: int = MOST
) -> tuple[Import, ...]:
    """Return the newest imports that touched branches at or below the roots, newest first.

    ``at`` narrows the list to those that touched something at or below these; what is in view stays what the roots say.
    """
    roots = list(roots)
    touched = select(import_branches.c.import_id)
    touched = touched.where(within(import_branches.c.organisation_id, roots if at is None else at))
    return await _imports(unit, select(imports).where(imports.c.id.in_(touched)).limit(limit), roots)


async def one(unit: Reading, roots: Iterable[OrganisationId], id: ImportId) -> Import | None:  # noqa: A002
    """Return one import that touched a branch at or below the roots."""
    found = await _imports(unit, select(imports).where(imports.c.id == id), list(roots))
    return found[0] if found and found[0].branches else None


async def _imports(unit: Reading, query: Query, roots: list[OrganisationId]) -> tuple[Import, ...]:
    rows = await unit.rows(query.order_by(imports.c.number.desc()))
    ids = [row.id for row in rows]
    places = select(import_branches).where(import_branches.c.import_id.in_(ids))
    touched = Counter(row.import_id for row in await unit.rows(places))
    seen: dict[str, dict[OrganisationId, Counts]] = {id: {} for id in ids}  # noqa: A001
    for row in await unit.rows(places.where(within(import_branches.c.organisation_id, roots))):
        seen[row.import_id][row.organisation_id] = Counts(new=row.new, changed=row.changed)
    overtaken = await _overtaken(unit, ids)
    return tuple(
        Import(
            id=row.id,
            by=row.by_user,
            at=row.at,
            file=row.file,
            counts=Counts(**row.counts) if touched[row.id] == len(seen[row.id]) else _sum(seen[row.id].values()),
            branches=tuple(seen[row.id]),
            whole=touched[row.id] == len(seen[row.id]),
            overtaken=row.id in overtaken,
            undone_at=row.undone_at,
            undone_by=row.undone_by,
            kept=row.kept,
        )
        for row in rows
    )


def _sum(counts: Iterable[Counts]) -> Counts:
    counts = list(counts)
    return Counts(new=sum(one.new for one in counts), changed=sum(one.changed for one in counts))


async def _overtaken(unit: Reading, ids: list[str]) -> set[str]:
    """Return those imports of which a branch was touched by a later one that stands."""
    own, theirs, later = import_branches.alias(), import_branches.alias(), imports.alias()
    query = (
        select(imports.c.id)
        .join(own, own.c.import_id == imports.c.id)
        .join(theirs, theirs.c.organisation_id == own.c.organisation_id)
        .join(later, later.c.id == theirs.c.import_id)
        .where(imports.c.id.in_(ids), later.c.number > imports.c.number, later.c.undone_at.is_(None))
        .distinct()
    )
    return {row.id for row in await unit.rows(query)}


async def entries(unit: Reading, id: ImportId) -> tuple[Entered, ...]:  # noqa: A002
    """Return whom an import entered and changed, with what it replaced; nothing once that is forgotten."""
    query = select(import_entries).where(import_entries.c.import_id == id).order_by(import_entries.c.place)
    rows = await unit.rows(query)
    keys = await keys_of(unit, [row.member_id for row in rows])
    return tuple(
        Entered(
            before=None
            if row.before is None
            else Member(**kept_entries.opened(unit, import_entries, row, "before", keys)),
            after=Member(**kept_entries.opened(unit, import_entries, row, "after", keys)),
            branch=row.branch_id,
            left=row.left_id,
        )
        for row in rows
    )


async def founded(unit: Reading, id: ImportId) -> tuple[OrganisationId, ...]:  # noqa: A002
    """Return the groups that an import made."""
    row = await unit.first(select(imports.c.founded).where(imports.c.id == id))
    return tuple(row.founded) if row else ()


async def since(unit: Reading, entered: Iterable[Entered], groups: Iterable[OrganisationId]) -> Since:
    """Return how things stand now for whom and what an import had entered."""
    entered, groups = list(entered), list(groups)
    new = [entry.after.id for entry in entered if entry.before is None]
    given_back = [entry.before.user for entry in entered if entry.before is not None and entry.before.user is not None]
    accounts: dict[UserId, MemberId] = {}
    for portion in _portions(given_back):
        query = select(members.c.user_id, members.c.id).where(members.c.user_id.in_(portion))
        accounts |= {row.user_id: row.id for row in await unit.rows(query)}
    standing: dict[OrganisationId, set[MemberId]] = {}
    query = select(members.c.id, members.c.organisation_id).where(members.c.organisation_id.in_(groups))
    for row in await unit.rows(query):
        standing.setdefault(row.organisation_id, set()).add(row.id)
    return Since(
        members={member.id: member for member in await by_ids(unit, [entry.after.id for entry in entered])},
        ties=await _ties(unit, new),
        accounts=accounts,
        places=frozenset(row.id for row in await unit.rows(select(organisations.c.id))),
        in_use=await _in_use(unit, groups),
        standing=standing,
    )


async def _ties(unit: Reading, ids: list[MemberId]) -> Mapping[MemberId, str]:
    """Return which members something hangs on: whatever table refers to members, today's and those to come."""
    found: dict[MemberId, str] = {}
    for column in _referring_to(members):
        why = "code" if column.table is binding_codes else "asked"
        for portion in _portions(ids):
            for row in await unit.rows(select(column).where(column.in_(portion)).distinct()):
                found[row[0]] = "asked" if found.get(row[0]) == "asked" else why
    return found


async def _in_use(unit: Reading, groups: list[OrganisationId]) -> frozenset[OrganisationId]:
    """Return which groups anything but members and their own place in the tree refers to."""
    used: set[OrganisationId] = set()
    for column in _referring_to(organisations):
        if column.table in (members, organisation_closure):
            continue
        used |= {row[0] for row in await unit.rows(select(column).where(column.in_(groups)).distinct())}
    return frozenset(used)


def _referring_to(table: Table) -> Iterator[Column[Any]]:
    for other in metadata.sorted_tables:
        for column in other.columns:
            if any(key.column.table is table for key in column.foreign_keys):
                yield column


def _portions(values: list[Any]) -> Iterator[list[Any]]:
    for start in range(0, len(values), _PORTION):
        yield values[start : start + _PORTION]


async def write_imported(unit: Writing, fact: RosterImported) -> None:
    """Remember an import: its numbers for good, what it replaced for as long as it can be taken back."""
    await unit.add(
        imports,
        {
            "id": fact.id,
            "by_user": fact.by,
            "at": fact.at,
            "file": fact.file,
            "counts": asdict(fact.counts),
            "founded": list(fact.founded),
            "kept": 0,
        },
    )
    await unit.add(
        import_branches,
        [
            {"import_id": fact.id, "organisation_id": branch, "new": counts.new, "changed": counts.changed}
            for branch, counts in by_branch(fact.entries).items()
        ],
    )
    keys = await keys_of(unit, [entry.after.id for entry in fact.entries])
    await unit.add(
        import_entries,
        [
            {
                "import_id": fact.id,
                "member_id": entry.after.id,
                "place": place,
                "branch_id": entry.branch,
                "left_id": entry.left,
                **{
                    name: unit.vault.hide_entry(
                        None if one is None else asdict(one),
                        keys.get(entry.after.id),
                        entry.after.id,
                        import_entries.name,
                        name,
                        fact.id,
                    )
                    for name, one in (("before", entry.before), ("after", entry.after))
                },
            }
            for place, entry in enumerate(fact.entries)
        ],
    )


async def write_enrolment_undone(unit: Writing, fact: EnrolmentUndone) -> None:
    """Take a member out of the roster; whatever still referred to them would stop this."""
    await unit.execute(delete(members).where(members.c.id == fact.member))


async def write_founding_undone(unit: Writing, fact: FoundingUndone) -> None:
    """Take a group and its place in the tree away."""
    paths = organisation_closure
    await unit.execute(delete(paths).where(paths.c.descendant_id == fact.organisation))
    await unit.execute(delete(organisations).where(organisations.c.id == fact.organisation))


async def write_undone(unit: Writing, fact: ImportUndone) -> None:
    """Note that an import was taken back, and forget what it had replaced."""
    values = {"undone_at": fact.at, "undone_by": fact.by, "kept": fact.kept}
    await unit.execute(update(imports).where(imports.c.id == fact.id).values(**values))
    await unit.execute(delete(import_entries).where(import_entries.c.import_id == fact.id))


async def forget_replaced(unit: Writing, at: datetime) -> None:
    """Forget what imports replaced that can no longer be taken back."""
    old = select(imports.c.id).where(imports.c.at < at - UNDO_WITHIN)
    await unit.execute(delete(import_entries).where(import_entries.c.import_id.in_(old)))
