"""What a meeting decided: votes by hand, resolutions and their corrections, and tasks until they are done."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import date

from flask import Blueprint, abort, request

from console.access import here, requires
from console.addresses import link
from console.answering import Answer, onward
from console.desk import ask, cause, settle
from console.pages.meetings import page_of, visible
from console.wording import today
from content import resolutions as rules
from content.decision import Refusal, refused
from content.identifiers import ResolutionId, TaskId
from content.meetings import Meeting
from content.organisations import Right
from content.resolutions import Show
from storage import meetings, resolutions
from storage.store import Answer as Decided
from storage.unit import Reading

pages = Blueprint("resolutions", __name__)


@pages.post("/meetings/<id>/resolutions")
@requires(Right.RECORD)
def record(id: str) -> Answer:  # noqa: A002
    """Write down what was decided, with the vote by hand where there was one, or put it right."""
    text, user, by_form = request.form.get("text", ""), here().user, cause()
    replaces = ResolutionId(request.form["replaces"][:32]) if request.form.get("replaces") else None
    show = _show()

    async def decide(known: Meeting, unit: Reading) -> Decided:
        if isinstance(show, Refusal):
            return show
        return rules.record(
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

    async def decide(known: Meeting, unit: Reading) -> Decided:
        people = await meetings.people_at(unit, known.organisation)
        named = [one.id for one in people if one.name == owner]
        return rules.assign(
            known,
            named[0] if len(named) == 1 else None,
            text,
            due_on=due_on,
            people=[one.id for one in people],
            by=user,
            cause=by_form,
            now=unit.now,
        )

    return _act(id, decide, done="task_assigned")


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
