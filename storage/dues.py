"""Dues: what was fixed for each member, the ledger that is only added to, what was handed over, and who waits."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterable
from datetime import date
from typing import Any

from msgspec import Struct
from sqlalchemy import Boolean, Column, Date, ForeignKey, Index, LargeBinary, String, Table, false, func, select, update
from sqlalchemy import Integer as Fen

from content.dues import (
    Assessment,
    Category,
    DuesAssessed,
    DuesReminded,
    DuesWaySet,
    Kind,
    Month,
    State,
    is_payer,
    months,
)
from content.dues_handovers import DuesHandedOver, Handover
from content.dues_ledger import DuesEntered, DuesTold, Entry, Method, Sort
from content.identifiers import DuesEntryId, MemberId, OrganisationId
from content.members import Member
from content.strokes import by_strokes
from storage.cases import opened, seal
from storage.members import members, roster
from storage.organisations import branches_of, organisation_closure
from storage.tables import Instant, Sequence, metadata
from storage.unit import AnyRow, Reading, Writing
from storage.vault import Vault


def _ledger(name: str, *columns: Column[Any] | Index) -> Table:
    """Return a table whose rows are only added; ``text`` is what stands in words beside one, sealed under a key."""
    return Table(
        name,
        metadata,
        Column("number", Sequence, primary_key=True, autoincrement=True),
        Column("id", String(32), nullable=False, unique=True),
        *columns,
        Column("by_user", String(255), nullable=False),
        Column("at", Instant, nullable=False),
        Column("text", LargeBinary),
        Column("is_sealed", Boolean, nullable=False, server_default=false()),
    )


dues_assessments = _ledger(
    "dues_assessments",
    Column("member_id", ForeignKey("members.id"), nullable=False, index=True),
    Column("organisation_id", ForeignKey("organisations.id"), nullable=False, index=True),
    Column("kind", String(8), nullable=False),
    Column("category", String(10), nullable=False),
    Column("fen", Fen, nullable=False),
    Column("since", String(7), nullable=False),
)

dues_entries = _ledger(
    "dues_entries",
    Column("member_id", ForeignKey("members.id"), nullable=False),
    Column("organisation_id", ForeignKey("organisations.id"), nullable=False, index=True),
    Column("sort", String(10), nullable=False),
    Column("month", String(7)),
    Column("fen", Fen, nullable=False),
    Column("on_day", Date, nullable=False),
    Column("method", String(10), nullable=False),
    Column("central", Boolean, nullable=False),
    Column("reverses", String(32), unique=True),
    Index("ix_dues_entries_member_month", "member_id", "month"),
)
"""Its words are who paid for whom, who took it, the receipt and the note."""

dues_handovers = _ledger(
    "dues_handovers",
    Column("organisation_id", ForeignKey("organisations.id"), nullable=False, index=True),
    Column("entries", Fen, nullable=False, server_default="0"),
    Column("since", Date, nullable=False),
    Column("through", Date, nullable=False),
    Column("on_day", Date, nullable=False),
    Column("due_people", Fen, nullable=False),
    Column("paid_people", Fen, nullable=False),
    Column("due", Fen, nullable=False),
    Column("received", Fen, nullable=False),
    Column("handed", Fen, nullable=False),
    Column("reverses", String(32), unique=True),
)

dues_reminders = Table(
    "dues_reminders",
    metadata,
    Column("member_id", ForeignKey("members.id"), primary_key=True),
    Column("reminder", String(8), primary_key=True),
    Column("last", String(7), nullable=False),
    Column("at", Instant, nullable=False),
)

dues_ways = Table(
    "dues_ways",
    metadata,
    Column("organisation_id", ForeignKey("organisations.id"), primary_key=True),
    Column("text", String(300), nullable=False),
    Column("by_user", String(255), nullable=False),
)

SEALED: tuple[Table, ...] = (dues_assessments, dues_entries, dues_handovers)


class Line(Struct, frozen=True, kw_only=True):
    """A member with what holds for them in a branch and how their months stand; ``moved`` is who is in another now."""

    member: Member
    assessments: tuple[Assessment, ...]
    months: tuple[Month, ...]
    moved: bool = False

    @property
    def pays(self) -> bool:
        """Tell whether they pay in the branch now."""
        return is_payer(self.member) and self.member.left is None and not self.moved


class Count(Struct, frozen=True, kw_only=True):
    """Of how many members something is due for a month, how many have paid, and for how many nothing is fixed yet."""

    due: int = 0
    paid: int = 0
    unknown: int = 0


def count(lines: Iterable[Line], month: str) -> Count:
    """Count a month."""
    standing = [one.state for line in lines for one in line.months if one.month == month]
    due = sum(state in (State.DUE, State.PART, State.PAID) for state in standing)
    return Count(due=due, paid=standing.count(State.PAID), unknown=standing.count(State.UNKNOWN))


def text_of(vault: Vault, row: AnyRow, table: Table) -> str:
    """Return the sealed text of a row."""
    return opened(vault, row, table.name) or ""


def details_of(vault: Vault, row: AnyRow, table: Table) -> dict[str, str]:
    """Return what stands in words beside an entry."""
    text = text_of(vault, row, table)
    found: dict[str, str] = json.loads(text) if text else {}
    return found


def _assessment(unit: Reading, row: AnyRow, *, worded: bool) -> Assessment:
    return Assessment(
        id=row.id,
        member=row.member_id,
        organisation=row.organisation_id,
        kind=Kind(row.kind),
        category=Category(row.category),
        fen=row.fen,
        since=row.since,
        note=text_of(unit.vault, row, dues_assessments) if worded else "",
        by=row.by_user,
        at=row.at,
    )


def _entry(unit: Reading, row: AnyRow, *, worded: bool = True) -> Entry:
    return Entry(
        id=row.id,
        member=row.member_id,
        organisation=row.organisation_id,
        sort=Sort(row.sort),
        month=row.month,
        fen=row.fen,
        on=row.on_day,
        method=Method(row.method),
        by=row.by_user,
        at=row.at,
        central=row.central,
        reverses=row.reverses,
        **(details_of(unit.vault, row, dues_entries) if worded else {}),
    )


async def payers(unit: Reading, branch: OrganisationId) -> tuple[Member, ...]:
    """Return who pays dues in a branch, in the order of formal lists."""
    found = [one for one in await roster(unit, [branch]) if is_payer(one)]
    return tuple(sorted(found, key=lambda one: (by_strokes(one.name), one.id)))


async def _whose(unit: Reading, ids: Collection[MemberId]) -> dict[MemberId, MemberId]:
    """Return for each entry of the roster, those merged into others too, whose it is by now."""
    found, new = {one: one for one in ids}, list(ids)
    while new:
        known: dict[MemberId, MemberId] = {}
        for start in range(0, len(new), 500):
            query = select(members.c.id, members.c.merged_into)
            rows = await unit.rows(query.where(members.c.merged_into.in_(new[start : start + 500])))
            known |= {MemberId(row.id): found[row.merged_into] for row in rows if row.id not in found}
        found |= known
        new = list(known)
    return found


async def lines(
    unit: Reading, people: Iterable[Member], *, first: str, last: str, worded: bool = True
) -> tuple[Line, ...]:
    """Return how the months of these people stand, in their order; what was merged into them counts as theirs.

    Unless it is ``worded``, no note is opened.
    """
    people = list(people)
    whose = await _whose(unit, [one.id for one in people])
    fixed: dict[MemberId, list[Assessment]] = {one.id: [] for one in people}
    paid: dict[MemberId, dict[str, int]] = {one.id: {} for one in people}
    ids = list(whose)
    for start in range(0, len(ids), 500):
        part, held, sums = ids[start : start + 500], dues_assessments.c, dues_entries.c
        query: Any = select(dues_assessments).where(held.member_id.in_(part)).order_by(held.number)
        for row in await unit.rows(query):
            fixed[whose[row.member_id]].append(_assessment(unit, row, worded=worded))
        query = select(sums.member_id, sums.month, func.sum(sums.fen)).group_by(sums.member_id, sums.month)
        for member, month, fen in await unit.rows(query.where(sums.member_id.in_(part), sums.month.is_not(None))):
            held_by = paid[whose[member]]
            held_by[month] = held_by.get(month, 0) + int(fen)
    return tuple(
        Line(
            member=one,
            assessments=tuple(fixed[one.id]),
            months=months(one, fixed[one.id], paid[one.id], first=first, last=last),
        )
        for one in people
    )


async def counts(unit: Reading, branches: Collection[OrganisationId], month: str) -> dict[OrganisationId, Count]:
    """Return for each of some branches how a month stands there, its groups with it."""
    closure, found = organisation_closure.c, defaultdict[OrganisationId, list[Line]](list)
    rows = await unit.rows(branches_of().where(closure.ancestor_id.in_(list(branches))))
    above = {row.descendant_id: OrganisationId(row.ancestor_id) for row in rows}
    people = [one for one in await roster(unit, branches) if is_payer(one)]
    for one in await lines(unit, people, first=month, last=month, worded=False):
        found[above[one.member.organisation]].append(one)
    return {branch: count(found[branch], month) for branch in branches}


async def line(unit: Reading, member: Member, *, first: str, last: str) -> Line:
    """Return how the months of one member stand."""
    (found,) = await lines(unit, [member], first=first, last=last)
    return found


async def paid_for(unit: Reading, member: Member, month: str | None, branch: OrganisationId) -> int:
    """Return what a branch has of a member for a month, in fen; what another took is not its to give back."""
    if month is None:
        return 0
    ids, held = list(await _whose(unit, [member.id])), dues_entries.c
    own = held.member_id.in_(ids), held.month == month, held.organisation_id == branch
    query = select(func.sum(held.fen)).where(*own)
    return int(await unit.value(query) or 0)


async def entries(
    unit: Reading,
    *,
    branch: OrganisationId | None = None,
    member: MemberId | None = None,
    between: tuple[str, str] | None = None,
) -> tuple[Entry, ...]:
    """Return entries of the ledger in the order in which they were made: of a branch, of a member, for some months.

    ``between`` is the first and the last of these months.
    """
    query = select(dues_entries).order_by(dues_entries.c.number)
    if branch is not None:
        query = query.where(dues_entries.c.organisation_id == branch)
    if member is not None:
        query = query.where(dues_entries.c.member_id.in_(list(await _whose(unit, [member]))))
    if between is not None:
        query = query.where(dues_entries.c.month.between(*between))
    return tuple(_entry(unit, row) for row in await unit.rows(query))


_FIGURES = [column for column in dues_entries.c if column.name not in ("text", "is_sealed")]


async def ledger(unit: Reading, branch: OrganisationId) -> tuple[Entry, ...]:
    """Return the whole ledger of a branch in the order in which it was made, without what stands in words."""
    query = select(*_FIGURES).where(dues_entries.c.organisation_id == branch).order_by(dues_entries.c.number)
    return tuple(_entry(unit, row, worded=False) for row in await unit.rows(query))


class Sums(Struct, frozen=True, kw_only=True):
    """What a branch's ledger comes to, in fen, without and with what goes to the centre whole; and its first day."""

    own: int
    central: int
    first: date | None


