"""Lessons with every revision that was ever sent, and the pictures they show."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import JSON, Column, Date, ForeignKey, Integer, LargeBinary, String, Table, Text, select, update

from content.decision import Fact
from content.identifiers import LessonId, OrganisationId
from content.lessons import Kind, Lesson, LessonRevised, LessonWritten, Picture, PictureKept
from storage.organisations import within
from storage.tables import Instant, metadata
from storage.unit import AnyRow, Reading, Writing

lessons = Table(
    "lessons",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("owner_id", ForeignKey("organisations.id"), nullable=False, index=True),
    Column("kind", String(10), nullable=False),
    Column("title", String(120), nullable=False),
    Column("pack", String(60), nullable=False),
    Column("revision", Integer, nullable=False),
    Column("author", String(255), nullable=False),
    Column("written_at", Instant, nullable=False),
)

lesson_revisions = Table(
    "lesson_revisions",
    metadata,
    Column("lesson_id", ForeignKey("lessons.id"), primary_key=True),
    Column("revision", Integer, primary_key=True),
    Column("title", String(120), nullable=False),
    Column("body", Text, nullable=False),
    Column("source", String(400), nullable=False),
    Column("dated", Date),
    Column("minutes", Integer, nullable=False),
    Column("pictures", JSON, nullable=False),
    Column("author", String(255), nullable=False),
    Column("written_at", Instant, nullable=False),
)

pictures = Table(
    "pictures",
    metadata,
    Column("hash", String(64), primary_key=True),
    Column("name", String(255), nullable=False),
    Column("mimetype", String(60), nullable=False),
    Column("width", Integer, nullable=False),
    Column("height", Integer, nullable=False),
    Column("size", Integer, nullable=False),
    Column("data", LargeBinary, nullable=False),
)

uploads = Table(
    "uploads",
    metadata,
    Column("hash", ForeignKey("pictures.hash"), primary_key=True),
    Column("encrypted", Integer, primary_key=True),
    Column("content", JSON, nullable=False),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredPicture:
    """The bytes of a picture and what a chat client wants to know of it before showing it."""

    hash: str
    name: str
    mimetype: str
    width: int
    height: int
    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureUploaded(Fact):
    """The homeserver holds a picture; ``content`` is its address there, with keys where it is encrypted."""

    hash: str
    encrypted: bool
    content: dict[str, Any]


_CURRENT = select(lessons.c.id, lessons.c.owner_id, lessons.c.kind, lessons.c.pack, *lesson_revisions.c).join(
    lesson_revisions, lesson_revisions.c.lesson_id == lessons.c.id
)


def _lesson(row: AnyRow) -> Lesson:
    return Lesson(
        id=row.id,
        owner=row.owner_id,
        kind=Kind(row.kind),
        title=row.title,
        body=row.body,
        source=row.source,
        dated=row.dated,
        minutes=row.minutes,
        pictures=tuple(Picture(**picture) for picture in row.pictures),
        pack=row.pack,
        revision=row.revision,
    )


async def lesson(unit: Reading, id: LessonId, revision: int | None = None) -> Lesson | None:  # noqa: A002
    """Return a lesson as it is now, or as it was in a revision."""
    wanted = lessons.c.revision if revision is None else revision
    row = await unit.first(_CURRENT.where(lessons.c.id == id, lesson_revisions.c.revision == wanted))
    return _lesson(row) if row else None


async def library(unit: Reading, roots: Iterable[OrganisationId]) -> tuple[Lesson, ...]:
    """Return the lessons owned at or below the roots, newest first."""
    query = _CURRENT.where(
        lesson_revisions.c.revision == lessons.c.revision, within(lessons.c.owner_id, roots)
    ).order_by(lessons.c.written_at.desc(), lessons.c.id)
    return tuple(_lesson(row) for row in await unit.rows(query))


async def picture(unit: Reading, hash: str) -> StoredPicture | None:  # noqa: A002
    """Return a picture with its bytes."""
    row = await unit.first(select(pictures).where(pictures.c.hash == hash))
    if row is None:
        return None
    return StoredPicture(
        hash=row.hash, name=row.name, mimetype=row.mimetype, width=row.width, height=row.height, data=row.data
    )


async def upload(unit: Reading, hash: str, *, encrypted: bool) -> dict[str, Any] | None:  # noqa: A002
    """Return how an uploaded picture is named on the homeserver, if it was uploaded already."""
    content = await unit.value(
        select(uploads.c.content).where(uploads.c.hash == hash, uploads.c.encrypted == int(encrypted))
    )
    return dict(content) if content else None


def _revision(fact: LessonWritten | LessonRevised, unit: Writing) -> dict[str, Any]:
    lesson = fact.lesson
    return {
        "lesson_id": lesson.id,
        "revision": lesson.revision,
        "title": lesson.title,
        "body": lesson.body,
        "source": lesson.source,
        "dated": lesson.dated,
        "minutes": lesson.minutes,
        "pictures": [
            {"hash": picture.hash, "name": picture.name, "alternative": picture.alternative}
            for picture in lesson.pictures
        ],
        "author": fact.author,
        "written_at": unit.now,
    }


async def write_written(unit: Writing, fact: LessonWritten) -> None:
    """Keep a new lesson and its first revision."""
    lesson = fact.lesson
    await unit.add(
        lessons,
        {
            "id": lesson.id,
            "owner_id": lesson.owner,
            "kind": lesson.kind,
            "title": lesson.title,
            "pack": lesson.pack,
            "revision": lesson.revision,
            "author": fact.author,
            "written_at": unit.now,
        },
    )
    await unit.add(lesson_revisions, _revision(fact, unit))


async def write_revised(unit: Writing, fact: LessonRevised) -> None:
    """Keep a further revision."""
    lesson = fact.lesson
    await unit.add(lesson_revisions, _revision(fact, unit))
    await unit.execute(
        update(lessons).where(lessons.c.id == lesson.id).values(title=lesson.title, revision=lesson.revision)
    )


async def write_picture(unit: Writing, fact: PictureKept) -> None:
    """Keep the bytes of a picture once."""
    await unit.add_missing(
        pictures,
        {
            "hash": fact.hash,
            "name": fact.name,
            "mimetype": fact.mimetype,
            "width": fact.width,
            "height": fact.height,
            "size": len(fact.data),
            "data": fact.data,
        },
    )


async def write_uploaded(unit: Writing, fact: PictureUploaded) -> None:
    """Remember where the homeserver keeps a picture, so that it is uploaded once."""
    await unit.add_missing(uploads, {"hash": fact.hash, "encrypted": int(fact.encrypted), "content": fact.content})
