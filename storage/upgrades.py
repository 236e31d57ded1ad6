"""Tombstones that were seen in rooms of the organisation, and what became of each."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Boolean, Column, ForeignKey, String, Table, select, update

from content.identifiers import RoomId
from content.upgrades import Doubt, RoomMoved, Upgrade, UpgradeDoubted, UpgradeSeen
from storage.relocation import move_everything
from storage.rooms import rooms
from storage.tables import Instant, metadata
from storage.unit import AnyRow, Reading, Writing

upgrades = Table(
    "upgrades",
    metadata,
    Column("room_id", ForeignKey("rooms.id"), primary_key=True),
    Column("replacement", String(255), nullable=False, index=True),
    Column("at", Instant, nullable=False),
    Column("doubt", String(20)),
    Column("followed", Boolean, nullable=False),
)


def _upgrade(row: AnyRow) -> Upgrade:
    return Upgrade(
        room=row.room_id,
        replacement=row.replacement,
        at=row.at,
        doubt=Doubt(row.doubt) if row.doubt else None,
        followed=row.followed,
    )


async def upgrade(unit: Reading, room: RoomId) -> Upgrade | None:
    """Return what a room's tombstone says, if one was seen."""
    row = await unit.first(select(upgrades).where(upgrades.c.room_id == room))
    return _upgrade(row) if row else None


async def every_upgrade(unit: Reading) -> Mapping[RoomId, Upgrade]:
    """Return every tombstone that was seen, by its room."""
    return {row.room_id: _upgrade(row) for row in await unit.rows(select(upgrades))}


async def write_seen(unit: Writing, fact: UpgradeSeen) -> None:
    """Remember where a room points; a newer tombstone takes the place of an older one."""
    row = {"room_id": fact.room, "replacement": fact.replacement, "at": fact.at, "doubt": None, "followed": False}
    await unit.put(upgrades, row, key=["room_id"])


async def write_doubted(unit: Writing, fact: UpgradeDoubted) -> None:
    """Remember why a room was not followed; one that was replaced in words only is still where its people are."""
    await unit.execute(update(upgrades).where(upgrades.c.room_id == fact.room).values(doubt=fact.doubt))
    if fact.doubt is not Doubt.NOT_ASKED_IN:
        stays = (rooms.c.id == fact.room) & (rooms.c.lost == "replaced")
        await unit.execute(update(rooms).where(stays).values(lost=None))


async def write_moved(unit: Writing, fact: RoomMoved) -> None:
    """Let a room take the place of another."""
    new = fact.new
    await unit.add_missing(
        rooms,
        {
            "id": new.id,
            "organisation_id": new.organisation,
            "purpose": new.purpose,
            "name": new.name,
            "encrypted": new.encrypted,
            "lost": None,
            "kept_at": unit.now,
        },
    )
    await unit.execute(update(rooms).where(rooms.c.id == fact.old).values(lost="replaced"))
    await unit.execute(update(upgrades).where(upgrades.c.room_id == fact.old).values(doubt=None, followed=True))
    await move_everything(unit, fact.old, new.id)
