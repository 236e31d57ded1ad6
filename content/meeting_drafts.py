"""A meeting that somebody asked for in chat: kept until they say yes or no to what it would be, then it is called."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

from msgspec import Struct

from content.decision import Decision, Fact, Refusal, Tell, Words, refused, words
from content.identifiers import LessonId, MemberId, OccurrenceId, OrganisationId, UserId, derive
from content.meetings import Meeting, place_of, trouble_with
from content.notices import CIRCLES, Circle, Form

USUAL_LENGTH = timedelta(hours=1)
KEPT = timedelta(hours=24)
"""So long a draft waits for its word."""


class MeetingDraft(Struct, frozen=True, kw_only=True):
    """What a meeting would be; ``plainly`` is what its form is called where it was asked for."""

    id: str
    organisation: OrganisationId
    form: Form
    title: str
    plainly: str
    agenda: tuple[str, ...]
    place: str
    begins_at: datetime
    timezone: str


class MeetingDrafted(Fact, frozen=True, kw_only=True):
    """Somebody was shown what a meeting would be, and asked whether it is meant so."""

    draft: MeetingDraft
    at: datetime


class MeetingDraftSettled(Fact, frozen=True, kw_only=True):
    """A draft of a meeting has had its word: it was called, or let go."""

    draft: str


def meeting_of(draft: MeetingDraft, *, lesson: LessonId, id: OccurrenceId) -> Meeting:  # noqa: A002
    """Return the meeting that a draft means."""
    return Meeting(
        id=id,
        organisation=draft.organisation,
        form=draft.form,
        lesson=lesson,
        title=draft.title,
        agenda=draft.agenda,
        place=draft.place,
        begins_at=draft.begins_at,
        length=USUAL_LENGTH,
        timezone=draft.timezone,
    )


def propose(
    draft: MeetingDraft,
    *,
    due: Collection[MemberId],
    by: UserId,
    address: str,
    now: datetime,
    reviewed: bool = False,
    free_at: datetime | None = None,
) -> Decision | Refusal:
    """Show who asked what the meeting would be; nothing is called before their word.

    Whom a form does not tell is named at the console, at the ``address``. ``reviewed`` is whether somebody else reads
    it before its notice goes out. Quiet hours hold that until ``free_at``.
    """
    if CIRCLES.get(draft.form) is Circle.NAMED:
        return refused("meeting_draft.named", address=address)
    one = meeting_of(draft, lesson=LessonId(""), id=OccurrenceId(draft.id))
    trouble = trouble_with(one, now)
    if trouble is not None:
        return trouble
    if not due:
        return refused(f"meeting.nobody_{one.circle}")
    if (late := refuse_held_past(draft, free_at or now, address=address)) is not None:
        return late
    agenda = tuple(words("meeting_draft.item", item=item) for item in draft.agenda)
    said = words(
        "meeting_draft.asks" if agenda else "meeting_draft.asks_without_agenda",
        title=draft.title,
        at=draft.begins_at,
        place=(place_of(one),),
        n=len(due),
        lines=agenda,
        then=(_then(reviewed, free_at),),
        address=address,
    )
    fact = MeetingDrafted(draft=draft, at=now)
    return Decision(facts=(fact,), effects=(Tell(user=by, words=said, matter=draft.id),))


def _then(reviewed: bool, free_at: datetime | None) -> Words:
    """Say what becomes of the notice once the draft has its word."""
    if reviewed:
        return words("meeting_draft.then_read")
    return words("meeting_draft.then_sent") if free_at is None else words("meeting_draft.then_waits", until=free_at)


def refuse_held_past(draft: MeetingDraft, free_at: datetime, *, address: str) -> Refusal | None:
    """Refuse a meeting of which quiet hours would let nobody be told before it begins."""
    if free_at < draft.begins_at:
        return None
    return refused("meeting_draft.held_past", until=free_at, address=address)


def settled(
    draft: MeetingDraft,
    called: Decision,
    *,
    by: UserId,
    address: str,
    reviewed: bool = False,
    free_at: datetime | None = None,
) -> Decision:
    """Put the word for a draft and the meeting that was called by it together."""
    said = words("meeting_draft.called", title=draft.title, address=address)
    if reviewed:
        said = words("meeting_draft.called_unread", title=draft.title, address=address)
    elif free_at is not None:
        said = words("meeting_draft.called_waits", title=draft.title, address=address, until=free_at)
    told = Tell(user=by, words=said)
    facts = (MeetingDraftSettled(draft=draft.id), *called.facts)
    return Decision(facts=facts, effects=(*called.effects, told))


def let_go(draft: MeetingDraft, *, by: UserId) -> Decision:
    """Let a draft go."""
    told = Tell(user=by, words=words("meeting_draft.let_go", title=draft.title))
    return Decision(facts=(MeetingDraftSettled(draft=draft.id),), effects=(told,))


def rule_of(draft: str) -> str:
    """Return the identifier of the rule by which the notice of a draft goes out."""
    return derive(draft, "schedule")
