"""Lessons with every revision that was ever sent."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from msgspec import convert, to_builtins
from msgspec.structs import asdict
from sqlalchemy import JSON, Column, Date, ForeignKey, Integer, String, Table, Text, bindparam, select, update

from content.identifiers import LessonId, OrganisationId
from content.lectures import Lecture
from content.lessons import Kind, Lesson, LessonRevised, LessonWritten
from content.media import Kind as MediumKind
from content.media import Medium
from content.members import NOBODY
from storage.organisations import within
from storage.prepared import Prepared
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
    Column("media", JSON, nullable=False),
    Column("author", String(255), nullable=False),
    Column("written_at", Instant, nullable=False),
    Column("lecture", JSON(none_as_null=True)),
)

_CURRENT = select(lessons.c.id, lessons.c.owner_id, lessons.c.kind, lessons.c.pack, *lesson_revisions.c).join(
    lesson_revisions, lesson_revisions.c.lesson_id == lessons.c.id
)


def _medium(held: dict[str, Any]) -> Medium:
    return Medium(**{**held, "kind": MediumKind(held["kind"])})


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
        media=tuple(_medium(held) for held in row.media),
        pack=row.pack,
        lecture=convert(row.lecture, Lecture) if row.lecture else None,
        revision=row.revision,
    )


_BY_ID = _CURRENT.where(lessons.c.id == bindparam("id"))
_NOW = Prepared(_BY_ID.where(lesson_revisions.c.revision == lessons.c.revision))
_THEN = Prepared(_BY_ID.where(lesson_revisions.c.revision == bindparam("revision")))


async def forget_stories(unit: Writing, ids: Collection[LessonId]) -> None:
    """Empty lessons that tell of people who are erased, in every revision."""
    told = lessons.c.id.in_(list(ids))
    await unit.execute(update(lessons).where(told).values(title=NOBODY))
    revised = update(lesson_revisions).where(lesson_revisions.c.lesson_id.in_(list(ids)))
    await unit.execute(revised.values(title=NOBODY, body=NOBODY, source="", media=[], lecture=None))


async def lesson(unit: Reading, id: LessonId, revision: int | None = None) -> Lesson | None:  # noqa: A002
    """Return a lesson as it is now, or as it was in a revision."""
    if revision is None:
        row = await unit.first(_NOW, {"id": id})
    else:
        row = await unit.first(_THEN, {"id": id, "revision": revision})
    return _lesson(row) if row else None


async def library(unit: Reading, roots: Iterable[OrganisationId]) -> tuple[Lesson, ...]:
    """Return the lessons owned at or below the roots, newest first."""
    query = _CURRENT.where(
        lesson_revisions.c.revision == lessons.c.revision, within(lessons.c.owner_id, roots)
    ).order_by(lessons.c.written_at.desc(), lessons.c.id)
    return tuple(_lesson(row) for row in await unit.rows(query))


async def titles(unit: Reading, ids: Iterable[LessonId]) -> dict[LessonId, str]:
    """Return what lessons are called now, in the order in which they are asked for."""
    wanted = tuple(dict.fromkeys(ids))
    rows = await unit.rows(select(lessons.c.id, lessons.c.title).where(lessons.c.id.in_(wanted)))
    found = {row.id: row.title for row in rows}
    return {one: found[one] for one in wanted if one in found}


async def media_of(unit: Reading, id: LessonId) -> tuple[Medium, ...]:  # noqa: A002
    """Return the media of all revisions of a lesson, those of the newest one last."""
    query = select(lesson_revisions.c.media).where(lesson_revisions.c.lesson_id == id)
    return tuple(
        _medium(held) for row in await unit.rows(query.order_by(lesson_revisions.c.revision)) for held in row.media
    )


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
        "media": [asdict(medium) for medium in lesson.media],
        "author": fact.author,
        "written_at": unit.now,
        "lecture": to_builtins(lesson.lecture),
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
