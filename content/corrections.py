"""更正: what a person says is wrong in the record, what becomes of it, and setting a record right by hand."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum

from msgspec import Struct

from content.checkins import TOOK_PART, Answered, AnswersTakenBack, Expectation, Given
from content.checkins import State as Answer
from content.decision import Decision, Effect, Fact, Refresh, Refusal, Tell, refused, words
from content.identifiers import Cause, CorrectionId, MemberId, OccurrenceId, OrganisationId, UserId, derive
from content.inquiries import CORRECTION, InquiryEnded, make_inquiry
from content.members import Member
from content.occurrences import State as OccurrenceState

LONGEST_TEXT = 500
LONGEST_ANSWER = 500
LONGEST_EXPLANATION = 200
MOST_WAITING = 5
"""So many of one person may wait for an answer; more would bury what they say."""

KEPT = timedelta(days=30)
"""How long the words are kept after the matter was answered."""


class State(StrEnum):
    """What became of a correction that was asked for."""

    WAITING = "waiting"
    SETTLED = "settled"
    UNCHANGED = "unchanged"
    WITHDRAWN = "withdrawn"


class Mark(StrEnum):
    """What who keeps the record may set by hand: took part, on leave, neither."""

    ATTENDED = "attended"
    LEAVE = "leave"
    NEITHER = "neither"


class Correction(Struct, frozen=True, kw_only=True):
    """Something that a person says is wrong, of an occurrence where they said it of its card.

    ``text`` and ``answer`` are ``None`` once the words are forgotten.
    """

    id: CorrectionId
    organisation: OrganisationId
    member: MemberId
    user: UserId
    occurrence: OccurrenceId | None
    text: str | None
    asked_at: datetime
    state: State = State.WAITING
    answer: str | None = None
    answered_by: UserId | None = None
    answered_at: datetime | None = None


class CorrectionAsked(Fact, frozen=True, kw_only=True):
    """A person said that something in the record is wrong."""

    correction: Correction


class CorrectionAnswered(Fact, frozen=True, kw_only=True):
    """Who keeps the record has answered: it was set right, or stays as it was."""

    id: CorrectionId
    state: State
    answer: str
    by: UserId
    at: datetime


class CorrectionWithdrawn(Fact, frozen=True, kw_only=True):
    """A person took back what they had said before it was answered; its words are forgotten at once."""

    id: CorrectionId
    at: datetime


def ask_correction(
    member: Member,
    user: UserId,
    text: str,
    *,
    occurrence: OccurrenceId | None,
    waiting: int,
    answerer: str | None,
    cause: Cause,
    now: datetime,
) -> Decision | Refusal:
    """Keep what a member says is wrong; ``answerer`` is the name of who will answer, where that is known."""
    text = text.strip()
    if not text:
        asked = Tell(user=user, words=words("correction.what"))
        return Decision(facts=(make_inquiry(user, CORRECTION, now=now),), effects=(asked,))
    if len(text) > LONGEST_TEXT:
        return refused("correction.too_long", most=LONGEST_TEXT)
    if waiting >= MOST_WAITING:
        return refused("correction.too_many", most=MOST_WAITING)
    correction = Correction(
        id=CorrectionId(derive(cause, "correction")),
        organisation=member.organisation,
        member=member.id,
        user=user,
        occurrence=occurrence,
        text=text,
        asked_at=now,
    )
    said = words("correction.recorded_with", name=answerer) if answerer else words("correction.recorded")
    ended = InquiryEnded(user=user, about=CORRECTION)
    return Decision(facts=(CorrectionAsked(correction=correction), ended), effects=(Tell(user=user, words=said),))


def answer_correction(
    correction: Correction, answer: str, *, settled: bool, by: UserId, now: datetime
) -> Decision | Refusal:
    """Answer a correction: the person hears in private whether the record was set right, and why if not."""
    answer = answer.strip()
    if correction.state is not State.WAITING:
        return refused("correction.answered_already")
    if not answer and not settled:
        return refused("correction.why_not", field="answer")
    if len(answer) > LONGEST_ANSWER:
        return refused("correction.answer_too_long", field="answer", most=LONGEST_ANSWER)
    state = State.SETTLED if settled else State.UNCHANGED
    key = f"correction.told_{state}" if answer else "correction.told_settled_plainly"
    told = Tell(user=correction.user, words=words(key, asked=correction.asked_at, answer=answer))
    fact = CorrectionAnswered(id=correction.id, state=state, answer=answer, by=by, at=now)
    return Decision(facts=(fact,), effects=(told,))


def withdraw_correction(correction: Correction, *, now: datetime) -> Decision:
    """Forget a correction whose asker took it back."""
    told = Tell(user=correction.user, words=words("correction.withdrawn"))
    return Decision(facts=(CorrectionWithdrawn(id=correction.id, at=now),), effects=(told,))


def seen_of(expectation: Expectation) -> str:
    """Return a mark of how a member stands, by which a later writer shows what they have seen."""
    return derive("stands", *map(str, (expectation.state, expectation.note, expectation.decided_by)))


def record_by_hand(
    expectation: Expectation,
    mark: Mark,
    explanation: str,
    *,
    by: UserId,
    cause: Cause,
    now: datetime,
    seen: str | None = None,
) -> Decision | Refusal:
    """Set one member's state by hand, with an explanation; the member is told, and the counts follow.

    ``seen`` is the mark of how they stood when this was written, so that nobody overwrites what was said or set since.
    """
    explanation = explanation.strip()
    occurrence = expectation.occurrence
    if occurrence.state not in (OccurrenceState.OPEN, OccurrenceState.CLOSED):
        return refused("correction.not_held", field="mark")
    if expectation.state is Answer.NOT_OFFERED:
        return refused("correction.not_offered", field="mark", name=expectation.name)
    if not explanation:
        return refused("correction.explain", field="explanation")
    if len(explanation) > LONGEST_EXPLANATION:
        return refused("correction.explanation_too_long", field="explanation", most=LONGEST_EXPLANATION)
    neither = Answer.OPEN if occurrence.state is OccurrenceState.OPEN else Answer.UNANSWERED
    after = {Mark.ATTENDED: Answer.DONE, Mark.LEAVE: Answer.EXCUSED, Mark.NEITHER: neither}[mark]
    if expectation.state is after or (mark is Mark.ATTENDED and expectation.state in TOOK_PART):
        return refused("correction.no_change", field="mark", name=expectation.name)
    if seen is not None and seen != seen_of(expectation):
        state = words(f"state.{expectation.state}")
        return refused("correction.changed_meanwhile", field="mark", name=expectation.name, state=(state,))
    fact = Answered(
        occurrence=occurrence.id,
        member=expectation.member,
        before=expectation.state,
        after=after,
        at=now,
        cause=cause,
        recorded_by=by,
        explanation=explanation,
    )
    effects: list[Effect] = [Refresh(card=expectation.card)] if expectation.card is not None else []
    if expectation.user:
        said = words(f"correction.set_{mark}", title=expectation.title, explanation=explanation)
        effects.append(Tell(user=expectation.user, words=said, unasked=True))
    return Decision(facts=(fact,), effects=tuple(effects))


def retract_by_hand(
    expectation: Expectation, given: Sequence[Given], *, set_by: Cause, cause: Cause, now: datetime
) -> Decision | Refusal:
    """Take back what was set by hand, so that what stood before stands again; the member is told of it as well.

    ``set_by`` is the cause by which it was set, and must be what still counts. ``given`` is what was answered and not
    taken back, oldest first, that among it.
    """
    if expectation.recorded_by is None or expectation.decided_by != set_by:
        return refused("correction.changed_since", name=expectation.name)
    occurrence, rest = expectation.occurrence, [one for one in given if one.cause != set_by]
    open_still = occurrence.state is OccurrenceState.OPEN
    neither = Answer.OPEN if open_still else Answer.UNANSWERED
    last = rest[-1] if rest else None
    # What was taken to be open while it still was is unanswered after the close.
    after = last.state if last is not None and last.state not in (Answer.OPEN, Answer.UNANSWERED) else neither
    crossed_out = AnswersTakenBack(occurrence=occurrence.id, member=expectation.member, causes=(set_by,), at=now)
    again = Answered(
        occurrence=occurrence.id,
        member=expectation.member,
        before=expectation.state,
        after=after,
        at=last.at if last is not None else now,
        cause=last.cause if last is not None else cause,
        reason=last.reason if last is not None else None,
        note=last.note if last is not None else None,
        recorded_by=last.recorded_by if last is not None else None,
    )
    effects: list[Effect] = []
    if expectation.card is not None and after is not expectation.state:
        effects.append(Refresh(card=expectation.card))
    if expectation.user:
        mark = Mark.ATTENDED if after in TOOK_PART else Mark.LEAVE if after is Answer.EXCUSED else Mark.NEITHER
        said = words(f"correction.back_{mark}", title=expectation.title)
        effects.append(Tell(user=expectation.user, words=said, unasked=True))
    return Decision(facts=(crossed_out, again), effects=tuple(effects))
