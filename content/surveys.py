"""Surveys that are not anonymous: asked in private, one question at a time or on a page, told in sums at the end.

What is said in chat stays with its sender's name on the homeserver, whatever we do; so such a survey never calls itself
anonymous. An anonymous one is a secret ballot whose papers answer questions, and is filled in on the page alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from msgspec import Struct

from content.ballot_times import is_time
from content.ballots import FEWEST, LONGEST_TITLE, SHORTEST
from content.decision import Decision, Discreet, Effect, Fact, Refusal, Tell, Words, refused, words
from content.forms import refuse_questions
from content.identifiers import Cause, MemberId, OrganisationId, SurveyId, UserId
from content.inquiries import InquiryEnded, make_inquiry
from content.questions import LONGEST_TEXT, Answers, Question, Sort, fits, publish

ABOUT = "survey:"
"""What an inquiry is about, before the survey's id, while its questions are asked."""
REMIND = timedelta(hours=24)
"""How long before the end who has not answered is reminded, once."""


class State(StrEnum):
    """Where a survey stands."""

    DRAFT = "draft"
    OPEN = "open"
    CLOSED = "closed"
    CANCELLED = "cancelled"


class Standing(StrEnum):
    """Where somebody who is asked stands: who has left is not asked again, and nothing of what they said is kept."""

    ASKED = "asked"
    FINISHED = "finished"
    LEFT = "left"


class Survey(Struct, frozen=True, kw_only=True):
    """A survey that is asked with names. ``by`` is the question by whose answers the others are broken down.

    ``opened_at`` is since when it is open; ``asked`` and ``answered`` are how many people, known from the start and
    from the end on; ``result`` is what may be told, ``None`` where too few have answered.
    """

    id: SurveyId
    organisation: OrganisationId
    title: str
    questions: tuple[Question, ...]
    closes_at: datetime
    timezone: str
    by: str = ""
    state: State = State.DRAFT
    opened_at: datetime | None = None
    asked: int | None = None
    answered: int | None = None
    result: Mapping[str, Any] | None = None


class SurveyDrafted(Fact, frozen=True, kw_only=True):
    """A survey was written down."""

    survey: Survey
    author: UserId


class SurveyOpened(Fact, frozen=True, kw_only=True):
    """A survey is asked of these people."""

    survey: SurveyId
    people: tuple[MemberId, ...]


class QuestionAsked(Discreet, frozen=True, kw_only=True):
    """Somebody is asked the next question; what they say until then is taken as the answer."""

    user: UserId
    about: str
    at: datetime
    until: datetime


class Replied(Discreet, frozen=True, kw_only=True):
    """Somebody answered a question, or left it out; what they said before to it is replaced."""

    survey: SurveyId
    member: MemberId
    question: str
    said: tuple[str, ...]


class SurveyFinished(Discreet, frozen=True, kw_only=True):
    """Somebody came to the end of the questions."""

    survey: SurveyId
    member: MemberId


class SurveyLeft(Discreet, frozen=True, kw_only=True):
    """Somebody does not want to go on; all that they said is forgotten."""

    survey: SurveyId
    member: MemberId


class SurveyClosed(Fact, frozen=True, kw_only=True):
    """A survey is over: what may be told of it is kept, and neither what any one person said nor who was asked."""

    survey: SurveyId
    answered: int
    result: Mapping[str, Any] | None


class SurveyCancelled(Fact, frozen=True, kw_only=True):
    """A survey came to nothing; what was answered is forgotten, and who was asked."""

    survey: SurveyId


def draft(survey: Survey, *, author: UserId, now: datetime) -> Decision | Refusal:
    """Write a survey down, unless it cannot be meant."""
    if not 1 <= len(survey.title.strip()) <= LONGEST_TITLE:
        return refused("ballot.no_title", field="title", most=LONGEST_TITLE)
    trouble = refuse_questions(survey.questions, survey.by)
    if trouble is not None:
        return trouble
    if survey.closes_at < now + SHORTEST:
        return refused("ballot.too_soon", field="closes_at", closes=survey.closes_at)
    return Decision(facts=(SurveyDrafted(survey=survey, author=author),))


def open_survey(survey: Survey, people: Mapping[MemberId, UserId | None], *, now: datetime) -> Decision | Refusal:
    """Ask everyone, and say to each what is kept of what they answer."""
    if survey.state is not State.DRAFT:
        return refused("ballot.not_now", title=survey.title)
    if survey.closes_at <= now:
        return refused("ballot.too_late", closes=survey.closes_at)
    if len(people) < FEWEST:
        return refused("survey.too_few_people", least=FEWEST)
    said = words("survey.asked", title=survey.title, n=len(survey.questions), closes=survey.closes_at)
    return Decision(
        facts=(SurveyOpened(survey=survey.id, people=tuple(people)),),
        effects=tuple(Tell(user=user, words=said) for user in people.values() if user is not None),
    )


def ask_next(survey: Survey, answered: Iterable[str], *, user: UserId, now: datetime) -> Decision | None:
    """Ask the first question that was neither answered nor left out; ``None`` where there is none."""
    done = set(answered)
    left = [one for one in survey.questions if one.id not in done]
    if not left:
        return None
    made = make_inquiry(user, f"{ABOUT}{survey.id}", now=now)
    asked = QuestionAsked(user=made.user, about=made.about, at=made.at, until=made.until)
    return Decision(facts=(asked,), effects=(Tell(user=user, words=_question(survey, left[0])),))


