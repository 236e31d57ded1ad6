"""Messages that counted: what becomes of what somebody said once they change the message that said it, or remove it.

What was said stays said, and they are told so once; the reason for a leave alone goes with its message.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum

from msgspec import Struct
from msgspec.structs import replace

from content.checkins import TOOK_PART, Answered, LeaveReasonChanged, State
from content.corrections import CorrectionAsked
from content.decision import Aside, Decision, Effect, Fact, Refusal, Tell, Words
from content.identifiers import Cause, EventId, RoomId, UserId
from content.model_members import MemberNominated
from content.mutes import Muted
from content.polls import Voted
from content.sign_up_sheets import EntriesWithdrawn, SignedUp, SignUpOpened


class Sort(StrEnum):
    """As what a message counted. A ``REASON`` is one that was asked for: all of it is why somebody is on leave.

    By one that has ``BEGUN`` a sign-up nothing was answered.
    """

    LEAVE = "leave"
    REASON = "reason"
    ATTENDANCE = "attendance"
    CORRECTION = "correction"
    SILENCE = "silence"
    VOTE = "vote"
    SIGN_UP = "sign_up"
    SIGN_OFF = "sign_off"
    NOMINATION = "nomination"
    BEGUN = "begun"


LEAVES = frozenset((Sort.LEAVE, Sort.REASON))
"""What is known for as long as the answers are: a reason goes with its message also years later."""


class Counted(Struct, frozen=True, kw_only=True):
    """A message that counted: whose, where and as what; ``about`` names the thing, ``cause`` the answer that it gave.

    ``told_at`` is when its sender was told that it counts as it was first said.
    """

    event: EventId
    room: RoomId
    user: UserId
    sort: Sort
    about: str
    cause: Cause
    at: datetime
    told_at: datetime | None = None


class MessageCounted(Aside, frozen=True, kw_only=True):
    """A message counted; what it brought about stands in the facts beside this one."""

    message: Counted


class MessageStood(Aside, frozen=True, kw_only=True):
    """Somebody was told that what they said counts, though the message is changed or gone."""

    event: EventId
    at: datetime


def note(answer: Decision, *, event: EventId, room: RoomId, user: UserId, cause: Cause, at: datetime) -> Decision:
    """Keep beside what a message brought about that it was this message, where anybody could miss it later."""
    sort = _sort_of(answer, cause)
    if sort is None:
        return answer
    one = Counted(event=event, room=room, user=user, sort=sort[0], about=sort[1], cause=cause, at=at)
    return replace(answer, facts=(*answer.facts, MessageCounted(message=one)))


def follow(
    answer: Decision | Refusal | None, one: Counted, *, event: EventId, at: datetime
) -> Decision | Refusal | None:
    """Keep of an edit that it gave a leave another reason, so that its removal takes that away."""
    if not isinstance(answer, Decision) or not any(
        isinstance(fact, LeaveReasonChanged) and fact.reason is not None for fact in answer.facts
    ):
        return answer
    edit = replace(one, event=event, at=at, told_at=None)
    return replace(answer, facts=(*answer.facts, MessageCounted(message=edit)))


def _sort_of(answer: Decision, cause: Cause) -> tuple[Sort, str] | None:
    for fact in answer.facts:
        match fact:
            # What stands again by somebody's taking back was counted when it was said.
            case Answered(after=State.EXCUSED) if fact.cause == cause:
                return (Sort.REASON if _says(answer.effects, "leave.reason_added") else Sort.LEAVE), fact.occurrence
            case Answered() if fact.cause == cause and (fact.after in TOOK_PART or fact.note is not None):
                return Sort.ATTENDANCE, fact.occurrence
            case CorrectionAsked():
                return Sort.CORRECTION, fact.correction.id
            case Muted():
                return Sort.SILENCE, ""
            case Voted():
                return Sort.VOTE, fact.poll
            case SignUpOpened():
                return Sort.BEGUN, fact.sign_up.id
            case SignedUp():
                return Sort.SIGN_UP, fact.sign_up
            case EntriesWithdrawn():
                return Sort.SIGN_OFF, fact.sign_up
            case MemberNominated():
                return Sort.NOMINATION, fact.selection
    return None


def _says(effects: Iterable[Effect], key: str) -> bool:
    return any(isinstance(one, Tell) and one.words.key.startswith(key) for one in effects)


def stands(message: Counted, said: Words, *, by: UserId, now: datetime) -> Decision | None:
    """Tell once who sent a message that it counts as it was first said; unasked where somebody else removed it."""
    if message.told_at is not None:
        return None
    told = Tell(user=message.user, words=said, unasked=by != message.user)
    facts: tuple[Fact, ...] = (MessageStood(event=message.event, at=now),)
    return Decision(facts=facts, effects=(told,))
