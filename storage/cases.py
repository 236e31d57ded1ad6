"""Cases with their notes and their evidence; both lie sealed where there is a key, and evidence does not stay."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any

from msgspec import Struct
from sqlalchemy import (
    Boolean,
    Column,
    ForeignKey,
    Integer,
    LargeBinary,
    String,
    Table,
    exists,
    false,
    func,
    select,
    update,
)

from content.cases import KEPT, Case, CaseOpened, Evidence, EvidenceKept, NoteAdded
from content.identifiers import CaseId, EvidenceId, OrganisationId, UserId
from storage.members import members
from storage.organisations import organisations, within
from storage.tables import Instant, metadata
from storage.unit import AnyRow, Reading, Writing
from storage.vault import Vault

cases = Table(
    "cases",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("number", Integer, nullable=False, unique=True),
    Column("organisation_id", ForeignKey("organisations.id"), nullable=False, index=True),
    Column("user_id", String(255), nullable=False, index=True),
    Column("opened_by", String(255), nullable=False),
    Column("opened_at", Instant, nullable=False),
    Column("touched_at", Instant, nullable=False),
)

case_notes = Table(
    "case_notes",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("case_id", ForeignKey("cases.id"), nullable=False, index=True),
    Column("by_user", String(255), nullable=False),
    Column("at", Instant, nullable=False),
    Column("text", LargeBinary, nullable=False),
    Column("is_sealed", Boolean, nullable=False, server_default=false()),
)

case_evidence = Table(
    "case_evidence",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("case_id", ForeignKey("cases.id"), nullable=False, index=True),
    Column("sender", String(255)),
    Column("room_id", String(255)),
    Column("event_id", String(255)),
    Column("said_at", Instant),
    Column("added_by", String(255), nullable=False),
    Column("added_at", Instant, nullable=False),
    Column("until", Instant, nullable=False, index=True),
    Column("text", LargeBinary),
    Column("is_sealed", Boolean, nullable=False, server_default=false()),
)
"""``text`` is empty once it is destroyed; that there was something, and until when, stays with the case."""


class Note(Struct, frozen=True, kw_only=True):
    """A note beside a case, as it is shown to who moderates there."""

    text: str
    by: UserId
    at: datetime


class Line(Struct, frozen=True, kw_only=True):
    """A case as the desk lists it; ``name`` is the person's on the roster."""

    case: Case
    name: str | None
    organisation: str
    touched_at: datetime


def _case(row: AnyRow) -> Case:
    return Case(
        id=CaseId(row.id),
        number=row.number,
        organisation=OrganisationId(row.organisation_id),
        user=UserId(row.user_id),
        opened_by=UserId(row.opened_by),
        opened_at=row.opened_at,
    )


async def next_number(unit: Reading) -> int:
    """Return the number of the case that is opened next; decisions that open one are taken one after the other."""
    return int(await unit.value(select(func.max(cases.c.number))) or 0) + 1


async def case(
    unit: Reading,
    id: CaseId,  # noqa: A002
    roots: Iterable[OrganisationId] | None = None,
    *,
    reader: UserId | None = None,
) -> Case | None:
    """Return a case, where roots are given one at or below them; nobody is a reader of one about themself."""
    query = select(cases).where(cases.c.id == id)
    if roots is not None:
        query = query.where(within(cases.c.organisation_id, roots))
    if reader is not None:
        query = query.where(cases.c.user_id != reader)
    row = await unit.first(query)
    return _case(row) if row else None


async def by_number(unit: Reading, number: int, roots: Iterable[OrganisationId]) -> Case | None:
    """Return the case of a number at or below the roots."""
    row = await unit.first(select(cases).where(cases.c.number == number, within(cases.c.organisation_id, roots)))
    return _case(row) if row else None


async def latest(unit: Reading, user: UserId, at: OrganisationId, since: datetime) -> Case | None:
    """Return the case about a person at a node that was worked on last since an instant, to be gone on with."""
    query = select(cases).where(cases.c.user_id == user, cases.c.organisation_id == at, cases.c.touched_at >= since)
    row = await unit.first(query.order_by(cases.c.touched_at.desc(), cases.c.number.desc()).limit(1))
    return _case(row) if row else None


