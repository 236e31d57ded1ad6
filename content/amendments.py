"""Correcting and withdrawing what was sent: who may be surprised is spared, and every room follows in order."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from zoneinfo import ZoneInfo

from msgspec import Struct

from content.decision import Decision, Effect, Fact, Refusal, Tell, Words, refused, words
from content.identifiers import CardId, OccurrenceId, UserId
from content.layouts import Layout, rearrange
from content.lectures import Lecture, begins, roll_closes
from content.lessons import Kind, Lesson
from content.occurrences import Occurrence, State

LONGEST_REASON = 200
SENT = frozenset({State.OPEN, State.CLOSED})


class Sent(Struct, frozen=True, kw_only=True):
    """An occurrence as it stands in its rooms: the title and revision that they show, and the layout of its cards.

    Of a lecture also what they say of it, and who comes to which session.
    """

    occurrence: Occurrence
    timezone: str
    title: str
    revision: int
    layout: Layout
    cards: tuple[CardId, ...]
    lecture: Lecture | None = None
    chosen: tuple[tuple[UserId, int], ...] = ()


class OccurrenceCorrected(Fact, frozen=True, kw_only=True):
    """What was sent shows a newer revision from now on."""

    occurrence: OccurrenceId
    revision: int
    title: str
    layout: Layout
    reason: str
    at: datetime
    begins_at: datetime | None = None
    closes_at: datetime | None = None
    on: date | None = None
    sessions: int | None = None
    """Of a lecture that is still open: its times as they are now, on which local date it counts, how many sessions."""


class OccurrenceWithdrawn(Fact, frozen=True, kw_only=True):
    """What was sent was taken back: it asks nothing of anyone any more, and what members did stays theirs."""

    occurrence: OccurrenceId
    reason: str
    at: datetime


class Amend(Effect, frozen=True, kw_only=True):
    """Edit one message of a card in place, so that it shows what it should by now."""

    card: CardId
    part: int


class Append(Effect, frozen=True, kw_only=True):
    """Put one more message of a card into its room."""

    card: CardId
    part: int


class Retract(Effect, frozen=True, kw_only=True):
    """Take one message of a card back, with all its edits."""

    card: CardId
    part: int


class Withdraw(Effect, frozen=True, kw_only=True):
    """Take everything of a card back, and say in its room that it was."""

    card: CardId


def correct(sent: Sequence[Sent], lesson: Lesson, *, reason: str, now: datetime) -> Decision | Refusal:
    """Bring what was sent to the newest revision of its lesson, in all rooms of these occurrences."""
    reason = " ".join(reason.split())
    if len(reason) > LONGEST_REASON:
        return refused("amendment.long_reason", field="reason", most=LONGEST_REASON)
    if not sent:
        return refused("amendment.none_chosen", field="occurrences")
    facts: list[Fact] = []
    effects: list[Effect] = []
    for one in sent:
        if one.occurrence.state not in SENT:
            return refused("amendment.not_sent", title=one.title)
        if one.revision >= lesson.revision:
            continue
        change = rearrange(one.layout, lesson)
        timed = lesson.lecture if one.occurrence.state is State.OPEN else None
        facts.append(
            OccurrenceCorrected(
                occurrence=one.occurrence.id,
                revision=lesson.revision,
                title=lesson.title,
                layout=change.layout,
                reason=reason,
                at=now,
                begins_at=begins(timed) if timed is not None else None,
                closes_at=roll_closes(timed, lesson.minutes) if timed is not None else None,
                on=begins(timed).astimezone(ZoneInfo(one.timezone)).date() if timed is not None else None,
                sessions=len(timed.sessions) if timed is not None else None,
            )
        )
        if timed is not None:
            effects += _told_of_sessions(one, timed, lesson.title)
        for card in one.cards:
            effects += [Retract(card=card, part=part) for part in change.removed]
            effects += [Amend(card=card, part=part) for part in change.amended]
            effects += [Append(card=card, part=part) for part in change.added]
    if not facts:
        return refused("amendment.nothing_newer", title=lesson.title)
    return Decision(facts=tuple(facts), effects=tuple(effects))


def _told_of_sessions(sent: Sent, after: Lecture, title: str) -> list[Effect]:
    """Tell those whose session is another now, or none, so that they can choose anew."""
    before = sent.lecture.sessions if sent.lecture is not None else ()
    told: list[Effect] = []
    for user, number in sent.chosen:
        gone = number > len(after.sessions)
        session = after.sessions[0 if gone else number - 1]
        if gone or session not in before[number - 1 : number]:
            key = "lecture.session_gone" if gone else "lecture.session_moved"
            said = words(key, title=title, begins=session.begins, place=session.place)
            told.append(Tell(user=user, words=said, unasked=True))
    return told


def notice_of_withdrawal(lesson: Lesson) -> Words:
    """Return what is left in the room of a card that was withdrawn, in the words in which it was to be answered."""
    match lesson.kind:
        case Kind.LESSON:
            key = "card.withdrawn"
        case Kind.BULLETIN:
            key = "card.withdrawn_bulletin"
        case _:
            key = "card.withdrawn_attended"
    return words(key, title=lesson.title)


def withdraw(sent: Sent, *, reason: str, now: datetime) -> Decision | Refusal:
    """Take back what was sent; before it was sent it is cancelled instead."""
    reason = " ".join(reason.split())
    if sent.occurrence.state not in SENT:
        return refused("withdrawal.not_sent", title=sent.title)
    if not reason:
        return refused("withdrawal.no_reason", field="reason")
    if len(reason) > LONGEST_REASON:
        return refused("amendment.long_reason", field="reason", most=LONGEST_REASON)
    return Decision(
        facts=(OccurrenceWithdrawn(occurrence=sent.occurrence.id, reason=reason, at=now),),
        effects=tuple(Withdraw(card=card) for card in sent.cards),
    )
