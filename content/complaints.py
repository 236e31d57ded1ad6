"""举报: what people, a homeserver or a guard say of messages, and what those who moderate make of it.

Who complained is known to nobody but themself: no page, no file, no record and no case names them.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from enum import StrEnum

from msgspec import Struct

from content.decision import Decision, Effect, Fact, Refusal, Tell, Untraced, discreetly, refused, words
from content.identifiers import CaseId, ComplaintId, EventId, OrganisationId, RoomId, UserId, VoiceId, derive

REMEMBERED = timedelta(days=90)
"""How long after the answer it is known who complained and in what words."""

KEPT = timedelta(days=3 * 365)
"""How long it is known that somebody was complained about, and what became of it; as long as a case."""

CLAIMED = timedelta(days=1)
"""How long a complaint is left to who has claimed it; then anybody may answer it."""

MOST_A_DAY = 10
"""How many messages one person may complain about in a day."""

LONGEST_WORDS = 500
LONGEST_NOTE = 500
LONGEST_RULE = 20


class Origin(StrEnum):
    """Which way a complaint came."""

    ROOM = "room"
    PRIVATE = "private"
    SERVER = "server"
    GUARD = "guard"


class State(StrEnum):
    """Where a complaint stands; what ends it is also its answer."""

    OPEN = "open"
    UNFOUNDED = "unfounded"
    NOTED = "noted"
    CASE = "case"


class Voice(Struct, frozen=True, kw_only=True):
    """What one person or one guard says of one message.

    ``about`` is who wrote it, ``None`` until that is read in its room. ``reason`` is one of the templates of measures,
    and of a guard the name of its rule. A guard is no ``reporter``.
    """

    id: VoiceId
    organisation: OrganisationId
    room: RoomId
    event: EventId
    about: UserId | None
    origin: Origin
    reason: str
    at: datetime
    reporter: UserId | None = None
    words: str = ""


class Complaint(Struct, frozen=True, kw_only=True):
    """All voices about one person at one node that are answered together."""

    id: ComplaintId
    organisation: OrganisationId
    about: UserId | None
    state: State
    opened_at: datetime
    touched_at: datetime
    claimed_by: UserId | None = None
    claimed_at: datetime | None = None
    decided_by: UserId | None = None
    decided_at: datetime | None = None
    case: CaseId | None = None


class ComplaintMade(Untraced, frozen=True, kw_only=True):
    """Somebody complained about a message; it joins what is open about the same person or the same message."""

    organisation: OrganisationId
    voice: Voice


class MessageFlagged(Fact, frozen=True, kw_only=True):
    """A guard holds a message to be against a rule of its room; it waits in the same queue."""

    organisation: OrganisationId
    room: RoomId
    voice: Voice


class AuthorFound(Untraced, frozen=True, kw_only=True):
    """Who wrote a message that was complained about was read in its room."""

    organisation: OrganisationId
    room: RoomId
    event: EventId
    about: UserId


class VoiceDropped(Untraced, frozen=True, kw_only=True):
    """A complaint about nothing that can be looked at, or about one's own words, is let go."""

    organisation: OrganisationId
    voice: VoiceId


class ComplaintClaimed(Fact, frozen=True, kw_only=True):
    """Somebody who moderates takes a complaint upon themself; ``by`` nobody gives it back."""

    complaint: ComplaintId
    organisation: OrganisationId
    by: UserId | None
    at: datetime


class ComplaintDecided(Fact, frozen=True, kw_only=True):
    """A complaint was answered; ``note`` is for those who moderate there alone."""

    complaint: ComplaintId
    organisation: OrganisationId
    outcome: State
    note: str
    by: UserId
    at: datetime
    case: CaseId | None = None


class ComplaintReopened(Fact, frozen=True, kw_only=True):
    """The answer to a complaint was taken back, and it waits again."""

    complaint: ComplaintId
    organisation: OrganisationId
    at: datetime


class TakeOut(Effect, frozen=True, kw_only=True):
    """Take what a reporter wrote or tapped out of the room in which they did; the record has no row of that."""

    room: RoomId
    trace: EventId


class TakeUp(Effect, frozen=True, kw_only=True):
    """Read in its room who wrote the message that a complaint is about."""

    voice: VoiceId
    organisation: OrganisationId
    room: RoomId


def flag(
    organisation: OrganisationId, room: RoomId, event: EventId, *, about: UserId, rule: str, now: datetime
) -> MessageFlagged:
    """Put a message into the queue for a guard; the same rule flags the same message once."""
    voice = Voice(
        id=VoiceId(derive(event, Origin.GUARD, rule)),
        organisation=organisation,
        room=room,
        event=event,
        about=about,
        origin=Origin.GUARD,
        reason=rule[:LONGEST_RULE],
        at=now,
    )
    return MessageFlagged(organisation=organisation, room=room, voice=voice)


def voice_id(event: EventId, reporter: UserId) -> VoiceId:
    """Name what one person says of one message, however often and whichever way they say it."""
    return VoiceId(derive(event, reporter, "voice"))


