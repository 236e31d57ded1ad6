"""Drafts of meetings that were asked for in chat, until they have had their word; who asked stands in the outbox."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import JSON, Column, ForeignKey, String, Table, select

from content.identifiers import EventId, UserId
from content.meeting_drafts import KEPT, MeetingDraft, MeetingDrafted, MeetingDraftSettled
from content.notices import Form
from storage.outbox import Kind, outbox
from storage.tables import Instant, metadata
from storage.unit import Reading, Writing

meeting_drafts = Table(
    "meeting_drafts",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("organisation_id", ForeignKey("organisations.id"), nullable=False),
    Column("form", String(20), nullable=False),
    Column("title", String(120), nullable=False),
    Column("plainly", String(40), nullable=False),
    Column("agenda", JSON, nullable=False),
    Column("place", String(200), nullable=False),
    Column("begins_at", Instant, nullable=False),
    Column("timezone", String(64), nullable=False),
    Column("at", Instant, nullable=False, index=True),
)


async def draft(unit: Reading, id: str) -> MeetingDraft | None:  # noqa: A002
    """Return a draft that waits for its word."""
    row = await unit.first(
        select(meeting_drafts).where(meeting_drafts.c.id == id, meeting_drafts.c.at > unit.now - KEPT)
    )
    if row is None:
        return None
    return MeetingDraft(
        id=row.id,
        organisation=row.organisation_id,
        form=Form(row.form),
        title=row.title,
        plainly=row.plainly,
        agenda=tuple(row.agenda),
        place=row.place,
        begins_at=row.begins_at,
        timezone=row.timezone,
    )


async def asked_by(unit: Reading, event: EventId, user: UserId) -> MeetingDraft | None:
    """Return the draft about which a message of ours asked a person."""
    query = (
        select(meeting_drafts.c.id)
        .join(outbox, outbox.c.matter_id == meeting_drafts.c.id)
        .where(outbox.c.event_id == event, outbox.c.user_id == user, outbox.c.kind == Kind.TELL)
    )
    found = await unit.value(query)
    return await draft(unit, str(found)) if found is not None else None


async def write_drafted(unit: Writing, fact: MeetingDrafted) -> None:
    """Keep a draft."""
    one = fact.draft
    row = {
        "id": one.id,
        "organisation_id": one.organisation,
        "form": one.form,
        "title": one.title,
        "plainly": one.plainly,
        "agenda": list(one.agenda),
        "place": one.place,
        "begins_at": one.begins_at,
        "timezone": one.timezone,
        "at": fact.at,
    }
    await unit.add_missing(meeting_drafts, row)


async def write_settled(unit: Writing, fact: MeetingDraftSettled) -> None:
    """Forget a draft that has had its word."""
    await unit.execute(meeting_drafts.delete().where(meeting_drafts.c.id == fact.draft))


async def forget_past(unit: Writing, now: datetime) -> None:
    """Forget the drafts that nobody said anything about."""
    await unit.execute(meeting_drafts.delete().where(meeting_drafts.c.at <= now - KEPT))
