"""What a meeting decided: votes by hand, resolutions and their corrections, and tasks until they are done."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import date

from flask import Blueprint, abort, request
from msgspec.structs import replace

from console.access import here, requires
from console.addresses import link
from console.answering import Answer, onward
from console.desk import ask, cause, settle
from console.pages.meetings import page_of, visible
from console.wording import today
from content import record_lines as line_rules
from content import resolutions as rules
from content.decision import Decision, Refusal, refused
from content.identifiers import LineId, OccurrenceId, ResolutionId, TaskId
from content.meetings import Meeting
from content.organisations import Right
from content.resolutions import Show
from storage import meetings, record_lines, resolutions
from storage.store import Answer as Decided
from storage.unit import Reading

pages = Blueprint("resolutions", __name__)


@pages.post("/meetings/<id>/resolutions")
@requires(Right.RECORD)
def record(id: str) -> Answer:  # noqa: A002
    """Write down what was decided, with the vote by hand where there was one, or put it right."""
    text, user, by_form = request.form.get("text", ""), here().user, cause()
    replaces = ResolutionId(request.form["replaces"][:32]) if request.form.get("replaces") else None
    show, line = _show(), _line()

    async def decide(known: Meeting, unit: Reading) -> Decided:
        if isinstance(show, Refusal):
            return show
        answer = rules.record(
            known,
            text,
            now_there=await meetings.floor(unit, known.id),
            show=show,
            known=await resolutions.of_meeting(unit, known.id),
            replaces=replaces,
            by=user,
            cause=by_form,
            now=unit.now,
        )
        return await _taken_over(unit, known.id, answer, line)

    return _act(id, decide, done="resolution_recorded")


@pages.post("/meetings/<id>/tasks")
@requires(Right.RECORD)
def assign(id: str) -> Answer:  # noqa: A002
    """Write down who does what by when."""
    owner, text, user, by_form = (
        request.form.get("owner", "").strip(),
        request.form.get("task", ""),
        here().user,
        cause(),
    )
    try:
        due_on = date.fromisoformat(request.form.get("due_on", ""))
    except ValueError:
        due_on = None
    line = _line()

    async def decide(known: Meeting, unit: Reading) -> Decided:
        people = await meetings.people_at(unit, known.organisation)
        named = [one.id for one in people if one.name == owner]
        answer = rules.assign(
            known,
            named[0] if len(named) == 1 else None,
            text,
            due_on=due_on,
            people=[one.id for one in people],
            by=user,
            cause=by_form,
            now=unit.now,
        )
        return await _taken_over(unit, known.id, answer, line)

    return _act(id, decide, done="task_assigned")


@pages.post("/meetings/<id>/lines/<line>/drop")
@requires(Right.RECORD)
def drop(id: str, line: str) -> Answer:  # noqa: A002
    """Let go of what was said in chat for the record."""

    async def decide(known: Meeting, unit: Reading) -> Decided:
        one = await record_lines.line(unit, LineId(line), known.id)
        return line_rules.settle(one) if one is not None else None

    return _act(id, decide, done="line_dropped")


@pages.post("/meetings/tasks/<id>")
@requires(Right.RECORD)
def finish(id: str) -> Answer:  # noqa: A002
    """Note that something is done."""
    roots, day = here().roots_for(Right.RECORD), today()
    meeting = ask(lambda unit: resolutions.meeting_at(unit, TaskId(id), roots))
    if meeting is None:
        abort(404)

    async def decide(unit: Reading) -> Decided:
        task = await resolutions.task(unit, TaskId(id))
        return rules.finish(task, on=day) if task is not None else None

    outcome = settle(decide, actor=here().user)
    return onward(outcome, to=link("meetings.show_one", id=meeting), done="task_done")


def _line() -> LineId | None:
    """Return which line that was said in chat a form takes over."""
    return LineId(request.form["line"][:32]) if request.form.get("line") else None


async def _taken_over(
    unit: Reading, meeting: OccurrenceId, answer: Decision | Refusal, line: LineId | None
) -> Decision | Refusal:
    """Let go of the line that was taken over, with what was written down of it."""
    if isinstance(answer, Refusal) or line is None:
        return answer
    one = await record_lines.line(unit, line, meeting)
    return replace(answer, facts=(*answer.facts, *line_rules.settle(one).facts)) if one is not None else answer


def _show() -> Show | Refusal | None:
    """Read a vote by hand; nothing in all three fields means that there was none."""
    typed = [request.form.get(name, "").strip() for name in ("yes", "no", "abstained")]
    if not any(typed):
        return None
    if not all(one.isascii() and one.isdecimal() and len(one) <= 5 for one in typed):
        return refused("resolution.bad_numbers", field="yes")
    yes, no, abstained = map(int, typed)
    return Show(yes=yes, no=no, abstained=abstained)


def _act(
    id: str,  # noqa: A002
    verb: Callable[[Meeting, Reading], Awaitable[Decided]],
    *,
    done: str,
) -> Answer:
    one = visible(id, Right.RECORD)

    async def decide(unit: Reading) -> Decided:
        known = await meetings.meeting(unit, one.id)
        return None if known is None else await verb(known, unit)

    outcome = settle(decide, actor=here().user)
    if outcome.refusal is not None:
        return page_of(one, outcome.refusal), 422
    return onward(outcome, to=link("meetings.show_one", id=id), done=done)