async def sums(unit: Reading, branch: OrganisationId) -> Sums:
    """Add up the ledger of a branch."""
    held = dues_entries.c
    query = select(held.central, func.sum(held.fen).label("fen"), func.min(held.on_day).label("first"))
    rows = await unit.rows(query.where(held.organisation_id == branch).group_by(held.central))
    found = {bool(row.central): (int(row.fen), row.first) for row in rows}
    own, central = found.get(False, (0, None)), found.get(True, (0, None))
    return Sums(own=own[0], central=central[0], first=own[1])


async def entry(unit: Reading, id: str) -> Entry | None:  # noqa: A002
    """Return one entry."""
    row = await unit.first(select(dues_entries).where(dues_entries.c.id == id))
    return _entry(unit, row) if row else None


async def is_reversed(unit: Reading, id: DuesEntryId) -> bool:  # noqa: A002
    """Tell whether an entry was taken back."""
    return await unit.value(select(dues_entries.c.id).where(dues_entries.c.reverses == id)) is not None


async def handovers(unit: Reading, branch: OrganisationId) -> tuple[Handover, ...]:
    """Return what a branch handed over, in the order in which it was entered."""
    held = dues_handovers.c
    query = select(dues_handovers).where(held.organisation_id == branch).order_by(held.number)
    return tuple(
        Handover(
            id=row.id,
            organisation=row.organisation_id,
            entries=row.entries,
            since=row.since,
            through=row.through,
            on=row.on_day,
            due_people=row.due_people,
            paid_people=row.paid_people,
            due=row.due,
            received=row.received,
            handed=row.handed,
            by=row.by_user,
            at=row.at,
            reverses=row.reverses,
            **({"receiver": "", "receipt": "", "handler": ""} | details_of(unit.vault, row, dues_handovers)),
        )
        for row in await unit.rows(query)
    )


