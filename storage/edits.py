"""Changes to the roster by hand: who made which, to whom, and for a while what each of them replaced."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Any

from msgspec import Struct
from msgspec.structs import asdict, replace
from sqlalchemy import JSON, Boolean, Column, Index, Integer, String, Table, Text, func, or_, select, update

from content.edits import (
    UNDO_WITHIN,
    Edit,
    EditUndone,
    RosterEdited,
    Sort,
    differing,
)
from content.identifiers import EditId, MemberId, OrganisationId, UserId, derive
from content.imports import Entered, ImportUndone, RosterImported
from content.members import AccountBound, Member
from storage import kept_entries
from storage.imports import imports
from storage.members import keys_of
from storage.members import member as one_member
from storage.organisations import branch_above, each_within, within
from storage.tables import Instant, Sequence, metadata
from storage.unit import AnyRow, Query, Reading, Writing

edits = Table(
    "roster_edits",
    metadata,
    Column("number", Sequence, primary_key=True, autoincrement=True),
    Column("id", String(32), nullable=False, unique=True),
    Column("sort", String(16), nullable=False),
    Column("by_user", String(255)),
    Column("at", Instant, nullable=False, index=True),
    Column("reason", Text, nullable=False),
    Column("other", String(200), nullable=False),
    Column("on_day", String(10), nullable=False),
    Column("people", Integer, nullable=False),
    Column("undone_at", Instant),
    Column("undone_by", String(255)),
    Column("kept", Integer, nullable=False),
)

# No foreign keys to members and organisations: what is taken out again leaves its lines behind.
edit_places = Table(
    "roster_edit_places",
    metadata,
    Column("edit_id", String(32), primary_key=True),
    Column("organisation_id", String(32), primary_key=True, index=True),
)

edit_entries = Table(
    "roster_edit_entries",
    metadata,
    Column("edit_id", String(32), primary_key=True),
    Column("member_id", String(32), primary_key=True),
    Column("place", Integer, nullable=False),
    Column("at", Instant, nullable=False),
    Column("branch_id", String(32), nullable=False),
    Column("left_id", String(32)),
    Column("is_new", Boolean, nullable=False),
    Column("fields", JSON, nullable=False),
    Column("account", String(255), index=True),
    Column("before", JSON(none_as_null=True)),
    Column("after", JSON(none_as_null=True)),
    Index("ix_roster_edit_entries_member_at", "member_id", "at"),
)

PAGE = 50


class Trace(Struct, frozen=True, kw_only=True):
    """One change of one person's entry: what was done, which fields it wrote, and from which sheet, if any."""

    edit: EditId
    sort: Sort
    by: UserId | None
    at: datetime
    member: MemberId
    fields: tuple[str, ...]
    file: str | None
    reason: str
    other: str
    on: str
    undone: bool


# --- asking -----------------------------------------------------------------------------------------------------------


async def one(unit: Reading, roots: Iterable[OrganisationId], id: EditId) -> Edit | None:  # noqa: A002
    """Return one change that touched a branch at or below the roots."""
    found = await _edits(unit, select(edits).where(edits.c.id == id), list(roots))
    return found[0] if found else None


async def recent(
    unit: Reading,
    roots: Iterable[OrganisationId],
    *,
    at: Iterable[OrganisationId] | None = None,
    before: datetime | None = None,
    limit: int = PAGE,
) -> tuple[Edit, ...]:
    """Return the newest changes that touched something at or below the roots, those made by sheets too.

    ``at`` narrows the list to what lies at or below these; what is in view stays what the roots say.
    """
    roots = list(roots)
    touched = select(edit_places.c.edit_id).where(
        within(edit_places.c.organisation_id, roots if at is None else list(at))
    )
    query = select(edits).where(edits.c.id.in_(touched))
    if before is not None:
        query = query.where(edits.c.at < before)
    return await _edits(unit, query.limit(limit), roots)


async def _edits(unit: Reading, query: Query, roots: list[OrganisationId]) -> tuple[Edit, ...]:
    rows = await unit.rows(query.order_by(edits.c.at.desc(), edits.c.number.desc()))
    ids = [row.id for row in rows]
    places = select(edit_places.c.edit_id, func.count()).where(edit_places.c.edit_id.in_(ids))
    places = places.group_by(edit_places.c.edit_id)
    touched = {row[0]: row[1] for row in await unit.rows(places)}
    seen = {row[0]: row[1] for row in await unit.rows(places.where(within(edit_places.c.organisation_id, roots)))}
    return tuple(
        Edit(
            id=row.id,
            sort=Sort(row.sort),
            by=row.by_user,
            at=row.at,
            number=row.people,
            whole=touched.get(row.id) == seen[row.id],
            reason=row.reason,
            other=row.other,
            on=row.on_day,
            undone_at=row.undone_at,
            undone_by=row.undone_by,
            kept=row.kept,
        )
        for row in rows
        if row.id in seen
    )


async def entries(unit: Reading, id: EditId) -> tuple[Entered, ...]:  # noqa: A002
    """Return whom a change was about, with what it replaced; nothing once that is forgotten."""
    query = select(edit_entries).where(edit_entries.c.edit_id == id, edit_entries.c.after.is_not(None))
    rows = await unit.rows(query.order_by(edit_entries.c.place))
    keys = await keys_of(unit, [row.member_id for row in rows])
    return tuple(
        Entered(
            before=None if row.is_new else _load(kept_entries.opened(unit, edit_entries, row, "before", keys)),
            after=_load(kept_entries.opened(unit, edit_entries, row, "after", keys)),
            branch=row.branch_id,
            left=row.left_id,
        )
        for row in rows
    )


