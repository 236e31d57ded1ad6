"""What a member answers to a lesson or an event: done, on leave, late, made up, or taken back."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum

from msgspec import Struct
from msgspec.structs import replace

from content.decision import Decision, Effect, Fact, Refresh, Refusal, Secret, Tell, refused, words
from content.discreet import repr_without
from content.identifiers import CardId, Cause, MemberId, OccurrenceId, OrganisationId, UserId
from content.inquiries import InquiryEnded, make_inquiry
from content.lessons import Kind
from content.occurrences import Occurrence, SeatGivenUp, SeatTaken
from content.occurrences import State as OccurrenceState

LONGEST_REASON = 200
LONGEST_SAID_BACK = 60
"""Characters of a reason that are said back to who gave it."""


class State(StrEnum):
    """What is known of one member and one occurrence. Unanswered is not absent: only a recorder says absent."""

    OPEN = "open"
    DONE = "done"
    LATE = "late"
    EXCUSED = "excused"
    MADE_UP = "made_up"
    UNANSWERED = "unanswered"
    ABSENT = "absent"
    NOT_OFFERED = "not_offered"


TOOK_PART = frozenset({State.DONE, State.LATE, State.MADE_UP})


class Note(StrEnum):
    """What a person added to having taken part; or said before a meeting, where they have not taken part yet."""

    COMING = "coming"
    LATE = "late"
    ONLINE = "online"


class Way(StrEnum):
    """How an answer reached us, which decides how it is confirmed."""

    REACTION = "reaction"
    REPLY = "reply"
    ROOM = "room"
    PRIVATE = "private"


class Expectation(Struct, frozen=True, kw_only=True):
    """One member's place in an occurrence, as it stands; ``decided_by`` is the cause of the present state.

    ``recorded_by`` is who keeps the record, where the state was set by hand. ``user`` is empty for who has no account.
    ``branch`` is set where the place is only taken with the answer: in a session that is not that of their shift.
    """

    occurrence: Occurrence
    member: MemberId
    user: UserId
    name: str
    card: CardId | None
    title: str
    kind: Kind
    state: State
    decided_by: Cause | None = None
    recorded_by: UserId | None = None
    branch: OrganisationId | None = None
    note: Note | None = None

    @property
    def is_silent(self) -> bool:
        """Tell whether nothing was answered, not even that somebody will come."""
        return self.state is State.OPEN and self.note is None


class OwnSession(Struct, frozen=True, kw_only=True):
    """The session of a lesson in which somebody would be asked who came to another; its card, where it is open."""

    occurrence: OccurrenceId
    branch: OrganisationId
    card: CardId | None = None


class Given(Struct, frozen=True, kw_only=True):
    """One answer that was given, or set by hand, and has not been taken back."""

    occurrence: OccurrenceId
    cause: Cause
    state: State
    at: datetime
    reason: str | None = None
    note: Note | None = None
    recorded_by: UserId | None = None


class Answered(Fact, frozen=True, kw_only=True):
    """A member's state in an occurrence changed from one to another.

    Set by hand, it has who did so and the explanation they gave.
    """

    occurrence: OccurrenceId
    member: MemberId
    before: State
    after: State
    at: datetime
    cause: Cause
    reason: str | None = None
    note: Note | None = None
    recorded_by: UserId | None = None
    explanation: str | None = None


class AnswersTakenBack(Fact, frozen=True, kw_only=True):
    """Answers no longer stand, because who gave them took them back."""

    occurrence: OccurrenceId
    member: MemberId
    causes: tuple[Cause, ...]
    at: datetime


class LeaveReasonChanged(Fact, frozen=True, kw_only=True):
    """The reason that an answer gave for a leave is another one, or none any more; the leave itself stays."""

    occurrence: OccurrenceId
    member: MemberId
    cause: Cause
    reason: str | None
    at: datetime

    def __repr__(self) -> str:
        return repr_without(self, "reason")


def check_in(
    expectation: Expectation,
    *,
    way: Way,
    cause: Cause,
    now: datetime,
    by_make_up: bool = False,
    note: Note | None = None,
) -> Decision | Refusal:
    """Record that a member took part: in the window, late on the card, or made up from the list of what was missed.

    What was set by hand stays after the close; making up is something new and goes on top of it.
    """
    occurrence = expectation.occurrence
    if expectation.state in TOOK_PART and note is None:
        return _quietly(way, expectation, "checkin.already")
    if occurrence.state is OccurrenceState.WITHDRAWN:
        return refused(_withdrawn(expectation), title=expectation.title)
    if expectation.state is State.NOT_OFFERED:
        return refused("checkin.not_offered", title=expectation.title)
    if expectation.kind is Kind.LECTURE:
        if occurrence.begins_at is not None and now < occurrence.begins_at:
            return refused("lecture.not_begun", title=expectation.title, begins=occurrence.begins_at)
    elif occurrence.begins_at is not None:
        if now < occurrence.begins_at and is_open(occurrence, now):
            return _announce(expectation, note or Note.COMING, way=way, cause=cause, now=now)
        if is_open(occurrence, now) and _stands_by_hand(expectation):
            return refused("answer.by_recorder", title=expectation.title)
        if not by_make_up and not is_open(occurrence, now):
            return refused("checkin.meeting_over", title=expectation.title)
    offered = occurrence.state in (OccurrenceState.OPEN, OccurrenceState.CLOSED)
    if expectation.recorded_by is not None and not by_make_up and not is_open(occurrence, now):
        return refused("answer.by_recorder", title=expectation.title)
    if offered and occurrence.closes_at is not None and now < occurrence.closes_at:
        after = State.DONE
    elif offered and now < occurrence.make_up_until:
        after = State.MADE_UP if by_make_up else State.LATE
    else:
        return refused("checkin.closed", title=expectation.title, closed=occurrence.closes_at or occurrence.due_at)
    if note is not None and after is not State.DONE:
        return refused("checkin.note_too_late", title=expectation.title)
    return _answer(expectation, after, way=way, cause=cause, now=now, key=_noted(expectation, after, note), note=note)


def _announce(expectation: Expectation, note: Note, *, way: Way, cause: Cause, now: datetime) -> Decision | Refusal:
    """Note before a meeting that somebody will come, and how; they are there only once it has begun."""
    if expectation.recorded_by is not None:
        return refused("answer.by_recorder", title=expectation.title)
    if expectation.state is State.OPEN and expectation.note is note:
        return _quietly(way, expectation, "checkin.already")
    return _answer(expectation, State.OPEN, way=way, cause=cause, now=now, key=f"checkin.will_{note}", note=note)


def _stands_by_hand(expectation: Expectation) -> bool:
    """Tell whether the recorder has said how somebody stands; 未回 leaves it to them."""
    return expectation.recorded_by is not None and expectation.state not in (State.OPEN, State.UNANSWERED)


def _noted(expectation: Expectation, after: State, note: Note | None) -> str:
    """Return the key of the receipt: 签到 is said of what one goes to, whatever word was used for it."""
    if note is not None:
        return f"checkin.noted_{note}"
    if after is State.DONE and expectation.kind in (Kind.EVENT, Kind.LECTURE):
        return "checkin.signed_in"
    return f"checkin.{after}"


def is_open(occurrence: Occurrence, now: datetime) -> bool:
    """Tell whether answers to an occurrence still count as given in time, and can be taken back."""
    over = occurrence.closes_at is not None and now >= occurrence.closes_at
    return occurrence.state is OccurrenceState.OPEN and not over


def ask_leave(
    expectation: Expectation, reason: str, *, way: Way, cause: Cause, now: datetime, asked_before: bool = False
) -> Decision | Refusal:
    """Record that a member cannot take part, with a reason that only the recorder sees.

    Where no reason is given, it is asked for in private, once for each occurrence: ``asked_before`` tells that it was.
    """
    occurrence = expectation.occurrence
    if occurrence.state is OccurrenceState.WITHDRAWN:
        return refused(_withdrawn(expectation), title=expectation.title)
    if not is_open(occurrence, now):
        return refused("leave.closed", title=expectation.title, closed=occurrence.closes_at or occurrence.due_at)
    if len(reason) > LONGEST_REASON:
        return refused("leave.too_long", most=LONGEST_REASON)
    if way is Way.REACTION and expectation.state is State.EXCUSED:
        return Decision()
    if expectation.state is State.NOT_OFFERED:
        return refused("checkin.not_offered", title=expectation.title)
    begun = occurrence.begins_at is not None and now >= occurrence.begins_at
    if begun and expectation.kind is not Kind.LECTURE and _stands_by_hand(expectation):
        return refused("answer.by_recorder", title=expectation.title)
    if expectation.branch is not None:
        return refused("leave.other_session", title=expectation.title)
    asks = not reason and not asked_before
    recorded = _answer(
        expectation,
        State.EXCUSED,
        way=Way.REPLY,
        cause=cause,
        now=now,
        key="leave.recorded_ask_reason" if asks else "leave.recorded",
        reason=reason or None,
    )
    inquiries: tuple[Fact, ...] = ()
    if asks:
        inquiries = (make_inquiry(expectation.user, occurrence.id, now=now),)
    elif asked_before:
        inquiries = (InquiryEnded(user=expectation.user, about=occurrence.id),)
    return Decision(facts=(*recorded.facts, *inquiries), effects=recorded.effects)


def add_reason(
    expectation: Expectation, reason: str, *, cause: Cause, now: datetime, number: int | None = None
) -> Decision | Refusal:
    """Take the reason of a leave that stands already; the window may be over by the time it is told.

    It is said back, since anything said after the question was taken for it, with how to put it right; ``number`` is
    its place among what is open, where that is more than one.
    """
    if len(reason) > LONGEST_REASON:
        return refused("leave.too_long", most=LONGEST_REASON)
    key = "leave.reason_added" if number is None else "leave.reason_added_of_several"
    if not is_open(expectation.occurrence, now):
        key = "leave.reason_added_late"
    added = _answer(expectation, State.EXCUSED, way=Way.PRIVATE, cause=cause, now=now, key=key, reason=reason)
    shown = Secret(reason if len(reason) <= LONGEST_SAID_BACK else f"{reason[:LONGEST_SAID_BACK]}…")
    said = words(key, title=expectation.title, reason=shown, number=number or 0)
    ended = InquiryEnded(user=expectation.user, about=expectation.occurrence.id)
    effects = tuple(replace(one, words=said) if isinstance(one, Tell) else one for one in added.effects)
    return Decision(facts=(*added.facts, ended), effects=effects)


def change_reason(
    expectation: Expectation, reason: str | None, *, of: Cause, now: datetime, by: UserId | None = None
) -> Decision | Refusal:
    """Let the leave that a cause gave have another reason, or none, whenever that is; the leave itself stays.

    ``by`` is who removed the message, where that was not its sender.
    """
    if reason is not None and len(reason) > LONGEST_REASON:
        return refused("leave.too_long", most=LONGEST_REASON)
    fact = LeaveReasonChanged(
        occurrence=expectation.occurrence.id, member=expectation.member, cause=of, reason=reason, at=now
    )
    own = expectation.state is State.EXCUSED and expectation.recorded_by is None
    if reason is not None:
        key = "leave.reason_changed" if expectation.state is State.EXCUSED else "leave.reason_changed_later"
    elif by is not None:
        key = "leave.reason_removed_by_other"
    elif own and is_open(expectation.occurrence, now):
        key = "leave.reason_removed"
    else:
        key = "leave.reason_removed_later"
    told = Tell(user=expectation.user, words=words(key, title=expectation.title), unasked=by is not None)
    # A reason that is waited for has come.
    ended = (InquiryEnded(user=expectation.user, about=expectation.occurrence.id),) if reason is not None else ()
    return Decision(facts=(fact, *ended), effects=(told,))


def take_back(
    expectation: Expectation,
    *,
    removed: Cause,
    cause: Cause,
    now: datetime,
    given: Sequence[Given] = (),
    way: Way = Way.REACTION,
    own: OwnSession | None = None,
) -> Decision | None:
    """Undo one answer while the window is open: the latest of the others stands again; afterwards the record stays.

    ``given`` is what was answered to this occurrence and not taken back, oldest first. An answer that no longer
    decides is only crossed out, so that it does not come back when the later one is undone. With the last answer goes
    the seat of who came to another session than their ``own``.
    """
    if not is_open(expectation.occurrence, now):
        return None
    rest = [one for one in given if one.cause != removed]
    crossed_out = _cross_out(expectation, (removed,), now)
    if expectation.decided_by != removed:
        return Decision(facts=(crossed_out,)) if len(rest) < len(given) else None
    if not rest:
        key = _taken_back(expectation)
        undone = _answer(expectation, State.OPEN, way=way, cause=cause, now=now, key=key)
        return _leave_seat(Decision(facts=(crossed_out, *undone.facts), effects=undone.effects), expectation, own)
    earlier = rest[-1]
    restored = Answered(
        occurrence=expectation.occurrence.id,
        member=expectation.member,
        before=expectation.state,
        after=earlier.state,
        at=earlier.at,
        cause=earlier.cause,
        reason=earlier.reason,
        note=earlier.note,
        recorded_by=earlier.recorded_by,
    )
    key = {State.EXCUSED: "answer.excused_again", State.OPEN: "answer.open_again"}.get(
        earlier.state, "answer.done_again"
    )
    if earlier.state is State.OPEN and earlier.note is not None:
        key = "answer.coming_again"
    told = Tell(user=expectation.user, words=words(key, title=expectation.title), quiet=way is Way.REACTION)
    return Decision(facts=(crossed_out, restored), effects=(*_refresh(expectation, earlier.state), told))


def withdraw(
    expectation: Expectation,
    given: Sequence[Given],
    *,
    cause: Cause,
    now: datetime,
    own: OwnSession | None = None,
) -> Decision | Refusal:
    """Take back everything one has answered to an open occurrence; what was set by hand is changed by hand only."""
    if expectation.recorded_by is not None:
        return refused("answer.by_recorder", title=expectation.title)
    if not is_open(expectation.occurrence, now):
        closed = expectation.occurrence.closes_at or expectation.occurrence.due_at
        return refused("answer.closed", title=expectation.title, closed=closed)
    key = _taken_back(expectation)
    undone = _answer(expectation, State.OPEN, way=Way.PRIVATE, cause=cause, now=now, key=key)
    crossed_out = _cross_out(expectation, tuple(one.cause for one in given), now)
    ended = InquiryEnded(user=expectation.user, about=expectation.occurrence.id)
    return _leave_seat(Decision(facts=(crossed_out, *undone.facts, ended), effects=undone.effects), expectation, own)


def _leave_seat(undone: Decision, expectation: Expectation, own: OwnSession | None) -> Decision:
    """Let the seat go with the answer that took it, so that one is asked in one's own session."""
    if own is None:
        return undone
    left = SeatGivenUp(
        occurrence=expectation.occurrence.id,
        member=expectation.member,
        branch=own.branch,
        instead=own.occurrence if own.card is not None else None,
    )
    shown = (Refresh(card=own.card),) if own.card is not None else ()
    return Decision(facts=(*undone.facts, left), effects=(*undone.effects, *shown))


