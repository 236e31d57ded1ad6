"""The seals of the record that were told outside: the newest of them, and the rooms in which the next is told."""

from __future__ import annotations

from sqlalchemy import Column, Date, Integer, String, Table, select

from content.anchors import HeadAnchored, Room
from content.rooms import Purpose
from storage.audit import audit
from storage.chain import Head
from storage.organisations import organisations
from storage.rooms import rooms
from storage.tables import Instant, metadata
from storage.unit import Reading, Writing

anchors = Table(
    "audit_anchors",
    metadata,
    Column("day", Date, primary_key=True),
    Column("number", Integer, nullable=False),
    Column("link", String(64), nullable=False),
    Column("at", Instant, nullable=False),
)


async def newest(unit: Reading) -> Head | None:
    """Return the head that was told last."""
    row = await unit.first(select(anchors).order_by(anchors.c.day.desc()).limit(1))
    return Head(number=row.number, link=bytes.fromhex(row.link)) if row else None


async def sealed_head(unit: Reading) -> Head | None:
    """Return the newest row of record, ``None`` where it is not sealed."""
    row = await unit.first(select(audit.c.number, audit.c.link).order_by(audit.c.number.desc()).limit(1))
    return Head(number=row.number, link=bytes(row.link)) if row and row.link is not None else None


async def top(unit: Reading) -> tuple[str | None, tuple[Room, ...]]:
    """Return the zone at the top of the tree, and the rooms there of the committee, or else of the staff."""
    query = (
        select(organisations.c.timezone, organisations.c.id, rooms.c.id.label("room"), rooms.c.purpose)
        .outerjoin(
            rooms,
            (rooms.c.organisation_id == organisations.c.id)
            & rooms.c.purpose.in_([Purpose.COMMITTEE, Purpose.STAFF])
            & rooms.c.lost.is_(None),
        )
        .where(organisations.c.parent_id.is_(None))
        .order_by(organisations.c.place, rooms.c.purpose)
    )
    found: dict[str, Room] = {}
    zone: str | None = None
    for row in await unit.rows(query):
        zone = zone or row.timezone
        if row.room is not None:
            # In the order of the alphabet the committee comes before the staff.
            found.setdefault(row.id, Room(id=row.room, organisation=row.id))
    return zone, tuple(found.values())


async def write_anchored(unit: Writing, fact: HeadAnchored) -> None:
    """Remember what was told."""
    await unit.add_missing(anchors, {"day": fact.day, "number": fact.number, "link": fact.link, "at": fact.at})
