"""Thought reports and the replies to them: their words lie sealed under the key of their author alone."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Any

from msgspec import Struct
from sqlalchemy import Boolean, Column, ForeignKey, Integer, LargeBinary, String, Table, and_, func, or_, select, update

from content.identifiers import EventId, MemberId, OrganisationId, ThoughtReportId, UserId
from content.thought_reports import (
    DAYS_KEPT,
    KEPT,
    UNFINISHED_KEPT,
    Part,
    ThoughtPartChanged,
    ThoughtPartRemoved,
    ThoughtPartSaid,
    ThoughtReport,
    ThoughtReportAnswered,
    ThoughtReportBegun,
    ThoughtReportDropped,
    ThoughtReportHandedIn,
    ThoughtReportWithdrawn,
)
from storage.members import doubles_of, keys_of, members
from storage.organisations import within
from storage.tables import Instant, metadata
from storage.unit import AnyRow, Reading, Writing
from storage.vault import Vault

thought_reports = Table(
    "thought_reports",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("member_id", ForeignKey("members.id"), nullable=False, index=True),
    Column("author", String(255), nullable=False, index=True),
    Column("begun_at", Instant, nullable=False),
    Column("touched_at", Instant, nullable=False),
    Column("handed_in_at", Instant, index=True),
    Column("replied_at", Instant),
    Column("replied_by", String(255)),
    Column("text", LargeBinary),
    Column("is_sealed", Boolean, nullable=False),
)
"""``text`` is the reply; the words of the report are those of its parts."""

thought_parts = Table(
    "thought_parts",
    metadata,
    Column("report_id", ForeignKey("thought_reports.id"), primary_key=True),
    Column("event_id", String(255), primary_key=True),
    Column("member_id", ForeignKey("members.id"), nullable=False, index=True),
    Column("number", Integer, nullable=False),
    Column("at", Instant, nullable=False),
    Column("letters", Integer, nullable=False),
    Column("text", LargeBinary, nullable=False),
    Column("is_sealed", Boolean, nullable=False),
)

_TABLES = (thought_reports, thought_parts)


class Line(Struct, frozen=True, kw_only=True):
    """A report as it is listed, without its words; ``reviewer`` is the account of who keeps contact with its author."""

    report: ThoughtReport
    name: str
    organisation: OrganisationId
    author: UserId | None
    reviewer: UserId | None
    is_forgotten: bool


async def unfinished(unit: Reading, member: MemberId) -> ThoughtReport | None:
    """Return the report that somebody has begun and not handed in, also by an entry merged into theirs."""
    ids = list(await doubles_of(unit, [member]))
    query = select(thought_reports).where(
        thought_reports.c.member_id.in_(ids), thought_reports.c.handed_in_at.is_(None)
    )
    row = await unit.first(query.order_by(thought_reports.c.begun_at.desc()).limit(1))
    return await _report(unit, row) if row else None


async def last(unit: Reading, member: MemberId) -> ThoughtReport | None:
    """Return the report that somebody handed in last, also by an entry merged into theirs."""
    ids = list(await doubles_of(unit, [member]))
    query = select(thought_reports).where(
        thought_reports.c.member_id.in_(ids), thought_reports.c.handed_in_at.is_not(None)
    )
    row = await unit.first(query.order_by(thought_reports.c.handed_in_at.desc()).limit(1))
    return await _report(unit, row) if row else None


async def holding(unit: Reading, event: EventId, user: UserId) -> ThoughtReport | None:
    """Return the report of somebody to which a message of theirs belongs."""
    query = (
        select(thought_reports)
        .join(thought_parts, thought_parts.c.report_id == thought_reports.c.id)
        .where(thought_parts.c.event_id == event, thought_reports.c.author == user)
    )
    row = await unit.first(query)
    return await _report(unit, row) if row else None


async def report(unit: Reading, id: ThoughtReportId) -> ThoughtReport | None:  # noqa: A002
    """Return one report."""
    row = await unit.first(select(thought_reports).where(thought_reports.c.id == id))
    return await _report(unit, row) if row else None


async def _report(unit: Reading, row: AnyRow) -> ThoughtReport:
    parts = await unit.rows(select(thought_parts).where(thought_parts.c.report_id == row.id).order_by(*_order()))
    return ThoughtReport(
        id=ThoughtReportId(row.id),
        member=MemberId(row.member_id),
        user=UserId(row.author),
        begun_at=row.begun_at,
        parts=tuple(Part(event=EventId(one.event_id), letters=one.letters, at=one.at) for one in parts),
        handed_in_at=row.handed_in_at,
        replied_at=row.replied_at,
    )


def _order() -> tuple[Any, ...]:
    return thought_parts.c.number, thought_parts.c.event_id


async def lines(
    unit: Reading, roots: Iterable[OrganisationId], *, contact: UserId | None = None, limit: int
) -> tuple[Line, ...]:
    """Return the reports that were handed in at or below the roots, the newest first.

    With a ``contact`` only of those with whom they keep contact.
    """
    away, contacts = metadata.tables["away"], members.alias("contacts")
    query: Any = (
        select(
            thought_reports,
            members.c.name,
            members.c.organisation_id,
            members.c.user_id.label("account"),
            contacts.c.user_id.label("reviewer"),
            select(thought_parts.c.event_id)
            .where(thought_parts.c.report_id == thought_reports.c.id)
            .exists()
            .label("has_words"),
        )
        .join(members, members.c.id == thought_reports.c.member_id)
        .outerjoin(away, away.c.member_id == members.c.id)
        .outerjoin(contacts, and_(contacts.c.id == away.c.contact_id, contacts.c.left_at.is_(None)))
        .where(thought_reports.c.handed_in_at.is_not(None), within(members.c.organisation_id, roots))
    )
    if contact is not None:
        query = query.where(contacts.c.user_id == contact)
    rows = await unit.rows(query.order_by(thought_reports.c.handed_in_at.desc(), thought_reports.c.id).limit(limit))
    return tuple(
        Line(
            report=ThoughtReport(
                id=ThoughtReportId(row.id),
                member=MemberId(row.member_id),
                user=UserId(row.author),
                begun_at=row.begun_at,
                handed_in_at=row.handed_in_at,
                replied_at=row.replied_at,
            ),
            name=row.name,
            organisation=OrganisationId(row.organisation_id),
            author=row.account,
            reviewer=row.reviewer,
            is_forgotten=not row.has_words,
        )
        for row in rows
    )


async def words_of(unit: Reading, one: ThoughtReport) -> tuple[tuple[str, ...], str | None]:
    """Return what a report says, message by message, and the reply; nothing of whom no key is left. Raises Unreadable.

    This is the one way to the words, for pages that have noted the look and for a person's own data.
    """
    keys = await keys_of(unit, [one.member])
    rows = await unit.rows(select(thought_parts).where(thought_parts.c.report_id == one.id).order_by(*_order()))
    row = await unit.first(select(thought_reports).where(thought_reports.c.id == one.id))
    texts = (opened(unit.vault, part, thought_parts, keys) for part in rows)
    reply = opened(unit.vault, row, thought_reports, keys) if row is not None else None
    return tuple(text for text in texts if text is not None), reply


def opened(vault: Vault, row: AnyRow, table: Table, keys: Mapping[MemberId, bytes]) -> str | None:
    """Return the words in a row, ``None`` where there are none, or nobody can open them any more. Raises Unreadable."""
    if row.text is None:
        return None
    if not row.is_sealed:
        return bytes(row.text).decode()
    wrapped = keys.get(row.member_id)
    return vault.open_for(wrapped, row.member_id, bytes(row.text), *_place(table, row)).decode() if wrapped else None


def _place(table: Table, row: AnyRow) -> tuple[str, ...]:
    return (table.name, "text", row.report_id, row.event_id) if table is thought_parts else (table.name, "text", row.id)


def _kept(vault: Vault, text: str, member: MemberId, wrapped: bytes | None, *place: str) -> dict[str, Any]:
    if wrapped is None or vault.name is None:
        return {"text": text.encode(), "is_sealed": False}
    return {"text": vault.seal_for(wrapped, member, text.encode(), *place), "is_sealed": True}


async def seal_clear(unit: Writing) -> None:
    """Seal what lies in the clear, as it does from before there was a key."""
    for table in _TABLES:
        rows = await unit.rows(select(table).where(table.c.is_sealed.is_(False), table.c.text.is_not(None)))
        keys = await keys_of(unit, {row.member_id for row in rows})
        for row in rows:
            await _keep(unit, unit.vault, table, row, bytes(row.text).decode(), keys.get(row.member_id))


async def renew(unit: Writing, new: Vault, keys: Mapping[MemberId, bytes]) -> None:
    """Seal everything anew under the new keys of members; of who has none nothing opens."""
    for table in _TABLES:
        rows = await unit.rows(select(table).where(table.c.is_sealed.is_(True), table.c.text.is_not(None)))
        old = await keys_of(unit, {row.member_id for row in rows})
        for row in rows:
            text = opened(unit.vault, row, table, old)
            if text is not None and row.member_id in keys:
                await _keep(unit, new, table, row, text, keys[row.member_id])


async def _keep(unit: Writing, vault: Vault, table: Table, row: AnyRow, text: str, wrapped: bytes | None) -> None:
    values = _kept(vault, text, row.member_id, wrapped, *_place(table, row))
    own = (
        and_(table.c.report_id == row.report_id, table.c.event_id == row.event_id)
        if table is thought_parts
        else table.c.id == row.id
    )
    await unit.execute(update(table).where(own).values(**values))


async def write_begun(unit: Writing, fact: ThoughtReportBegun) -> None:
    """Keep that a report was begun."""
    one = fact.report
    values = {"id": one.id, "member_id": one.member, "author": one.user, "begun_at": one.begun_at}
    await unit.add(thought_reports, {**values, "touched_at": one.begun_at, "is_sealed": False})


async def write_said(unit: Writing, fact: ThoughtPartSaid) -> None:
    """Keep a message of a report, in the order in which they came."""
    newest = select(func.max(thought_parts.c.number)).where(thought_parts.c.report_id == fact.report)
    number = (await unit.value(newest) or 0) + 1
    keys = await keys_of(unit, [fact.member])
    place = (thought_parts.name, "text", fact.report, fact.event)
    values = {"report_id": fact.report, "event_id": fact.event, "member_id": fact.member, "at": fact.at}
    text = _kept(unit.vault, fact.text, fact.member, keys.get(fact.member), *place)
    await unit.add_missing(thought_parts, {**values, "number": number, "letters": len(fact.text), **text})
    own = thought_reports.c.id == fact.report
    await unit.execute(update(thought_reports).where(own).values(touched_at=fact.at))


async def write_changed(unit: Writing, fact: ThoughtPartChanged) -> None:
    """Keep a message as it was edited."""
    keys = await keys_of(unit, [fact.member])
    place = (thought_parts.name, "text", fact.report, fact.event)
    text = _kept(unit.vault, fact.text, fact.member, keys.get(fact.member), *place)
    own = and_(thought_parts.c.report_id == fact.report, thought_parts.c.event_id == fact.event)
    await unit.execute(update(thought_parts).where(own).values(letters=len(fact.text), **text))


async def write_removed(unit: Writing, fact: ThoughtPartRemoved) -> None:
    """Forget a message."""
    own = and_(thought_parts.c.report_id == fact.report, thought_parts.c.event_id == fact.event)
    await unit.execute(thought_parts.delete().where(own))


async def write_handed_in(unit: Writing, fact: ThoughtReportHandedIn) -> None:
    """Keep when a report was handed in."""
    own = thought_reports.c.id == fact.report
    await unit.execute(update(thought_reports).where(own).values(handed_in_at=fact.at, touched_at=fact.at))


async def write_gone(unit: Writing, fact: ThoughtReportDropped | ThoughtReportWithdrawn) -> None:
    """Forget a report with everything that it says."""
    await _forget(unit, [fact.report])


async def write_answered(unit: Writing, fact: ThoughtReportAnswered) -> None:
    """Keep the reply."""
    keys = await keys_of(unit, [fact.member])
    text = _kept(unit.vault, fact.text, fact.member, keys.get(fact.member), thought_reports.name, "text", fact.report)
    own = thought_reports.c.id == fact.report
    await unit.execute(update(thought_reports).where(own).values(replied_at=fact.at, replied_by=fact.by, **text))


async def forget_past(unit: Writing, now: datetime) -> None:
    """Forget words whose time is over, then the day too; and what somebody began and left, or left the roster with."""
    held = thought_reports.c
    old = select(held.id).where(held.handed_in_at < now - KEPT)
    await unit.execute(thought_parts.delete().where(thought_parts.c.report_id.in_(old)))
    await unit.execute(
        update(thought_reports).where(held.handed_in_at < now - KEPT, held.text.is_not(None)).values(text=None)
    )
    departed = select(members.c.id).where(members.c.left_at.is_not(None), members.c.merged_into.is_(None))
    unfinished = and_(
        held.handed_in_at.is_(None), or_(held.touched_at < now - UNFINISHED_KEPT, held.member_id.in_(departed))
    )
    gone = await unit.rows(select(held.id).where(or_(unfinished, held.handed_in_at < now - DAYS_KEPT)))
    await _forget(unit, [row.id for row in gone])


async def _forget(unit: Writing, ids: Collection[str]) -> None:
    await unit.execute(thought_parts.delete().where(thought_parts.c.report_id.in_(list(ids))))
    await unit.execute(thought_reports.delete().where(thought_reports.c.id.in_(list(ids))))
