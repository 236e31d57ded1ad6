"""What could not go out in time: one list, and what is to become of each; several at once, and taken back."""

from __future__ import annotations

from flask import Blueprint, abort, render_template, request

from console.access import here, requires
from console.addresses import link
from console.answering import Answer, onward
from console.desk import ask, settle
from console.leaving_tables import leaves, up_to
from console.undoing import way_back
from content import missed as rules
from content.decision import Decision, Refusal, refused
from content.identifiers import OccurrenceId, OrganisationId
from content.missed import Do
from content.occurrences import OccurrenceRevived, State
from content.organisations import Right
from storage import burden, organisations, schedules, shifts, workdays
from storage.store import Answer as Decided
from storage.unit import Reading

pages = Blueprint("missed", __name__)

MOST = 100
DONE = {Do.SEND: "missed_send", Do.MOVE: "missed_move", Do.SKIP: "missed_skip", Do.UNDO: "missed_undo"}


@pages.get("/calendar/missed")
@requires(Right.SCHEDULE)
@leaves("missed")
def show() -> str:
    """Show what was missed, the newest first."""
    roots, most = here().roots, up_to(MOST)
    found = ask(lambda unit: schedules.calendar(unit, roots, states=[State.MISSED], newest_first=True, limit=most))
    own = {node.id for node in here().within(Right.SCHEDULE)}
    above = ask(lambda unit: schedules.above_caps(unit, roots, limit=MOST))
    return render_template(
        "missed/show.html",
        found=[entry for entry in found if entry.occurrence.audience in own],
        above=[entry for entry in above if entry.occurrence.audience in own],
        cut_short=len(found) == most,
        most=MOST,
        longest=rules.LONGEST_REASON,
    )


@pages.post("/calendar/missed")
@requires(Right.SCHEDULE)
def act() -> Answer:
    """Do one thing about those that were ticked."""
    user, roots, reason = here().user, here().roots, request.form.get("reason", "")
    wanted, do = request.form.get("do", ""), tuple(dict.fromkeys(_ticked()))[:MOST]
    if wanted not in frozenset(Do):
        abort(400)

    async def decide(unit: Reading) -> Decided:
        allowed = {node.id for node in await organisations.tree(unit, roots)}
        entries = [await _own(unit, id, allowed) for id in do]  # noqa: A001
        known = [entry for entry in entries if entry is not None]
        if len(known) < len(entries):
            return None
        if wanted == Do.UNDO:
            return await _back(unit, known)
        answer = rules.settle(
            [(entry.occurrence, entry.timezone) for entry in known],
            Do(wanted),
            reason=reason,
            known=await workdays.calendar(unit),
            by=user,
            now=unit.now,
        )
        return answer if isinstance(answer, Refusal) else await _too_much(unit, known, answer) or answer

    return onward(
        settle(decide, actor=user),
        to=link("missed.show"),
        done=DONE[Do(wanted)],
        back=None
        if wanted == Do.UNDO
        else lambda: way_back("missed.act", fields={"do": str(Do.UNDO), "ids": " ".join(do)}),
    )


async def _too_much(unit: Reading, entries: list[schedules.Entry], answer: Decision) -> Refusal | None:
    """Refuse what would be too much for a room on the day on which it would go out after all."""
    times = {fact.occurrence: fact.at for fact in answer.facts if isinstance(fact, OccurrenceRevived)}
    going = [entry for entry in entries if entry.occurrence.id in times]
    return await burden.refuse_sending(unit, await burden.sendings(unit, going, times), field="id")


def _ticked() -> list[OccurrenceId]:
    return [OccurrenceId(id) for id in (*request.form.getlist("id"), *request.form.get("ids", "").split())]  # noqa: A001


async def _own(
    unit: Reading,
    id: OccurrenceId,  # noqa: A002
    allowed: set[OrganisationId],
) -> schedules.Entry | None:
    entry = await schedules.entry(unit, id)
    return entry if entry is not None and entry.occurrence.audience in allowed else None


async def _back(unit: Reading, entries: list[schedules.Entry]) -> Decided:
    if any(entry.planned_for is None and entry.occurrence.state is State.PLANNED for entry in entries):
        return refused("missed.gone_out")
    settled = [(entry.occurrence, await shifts.seats(unit, entry), entry.reason or "too_late") for entry in entries]
    return rules.undo(settled, now=unit.now)
