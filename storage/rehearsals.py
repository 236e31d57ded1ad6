"""What guards would have done in a room, on its way to the page that asked for it; without a word of what was said."""

from __future__ import annotations

from datetime import datetime

import msgspec
from msgspec import Struct
from sqlalchemy import JSON, Column, Integer, String, Table, select, update

from content.identifiers import OrganisationId, RehearsalId, RoomId
from content.rehearsals import Hit, Outcome, RehearsalAsked, RehearsalRead
from storage.tables import Instant, metadata
from storage.unit import Reading, Writing

rehearsals = Table(
    "rehearsals",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("organisation_id", String(32), nullable=False),
    Column("room_id", String(255), nullable=False),
    Column("until", Instant, nullable=False, index=True),
    Column("outcome", String(10)),
    Column("looked", Integer),
    Column("unread", Integer),
    Column("struck", Integer),
    Column("hits", JSON),
)


class Rehearsal(Struct, frozen=True, kw_only=True):
    """What was asked for and what came of it; ``outcome`` is ``None`` until it was read."""

    organisation: OrganisationId
    room: RoomId
    outcome: Outcome | None
    looked: int
    unread: int
    struck: int
    hits: tuple[Hit, ...]


async def rehearsal(unit: Reading, id: RehearsalId) -> Rehearsal | None:  # noqa: A002
    """Return what was asked for, ``None`` once its time is over."""
    row = await unit.first(select(rehearsals).where(rehearsals.c.id == id, rehearsals.c.until > unit.now))
    if row is None:
        return None
    return Rehearsal(
        organisation=OrganisationId(row.organisation_id),
        room=RoomId(row.room_id),
        outcome=Outcome(row.outcome) if row.outcome else None,
        looked=row.looked or 0,
        unread=row.unread or 0,
        struck=row.struck or 0,
        hits=msgspec.convert(row.hits or [], tuple[Hit, ...]),
    )


async def write_asked(unit: Writing, fact: RehearsalAsked) -> None:
    """Keep what somebody asks for."""
    await forget_past(unit, unit.now)
    row = {"id": fact.id, "organisation_id": fact.organisation, "room_id": fact.room, "until": fact.until}
    await unit.add_missing(rehearsals, row)


async def write_read(unit: Writing, fact: RehearsalRead) -> None:
    """Keep what came of it."""
    found = {
        "outcome": fact.outcome,
        "looked": fact.looked,
        "unread": fact.unread,
        "struck": fact.struck,
        "hits": msgspec.to_builtins(fact.hits),
    }
    await unit.execute(update(rehearsals).where(rehearsals.c.id == fact.id).values(**found))


async def forget_past(unit: Writing, at: datetime) -> None:
    """Let go of what nobody looks at any more."""
    await unit.execute(rehearsals.delete().where(rehearsals.c.until <= at))
