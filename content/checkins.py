"""What a member answers to a lesson or an event: done, on leave, late, made up, or taken back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from content.decision import Decision, Effect, Fact, Refresh, Refusal, Tell, refused, words
from content.identifiers import CardId, Cause, MemberId, OccurrenceId, UserId
from content.lessons import Kind
from content.occurrences import Occurrence
from content.occurrences import State as OccurrenceState

LONGEST_REASON = 200


class State(StrEnum):
    """What is known of one member and one occurrence. Unanswered is not absent: only a recorder says absent."""

    OPEN = "open"
    DONE = "done"
    LATE = "late"
    EXCUSED = "excused"
    MADE_UP = "made_up"
    UNANSWERED = "unanswered"
    NOT_OFFERED = "not_offered"


TOOK_PART = frozenset({State.DONE, State.LATE, State.MADE_UP})


class Way(StrEnum):
    """How an answer reached us, which decides how it is confirmed."""

    REACTION = "reaction"
    REPLY = "reply"
    ROOM = "room"
    PRIVATE = "private"


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """One member's place in an occurrence, as it stands; ``decided_by`` is the cause of the present state."""

    occurrence: Occurrence
    member: MemberId
    user: UserId
    name: str
    card: CardId | None
    title: str
    kind: Kind
    state: State
    decided_by: Cause | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered(Fact):
    """A member's state in an occurrence changed from one to another."""

    occurrence: OccurrenceId
    member: MemberId
    before: State
    after: State
    at: datetime
    cause: Cause
    reason: str | None = None


def check_in(
    expectation: Expectation, *, way: Way, cause: Cause, now: datetime, by_make_up: bool = False
) -> Decision | Refusal:
    """Record that a member took part: in the window, late on the card, or made up from the list of what was missed."""
    occurrence = expectation.occurrence
    if expectation.state in TOOK_PART:
        return _quietly(way, expectation, "checkin.already")
    if occurrence.state is OccurrenceState.WITHDRAWN:
        return refused("checkin.withdrawn", title=expectation.title)
    if expectation.state is State.NOT_OFFERED:
        return refused("checkin.not_offered", title=expectation.title)
    offered = occurrence.state in (OccurrenceState.OPEN, OccurrenceState.CLOSED)
    if offered and occurrence.closes_at is not None and now < occurrence.closes_at:
        after = State.DONE
    elif offered and now < occurrence.make_up_until:
        after = State.MADE_UP if by_make_up else State.LATE
    else:
        return refused("checkin.closed", title=expectation.title, closed=occurrence.closes_at or occurrence.due_at)
    return _answer(expectation, after, way=way, cause=cause, now=now, key=f"checkin.{after}")


def ask_leave(expectation: Expectation, reason: str, *, way: Way, cause: Cause, now: datetime) -> Decision | Refusal:
    """Record that a member cannot take part, with a reason that only the recorder sees."""
    occurrence = expectation.occurrence
    if occurrence.state is OccurrenceState.WITHDRAWN:
        return refused("checkin.withdrawn", title=expectation.title)
    if occurrence.state is not OccurrenceState.OPEN or (occurrence.closes_at and now >= occurrence.closes_at):
        return refused("leave.closed", title=expectation.title, closed=occurrence.closes_at or occurrence.due_at)
    if len(reason) > LONGEST_REASON:
        return refused("leave.too_long", most=LONGEST_REASON)
    if way is Way.REACTION and expectation.state is State.EXCUSED:
        return Decision()
    if expectation.state is State.NOT_OFFERED:
        return refused("checkin.not_offered", title=expectation.title)
    key = "leave.recorded" if reason else "leave.recorded_ask_reason"
    return _answer(
        expectation,
        State.EXCUSED,
        way=Way.REPLY,
        cause=cause,
        now=now,
        key=key,
        reason=reason or None,
    )


def take_back(expectation: Expectation, *, removed: Cause, cause: Cause, now: datetime) -> Decision | None:
    """Undo an answer whose reaction was removed, while the window is open; afterwards the record stays."""
    occurrence = expectation.occurrence
    if expectation.decided_by != removed or occurrence.state is not OccurrenceState.OPEN:
        return None
    if occurrence.closes_at is not None and now >= occurrence.closes_at:
        return None
    key = "leave.taken_back" if expectation.state is State.EXCUSED else "checkin.taken_back"
    return _answer(expectation, State.OPEN, way=Way.REACTION, cause=cause, now=now, key=key)


def _answer(
    expectation: Expectation,
    after: State,
    *,
    way: Way,
    cause: Cause,
    now: datetime,
    key: str,
    reason: str | None = None,
) -> Decision:
    fact = Answered(
        occurrence=expectation.occurrence.id,
        member=expectation.member,
        before=expectation.state,
        after=after,
        at=now,
        cause=cause,
        reason=reason,
    )
    effects: list[Effect] = []
    if expectation.card is not None and expectation.state is not after:
        effects.append(Refresh(card=expectation.card))
    said = words(key, title=expectation.title, name=expectation.name, at=now)
    effects.append(Tell(user=expectation.user, words=said, quiet=way is Way.REACTION))
    return Decision(facts=(fact,), effects=tuple(effects))


def _quietly(way: Way, expectation: Expectation, key: str) -> Decision:
    """Confirm what is so already, but only to someone who asked in words: a tap sees its own tick."""
    if way is Way.REACTION:
        return Decision()
    return Decision(effects=(Tell(user=expectation.user, words=words(key, title=expectation.title)),))