async def traces(
    unit: Reading,
    ids: Collection[MemberId],
    *,
    roots: Iterable[OrganisationId],
    before: datetime | None = None,
    limit: int | None = None,
) -> tuple[Trace, ...]:
    """Return what was done at or below the roots to the entries of a person, the newest first."""
    roots = list(roots)
    seen = or_(each_within(edit_entries.c.branch_id, roots), each_within(edit_entries.c.left_id, roots))
    query = (
        select(edit_entries.c.member_id, edit_entries.c.fields, edits, imports.c.file)
        .join(edits, edits.c.id == edit_entries.c.edit_id)
        .outerjoin(imports, imports.c.id == edits.c.id)
        .where(edit_entries.c.member_id.in_(list(ids)), seen)
        .order_by(edit_entries.c.at.desc(), edits.c.number.desc())
    )
    if before is not None:
        query = query.where(edit_entries.c.at < before)
    if limit is not None:
        query = query.limit(limit)
    return tuple(_trace(row) for row in await unit.rows(query))


def _trace(row: AnyRow) -> Trace:
    return Trace(
        edit=row.id,
        sort=Sort(row.sort),
        by=row.by_user,
        at=row.at,
        member=row.member_id,
        fields=tuple(row.fields),
        file=row.file,
        reason=row.reason,
        other=row.other,
        on=row.on_day,
        undone=row.undone_at is not None,
    )


# --- writing ----------------------------------------------------------------------------------------------------------


async def write_edited(unit: Writing, fact: RosterEdited) -> None:
    """Remember a change: that it was made for good, what it replaced for as long as it can be taken back."""
    await _remember(unit, fact, with_values=True)


async def write_imported(unit: Writing, fact: RosterImported) -> None:
    """Remember of an import who was entered and what was changed; what it replaced is kept with the import."""
    edited = RosterEdited(id=EditId(fact.id), sort=Sort.IMPORTED, by=fact.by, at=fact.at, entries=fact.entries)
    await _remember(unit, edited, with_values=False)


async def write_bound(unit: Writing, fact: AccountBound) -> None:
    """Remember that a person bound their account by a code; called before the account is theirs."""
    before = await one_member(unit, fact.member)
    if before is None:
        return
    entry = Entered(
        before=before,
        after=replace(before, user=fact.user),
        branch=await branch_above(unit, before.organisation),
    )
    id = EditId(derive(f"bound:{fact.at.isoformat()}", fact.user, fact.member))  # noqa: A001
    edited = RosterEdited(id=id, sort=Sort.BOUND, by=fact.user, at=fact.at, entries=(entry,))
    await _remember(unit, edited, with_values=True)


async def _remember(unit: Writing, fact: RosterEdited, *, with_values: bool) -> None:
    await unit.add(
        edits,
        {
            "id": fact.id,
            "sort": fact.sort,
            "by_user": fact.by,
            "at": fact.at,
            "reason": fact.reason,
            "other": fact.other,
            "on_day": fact.on,
            "people": len(fact.entries),
            "kept": 0,
        },
    )
    touched = {entry.branch for entry in fact.entries} | {entry.left for entry in fact.entries if entry.left}
    keys = await keys_of(unit, [entry.after.id for entry in fact.entries])
    await unit.add(edit_places, [{"edit_id": fact.id, "organisation_id": place} for place in sorted(touched)])
    await unit.add(
        edit_entries,
        [
            {
                "edit_id": fact.id,
                "member_id": entry.after.id,
                "place": place,
                "at": fact.at,
                "branch_id": entry.branch,
                "left_id": entry.left,
                "is_new": entry.before is None,
                "fields": list(differing(entry.before, entry.after)),
                "account": _account(entry),
                **{
                    name: unit.vault.hide_entry(
                        values, keys.get(entry.after.id), entry.after.id, edit_entries.name, name, fact.id
                    )
                    for name, values in (
                        ("before", _dump(entry.before) if with_values and entry.before is not None else None),
                        ("after", _dump(entry.after) if with_values else None),
                    )
                },
            }
            for place, entry in enumerate(fact.entries)
        ],
    )


async def write_undone(unit: Writing, fact: EditUndone) -> None:
    """Note that a change was taken back, and forget what it had replaced."""
    values = {"undone_at": fact.at, "undone_by": fact.by, "kept": fact.kept}
    await unit.execute(update(edits).where(edits.c.id == fact.id).values(**values))
    await _forget(unit, edit_entries.c.edit_id == fact.id)


async def write_import_undone(unit: Writing, fact: ImportUndone) -> None:
    """Note likewise that an import was taken back."""
    values = {"undone_at": fact.at, "undone_by": fact.by, "kept": fact.kept}
    await unit.execute(update(edits).where(edits.c.id == fact.id).values(**values))


async def forget_replaced(unit: Writing, at: datetime) -> None:
    """Forget what changes replaced that can no longer be taken back; that they were made stays."""
    await _forget(unit, edit_entries.c.at < at - UNDO_WITHIN)


async def _forget(unit: Writing, which: Any) -> None:
    still = edit_entries.c.after.is_not(None)
    await unit.execute(update(edit_entries).where(which, still).values(before=None, after=None))


def _account(entry: Entered) -> str | None:
    """Return the account that became somebody's by this, or ceased to be."""
    before = entry.before.user if entry.before is not None else None
    return None if before == entry.after.user else entry.after.user or before


def _dump(member: Member) -> dict[str, Any]:
    values = asdict(member)
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in values.items()}


def _load(values: Mapping[str, Any]) -> Member:
    left = values.get("left")
    return Member(**{**values, "left": datetime.fromisoformat(left) if left else None})
