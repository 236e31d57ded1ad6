"""Lines of record that were said in chat and wait for a meeting's recorder."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Column, Date, ForeignKey, String, Table, func, select

from content.identifiers import LineId, MemberId, OccurrenceId, OrganisationId, UserId
from content.meetings import Meeting
from content.notices import State
from content.record_lines import KEPT, Line, LineSaid, LineSettled, Sort
from content.resolutions import CORRECTED_FOR
from storage import meetings
from storage.tables import Instant, metadata
from storage.unit import AnyRow, Reading, Writing

record_lines = Table(
    "record_lines",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("occurrence_id", ForeignKey("meetings.occurrence_id"), nullable=False, index=True),
    Column("sort", String(12), nullable=False),
    Column("text", String(500), nullable=False),
    Column("member_id", ForeignKey("members.id"), index=True),
    Column("due_on", Date),
    Column("by_user", String(255), nullable=False, index=True),
    Column("at", Instant, nullable=False, index=True),
)


async def of_meeting(unit: Reading, id: OccurrenceId) -> tuple[Line, ...]:  # noqa: A002
    """Return what waits for the recorder of a meeting, in the order in which it was said."""
    query = select(record_lines).where(record_lines.c.occurrence_id == id)
    rows = await unit.rows(query.order_by(record_lines.c.at, record_lines.c.id))
    return tuple(_line(row) for row in rows)


async def line(unit: Reading, id: LineId, meeting: OccurrenceId) -> Line | None:  # noqa: A002
    """Return one of them."""
    own = (record_lines.c.id == id) & (record_lines.c.occurrence_id == meeting)
    row = await unit.first(select(record_lines).where(own))
    return _line(row) if row else None


async def waiting(unit: Reading, id: OccurrenceId) -> int:  # noqa: A002
    """Return how many there are."""
    return await unit.value(select(func.count()).where(record_lines.c.occurrence_id == id)) or 0


async def held_lately(unit: Reading, organisation: OrganisationId) -> Meeting | None:
    """Return the meeting of an organisation that began last and can still be written down."""
    table = meetings.meetings
    since = unit.now - CORRECTED_FOR
    open_still = (table.c.state == State.HELD) | ((table.c.state == State.CLOSED) & (table.c.closed_at >= since))
    query = select(table.c.occurrence_id).where(table.c.organisation_id == organisation, open_still)
    row = await unit.first(query.order_by(table.c.begins_at.desc(), table.c.occurrence_id).limit(1))
    return await meetings.meeting(unit, OccurrenceId(row.occurrence_id)) if row else None


def _line(row: AnyRow) -> Line:
    return Line(
        id=LineId(row.id),
        occurrence=OccurrenceId(row.occurrence_id),
        sort=Sort(row.sort),
        text=row.text,
        by=UserId(row.by_user),
        at=row.at,
        member=MemberId(row.member_id) if row.member_id else None,
        due_on=row.due_on,
    )


async def write_said(unit: Writing, fact: LineSaid) -> None:
    """Keep a line for the recorder."""
    one = fact.line
    values = {"id": one.id, "occurrence_id": one.occurrence, "sort": one.sort, "text": one.text, "at": one.at}
    await unit.add(record_lines, values | {"member_id": one.member, "due_on": one.due_on, "by_user": one.by})


async def write_settled(unit: Writing, fact: LineSettled) -> None:
    """Let go of a line."""
    await unit.execute(record_lines.delete().where(record_lines.c.id == fact.line))


async def forget_past(unit: Writing, at: datetime) -> None:
    """Let go of what nobody has taken over in time."""
    await unit.execute(record_lines.delete().where(record_lines.c.at < at - KEPT))
