"""Lessons and events: what they must say before they may be kept, and what changing one does."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from enum import StrEnum

from msgspec import Struct
from msgspec.structs import replace

from content import markup
from content.decision import Decision, Fact, Refusal, refused
from content.identifiers import LessonId, OrganisationId, UserId
from content.lectures import Lecture, begins, refuse_lecture
from content.media import Medium, MediumKept

LONGEST_TITLE = 100
LARGEST_BODY = 64 * 1024
"""Bytes of UTF-8; a lesson on a phone is far shorter."""

LONGEST_MINUTES = 180


class Kind(StrEnum):
    """A lesson is learned; an event is attended, and so is a lecture, which has sessions to choose from.

    A bulletin is only read, and nobody is asked to answer it.
    """

    LESSON = "lesson"
    EVENT = "event"
    LECTURE = "lecture"
    BULLETIN = "bulletin"


ASKING = (Kind.LESSON, Kind.EVENT, Kind.LECTURE)
"""What asks members for an answer."""


class Lesson(Struct, frozen=True, kw_only=True):
    """Something to teach, attend or know; ``body`` is Markdown, ``minutes`` what it asks of a member.

    ``lecture`` is set for a lecture and for nothing else; ``body`` is its outline then, ``minutes`` how long it takes.
    """

    id: LessonId
    owner: OrganisationId
    kind: Kind
    title: str
    body: str
    source: str = ""
    dated: date | None = None
    minutes: int = 8
    media: tuple[Medium, ...] = ()
    pack: str = ""
    lecture: Lecture | None = None
    revision: int = 1


class LessonWritten(Fact, frozen=True, kw_only=True):
    """A lesson was written for the first time."""

    lesson: Lesson
    author: UserId


class LessonRevised(Fact, frozen=True, kw_only=True):
    """A lesson was changed; what was sent before keeps its text."""

    lesson: Lesson
    author: UserId


def write_lesson(lesson: Lesson, *, author: UserId, media: tuple[MediumKept, ...] = ()) -> Decision | Refusal:
    """Keep a new lesson together with its media."""
    trouble = _trouble(lesson)
    return trouble or Decision(facts=(*media, LessonWritten(lesson=lesson, author=author)))


def revise_lesson(
    lesson: Lesson,
    *,
    before: Lesson,
    author: UserId,
    media: tuple[MediumKept, ...] = (),
    announced: Iterable[datetime] = (),
) -> Decision | Refusal:
    """Change a lesson that nobody else has changed meanwhile; its revision number grows by one.

    A lecture is not given before it is ``announced``, where that is planned and still to come.
    """
    if before.revision != lesson.revision:
        return refused("lesson.changed_meanwhile")
    trouble = _trouble(lesson) or _before_announced(lesson, announced)
    revised = replace(lesson, revision=before.revision + 1)
    return trouble or Decision(facts=(*media, LessonRevised(lesson=revised, author=author)))


def _before_announced(lesson: Lesson, announced: Iterable[datetime]) -> Refusal | None:
    last = max(announced, default=None)
    if lesson.lecture is None or last is None or last < begins(lesson.lecture):
        return None
    return refused("lecture.begins_unannounced", field="begins-1", due=last)


def _trouble(lesson: Lesson) -> Refusal | None:
    if not lesson.title.strip():
        return refused("lesson.no_title", field="title")
    if len(lesson.title) > LONGEST_TITLE:
        return refused("lesson.long_title", field="title", most=LONGEST_TITLE)
    if not lesson.body.strip():
        return refused("lesson.no_body", field="body")
    if len(lesson.body.encode()) > LARGEST_BODY:
        return refused("lesson.large_body", field="body", most=LARGEST_BODY // 1024)
    if not 1 <= lesson.minutes <= LONGEST_MINUTES:
        return refused("lesson.minutes_out_of_range", field="minutes", most=LONGEST_MINUTES)
    if (lesson.kind is Kind.LECTURE) is not (lesson.lecture is not None):
        return refused("lesson.kind_unknown", field="kind")
    lacking = refuse_lecture(lesson.lecture, lesson.minutes) if lesson.lecture is not None else None
    if lacking is not None:
        return lacking
    unshowable = markup.objection(lesson.body)
    return Refusal(words=unshowable, field="body") if unshowable is not None else None
