"""Sees that a database is sealed under our key, seals what lies in the clear, and puts another key in its place."""

from __future__ import annotations

from sqlalchemy import select, update

from storage import (
    cases,
    complaints,
    credentials,
    dues,
    dues_questions,
    exports,
    help_cases,
    kept_entries,
    members,
    model_members,
    outbox_fates,
    pledge_questions,
    sanctions,
    thought_reports,
    watchwords,
    write_ins,
)
from storage.claims import wait_until_alone
from storage.edits import edit_entries
from storage.engines import trouble
from storage.imports import import_entries
from storage.unit import Reading, Writing
from storage.vault import Vault, vaults


async def key_name(unit: Reading) -> str | None:
    """Return the name of the key under which a database is sealed, ``None`` where it is not yet."""
    name: str | None = await unit.value(select(vaults.c.key_name))
    return name


async def seal_everything(unit: Writing) -> None:
    """Take a database under our key the first time, and seal whatever is not. Raises Trouble for another key."""
    known = await key_name(unit)
    if known is None:
        await unit.add(vaults, {"id": 1, "key_name": unit.vault.name})
    elif known != unit.vault.name:
        raise trouble("sealed_under_other_key")
    nouns = (members, credentials, model_members, watchwords, write_ins, cases, sanctions, complaints)
    for noun in (*nouns, dues, dues_questions, help_cases, pledge_questions, thought_reports):
        await noun.seal_clear(unit)
    for table in (edit_entries, import_entries):
        await kept_entries.seal_clear(unit, table)


async def seal_anew(unit: Writing, new: Vault) -> int:
    """Put another master key in the place of ours and new keys in that of members', and seal everything anew by them.

    All of it is done in this transaction, so that whatever cuts it off has changed nothing; what was kept of the old
    keys opens nothing here any more. Returns how many people and secrets that were. Raises Trouble while a console is
    at work: it would go on under the old key.
    """
    unit.bare(wait_until_alone)
    if await key_name(unit) != unit.vault.name:
        raise trouble("sealed_under_other_key")
    await unit.execute(update(vaults).values(key_name=new.name))
    await exports.forget_all(unit)
    keys = await members.new_keys(unit, new)
    # Members last: what was replaced of their entries opens by the keys that their rows still hold.
    for table in (edit_entries, import_entries):
        await kept_entries.renew(unit, table, new, keys)
    texts = await help_cases.renew(unit, new, keys)
    await thought_reports.renew(unit, new, keys)
    await members.renew(unit, new, keys)
    number = len(keys) + texts + await credentials.rewrap(unit, new) + await model_members.rewrap(unit, new)
    number += await cases.rewrap(unit, new) + await sanctions.rewrap(unit, new)
    number += await complaints.rewrap(unit, new) + await outbox_fates.rewrap(unit, new)
    number += await dues.rewrap(unit, new) + await dues_questions.rewrap(unit, new)
    number += await pledge_questions.rewrap(unit, new)
    return number + await write_ins.rewrap(unit, new) + await watchwords.rewrap(unit, new)