def complain(voice: Voice, *, known: bool, today: int) -> Decision | Refusal:
    """Take what somebody says of a message; ``today`` is about how many they have complained within a day.

    They are told that it is taken, and never in the room.
    """
    reporter = voice.reporter
    if reporter is None:
        raise ValueError("a guard flags and does not complain")
    if known:
        return Decision(effects=(Tell(user=reporter, words=words("complaint.already")),))
    if len(voice.words) > LONGEST_WORDS:
        return discreetly(refused("complaint.too_long", most=LONGEST_WORDS))
    if today >= MOST_A_DAY:
        return discreetly(refused("complaint.enough", most=MOST_A_DAY))
    made = ComplaintMade(organisation=voice.organisation, voice=voice)
    take_up = TakeUp(voice=voice.id, organisation=voice.organisation, room=voice.room)
    return Decision(facts=(made,), effects=(take_up, Tell(user=reporter, words=words("complaint.taken"))))


def without_trace(answer: Decision | Refusal, reporter: UserId, trace: TakeOut | None) -> Decision | Refusal:
    """Have what the reporter left in a room go, each time they leave something and whatever the answer is."""
    if trace is None:
        return answer
    if isinstance(answer, Refusal):
        answer = Decision(effects=(Tell(user=reporter, words=answer.words),))
    return Decision(facts=answer.facts, effects=(trace, *answer.effects))


def found_author(
    voice: Voice, author: UserId | None, *, me: UserId, whom: Collection[UserId], is_new: bool, console: str
) -> Decision:
    """Say of a complaint whom it is about, and tell those who moderate, but for the two whom it concerns.

    ``author`` is ``None`` where the message is not there any more. What is one's own or the bot's is let go.
    """
    if author is None or author in (me, voice.reporter):
        dropped = VoiceDropped(organisation=voice.organisation, voice=voice.id)
        key = "lost" if author is None else "about_bot" if author == me else "about_oneself"
        tell = (Tell(user=voice.reporter, words=words(f"complaint.{key}")),) if voice.reporter is not None else ()
        return Decision(facts=(dropped,), effects=tell)
    found = AuthorFound(organisation=voice.organisation, room=voice.room, event=voice.event, about=author)
    told = words("complaint.waits", address=f"{console}/complaints")
    others = sorted({*whom} - {author, voice.reporter}) if is_new else ()
    return Decision(facts=(found,), effects=tuple(Tell(user=one, words=told, unasked=True) for one in others))


def claim(complaint: Complaint, *, by: UserId, now: datetime) -> Decision | Refusal:
    """Take a complaint upon oneself, also from somebody else who has not answered it yet."""
    if complaint.state is not State.OPEN:
        return refused("complaint.over")
    fact = ComplaintClaimed(complaint=complaint.id, organisation=complaint.organisation, by=by, at=now)
    return Decision(facts=(fact,))


def release(complaint: Complaint, *, by: UserId, now: datetime) -> Decision | Refusal:
    """Give back a complaint that one has claimed."""
    if complaint.state is not State.OPEN or complaint.claimed_by != by:
        return refused("complaint.over")
    fact = ComplaintClaimed(complaint=complaint.id, organisation=complaint.organisation, by=None, at=now)
    return Decision(facts=(fact,))


def claimed_by_other(complaint: Complaint, by: UserId, *, now: datetime) -> bool:
    """Tell whether somebody else is at it."""
    at = complaint.claimed_at
    return complaint.claimed_by not in (None, by) and at is not None and now < at + CLAIMED


def may_decide(complaint: Complaint, outcome: State, note: str, *, by: UserId, now: datetime) -> Refusal | None:
    """Return why a complaint cannot be answered so, ``None`` where it can."""
    if complaint.state is not State.OPEN:
        return refused("complaint.over")
    if by == complaint.about:
        return refused("cases.not_oneself")
    if claimed_by_other(complaint, by, now=now):
        return refused("complaint.claimed")
    if outcome is State.NOTED and not note.strip():
        return refused("complaint.note_empty", field="note")
    if len(note.strip()) > LONGEST_NOTE:
        return refused("complaint.note_too_long", field="note", most=LONGEST_NOTE)
    return None


def decide(
    complaint: Complaint,
    outcome: State,
    note: str,
    *,
    reporters: Collection[UserId],
    by: UserId,
    now: datetime,
    case: CaseId | None = None,
) -> Decision | Refusal:
    """Answer a complaint; everybody who complained is told in private what became of it, and nothing of each other."""
    refusal = may_decide(complaint, outcome, note, by=by, now=now)
    if refusal is not None:
        return refusal
    fact = ComplaintDecided(
        complaint=complaint.id,
        organisation=complaint.organisation,
        outcome=outcome,
        note=note.strip(),
        by=by,
        at=now,
        case=case,
    )
    told = words(f"complaint.answer_{outcome}")
    return Decision(facts=(fact,), effects=tuple(Tell(user=one, words=told, unasked=True) for one in sorted(reporters)))


def reopen(complaint: Complaint, *, by: UserId, now: datetime) -> Decision | Refusal:
    """Take an answer back, so that the complaint waits again; who complained is told the next answer too."""
    if complaint.state is State.OPEN or complaint.decided_at is None or by == complaint.about:
        return refused("complaint.over")
    if now >= complaint.decided_at + REMEMBERED:
        return refused("complaint.too_late", days=REMEMBERED.days)
    return Decision(facts=(ComplaintReopened(complaint=complaint.id, organisation=complaint.organisation, at=now),))
