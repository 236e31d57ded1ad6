"""Questions to who gives a lecture: asked in private, with one's name or without, answered and shown by its organiser.

Of who asked without a name nothing is kept, and of the question no more than its day.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date
from enum import StrEnum

from msgspec import Struct

from content.checkins import Expectation
from content.decision import Decision, Fact, Refusal, Tell, Untraced, discreetly, refused, words
from content.identifiers import LectureQuestionId, MemberId, OccurrenceId, UserId

LONGEST_QUESTION = 300
LONGEST_ANSWER = 1_000

MOST_NAMED = 10
"""So many questions one person has to a lecture under their name."""

MOST_UNNAMED = 3
"""So many without; counted in memory only, for nothing is kept of who asked."""

MOST_TOGETHER = 200
"""So many questions to one lecture are kept at all."""


class State(StrEnum):
    """What became of a question: it waits, is answered for the room to see, was answered there, or is put away.

    One that its asker took back is withdrawn; its words are gone.
    """

    OPEN = "open"
    ANSWERED = "answered"
    SPOKEN = "spoken"
    HIDDEN = "hidden"
    WITHDRAWN = "withdrawn"


_WANTS_NO_NAME = re.compile(r"[\s\W]*(?:匿名|不记名|不記名|不署名|anonymous|without (?:a|my) name)", re.IGNORECASE)

SHOWN = frozenset({State.ANSWERED})
"""What stands on the card afterwards."""


UNSETTLED = frozenset({State.OPEN, State.HIDDEN})
"""While nobody has answered it, whoever asked can take it back."""


class Question(Struct, frozen=True, kw_only=True):
    """One question to a lecture; ``member`` is empty where it was asked without a name."""

    id: LectureQuestionId
    occurrence: OccurrenceId
    text: str
    asked_on: date
    member: MemberId | None = None
    answer: str = ""
    state: State = State.OPEN


class LectureQuestioned(Fact, frozen=True, kw_only=True):
    """A member asked something about a lecture, under their name."""

    question: Question


class LectureQuestionedUnnamed(Untraced, frozen=True, kw_only=True):
    """Something was asked about a lecture by somebody of whom nothing is kept."""

    question: Question


class LectureQuestionSettled(Fact, frozen=True, kw_only=True):
    """Whoever keeps the questions of a lecture answered one, said that it was answered there, hid it or took it up."""

    question: LectureQuestionId
    occurrence: OccurrenceId
    state: State
    answer: str
    by: UserId


class LectureQuestionWithdrawn(Fact, frozen=True, kw_only=True):
    """Whoever asked under their name took it back before it was answered."""

    question: LectureQuestionId
    occurrence: OccurrenceId
    member: MemberId


def tidied(text: str) -> str:
    """Return what was asked in one line."""
    return " ".join(text.split())


def ask(
    expectation: Expectation,
    text: str,
    *,
    id: LectureQuestionId,  # noqa: A002
    held: Sequence[Question],
    today: date,
) -> Decision | Refusal:
    """Keep a question under its asker's name; nothing of one that begins by saying that it is to have none."""
    said = tidied(text)
    if _WANTS_NO_NAME.match(said):
        return discreetly(refused("lecture.unnamed_how"))
    own = [one for one in held if one.member == expectation.member]
    refusal = _objection(expectation, said, held)
    if refusal is not None:
        return refusal
    if any(one.text == said for one in own):
        return refused("lecture.asked_already", title=expectation.title)
    if len(own) >= MOST_NAMED:
        return refused("lecture.asked_enough", title=expectation.title, most=MOST_NAMED)
    question = Question(
        id=id, occurrence=expectation.occurrence.id, text=said, asked_on=today, member=expectation.member
    )
    told = Tell(user=expectation.user, words=words("lecture.asked", title=expectation.title, name=expectation.name))
    return Decision(facts=(LectureQuestioned(question=question),), effects=(told,))


def ask_unnamed(
    expectation: Expectation,
    text: str,
    *,
    id: LectureQuestionId,  # noqa: A002
    held: Sequence[Question],
    today: date,
    allowed: bool,
) -> Decision | Refusal:
    """Keep a question and nothing of who asked it; ``allowed`` tells that they have not asked too much without name."""
    said = tidied(text)
    refusal = _objection(expectation, said, held)
    if refusal is not None:
        return discreetly(refusal)
    if not allowed:
        return discreetly(refused("lecture.unnamed_enough", title=expectation.title, most=MOST_UNNAMED))
    question = Question(id=id, occurrence=expectation.occurrence.id, text=said, asked_on=today)
    told = Tell(user=expectation.user, words=words("lecture.unnamed_asked", title=expectation.title))
    return Decision(facts=(LectureQuestionedUnnamed(question=question),), effects=(told,))


def _objection(expectation: Expectation, said: str, held: Sequence[Question]) -> Refusal | None:
    if len(said) > LONGEST_QUESTION:
        return refused("lecture.long_question", most=LONGEST_QUESTION)
    if len(held) >= MOST_TOGETHER:
        return refused("lecture.full_of_questions", title=expectation.title)
    return None


def settle_question(
    question: Question, state: State, answer: str, *, by: UserId, title: str, asker: UserId | None = None
) -> Decision | Refusal:
    """Answer a question for the room, say that it was answered when the lecture was given, hide it, or take it up.

    An ``asker`` who gave their name is told the answer.
    """
    if state is State.WITHDRAWN or question.state is State.WITHDRAWN:
        return refused("lecture.question_is_withdrawn", field="answer")
    said = "\n".join(line.strip() for line in answer.strip().splitlines() if line.strip())
    if len(said) > LONGEST_ANSWER:
        return refused("lecture.long_answer", field="answer", most=LONGEST_ANSWER)
    if state is State.ANSWERED and not said:
        return refused("lecture.no_answer", field="answer")
    if (state, said) == (question.state, question.answer):
        return refused("lecture.nothing_changed", field="answer")
    settled = LectureQuestionSettled(
        question=question.id, occurrence=question.occurrence, state=state, answer=said, by=by
    )
    if asker is None or state is not State.ANSWERED:
        return Decision(facts=(settled,))
    told = words("lecture.answered", title=title, question=question.text, answer=said)
    return Decision(facts=(settled,), effects=(Tell(user=asker, words=told, unasked=True),))


def withdraw_question(question: Question, *, user: UserId, title: str) -> Decision | Refusal:
    """Let whoever asked take a question back, as long as nobody has answered it."""
    if question.state is State.WITHDRAWN:
        return refused("lecture.question_is_withdrawn")
    if question.member is None or question.state not in UNSETTLED:
        return refused("lecture.answered_already", title=title)
    fact = LectureQuestionWithdrawn(question=question.id, occurrence=question.occurrence, member=question.member)
    told = Tell(user=user, words=words("lecture.question_withdrawn", title=title, question=question.text))
    return Decision(facts=(fact,), effects=(told,))
