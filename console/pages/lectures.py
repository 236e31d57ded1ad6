"""A lecture at the desk: who comes to which session, what was asked, and the card that catches up on it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, time, timedelta
from zoneinfo import ZoneInfo

from flask import Blueprint, abort, render_template, request
from msgspec import Struct
from msgspec.structs import replace

from console.access import here, requires
from console.addresses import link
from console.answering import Answer, first_by_field, onward
from console.desk import ask, cause, desk, now, settle
from console.pages.schedules import accepted
from content import catch_ups as card_rules
from content import lecture_questions as rules
from content.catch_ups import Say
from content.decision import Decision, Refusal, refused
from content.identifiers import LectureQuestionId, MemberId, OccurrenceId, OrganisationId, ScheduleId, derive
from content.lecture_questions import Question, State
from content.lectures import Lecture, over
from content.lessons import Lesson
from content.occurrences import State as Stand
from content.organisations import Right
from content.recurrences import Recurrence
from content.schedules import Schedule, instant
from content.settings import SECOND_PAIR, YES
from content.speech import Reader
from storage import catch_ups, lessons, members, schedules, session_choices, settings, workdays
from storage import lecture_questions as stored
from storage.organisations import tree
from storage.store import Answer as Decided
from storage.unit import Reading

pages = Blueprint("lectures", __name__)


class Desk(Struct, frozen=True, kw_only=True):
    """A lecture with all that is shown of it; ``names`` are those of who asked with their name, ``who`` of who comes.

    Both are empty for who may not read the names of members.
    """

    entry: schedules.Entry
    lecture: Lecture
    numbers: Mapping[int, int]
    who: Mapping[int, tuple[str, ...]]
    questions: tuple[Question, ...]
    names: Mapping[MemberId, str]
    minutes: int
    card: card_rules.CatchUp | None
    goes_out: schedules.Entry | None
    behind: bool


class Typed(Struct, frozen=True, kw_only=True):
    """What was typed for one question, and why it was not taken."""

    id: str = ""
    answer: str = ""
    refusal: Refusal | None = None


class Card(Struct, frozen=True, kw_only=True):
    """What stands in the form of the card that catches up."""

    summary: str = ""
    date: str = ""
    time: str = ""
    refusal: Refusal | None = None


@pages.get("/lectures/<id>")
@requires(Right.SCHEDULE)
def show(id: str) -> Answer:  # noqa: A002
    """Show a lecture with its questions."""
    return _page(id, Typed())


@pages.post("/lectures/<id>/questions/<question>")
@requires(Right.SCHEDULE)
def settle_one(id: str, question: str) -> Answer:  # noqa: A002
    """Answer a question, say that it was answered there, put it away, or take it up again."""
    user, roots = here().user, here().roots_for(Right.SCHEDULE)
    verdict, said = request.form.get("verdict", ""), request.form.get("answer", "").replace("\r\n", "\n")
    if ask(lambda unit: _question(unit, id, question, roots)) is None:
        abort(404)
    if verdict not in set(State) - {State.WITHDRAWN}:
        abort(400)

    say_there = _say_there(id)

    async def decide(unit: Reading) -> Decided:
        one = await _question(unit, id, question, roots)
        if one is None:
            return None
        entry = await schedules.entry(unit, one.occurrence)
        person = await members.member(unit, one.member) if one.member is not None else None
        answer = rules.settle_question(
            one,
            State(verdict),
            said,
            by=user,
            title=entry.title if entry is not None else "",
            asker=person.user if person is not None else None,
        )
        return await _with_card(unit, OccurrenceId(id), answer, say_there) if isinstance(answer, Decision) else answer

    outcome = settle(decide, actor=user)
    if outcome.refusal is not None:
        return _page(id, Typed(id=question, answer=said, refusal=outcome.refusal))
    return onward(outcome, to=link("lectures.show", id=id), done="lecture_question_settled")


@pages.post("/lectures/<id>/catch-up")
@requires(Right.SCHEDULE)
def catch_up(id: str) -> Answer:  # noqa: A002
    """Have the card that catches up go out now or at a time, or bring it up to what is known by now."""
    user, origin, intent = here().user, desk().settings.origin, request.form.get("intent", "")
    roots, writing = here().roots_for(Right.SCHEDULE), {node.id for node in here().within(Right.WRITE_LESSONS)}
    seen = ask(lambda unit: _lecture(unit, OccurrenceId(id), roots))
    if seen is None or seen[0].occurrence.audience not in writing:
        abort(404)
    if intent not in ("plan", "now", "rewrite"):
        abort(400)
    typed = Card(
        summary=request.form.get("summary", "").replace("\r\n", "\n").strip(),
        date=request.form.get("date", "").strip(),
        time=request.form.get("time", "").strip(),
    )
    rule = None if intent == "rewrite" else _rule(seen[0], typed, at_once=intent == "now")
    if isinstance(rule, Refusal):
        return _page(id, Typed(), replace(typed, refusal=rule))
    say_there = _say_there(id)

    async def decide(unit: Reading) -> Decided:
        found = await _given(unit, OccurrenceId(id))
        if found is None:
            return None
        given, present, before = found
        if rule is None:
            if present is None or before is None:
                return None
            return card_rules.rewrite_catch_up(given, present, typed.summary, say_there, before=before, by=user)
        goes_out = await catch_ups.its_occurrence(unit, present) if present is not None else None
        if goes_out is not None and goes_out.occurrence.state in catch_ups.STANDS:
            return refused("catch_up.planned_already")
        due_at = instant(rule.start, rule.at, rule.timezone)
        written = card_rules.plan_catch_up(
            given, typed.summary, say_there, before=before, schedule=rule.id, due_at=due_at, by=user
        )
        if isinstance(written, Refusal):
            return written
        bulletin = card_rules.composed(given, typed.summary, say_there)
        planned = await accepted(unit, rule, (bulletin,), author=user, origin=origin)
        if isinstance(planned, Refusal):
            return planned
        *text, kept = written.facts
        return replace(planned, facts=(*text, *planned.facts, kept))

    outcome = settle(decide, actor=user)
    if outcome.refusal is not None:
        return _page(id, Typed(), replace(typed, refusal=outcome.refusal))
    return onward(outcome, to=link("lectures.show", id=id), done="catch_up_kept")


def _rule(entry: schedules.Entry, typed: Card, *, at_once: bool) -> Schedule | Refusal:
    """Return the rule by which a card goes out once, where the lecture was announced."""
    if at_once:
        local = now().astimezone(ZoneInfo(entry.timezone))
        on, at = local.date(), local.time().replace(microsecond=0)
    else:
        try:
            on = date.fromisoformat(typed.date)
        except ValueError:
            return refused("schedule.bad_date", field="date")
        try:
            at = time.fromisoformat(typed.time).replace(tzinfo=None)
        except ValueError:
            return refused("schedule.bad_time", field="time")
    return Schedule(
        id=ScheduleId(derive(cause(), "schedule")),
        owner=entry.occurrence.audience,
        audience=entry.occurrence.audience,
        lessons=(card_rules.lesson_of(entry.occurrence.id),),
        recurrence=Recurrence.ONCE,
        start=on,
        at=at,
        timezone=entry.timezone,
        window=timedelta(days=1),
        late=None,
    )


def _say_there(id: str) -> Say:  # noqa: A002
    """Return how something is said where a lecture is given; it is asked for before anything is decided."""
    entry = ask(lambda unit: schedules.entry(unit, OccurrenceId(id)))
    node = here().node(entry.occurrence.audience) if entry is not None else None
    reader = Reader(language=node.language, timezone=node.timezone) if node is not None else Reader()
    speech = desk().speech
    return lambda said: speech.say(said, reader)


async def _given(
    unit: Reading,
    id: OccurrenceId,  # noqa: A002
) -> tuple[card_rules.Given, card_rules.CatchUp | None, Lesson | None] | None:
    """Return a lecture with all that its card is made of, the card, and the bulletin that it is by now."""
    entry = await schedules.entry(unit, id)
    lesson = await lessons.lesson(unit, entry.occurrence.lesson, entry.lesson_revision) if entry is not None else None
    if entry is None or lesson is None or lesson.lecture is None:
        return None
    present = await catch_ups.of_lecture(unit, id)
    before = await lessons.lesson(unit, card_rules.lesson_of(id))
    return await catch_ups.given(unit, entry, lesson), present, before


async def _with_card(
    unit: Reading,
    id: OccurrenceId,  # noqa: A002
    answer: Decision,
    say_there: Say,
) -> Decision:
    """Bring a card that has not gone out yet up to an answer; one that somebody approved as it was stays so."""
    found = await _given(unit, id)
    if found is None:
        return answer
    given, present, before = found
    if present is None or before is None:
        return answer
    goes_out = await catch_ups.its_occurrence(unit, present)
    wants = await settings.value_of(unit, before.owner, SECOND_PAIR) == YES
    if goes_out is None or goes_out.occurrence.state is not Stand.PLANNED or wants:
        return answer
    (settled,) = answer.facts
    assert isinstance(settled, rules.LectureQuestionSettled)
    questions = tuple(
        replace(one, state=settled.state, answer=settled.answer) if one.id == settled.question else one
        for one in given.questions
    )
    again = card_rules.rewrite_catch_up(
        replace(given, questions=questions), present, present.summary, say_there, before=before, by=settled.by
    )
    return answer if isinstance(again, Refusal) else replace(answer, facts=(*answer.facts, *again.facts))


def _page(id: str, typed: Typed, card: Card | None = None) -> Answer:  # noqa: A002
    roots, by_name = here().roots_for(Right.SCHEDULE), here().roots_for(Right.READ_MEMBERS)
    say_there = _say_there(id)
    found = ask(lambda unit: _desk(unit, OccurrenceId(id), roots, by_name, say_there))
    if found is None:
        abort(404)
    known = ask(workdays.calendar)
    last = over(found.lecture, found.minutes)
    card = card or Card(
        summary=found.card.summary if found.card is not None else "",
        date=known.after(last.astimezone(ZoneInfo(found.entry.timezone)).date()).date.isoformat(),
        time="09:00",
    )
    page = render_template(
        "lectures/show.html",
        desk=found,
        card=card,
        is_over=last <= now(),
        writes=found.entry.occurrence.audience in {node.id for node in here().within(Right.WRITE_LESSONS)},
        planned=found.goes_out is not None and found.goes_out.occurrence.state in catch_ups.STANDS,
        refusals=[card.refusal] if card.refusal is not None else [],
        by_field=first_by_field([card.refusal] if card.refusal is not None else []),
        most_summary=card_rules.LONGEST_SUMMARY,
        typed=typed,
        most=rules.LONGEST_ANSWER,
        waiting=[one for one in found.questions if one.state is State.OPEN],
        settled=[one for one in found.questions if one.state is not State.OPEN],
    )
    return (page, 422) if typed.refusal is not None or card.refusal is not None else page


async def _lecture(
    unit: Reading,
    id: OccurrenceId,  # noqa: A002
    roots: tuple[OrganisationId, ...],
) -> tuple[schedules.Entry, Lecture] | None:
    """Return a lecture whose whole audience lies where this person schedules."""
    entry = await schedules.entry(unit, id)
    if entry is None or entry.occurrence.audience not in {node.id for node in await tree(unit, roots)}:
        return None
    lecture = await session_choices.lecture(unit, id)
    return (entry, lecture) if lecture is not None else None


async def _question(
    unit: Reading,
    id: str,  # noqa: A002
    question: str,
    roots: tuple[OrganisationId, ...],
) -> Question | None:
    one = await stored.question(unit, LectureQuestionId(question))
    seen = await _lecture(unit, OccurrenceId(id), roots)
    return one if one is not None and seen is not None and one.occurrence == id else None


async def _desk(
    unit: Reading,
    id: OccurrenceId,  # noqa: A002
    roots: tuple[OrganisationId, ...],
    by_name: tuple[OrganisationId, ...],
    say_there: Say,
) -> Desk | None:
    seen, known = await _lecture(unit, id, roots), await _given(unit, id)
    if seen is None or known is None:
        return None
    entry, lecture = seen
    given, card, bulletin = known
    fresh = card_rules.composed(given, card.summary, say_there) if card is not None else None
    questions = await stored.of_lecture(unit, id)
    readable = {node.id for node in await tree(unit, by_name)} if by_name else set()
    askers = await members.by_ids(unit, {one.member for one in questions if one.member is not None})
    coming: dict[int, list[str]] = {}
    for number, name in await session_choices.names(unit, id, by_name) if by_name else ():
        coming.setdefault(number, []).append(name)
    return Desk(
        entry=entry,
        lecture=lecture,
        numbers=await session_choices.numbers(unit, id, roots),
        who={number: tuple(names) for number, names in coming.items()},
        questions=questions,
        names={one.id: one.name for one in askers if one.organisation in readable},
        minutes=given.lesson.minutes,
        card=card,
        goes_out=await catch_ups.its_occurrence(unit, card) if card is not None else None,
        behind=fresh is not None and bulletin is not None and fresh.body != bulletin.body,
    )
