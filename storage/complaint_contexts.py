"""What is said around a message, on its way to the page that asked for it; only that page can open it."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct
from sqlalchemy import Column, LargeBinary, String, Table, select, update

from content.complaint_contexts import ContextAsked, ContextRead, ContextShown, Outcome
from content.identifiers import ContextId, VoiceId
from storage.tables import Instant, metadata
from storage.unit import Reading, Writing

complaint_contexts = Table(
    "complaint_contexts",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("voice_id", String(32), nullable=False),
    Column("public", LargeBinary, nullable=False),
    Column("until", Instant, nullable=False, index=True),
    Column("outcome", String(10)),
    Column("sealed", LargeBinary),
)
"""``sealed`` opens by what only the address of the page holds; ``public`` is to seal by."""


class Asked(Struct, frozen=True, kw_only=True):
    """What was asked for and how it stands; ``outcome`` is ``None`` until it was read."""

    voice: VoiceId
    public: bytes
    outcome: Outcome | None
    sealed: bytes | None


async def asked(unit: Reading, id: ContextId) -> Asked | None:  # noqa: A002
    """Return what was asked for, ``None`` once it was shown or its time is over."""
    mine = (complaint_contexts.c.id == id, complaint_contexts.c.until > unit.now)
    row = await unit.first(select(complaint_contexts).where(*mine))
    if row is None:
        return None
    return Asked(
        voice=VoiceId(row.voice_id),
        public=bytes(row.public),
        outcome=Outcome(row.outcome) if row.outcome else None,
        sealed=bytes(row.sealed) if row.sealed is not None else None,
    )


async def write_asked(unit: Writing, fact: ContextAsked) -> None:
    """Keep what somebody asks for."""
    await forget_past(unit, unit.now)
    row = {"id": fact.id, "voice_id": fact.voice, "public": fact.public, "until": fact.until}
    await unit.add_missing(complaint_contexts, row)


async def write_read(unit: Writing, fact: ContextRead) -> None:
    """Keep what was read, as it is sealed."""
    mine = update(complaint_contexts).where(complaint_contexts.c.id == fact.id)
    await unit.execute(mine.values(outcome=fact.outcome, sealed=fact.sealed))


async def write_shown(unit: Writing, fact: ContextShown) -> None:
    """Let go of what was shown."""
    await unit.execute(complaint_contexts.delete().where(complaint_contexts.c.id == fact.id))


async def forget_past(unit: Writing, at: datetime) -> None:
    """Let go of what nobody has looked at in time."""
    await unit.execute(complaint_contexts.delete().where(complaint_contexts.c.until <= at))
