"""The card that catches up on a lecture (补课卡): what was said, its outline, and the answers to what was asked."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from content.decision import Decision, Fact, Refusal, Words, refused, words
from content.identifiers import LessonId, MemberId, OccurrenceId, OrganisationId, ScheduleId, UserId, derive
from content.lecture_questions import SHOWN, Question
from content.lectures import over
from content.lessons import LONGEST_TITLE, Kind, Lesson, revise_lesson, write_lesson

LONGEST_SUMMARY = 4_000

Say = Callable[[Words], str]

_SIGNS = re.compile(r"([\\`*_\[\]<>#!|~&])")


class CatchUp(Struct, frozen=True, kw_only=True):
    """The card of one lecture: the bulletin that it is, by which rule it goes out, and what its organiser wrote."""

    occurrence: OccurrenceId
    lesson: LessonId
    schedule: ScheduleId
    summary: str


class CatchUpKept(Fact, frozen=True, kw_only=True):
    """A lecture has a card that catches up on it, or has it anew."""

    occurrence: OccurrenceId
    lesson: LessonId
    schedule: ScheduleId
    summary: str


class Given(Struct, frozen=True, kw_only=True):
    """A lecture as it was given, with all that its card is made of; ``owner`` is for whom it was given."""

    occurrence: OccurrenceId
    lesson: Lesson
    owner: OrganisationId
    questions: Sequence[Question]
    names: Mapping[MemberId, str]
    make_up_until: datetime


def lesson_of(occurrence: OccurrenceId) -> LessonId:
    """Return which bulletin catches up on a lecture."""
    return LessonId(derive(occurrence, "catch-up"))


def composed(given: Given, summary: str, say: Say) -> Lesson:
    """Make the bulletin of what is known by now."""
    shown = [one for one in given.questions if one.state in SHOWN]
    parts = [
        *([say(words("catch_up.said")), summary] if summary else []),
        say(words("catch_up.outline")),
        given.lesson.body,
        *([say(words("catch_up.questions"))] if shown else []),
        *(_answered(one, given.names, say) for one in shown),
        say(words("catch_up.how", until=given.make_up_until)),
    ]
    title = say(words("catch_up.title", title=given.lesson.title))
    return Lesson(
        id=lesson_of(given.occurrence),
        owner=given.owner,
        kind=Kind.BULLETIN,
        title=title[:LONGEST_TITLE],
        body="\n\n".join(parts),
        minutes=5,
    )


def _answered(one: Question, names: Mapping[MemberId, str], say: Say) -> str:
    text, answer = _literal(one.text), _literal(one.answer).replace("\n", "\n\n")
    name = names.get(one.member) if one.member is not None else None
    if name is not None:
        return say(words("catch_up.asked_by", name=_literal(name), question=text, answer=answer))
    return say(words("catch_up.asked", question=text, answer=answer))


def _literal(text: str) -> str:
    """Return what somebody typed so that Markdown shows it as it is."""
    return _SIGNS.sub(r"\\\1", text)


def plan_catch_up(
    given: Given, summary: str, say: Say, *, before: Lesson | None, schedule: ScheduleId, due_at: datetime, by: UserId
) -> Decision | Refusal:
    """Write the card anew and have it go out by a rule; ``before`` is the bulletin that is there already."""
    told = given.lesson.lecture
    if told is not None and due_at < over(told, given.lesson.minutes):
        return refused("catch_up.early", field="date", over=over(told, given.lesson.minutes))
    written = _written(given, summary, say, before, by)
    if isinstance(written, Refusal):
        return written
    kept = CatchUpKept(
        occurrence=given.occurrence, lesson=lesson_of(given.occurrence), schedule=schedule, summary=summary
    )
    return Decision(facts=(*written.facts, kept))


def rewrite_catch_up(
    given: Given, present: CatchUp, summary: str, say: Say, *, before: Lesson, by: UserId
) -> Decision | Refusal:
    """Bring the card up to what is known by now; what was sent already is corrected like any other."""
    written = _written(given, summary, say, before, by)
    if isinstance(written, Refusal):
        return written
    if not written.facts and summary == present.summary:
        return refused("catch_up.nothing_new", field="summary")
    kept = CatchUpKept(occurrence=present.occurrence, lesson=present.lesson, schedule=present.schedule, summary=summary)
    return Decision(facts=(*written.facts, kept))


def _written(given: Given, summary: str, say: Say, before: Lesson | None, by: UserId) -> Decision | Refusal:
    if len(summary) > LONGEST_SUMMARY:
        return refused("catch_up.long_summary", field="summary", most=LONGEST_SUMMARY)
    lesson = composed(given, summary, say)
    if before is None:
        answer = write_lesson(lesson, author=by)
    elif (lesson.title, lesson.body) == (before.title, before.body):
        return Decision()
    else:
        answer = revise_lesson(replace(lesson, revision=before.revision), before=before, author=by)
    # What is wrong with the text is wrong with what was typed last: the rest was shown before.
    return replace(answer, field="summary") if isinstance(answer, Refusal) else answer