def _question(survey: Survey, question: Question) -> Words:
    number = survey.questions.index(question) + 1
    lines = tuple(words("survey.option", number=n, text=text) for n, text in enumerate(question.options, start=1))
    return words(
        _HOW[question.sort],
        number=number,
        of=len(survey.questions),
        text=question.text,
        options=lines,
        most=LONGEST_TEXT,
    )


_HOW = {
    Sort.SINGLE: "survey.ask_single",
    Sort.SCALE: "survey.ask_single",
    Sort.MULTIPLE: "survey.ask_multiple",
    Sort.OPEN: "survey.ask_open",
}


def reply(
    survey: Survey,
    member: MemberId,
    answered: Iterable[str],
    said: str,
    numbers: Sequence[str] | None,
    *,
    user: UserId,
    now: datetime,
) -> Decision:
    """Take an answer to the question that was asked last, and ask the next one. ``numbers`` are those in the text."""
    if survey.state is not State.OPEN or now >= survey.closes_at:
        return only_say(refused("survey.closed", title=survey.title), user=user)
    done = set(answered)
    question = next((one for one in survey.questions if one.id not in done), None)
    if question is None:
        return only_say(refused("survey.answered", title=survey.title), user=user)
    answer = _read(question, said, numbers)
    if isinstance(answer, Refusal):
        return only_say(answer, user=user)
    kept = Replied(survey=survey.id, member=member, question=question.id, said=answer)
    onward = ask_next(survey, {*done, question.id}, user=user, now=now)
    if onward is not None:
        return Decision(facts=(kept, *onward.facts), effects=onward.effects)
    ended = InquiryEnded(user=user, about=f"{ABOUT}{survey.id}")
    thanks: tuple[Effect, ...] = (Tell(user=user, words=words("survey.thanks", title=survey.title)),)
    return Decision(facts=(kept, SurveyFinished(survey=survey.id, member=member), ended), effects=thanks)


def only_say(refusal: Refusal, *, user: UserId) -> Decision:
    """Say why not and leave no row of record, which would tell who takes part."""
    return Decision(effects=(Tell(user=user, words=refusal.words),))


def _read(question: Question, said: str, numbers: Sequence[str] | None) -> tuple[str, ...] | Refusal:
    if said == "":
        return ()
    if question.sort is Sort.OPEN:
        return (said,) if len(said) <= LONGEST_TEXT else refused("survey.answer_too_long", most=LONGEST_TEXT)
    chosen = tuple(dict.fromkeys(numbers or ()))
    most = len(question.options) if question.sort is Sort.MULTIPLE else 1
    if not 1 <= len(chosen) <= most or not set(chosen) <= set(question.numbers):
        several = question.sort is Sort.MULTIPLE
        return refused("survey.choose_some" if several else "survey.choose_one", most=len(question.options))
    return tuple(sorted(chosen, key=int))


def leave(survey: Survey, member: MemberId, *, user: UserId, here: bool = False) -> Decision:
    """Let somebody go, and forget what they said; who leaves on the page is told there, ``here``."""
    said = () if here else (Tell(user=user, words=words("survey.left", title=survey.title)),)
    gone = SurveyLeft(survey=survey.id, member=member)
    return Decision(facts=(gone, InquiryEnded(user=user, about=f"{ABOUT}{survey.id}")), effects=said)


def fill_in(
    survey: Survey, member: MemberId, standing: Standing | None, answers: Answers, *, user: UserId, now: datetime
) -> Decision | Refusal:
    """Take all answers of somebody at once, in the place of what they said before; what is not among them is left out.

    Until the end the page may be filled in again, as often as one likes.
    """
    if survey.state is not State.OPEN or now >= survey.closes_at:
        return refused("survey.closed", title=survey.title)
    if standing is None:
        return refused("survey.nothing_open")
    if not fits(survey.questions, answers):
        return refused("survey.answer_too_long", most=LONGEST_TEXT)
    said = tuple(
        Replied(survey=survey.id, member=member, question=one.id, said=answers.get(one.id, ()))
        for one in survey.questions
    )
    finished = SurveyFinished(survey=survey.id, member=member)
    return Decision(facts=(*said, finished, InquiryEnded(user=user, about=f"{ABOUT}{survey.id}")))


def close(survey: Survey, papers: Sequence[Answers], *, now: datetime) -> Decision | Refusal:
    """Count a survey whose time is over, and keep nothing but what may be told."""
    if survey.state is not State.OPEN:
        return refused("ballot.not_now", title=survey.title)
    if now < survey.closes_at:
        return refused("ballot.too_early", closes=survey.closes_at)
    enough = len(papers) >= FEWEST
    told = publish(survey.questions, survey.by, papers, least=FEWEST) if enough else None
    return Decision(facts=(SurveyClosed(survey=survey.id, answered=len(papers), result=told),))


def cancel(survey: Survey) -> Decision | Refusal:
    """Let a survey come to nothing."""
    if survey.state not in (State.DRAFT, State.OPEN):
        return refused("ballot.not_now", title=survey.title)
    return Decision(facts=(SurveyCancelled(survey=survey.id),))


def reminder(survey: Survey, *, now: datetime) -> Cause | None:
    """Return the cause of the one reminder, while it is due."""
    moment = survey.closes_at - REMIND
    due = survey.state is State.OPEN and is_time(moment, survey.opened_at, survey.closes_at, now=now)
    return Cause(f"survey:{survey.id}:remind") if due else None


def remind(survey: Survey, waiting: Iterable[UserId]) -> Decision:
    """Remind those who have not come to the end, in the same words for each."""
    said = words("survey.reminded", title=survey.title, closes=survey.closes_at)
    return Decision(effects=tuple(Tell(user=user, words=said) for user in waiting))
