"""Entries of the roster as they were before and after an import or a change by hand, sealed under their people's keys.

The first column of each of these tables names the change to which a row belongs.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import ColumnElement, Table, select, update

from content.identifiers import MemberId
from storage.members import keys_of
from storage.unit import AnyRow, Reading, Writing
from storage.vault import Vault

HELD = ("before", "after")


def opened(unit: Reading, table: Table, row: AnyRow, column: str, keys: Mapping[MemberId, bytes]) -> dict[str, Any]:
    """Return an entry as it was kept in a column, with what is sealed of it."""
    place = (table.name, column, getattr(row, table.columns[0].name))
    return unit.vault.show_entry(getattr(row, column), keys.get(row.member_id), row.member_id, *place)


async def names(unit: Reading, table: Table, ids: Collection[MemberId]) -> frozenset[str]:
    """Return what people were called before and after their changes, as far as that is kept.

    A name is never sealed, so that it is read also where nothing of an entry opens any more.
    """
    rows = await unit.rows(select(table).where(table.c.member_id.in_(list(ids)), table.c.after.is_not(None)))
    held = [getattr(row, column) for row in rows for column in HELD]
    return frozenset(str(one.get("name", "")) for one in held if one is not None)


async def renew(unit: Writing, table: Table, new: Vault, keys: Mapping[MemberId, bytes]) -> None:
    """Seal what was replaced and written anew, under the new keys of its people; of who has none nothing opens."""
    rows = await unit.rows(select(table).where(table.c.after.is_not(None)))
    old = await keys_of(unit, [row.member_id for row in rows])
    for row in rows:
        if row.member_id not in keys:
            continue
        known = {name: opened(unit, table, row, name, old) for name in HELD if getattr(row, name) is not None}
        await _write(unit, table, row, _hidden(new, table, row, known, keys[row.member_id]))


async def seal_clear(unit: Writing, table: Table) -> None:
    """Seal what was replaced and written from before there were keys."""
    rows = await unit.rows(select(table).where(table.c.after.is_not(None)))
    keys = await keys_of(unit, [row.member_id for row in rows])
    for row in rows:
        known = {name: getattr(row, name) for name in HELD}
        hidden = _hidden(unit.vault, table, row, known, keys.get(row.member_id))
        if hidden != known:
            await _write(unit, table, row, hidden)


def _hidden(vault: Vault, table: Table, row: AnyRow, known: Mapping[str, Any], key: bytes | None) -> dict[str, Any]:
    change = getattr(row, table.columns[0].name)
    return {name: vault.hide_entry(one, key, row.member_id, table.name, name, change) for name, one in known.items()}


async def _write(unit: Writing, table: Table, row: AnyRow, hidden: Mapping[str, Any]) -> None:
    own: ColumnElement[bool] = (table.columns[0] == getattr(row, table.columns[0].name)) & (
        table.c.member_id == row.member_id
    )
    await unit.execute(update(table).where(own).values(**hidden))