async def lines(
    unit: Reading,
    roots: Iterable[OrganisationId],
    *,
    reader: UserId,
    text: str = "",
    before: int | None = None,
    limit: int,
) -> tuple[Line, ...]:
    """Return cases at or below the roots, the newest first, those before a number where one is given.

    ``text`` is part of a name or an account. Those about the reader are left out.
    """
    query: Any = (
        select(cases, members.c.name, organisations.c.name.label("place"))
        .join(organisations, organisations.c.id == cases.c.organisation_id)
        .outerjoin(members, members.c.user_id == cases.c.user_id)
        .where(within(cases.c.organisation_id, roots), cases.c.user_id != reader)
    )
    if text:
        query = query.where(
            members.c.name.contains(text, autoescape=True) | cases.c.user_id.contains(text, autoescape=True)
        )
    if before is not None:
        query = query.where(cases.c.number < before)
    rows = await unit.rows(query.order_by(cases.c.number.desc()).limit(limit))
    return tuple(
        Line(case=_case(row), name=row.name, organisation=row.place, touched_at=row.touched_at) for row in rows
    )


async def notes_of(unit: Reading, id: CaseId) -> tuple[Note, ...]:  # noqa: A002
    """Return the notes beside a case, oldest first."""
    query = select(case_notes).where(case_notes.c.case_id == id).order_by(case_notes.c.at, case_notes.c.id)
    return tuple(
        Note(text=opened(unit.vault, row, "case_notes") or "", by=UserId(row.by_user), at=row.at)
        for row in await unit.rows(query)
    )


async def evidence_of(unit: Reading, id: CaseId) -> tuple[Evidence, ...]:  # noqa: A002
    """Return the evidence beside a case, oldest first; of what is destroyed without its text."""
    query = select(case_evidence).where(case_evidence.c.case_id == id)
    rows = await unit.rows(query.order_by(case_evidence.c.added_at, case_evidence.c.id))
    return tuple(_evidence(unit, row) for row in rows)


async def evidence(unit: Reading, id: EvidenceId) -> Evidence | None:  # noqa: A002
    """Return one piece of evidence."""
    row = await unit.first(select(case_evidence).where(case_evidence.c.id == id))
    return _evidence(unit, row) if row else None


def _evidence(unit: Reading, row: AnyRow) -> Evidence:
    over = row.until <= unit.now
    return Evidence(
        id=EvidenceId(row.id),
        case=CaseId(row.case_id),
        text=evidence_text(unit, row),
        sender=None if over else row.sender,
        room=None if over else row.room_id,
        event=None if over else row.event_id,
        said_at=row.said_at,
        added_by=UserId(row.added_by),
        added_at=row.added_at,
        until=row.until,
    )


def evidence_text(unit: Reading, row: AnyRow) -> str | None:
    """Return what was said, and nothing once its time is over, whether it is destroyed by then or not."""
    return opened(unit.vault, row, "case_evidence") if row.until > unit.now else None


async def write_opened(unit: Writing, fact: CaseOpened) -> None:
    """Keep a case."""
    one = fact.case
    await unit.add_missing(
        cases,
        {
            "id": one.id,
            "number": one.number,
            "organisation_id": one.organisation,
            "user_id": one.user,
            "opened_by": one.opened_by,
            "opened_at": one.opened_at,
            "touched_at": one.opened_at,
        },
    )


async def touch(unit: Writing, id: CaseId, at: datetime) -> None:  # noqa: A002
    """Remember when a case was worked on last."""
    await unit.execute(update(cases).where(cases.c.id == id).values(touched_at=at))


async def write_noted(unit: Writing, fact: NoteAdded) -> None:
    """Keep a note, sealed where there is a key."""
    text, sealed = seal(unit.vault, fact.text, "case_notes", fact.id)
    row = {"id": fact.id, "case_id": fact.case, "by_user": fact.by, "at": fact.at, "text": text, "is_sealed": sealed}
    await unit.add_missing(case_notes, row)
    await touch(unit, fact.case, fact.at)