async def way(unit: Reading, branch: OrganisationId) -> str:
    """Return how dues are paid in a branch, as it says itself."""
    return str(await unit.value(select(dues_ways.c.text).where(dues_ways.c.organisation_id == branch)) or "")


def kept(vault: Vault, text: str, table: Table, id: str) -> dict[str, Any]:  # noqa: A002
    """Return the columns in which a text is kept, sealed where there is a key."""
    found, sealed = seal(vault, text, table.name, id) if text else (None, False)
    return {"text": found, "is_sealed": sealed}


def packed(**details: str) -> str:
    """Return as one text what stands in words beside an entry, without what is empty."""
    said = {name: text for name, text in details.items() if text}
    return json.dumps(said, ensure_ascii=False, separators=(",", ":")) if said else ""


async def write_assessed(unit: Writing, fact: DuesAssessed) -> None:
    """Keep what was fixed, beside what held before."""
    one = fact.assessment
    row: dict[str, Any] = {"id": one.id, "member_id": one.member, "organisation_id": one.organisation, "kind": one.kind}
    row |= {"category": one.category, "fen": one.fen, "since": one.since, "by_user": one.by, "at": one.at}
    await unit.add(dues_assessments, row | kept(unit.vault, one.note, dues_assessments, one.id))


async def write_entered(unit: Writing, fact: DuesEntered) -> None:
    """Add an entry to the ledger; one that stands in it already stays as it is."""
    one = fact.entry
    text = packed(payer=one.payer, payee=one.payee, receipt=one.receipt, note=one.note)
    row: dict[str, Any] = {"id": one.id, "member_id": one.member, "organisation_id": one.organisation, "sort": one.sort}
    row |= {"month": one.month, "fen": one.fen, "on_day": one.on, "method": one.method, "central": one.central}
    row |= {"reverses": one.reverses, "by_user": one.by, "at": one.at}
    await unit.add(dues_entries, row | kept(unit.vault, text, dues_entries, one.id))


