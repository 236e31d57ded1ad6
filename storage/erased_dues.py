"""Takes a person out of the words beside dues: their own go, in those of others nobody stands in their place."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from typing import Any

from sqlalchemy import Table, select, update

from content.chains import folded
from content.identifiers import MemberId
from content.members import NOBODY
from storage.dues import SEALED, details_of, dues_assessments, dues_entries, dues_ways, kept, packed, text_of
from storage.dues_questions import dues_questions
from storage.unit import Writing

_NAMED = ("payer", "payee", "handler")
_AT_A_TIME = 1000


async def forget_words(
    unit: Writing, ids: Collection[MemberId], names: Iterable[str], without: Callable[[str], str] | None
) -> None:
    """Empty what stands in words beside the entries of some members; the sums stay, or nothing would add up.

    Of others, who paid for them, took it or handed it over is nobody where one of the names stands there alone;
    ``without`` puts nobody in their place within other words.
    """
    for table in (dues_assessments, dues_entries):
        await unit.execute(update(table).where(table.c.member_id.in_(list(ids))).values(text=None, is_sealed=False))
    whole = {folded(name) for name in names}

    def said(name: str, text: str) -> str:
        if name in _NAMED and folded(text) in whole:
            return NOBODY
        return without(text) if without is not None and name in (*_NAMED, "note") else text

    for table in SEALED:
        last = 0
        while rows := await unit.rows(_worded(table, last)):
            last = rows[-1].number
            for row in rows:
                if table is dues_assessments:
                    before = text_of(unit.vault, row, table)
                    after = said("note", before)
                else:
                    details = details_of(unit.vault, row, table)
                    before, after = packed(**details), packed(**{name: said(name, details[name]) for name in details})
                if after != before:
                    values = kept(unit.vault, after, table, row.id)
                    await unit.execute(update(table).where(table.c.id == row.id).values(**values))
    if without is None:
        return
    for row in await unit.rows(select(dues_questions)):
        values = kept(unit.vault, without(text_of(unit.vault, row, dues_questions)), dues_questions, row.id)
        await unit.execute(update(dues_questions).where(dues_questions.c.id == row.id).values(**values))
    for row in await unit.rows(select(dues_ways)):
        own = dues_ways.c.organisation_id == row.organisation_id
        await unit.execute(update(dues_ways).where(own).values(text=without(row.text)))


def _worded(table: Table, after: int) -> Any:
    """Return the query for the next rows of a table that have words."""
    query = select(table).where(table.c.number > after, table.c.text.is_not(None))
    return query.order_by(table.c.number).limit(_AT_A_TIME)