async def write_evidence(unit: Writing, fact: EvidenceKept) -> None:
    """Keep what was said, sealed where there is a key."""
    one = fact.evidence
    text, sealed = seal(unit.vault, one.text, "case_evidence", one.id) if one.text is not None else (None, False)
    known = await unit.first(select(case_evidence.c.text).where(case_evidence.c.id == one.id))
    if known is not None and (known.text is not None or text is None):
        return
    await unit.put(
        case_evidence,
        {
            "id": one.id,
            "case_id": one.case,
            "sender": one.sender,
            "room_id": one.room,
            "event_id": one.event,
            "said_at": one.said_at,
            "added_by": one.added_by,
            "added_at": one.added_at,
            "until": one.until,
            "text": text,
            "is_sealed": sealed,
        },
        key=["id"],
    )
    await touch(unit, one.case, one.added_at)


def seal(vault: Vault, text: str, table: str, id: str) -> tuple[bytes, bool]:  # noqa: A002
    """Return a text as it is kept, and whether that is sealed."""
    if vault.name is None:
        return text.encode(), False
    return vault.seal(text.encode(), table, "text", id), True


def opened(vault: Vault, row: AnyRow, table: str) -> str | None:
    """Return the text of a note or of a piece of evidence, by the name of its table."""
    if row.text is None:
        return None
    kept = bytes(row.text)
    return (vault.open(kept, table, "text", row.id) if row.is_sealed else kept).decode()


async def seal_clear(unit: Writing) -> None:
    """Seal what lies in the clear, as it does from before there was a key."""
    for table in (case_notes, case_evidence):
        for row in await unit.rows(select(table).where(table.c.is_sealed.is_(False), table.c.text.is_not(None))):
            await _keep(unit, unit.vault, table, row.id, bytes(row.text).decode())


async def rewrap(unit: Writing, new: Vault) -> int:
    """Seal everything under another master key; return how many texts there are."""
    number = 0
    for table in (case_notes, case_evidence):
        for row in await unit.rows(select(table).where(table.c.is_sealed.is_(True), table.c.text.is_not(None))):
            await _keep(unit, new, table, row.id, opened(unit.vault, row, table.name) or "")
            number += 1
    return number


async def _keep(unit: Writing, vault: Vault, table: Table, id: str, text: str) -> None:  # noqa: A002
    kept, sealed = seal(vault, text, table.name, id)
    await unit.execute(update(table).where(table.c.id == id).values(text=kept, is_sealed=sealed))


async def destroy_evidence(unit: Writing, now: datetime) -> None:
    """Destroy what was said, once its time is over: the words, by whom and where."""
    over = (case_evidence.c.until <= now) & (case_evidence.c.text.is_not(None) | case_evidence.c.event_id.is_not(None))
    nothing = dict.fromkeys(("text", "sender", "room_id", "event_id"))
    await unit.execute(update(case_evidence).where(over).values(**nothing))


async def past(unit: Reading, now: datetime) -> list[CaseId]:
    """Return the cases that nobody has worked on for as long as one is kept."""
    return [CaseId(row.id) for row in await unit.rows(select(cases.c.id).where(cases.c.touched_at < now - KEPT))]


async def of_people(unit: Reading, accounts: Collection[UserId]) -> list[CaseId]:
    """Return the cases about some accounts."""
    rows = await unit.rows(select(cases.c.id).where(cases.c.user_id.in_(list(accounts))))
    return [CaseId(row.id) for row in rows]


async def forget(unit: Writing, ids: Collection[CaseId]) -> None:
    """Forget cases with their notes and their evidence; what was done in them is forgotten before."""
    for table in (case_notes, case_evidence):
        await unit.execute(table.delete().where(table.c.case_id.in_(list(ids))))
    await unit.execute(cases.delete().where(cases.c.id.in_(list(ids))))


async def has_any(unit: Reading, roots: Iterable[OrganisationId]) -> bool:
    """Tell whether there is any case at or below the roots."""
    return bool(await unit.value(select(exists().where(within(cases.c.organisation_id, roots)))))
