"""Sends the notice of a meeting: to its rooms as a card, in private to whom no room tells, and as text to paste."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from msgspec.structs import replace

from content.decision import Decision, Effect, Tell, Words, words
from content.identifiers import MemberId, UserId
from content.meetings import SHORTEST, Meeting
from content.notices import Shown, State, lines_of
from content.occurrences import Occurrence, OccurrenceMissed, OccurrenceOpened, Seat, Stage, open_occurrence
from content.occurrences import State as Notice


def open_notice(
    meeting: Meeting,
    occurrence: Occurrence,
    *,
    seats: Sequence[Seat],
    stages: Sequence[Stage],
    users: Mapping[MemberId, UserId],
    shown: Shown,
    parts: int,
    now: datetime,
    free_at: datetime | None = None,
) -> Decision | None:
    """Send the notice of a meeting that is due; whom no room tells of it is told in private, and stands on the roll.

    ``users`` are the accounts of those who have one. How late it may be is reckoned from when the meeting is by now;
    one that quiet hours would hold until that has begun is missed, so that who called it tells people.
    """
    until = meeting.answers_until - max(now, occurrence.due_at)
    late = max(meeting.begins_at - occurrence.due_at, SHORTEST)
    timed = replace(occurrence, window=max(until, SHORTEST), late=late)
    outheld = free_at is not None and free_at >= meeting.begins_at and not occurrence.urgent
    if outheld and occurrence.state is Notice.PLANNED and occurrence.due_at <= now and occurrence.approved:
        missed = OccurrenceMissed(occurrence=occurrence.id, at=now, reason="too_late", seats=tuple(seats))
        return Decision(facts=(missed,))
    quietly = not stages and occurrence.approved
    held_back = free_at is not None and free_at > now and not occurrence.urgent
    if not quietly or held_back or now - occurrence.due_at > late or now < occurrence.due_at:
        posted = open_occurrence(
            timed,
            seats=seats,
            stages=stages,
            parts=parts,
            now=now,
            free_at=free_at,
            begins_at=meeting.begins_at,
            timezone=meeting.timezone,
        )
        return _told_too(posted, private_notice(meeting, shown), users)
    if occurrence.state is not Notice.PLANNED:
        return None
    opened = OccurrenceOpened(
        occurrence=occurrence.id,
        at=now,
        closes_at=now + timed.window,
        seats=tuple(seats),
        unreached=(),
        cards=(),
        begins_at=meeting.begins_at,
        on=meeting.day,
    )
    return Decision(facts=(opened,), effects=_told(seats, private_notice(meeting, shown), users))


def _told_too(posted: Decision | None, said: Words, users: Mapping[MemberId, UserId]) -> Decision | None:
    """Let those in a branch without a room be asked as well: at a meeting they are due like everyone."""
    opened = next((fact for fact in posted.facts if isinstance(fact, OccurrenceOpened)), None) if posted else None
    if posted is None or opened is None or not opened.unreached:
        return posted
    asked = replace(opened, seats=(*opened.seats, *opened.unreached), unreached=())
    facts = tuple(asked if fact is opened else fact for fact in posted.facts)
    return Decision(facts=facts, effects=(*posted.effects, *_told(opened.unreached, said, users)))


def _told(seats: Sequence[Seat], said: Words, users: Mapping[MemberId, UserId]) -> tuple[Effect, ...]:
    return tuple(Tell(user=users[seat.member], words=said, unasked=True) for seat in seats if seat.member in users)


def private_notice(meeting: Meeting, shown: Shown) -> Words:
    """Return a notice as one person is told it."""
    lines = (words(f"meeting.title_{meeting.form}", title=meeting.title), *lines_of(shown))
    return words("meeting.private", lines=lines, agenda=agenda_of(meeting))


def agenda_of(meeting: Meeting) -> tuple[Words, ...]:
    """Return the agenda as lines, none where there is none."""
    items = (words("meeting.item", number=number, text=text) for number, text in enumerate(meeting.agenda, start=1))
    return (words("meeting.agenda"), *items) if meeting.agenda else ()


def paste(meeting: Meeting, shown: Shown, organisation: str) -> Words:
    """Return a notice as plain text for another chat tool, where no card takes answers."""
    head = (words(f"meeting.title_{meeting.form}", title=meeting.title), *lines_of(shown), *agenda_of(meeting))
    foot = () if meeting.state is State.CANCELLED else (words("meeting.ask_elsewhere"), words("meeting.no_vote_here"))
    return words("meeting.paste", lines=(*head, *foot), organisation=organisation)
