"""Takes a person out of words that were put together for others and have not gone out, or could not."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from typing import Any

from sqlalchemy import select, update

from content.identifiers import MemberId
from content.members import NOBODY
from storage import kept_entries
from storage.ballots import ballots
from storage.edits import edit_entries
from storage.imports import import_entries
from storage.lessons import lessons
from storage.members import members
from storage.organisations import organisations
from storage.outbox import outbox
from storage.polls import polls
from storage.unit import Reading, Writing

_END = r"(?![.:-]?[0-9A-Za-z])"
"""Where an account ends: one whose server's name goes on, or that has a port, is somebody else's."""


_TITLES = (organisations.c.name, lessons.c.title, ballots.c.title, polls.c.question, members.c.category)


async def words_without(
    unit: Reading, ids: Collection[MemberId], accounts: Collection[str]
) -> Callable[[str], str] | None:
    """Return what puts nobody in the place of a person in a text, ``None`` where there is nothing to look for.

    Looked for are their name, what they were called before as far as that is kept, and their accounts.
    """
    names = {row.name for row in await unit.rows(select(members.c.name).where(members.c.id.in_(list(ids))))}
    former: set[str] = set()
    for table in (edit_entries, import_entries):
        former |= await kept_entries.names(unit, table, ids)
    # Mistyped, a former name may be a single sign or a common word, which stands for nobody.
    former = {one for one in former - names if len(one) > 1}
    longer = await _longer_names(unit, ids, names | former) | await _titles(unit, names, former)
    names |= former
    # Somebody else's name that begins or ends like theirs stays what it is; it is found first because it is longer.
    found = sorted({*names - longer - {NOBODY, ""}, *accounts, *longer}, key=lambda one: (-len(one), one))
    if not found:
        return None
    pattern = re.compile("|".join(re.escape(one) + (_END if one in accounts else "") for one in found))
    return lambda text: pattern.sub(lambda match: match[0] if match[0] in longer else NOBODY, text)


async def forget_in_words(unit: Writing, ids: Collection[MemberId], accounts: Collection[str]) -> None:
    """Put nobody in the place of a person in every row of the outbox that still has words."""
    without = await words_without(unit, ids, accounts)
    if without is None:
        return

    def taken_out(value: Any) -> Any:
        if isinstance(value, str):
            return without(value)
        if isinstance(value, list):
            return [taken_out(one) for one in value]
        if isinstance(value, dict):
            # What is sealed, and instants, hold no names; the key of a line is a sentence of the catalogue.
            kept = ("key",) if "parameters" in value else ("sealed", "at")
            return {name: one if name in kept else taken_out(one) for name, one in value.items()}
        return value

    rows = await unit.rows(select(outbox.c.number, outbox.c.words).where(outbox.c.words.is_not(None)))
    for row in rows:
        if row.words is None:
            continue
        emptied = {"key": row.words["key"], "parameters": taken_out(row.words["parameters"])}
        if emptied != row.words:
            await unit.execute(update(outbox).where(outbox.c.number == row.number).values(words=emptied))


async def _titles(unit: Reading, names: Collection[str], former: Collection[str]) -> set[str]:
    """Return the words of others, beside names, in which a former name occurs without being anybody's there."""
    found: set[str] = set()
    for column in _TITLES if former else ():
        found |= {row[0] for row in await unit.rows(select(column).where(column.is_not(None)).distinct())}
    return {
        one for one in found if any(name in one for name in former) and not any(name and name in one for name in names)
    }


async def _longer_names(unit: Reading, ids: Collection[str], names: Collection[str]) -> set[str]:
    """Return the names of others that hold one of these, or are the same."""
    rows = await unit.rows(select(members.c.name).where(members.c.id.not_in(list(ids))).distinct())
    return {row.name for row in rows if any(name and name in row.name for name in names)} - {NOBODY, ""}
