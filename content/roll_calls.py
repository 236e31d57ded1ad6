"""The roll of a meeting as its recorder calls it by hand, and closes it: 未回 is left so, which is not absent."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType

from msgspec.structs import replace

from content.checkins import Answered, AnswersTakenBack, Expectation, Given, Note
from content.checkins import State as Answer
from content.decision import Decision, Effect, Fact, Refresh, Refusal, Tell, refused, words
from content.identifiers import CardId, Cause, MemberId, OccurrenceId, UserId
from content.meetings import Meeting
from content.notices import State
from content.occurrences import OccurrenceClosed
from content.occurrences import State as Notice
from content.session_choices import SessionChosen


class Mark(StrEnum):
    """What the recorder calls somebody when the roll is called; ``SILENT`` is 未回, which is not absent."""

    PRESENT = "present"
    ONLINE = "online"
    LATE = "late"
    LEAVE = "leave"
    ABSENT = "absent"
    MADE_UP = "made_up"
    SILENT = "silent"


_MEANS: Mapping[Mark, tuple[Answer, Note | None]] = {
    Mark.PRESENT: (Answer.DONE, None),
    Mark.ONLINE: (Answer.DONE, Note.ONLINE),
    Mark.LATE: (Answer.DONE, Note.LATE),
    Mark.LEAVE: (Answer.EXCUSED, None),
    Mark.ABSENT: (Answer.ABSENT, None),
    Mark.MADE_UP: (Answer.MADE_UP, None),
}


class MeetingClosed(Fact, frozen=True, kw_only=True):
    """The recorder has closed the roll of a meeting: it stands, and single places are put right one by one."""

    occurrence: OccurrenceId
    at: datetime
    by: UserId


class GuestsMarked(Fact, frozen=True, kw_only=True):
    """Who of those who were to sit in has come; they are not due, and nobody is missing among them."""

    occurrence: OccurrenceId
    came: tuple[MemberId, ...]


def mark_guests(meeting: Meeting, came: Collection[MemberId]) -> tuple[Fact, ...]:
    """Return what it means that these guests have come: nothing, where that is known already."""
    there = tuple(sorted(set(came) & set(meeting.guests)))
    return (GuestsMarked(occurrence=meeting.id, came=there),) if there != meeting.came else ()


def mark_for(note: str | None) -> Mark:
    """Return what somebody is called who comes as they said they would."""
    return {Note.ONLINE: Mark.ONLINE, Note.LATE: Mark.LATE}.get(Note(note), Mark.PRESENT) if note else Mark.SILENT


def mark_of(state: Answer, note: str | None) -> Mark:
    """Return what the recorder would call somebody who stands so on the roll."""
    for mark, (means, noted) in _MEANS.items():
        if state is means and (noted is None or note == noted) and not (mark is Mark.PRESENT and note in _NOTED):
            return mark
    return Mark.MADE_UP if state is Answer.LATE else Mark.SILENT


_NOTED = (Note.ONLINE, Note.LATE)


def call_roll(
    meeting: Meeting,
    places: Sequence[Expectation],
    marks: Mapping[MemberId, Mark],
    *,
    shown: Mapping[MemberId, Mark] = MappingProxyType({}),
    came: Collection[MemberId] | None = None,
    how: str,
    by: UserId,
    cause: Cause,
    now: datetime,
) -> Decision | Refusal:
    """Set by hand how people stand on the roll of a meeting that has begun; ``how`` says by what that is known.

    ``came`` are the guests who are there, ``None`` where that was not asked.

    ``shown`` is how they stood where that was chosen: what is as it was shown is no choice.
    """
    if meeting.state is State.CLOSED:
        return refused("meeting.roll_is_closed")
    if meeting.state is not State.HELD:
        return refused("meeting.not_held")
    marks = meant(marks, shown)
    overtaken = _overtaken(places, marks, shown)
    if overtaken is not None:
        return overtaken
    called = _called(places, marks, how=how, by=by, cause=cause, now=now)
    facts = (*called.facts, *(mark_guests(meeting, came) if came is not None else ()))
    return replace(called, facts=facts) if facts else refused("meeting.nothing_marked")


def close(
    meeting: Meeting,
    places: Sequence[Expectation],
    marks: Mapping[MemberId, Mark],
    *,
    shown: Mapping[MemberId, Mark] = MappingProxyType({}),
    came: Collection[MemberId] | None = None,
    cards: Sequence[CardId],
    how: str,
    by: UserId,
    cause: Cause,
    now: datetime,
) -> Decision | Refusal:
    """Close the roll with what the recorder decides of those who are still open; whom they leave so stays 未回."""
    if meeting.state is not State.HELD:
        return refused("meeting.roll_is_closed" if meeting.state is State.CLOSED else "meeting.not_held")
    marks = meant(marks, shown)
    overtaken = _overtaken(places, marks, shown)
    if overtaken is not None:
        return overtaken
    called = _called(places, marks, how=how, by=by, cause=cause, now=now)
    guests = mark_guests(meeting, came) if came is not None else ()
    facts: tuple[Fact, ...] = (*called.facts, *guests, MeetingClosed(occurrence=meeting.id, at=now, by=by))
    if any(one.occurrence.state is Notice.OPEN for one in places):
        facts = (*facts, OccurrenceClosed(occurrence=meeting.id, at=now))
    told = tuple(effect for effect in called.effects if isinstance(effect, Tell))
    return Decision(facts=facts, effects=(*(Refresh(card=card) for card in cards), *told))


def at_sessions(
    meeting: Meeting,
    places: Sequence[Expectation],
    called: Decision | Refusal,
    sessions: Mapping[MemberId, int | None],
    *,
    cause: Cause,
    now: datetime,
) -> Decision | Refusal:
    """Put down beside what was ``called`` to which session of several people came; that alone is enough."""
    known = {one.member for one in places}
    if isinstance(called, Refusal) and called.words.key != "meeting.nothing_marked":
        return called
    facts = tuple(
        SessionChosen(occurrence=meeting.id, member=member, session=number, cause=cause, at=now)
        for member, number in sessions.items()
        if member in known and (number is None or number <= len(meeting.sessions)) and meeting.further
    )
    if isinstance(called, Refusal):
        return Decision(facts=facts) if facts else called
    return replace(called, facts=(*called.facts, *facts))


def take_back(
    meeting: Meeting,
    places: Sequence[Expectation],
    given: Mapping[MemberId, Sequence[Given]],
    *,
    of: Cause,
    now: datetime,
) -> Decision | Refusal:
    """Take back what one form put down: of each the answer before it stands again, where nothing came after it.

    ``places`` are those that stand by it, ``given`` is what was answered of each and not taken back, oldest first.
    """
    if meeting.state is not State.HELD:
        return refused("meeting.roll_is_closed" if meeting.state is State.CLOSED else "meeting.not_held")
    facts: list[Fact] = []
    for one in places:
        rest = [each for each in given.get(one.member, ()) if each.cause != of]
        earlier = rest[-1] if rest else None
        silent = Answer.OPEN if one.occurrence.state is Notice.OPEN else Answer.UNANSWERED
        facts += [
            AnswersTakenBack(occurrence=meeting.id, member=one.member, causes=(of,), at=now),
            Answered(
                occurrence=meeting.id,
                member=one.member,
                before=one.state,
                after=earlier.state if earlier is not None and earlier.state is not Answer.OPEN else silent,
                at=earlier.at if earlier is not None else now,
                cause=earlier.cause if earlier is not None else of,
                reason=earlier.reason if earlier is not None else None,
                note=earlier.note if earlier is not None else None,
                recorded_by=earlier.recorded_by if earlier is not None else None,
            ),
        ]
    if not facts:
        return refused("roll_calls.nothing_to_take_back")
    changed = dict.fromkeys(one.card for one in places if one.card is not None)
    return Decision(facts=tuple(facts), effects=tuple(Refresh(card=card) for card in changed))


def meant(marks: Mapping[MemberId, Mark], shown: Mapping[MemberId, Mark]) -> Mapping[MemberId, Mark]:
    """Return what was chosen of what a form of the roll says: all that is not as it was shown."""
    return {member: mark for member, mark in marks.items() if mark is not shown.get(member)}


def _overtaken(
    places: Sequence[Expectation], marks: Mapping[MemberId, Mark], shown: Mapping[MemberId, Mark]
) -> Refusal | None:
    """Refuse to put over what was answered, or written by somebody else, since the roll was shown."""
    names = []
    for one in places:
        wanted, was = marks.get(one.member), shown.get(one.member)
        if wanted is not None and was is not None and mark_of(one.state, one.note) not in (was, wanted):
            names.append(one.name)
    return refused("meeting.roll_has_moved", names="、".join(names)) if names else None


def _called(
    places: Sequence[Expectation],
    marks: Mapping[MemberId, Mark],
    *,
    how: str,
    by: UserId,
    cause: Cause,
    now: datetime,
) -> Decision:
    facts: list[Fact] = []
    told: list[Effect] = []
    for one in places:
        mark = marks.get(one.member)
        if mark is None or one.state is Answer.NOT_OFFERED or mark is mark_of(one.state, one.note):
            continue
        open_still = one.occurrence.state is Notice.OPEN
        after, note = _MEANS.get(mark, (Answer.OPEN if open_still else Answer.UNANSWERED, None))
        fact = Answered(
            occurrence=one.occurrence.id,
            member=one.member,
            before=one.state,
            after=after,
            at=now,
            cause=cause,
            note=note,
            recorded_by=by,
            explanation=how,
        )
        facts.append(fact)
        if after is Answer.ABSENT and one.user:
            told.append(Tell(user=one.user, words=words("meeting.told_absent", title=one.title), unasked=True))
    changed = dict.fromkeys(one.card for one in places if one.card is not None) if facts else {}
    return Decision(facts=tuple(facts), effects=(*(Refresh(card=card) for card in changed), *told))
