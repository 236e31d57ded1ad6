"""Complaints with their voices; who complained stands here and nowhere else, and what they wrote lies sealed."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import Boolean, Column, ForeignKey, Index, LargeBinary, String, Table, exists, false, select, update

from content.complaints import KEPT, REMEMBERED, AuthorFound, Complaint, ComplaintMade, MessageFlagged, State, Voice
from content.identifiers import CaseId, ComplaintId, EventId, OrganisationId, RoomId, UserId, VoiceId, derive
from storage.cases import opened, seal
from storage.tables import Instant, metadata
from storage.unit import AnyRow, Reading, Writing
from storage.vault import Vault

complaints = Table(
    "complaints",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("organisation_id", ForeignKey("organisations.id"), nullable=False, index=True),
    Column("user_id", String(255), index=True),
    Column("state", String(10), nullable=False),
    Column("opened_at", Instant, nullable=False),
    Column("touched_at", Instant, nullable=False),
    Column("claimed_by", String(255)),
    Column("claimed_at", Instant),
    Column("decided_by", String(255)),
    Column("decided_at", Instant),
    Column("case_id", String(32)),
    Index("ix_complaints_state_touched_at", "state", "touched_at"),
)
"""``user_id`` is whom it is about, empty until the author of the message is read in its room."""

complaint_voices = Table(
    "complaint_voices",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("complaint_id", ForeignKey("complaints.id"), nullable=False, index=True),
    Column("room_id", String(255), nullable=False),
    Column("event_id", String(255), nullable=False, index=True),
    Column("origin", String(10), nullable=False),
    Column("reason", String(20), nullable=False),
    Column("at", Instant, nullable=False),
    Column("reporter", String(255), index=True),
    Column("text", LargeBinary),
    Column("is_sealed", Boolean, nullable=False, server_default=false()),
)


def _complaint(row: AnyRow) -> Complaint:
    return Complaint(
        id=ComplaintId(row.id),
        organisation=OrganisationId(row.organisation_id),
        about=UserId(row.user_id) if row.user_id else None,
        state=State(row.state),
        opened_at=row.opened_at,
        touched_at=row.touched_at,
        claimed_by=row.claimed_by,
        claimed_at=row.claimed_at,
        decided_by=row.decided_by,
        decided_at=row.decided_at,
        case=CaseId(row.case_id) if row.case_id else None,
    )


async def _open_about(unit: Reading, at: OrganisationId, user: UserId) -> str | None:
    query = select(complaints.c.id).where(
        complaints.c.organisation_id == at, complaints.c.user_id == user, complaints.c.state == State.OPEN
    )
    id: str | None = await unit.value(query.order_by(complaints.c.opened_at, complaints.c.id).limit(1))  # noqa: A001
    return id


async def _open_of_message(unit: Reading, at: OrganisationId, room: RoomId, event: EventId) -> str | None:
    of_message = exists().where(
        complaint_voices.c.complaint_id == complaints.c.id,
        complaint_voices.c.room_id == room,
        complaint_voices.c.event_id == event,
    )
    query = select(complaints.c.id).where(
        complaints.c.organisation_id == at, complaints.c.state == State.OPEN, of_message
    )
    id: str | None = await unit.value(query.order_by(complaints.c.opened_at, complaints.c.id).limit(1))  # noqa: A001
    return id


async def write_made(unit: Writing, fact: ComplaintMade | MessageFlagged) -> None:
    """Keep a voice beside what is open about the same message or the same person, else as a complaint of its own."""
    voice = fact.voice
    if await unit.value(select(complaint_voices.c.id).where(complaint_voices.c.id == voice.id)) is not None:
        return
    joined = await _open_of_message(unit, voice.organisation, voice.room, voice.event)
    if joined is None and voice.about is not None:
        joined = await _open_about(unit, voice.organisation, voice.about)
    id = joined or derive(voice.id, "complaint")  # noqa: A001
    if joined is None:
        row = {"id": id, "organisation_id": voice.organisation, "user_id": voice.about, "state": State.OPEN}
        await unit.add_missing(complaints, {**row, "opened_at": voice.at, "touched_at": voice.at})
    else:
        await unit.execute(update(complaints).where(complaints.c.id == id).values(touched_at=voice.at))
    await unit.add_missing(complaint_voices, _row(unit.vault, voice, id))
    if voice.about is not None:
        await write_author(unit, AuthorFound(room=voice.room, event=voice.event, about=voice.about))


def _row(vault: Vault, voice: Voice, complaint: str) -> dict[str, Any]:
    text, sealed = seal(vault, voice.words, "complaint_voices", voice.id) if voice.words else (None, False)
    return {
        "id": voice.id,
        "complaint_id": complaint,
        "room_id": voice.room,
        "event_id": voice.event,
        "origin": voice.origin,
        "reason": voice.reason,
        "at": voice.at,
        "reporter": voice.reporter,
        "text": text,
        "is_sealed": sealed,
    }


async def write_author(unit: Writing, fact: AuthorFound) -> None:
    """Say of a complaint whom it is about, and let it be one with what is open about the same person there."""
    named = complaint_voices.c.complaint_id == complaints.c.id
    of_message = exists().where(
        named, complaint_voices.c.room_id == fact.room, complaint_voices.c.event_id == fact.event
    )
    unknown = select(complaints).where(complaints.c.user_id.is_(None), complaints.c.state == State.OPEN, of_message)
    for row in await unit.rows(unknown):
        other = await _open_about(unit, OrganisationId(row.organisation_id), fact.about)
        if other is None:
            await unit.execute(update(complaints).where(complaints.c.id == row.id).values(user_id=fact.about))
            continue
        own = complaint_voices.c.complaint_id == row.id
        await unit.execute(update(complaint_voices).where(own).values(complaint_id=other))
        await unit.execute(update(complaints).where(complaints.c.id == other).values(touched_at=row.touched_at))
        await unit.execute(complaints.delete().where(complaints.c.id == row.id))


def text_of(vault: Vault, row: AnyRow) -> str | None:
    """Return what somebody wrote with their complaint."""
    return opened(vault, row, "complaint_voices")


async def seal_clear(unit: Writing) -> None:
    """Seal what lies in the clear, as it does from before there was a key."""
    clear = complaint_voices.c.is_sealed.is_(False) & complaint_voices.c.text.is_not(None)
    for row in await unit.rows(select(complaint_voices).where(clear)):
        await _keep(unit, unit.vault, VoiceId(row.id), bytes(row.text).decode())


async def rewrap(unit: Writing, new: Vault) -> int:
    """Seal everything under another master key; return how many texts there are."""
    sealed = complaint_voices.c.is_sealed.is_(True) & complaint_voices.c.text.is_not(None)
    rows = await unit.rows(select(complaint_voices).where(sealed))
    for row in rows:
        await _keep(unit, new, VoiceId(row.id), text_of(unit.vault, row) or "")
    return len(rows)


async def _keep(unit: Writing, vault: Vault, id: VoiceId, text: str) -> None:  # noqa: A002
    kept, sealed = seal(vault, text, "complaint_voices", id)
    await unit.execute(update(complaint_voices).where(complaint_voices.c.id == id).values(text=kept, is_sealed=sealed))


async def forget_past(unit: Writing, now: datetime) -> None:
    """Forget who complained and in what words, a while after the answer; and complaints of long ago."""
    answered = select(complaints.c.id).where(complaints.c.decided_at < now - REMEMBERED)
    whose = complaint_voices.c.complaint_id.in_(answered) & (
        complaint_voices.c.reporter.is_not(None) | complaint_voices.c.text.is_not(None)
    )
    await unit.execute(update(complaint_voices).where(whose).values(reporter=None, text=None, is_sealed=False))
    old = await unit.rows(select(complaints.c.id).where(complaints.c.touched_at < now - KEPT))
    await _forget(unit, [row.id for row in old])


async def forget_people(unit: Writing, accounts: Collection[UserId]) -> None:
    """Forget what was said about some accounts, and that it was they who said something of others."""
    about = await unit.rows(select(complaints.c.id).where(complaints.c.user_id.in_(list(accounts))))
    await _forget(unit, [row.id for row in about])
    theirs = complaint_voices.c.reporter.in_(list(accounts))
    await unit.execute(update(complaint_voices).where(theirs).values(reporter=None, text=None, is_sealed=False))


async def _forget(unit: Writing, ids: Collection[str]) -> None:
    if ids:
        await unit.execute(complaint_voices.delete().where(complaint_voices.c.complaint_id.in_(list(ids))))
        await unit.execute(complaints.delete().where(complaints.c.id.in_(list(ids))))
