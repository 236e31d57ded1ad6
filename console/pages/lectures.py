"""A lecture at the desk: who comes to which session, and the questions that were asked, each answered or put away."""

from __future__ import annotations

from collections.abc import Mapping

from flask import Blueprint, abort, render_template, request
from msgspec import Struct

from console.access import here, requires
from console.addresses import link
from console.answering import Answer, onward
from console.desk import ask, settle
from content import lecture_questions as rules
from content.decision import Refusal
from content.identifiers import LectureQuestionId, MemberId, OccurrenceId, OrganisationId
from content.lecture_questions import Question, State
from content.lectures import Lecture
from content.organisations import Right
from storage import lecture_questions as stored
from storage import members, schedules, session_choices
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


class Typed(Struct, frozen=True, kw_only=True):
    """What was typed for one question, and why it was not taken."""

    id: str = ""
    answer: str = ""
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
    if verdict not in list(State):
        abort(400)

    async def decide(unit: Reading) -> Decided:
        one = await _question(unit, id, question, roots)
        return None if one is None else rules.settle_question(one, State(verdict), said, by=user)

    outcome = settle(decide, actor=user)
    if outcome.refusal is not None:
        return _page(id, Typed(id=question, answer=said, refusal=outcome.refusal))
    return onward(outcome, to=link("lectures.show", id=id), done="lecture_question_settled")


def _page(id: str, typed: Typed) -> Answer:  # noqa: A002
    roots, by_name = here().roots_for(Right.SCHEDULE), here().roots_for(Right.READ_MEMBERS)
    desk = ask(lambda unit: _desk(unit, OccurrenceId(id), roots, by_name))
    if desk is None:
        abort(404)
    page = render_template(
        "lectures/show.html",
        desk=desk,
        typed=typed,
        most=rules.LONGEST_ANSWER,
        waiting=[one for one in desk.questions if one.state is State.OPEN],
        settled=[one for one in desk.questions if one.state is not State.OPEN],
    )
    return (page, 422) if typed.refusal is not None else page


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
) -> Desk | None:
    seen = await _lecture(unit, id, roots)
    if seen is None:
        return None
    entry, lecture = seen
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
    )