def _taken_back(expectation: Expectation) -> str:
    if expectation.state is State.OPEN:
        return "checkin.coming_taken_back"
    learned = expectation.kind is Kind.LESSON
    if expectation.state is State.EXCUSED:
        return "leave.taken_back" if learned else "leave.taken_back_attended"
    return "checkin.taken_back" if learned else "checkin.taken_back_attended"


def _withdrawn(expectation: Expectation) -> str:
    return "checkin.withdrawn" if expectation.kind is Kind.LESSON else "checkin.withdrawn_attended"


def _cross_out(expectation: Expectation, causes: tuple[Cause, ...], now: datetime) -> AnswersTakenBack:
    return AnswersTakenBack(occurrence=expectation.occurrence.id, member=expectation.member, causes=causes, at=now)


def _answer(
    expectation: Expectation,
    after: State,
    *,
    way: Way,
    cause: Cause,
    now: datetime,
    key: str,
    reason: str | None = None,
    note: Note | None = None,
) -> Decision:
    fact = Answered(
        occurrence=expectation.occurrence.id,
        member=expectation.member,
        before=expectation.state,
        after=after,
        at=now,
        cause=cause,
        reason=reason,
        note=note,
    )
    said = words(key, title=expectation.title, name=expectation.name, at=now)
    told = Tell(user=expectation.user, words=said, quiet=way is Way.REACTION)
    taken: tuple[Fact, ...] = ()
    if expectation.branch is not None:
        taken = (SeatTaken(occurrence=fact.occurrence, member=fact.member, branch=expectation.branch),)
    return Decision(facts=(*taken, fact), effects=(*_refresh(expectation, after), told))


def offer_questions(answer: Decision) -> Decision:
    """Say below the answer to a lesson that there are questions about it; nothing is sent for that alone."""
    effects = tuple(
        replace(one, words=words("checkin.with_questions", said=(one.words,))) if isinstance(one, Tell) else one
        for one in answer.effects
    )
    return replace(answer, effects=effects)


def _refresh(expectation: Expectation, after: State) -> tuple[Effect, ...]:
    changes = expectation.state is not after or expectation.note is not None or after is State.OPEN
    return (Refresh(card=expectation.card),) if changes and expectation.card is not None else ()


def _quietly(way: Way, expectation: Expectation, key: str) -> Decision:
    """Confirm what is so already, but only to someone who asked in words: a tap sees its own tick."""
    if way is Way.REACTION:
        return Decision()
    return Decision(effects=(Tell(user=expectation.user, words=words(key, title=expectation.title)),))
