"""Pictures, videos and documents: their bytes in pieces, where the homeserver keeps them, and how much it takes."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy import JSON, BigInteger, Column, ForeignKey, Integer, LargeBinary, String, Table, func, select

from content.decision import Fact
from content.media import Kind, Medium, MediumKept
from storage.tables import Instant, metadata
from storage.unit import Reading, Writing

CHUNK = 1024 * 1024
"""Bytes of a medium in one row: what is held in memory while it is sent or shown, however large the whole is."""

media = Table(
    "media",
    metadata,
    Column("hash", String(64), primary_key=True),
    Column("kind", String(10), nullable=False),
    Column("name", String(255), nullable=False),
    Column("mimetype", String(60), nullable=False),
    Column("width", Integer, nullable=False),
    Column("height", Integer, nullable=False),
    Column("seconds", Integer),
    Column("pages", Integer),
    Column("size", Integer, nullable=False),
)

media_chunks = Table(
    "media_chunks",
    metadata,
    Column("hash", ForeignKey("media.hash"), primary_key=True),
    Column("place", Integer, primary_key=True),
    Column("data", LargeBinary, nullable=False),
)

media_uploads = Table(
    "media_uploads",
    metadata,
    Column("hash", ForeignKey("media.hash"), primary_key=True),
    Column("encrypted", Integer, primary_key=True),
    Column("content", JSON, nullable=False),
)

upload_limits = Table(
    "upload_limits",
    metadata,
    Column("user_id", String(255), primary_key=True),
    Column("bytes", BigInteger),
    Column("asked_at", Instant, nullable=False),
)


class StoredMedium(Struct, frozen=True, kw_only=True):
    """What a chat client wants to know of a medium before showing it, and in how many pieces its bytes lie."""

    hash: str
    kind: Kind
    name: str
    mimetype: str
    width: int
    height: int
    seconds: int | None
    size: int
    pieces: int


class MediumUploaded(Fact, frozen=True, kw_only=True):
    """The homeserver holds a medium; ``content`` is its address there, with keys where it is encrypted."""

    hash: str
    encrypted: bool
    content: dict[str, Any]


class UploadLimitSeen(Fact, frozen=True, kw_only=True):
    """The homeserver said to the bot's account how many bytes one upload may have; ``None`` where it sets no limit."""

    user: str
    bytes: int | None
    at: datetime


async def medium(unit: Reading, hash: str) -> StoredMedium | None:  # noqa: A002
    """Return what is known of a medium, without its bytes."""
    row = await unit.first(select(media).where(media.c.hash == hash))
    if row is None:
        return None
    return StoredMedium(
        hash=row.hash,
        kind=Kind(row.kind),
        name=row.name,
        mimetype=row.mimetype,
        width=row.width,
        height=row.height,
        seconds=row.seconds,
        size=row.size,
        pieces=await unit.value(select(func.count()).where(media_chunks.c.hash == hash)),
    )


async def piece(unit: Reading, hash: str, place: int) -> bytes:  # noqa: A002
    """Return one piece of a medium's bytes, counted from 0."""
    return bytes(
        await unit.value(select(media_chunks.c.data).where(media_chunks.c.hash == hash, media_chunks.c.place == place))
    )


async def weighed(unit: Reading, shown: Iterable[Medium]) -> tuple[Medium, ...]:
    """Return media with the sizes of what we keep of them, whatever a lesson says."""
    shown = list(shown)
    rows = await unit.rows(select(media.c.hash, media.c.size).where(media.c.hash.in_([one.hash for one in shown])))
    sizes = {row.hash: row.size for row in rows}
    return tuple(replace(one, size=sizes.get(one.hash, one.size)) for one in shown)


async def upload(unit: Reading, hash: str, *, encrypted: bool) -> dict[str, Any] | None:  # noqa: A002
    """Return how an uploaded medium is named on the homeserver, if it was uploaded already."""
    content = await unit.value(
        select(media_uploads.c.content).where(media_uploads.c.hash == hash, media_uploads.c.encrypted == int(encrypted))
    )
    return dict(content) if content else None


async def upload_limit(unit: Reading) -> int | None:
    """Return how many bytes the homeserver takes in one upload, by its last word; ``None`` while it has said none."""
    limit: int | None = await unit.value(
        select(upload_limits.c.bytes).order_by(upload_limits.c.asked_at.desc()).limit(1)
    )
    return limit


async def write_kept(unit: Writing, fact: MediumKept) -> None:
    """Keep the bytes of a medium once, in pieces."""
    if await unit.value(select(media.c.hash).where(media.c.hash == fact.hash)):
        return
    await unit.add(
        media,
        {
            "hash": fact.hash,
            "kind": fact.kind,
            "name": fact.name,
            "mimetype": fact.mimetype,
            "width": fact.width,
            "height": fact.height,
            "seconds": fact.seconds,
            "pages": fact.pages,
            "size": len(fact.data),
        },
    )
    whole = memoryview(fact.data)
    for place, start in enumerate(range(0, len(whole), CHUNK)):
        data = bytes(whole[start : start + CHUNK])
        await unit.add(media_chunks, {"hash": fact.hash, "place": place, "data": data})


async def write_uploaded(unit: Writing, fact: MediumUploaded) -> None:
    """Remember where the homeserver keeps a medium, so that it is uploaded once."""
    await unit.add_missing(
        media_uploads, {"hash": fact.hash, "encrypted": int(fact.encrypted), "content": fact.content}
    )


async def write_limit(unit: Writing, fact: UploadLimitSeen) -> None:
    """Keep the homeserver's last word on how much it takes."""
    row = {"user_id": fact.user, "bytes": fact.bytes, "asked_at": fact.at}
    await unit.put(upload_limits, row, key=["user_id"])
