"""A second pair of eyes: what an organisation plans goes out once somebody else has read and approved it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from enum import StrEnum

from msgspec import Struct

from content.decision import Decision, Fact, Refusal, Tell, refused, words
from content.identifiers import LessonId, OrganisationId, ScheduleId, UserId, derive

LONGEST_NOTE = 200


class Stage(StrEnum):
    """How far a rule is from going out."""

    DRAFT = "draft"
    WAITING = "waiting"
    RETURNED = "returned"
    APPROVED = "approved"


class Review(Struct, frozen=True, kw_only=True):
    """How a rule stands: whose it is, and which revision of each lesson was approved.

    What was changed since is not approved; ``lessons`` are the revisions of now, ``dates`` what is still to go out;
    ``writers`` have written these revisions.
    """

    schedule: ScheduleId
    organisation: OrganisationId
    author: UserId
    stage: Stage
    title: str
    lessons: Mapping[LessonId, int]
    approved: Mapping[LessonId, int]
    dates: tuple[datetime, ...] = ()
    writers: frozenset[UserId] = frozenset()
    note: str = ""

    @property
    def holds(self) -> bool:
        """Tell whether what would go out now is what was approved."""
        if self.stage is not Stage.APPROVED:
            return False
        return not self.approved or all(self.approved.get(one) == revision for one, revision in self.lessons.items())

    @property
    def mark(self) -> str:
        """Return what tells these revisions and dates from any others: what was read is what is approved."""
        texts = (f"{id}:{revision}" for id, revision in sorted(self.lessons.items()))  # noqa: A001
        return derive(self.schedule, *texts, *(date.isoformat() for date in sorted(self.dates)))

    @property
    def stands(self) -> Stage:
        """Return how it stands as a reader sees it: what was changed since it was approved waits again."""
        return Stage.WAITING if self.stage is Stage.APPROVED and not self.holds else self.stage


class ReviewAsked(Fact, frozen=True, kw_only=True):
    """Somebody asks that another person looks at what they planned."""

    schedule: ScheduleId
    by: UserId


class ScheduleApproved(Fact, frozen=True, kw_only=True):
    """Another person has read what is planned, in these revisions, and it may go out."""

    schedule: ScheduleId
    lessons: Mapping[LessonId, int]
    by: UserId
    at: datetime


class ScheduleReturned(Fact, frozen=True, kw_only=True):
    """Another person wants something changed before it goes out."""

    schedule: ScheduleId
    note: str
    by: UserId
    at: datetime


def ask(review: Review, reviewers: Collection[UserId], *, by: UserId, console: str) -> Decision | Refusal:
    """Ask for a second pair of eyes, and tell those who have them."""
    if review.stage not in (Stage.DRAFT, Stage.RETURNED):
        return refused("reviews.not_yours_now")
    return Decision(
        facts=(ReviewAsked(schedule=review.schedule, by=by),), effects=told(review, reviewers, by=by, console=console)
    )


def told(review: Review, reviewers: Collection[UserId], *, by: UserId, console: str) -> tuple[Tell, ...]:
    """Return the news for those who may approve, except whoever asks."""
    said = words("reviews.asked", title=review.title, address=f"{console}/calendar/reviews")
    return tuple(Tell(user=one, words=said, unasked=True) for one in sorted(set(reviewers) - {by}))


def begun(standing: int, reviewers: Collection[UserId], *, name: str, by: UserId, console: str) -> tuple[Tell, ...]:
    """Return the news for those who may approve: an organisation wants it from now on, of what stands already too."""
    if not standing:
        return ()
    said = words("reviews.begun", name=name, n=standing, address=f"{console}/calendar/reviews")
    return tuple(Tell(user=one, words=said, unasked=True) for one in sorted(set(reviewers) - {by}))


def approve(review: Review, *, mark: str, by: UserId, now: datetime) -> Decision | Refusal:
    """Let it go out as it was read, by its mark; nobody approves what they planned or wrote themselves."""
    refusal = _not_now(review, by)
    if refusal is not None:
        return refusal
    if mark != review.mark:
        return refused("reviews.changed_since")
    said = words("reviews.approved", title=review.title)
    return Decision(
        facts=(ScheduleApproved(schedule=review.schedule, lessons=review.lessons, by=by, at=now),),
        effects=(Tell(user=review.author, words=said, unasked=True),),
    )


def hand_back(review: Review, note: str, *, by: UserId, now: datetime) -> Decision | Refusal:
    """Say what is to be changed first."""
    note = " ".join(note.split())
    if not note:
        return refused("reviews.what", field="note")
    if len(note) > LONGEST_NOTE:
        return refused("reviews.note_is_long", field="note", most=LONGEST_NOTE)
    refusal = _not_now(review, by)
    if refusal is not None:
        return refusal
    said = words("reviews.returned", title=review.title, note=note)
    return Decision(
        facts=(ScheduleReturned(schedule=review.schedule, note=note, by=by, at=now),),
        effects=(Tell(user=review.author, words=said, unasked=True),),
    )


def _not_now(review: Review, by: UserId) -> Refusal | None:
    if review.stands is not Stage.WAITING:
        return refused("reviews.not_waiting")
    if by == review.author:
        return refused("reviews.your_own")
    return refused("reviews.your_own_text") if by in review.writers else None