async def write_handed_over(unit: Writing, fact: DuesHandedOver) -> None:
    """Keep that dues were handed over, or that this was taken back."""
    one = fact.handover
    text = packed(receiver=one.receiver, receipt=one.receipt, handler=one.handler, note=one.note)
    row: dict[str, Any] = {"id": one.id, "organisation_id": one.organisation, "entries": one.entries}
    row |= {
        "since": one.since,
        "through": one.through,
        "on_day": one.on,
        "due_people": one.due_people,
        "paid_people": one.paid_people,
    }
    row |= {
        "due": one.due,
        "received": one.received,
        "handed": one.handed,
        "reverses": one.reverses,
        "by_user": one.by,
        "at": one.at,
    }
    await unit.add(dues_handovers, row | kept(unit.vault, text, dues_handovers, one.id))


async def write_reminded(unit: Writing, fact: DuesReminded) -> None:
    """Remember of which months was spoken."""
    row = {"member_id": fact.member, "reminder": fact.reminder, "last": fact.last, "at": fact.at}
    await unit.put(dues_reminders, row, key=["member_id", "reminder"])


async def write_way(unit: Writing, fact: DuesWaySet) -> None:
    """Keep how dues are paid."""
    row = {"organisation_id": fact.organisation, "text": fact.text, "by_user": fact.by}
    await unit.put(dues_ways, row, key=["organisation_id"])


async def write_told(_unit: Writing, _fact: DuesTold) -> None:
    """Keep nothing: what the room was told stands in the outbox and in the record."""


async def seal_clear(unit: Writing, tables: Iterable[Table] = SEALED) -> None:
    """Seal what lies in the clear, as it does from before there was a key."""
    for table in tables:
        for row in await unit.rows(select(table).where(table.c.is_sealed.is_(False), table.c.text.is_not(None))):
            values = kept(unit.vault, bytes(row.text).decode(), table, row.id)
            await unit.execute(update(table).where(table.c.id == row.id).values(**values))


async def rewrap(unit: Writing, new: Vault, tables: Iterable[Table] = SEALED) -> int:
    """Seal everything under another master key; return how many texts there are."""
    number = 0
    for table in tables:
        for row in await unit.rows(select(table).where(table.c.is_sealed.is_(True), table.c.text.is_not(None))):
            values = kept(new, text_of(unit.vault, row, table), table, row.id)
            await unit.execute(update(table).where(table.c.id == row.id).values(**values))
            number += 1
    return number
