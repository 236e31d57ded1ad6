"""Corrections: what members say is wrong in the record, each answered once, in private, in their language."""

from __future__ import annotations

from flask import Blueprint, abort, render_template, request
from msgspec import Struct

from console.access import here, requires
from console.addresses import link
from console.answering import Answer, onward
from console.desk import ask, settle
from console.leaving_tables import leaves
from content import corrections
from content.decision import Refusal
from content.identifiers import CorrectionId, OrganisationId
from content.organisations import Right
from storage import corrections as stored
from storage.store import Answer as Decided
from storage.unit import Reading

pages = Blueprint("corrections", __name__)

MOST_WAITING = 100
MOST_ANSWERED = 30


class Typed(Struct, frozen=True, kw_only=True):
    """What was typed for one correction, and why it was not taken."""

    id: str = ""
    answer: str = ""
    refusal: Refusal | None = None


@pages.get("/corrections")
@requires(Right.RECORD)
@leaves("corrections", names=True)
def show() -> Answer:
    """Show what waits for an answer, then what was answered lately."""
    return _page(Typed())


@pages.post("/corrections/<id>")
@requires(Right.RECORD)
def answer(id: str) -> Answer:  # noqa: A002
    """Answer one: it was set right, or it stays; the person is told."""
    roots, user = here().roots_for(Right.RECORD), here().user
    verdict, said = request.form.get("verdict"), request.form.get("answer", "")
    if ask(lambda unit: stored.visible(unit, roots, CorrectionId(id))) is None:
        abort(404)
    if verdict not in ("settled", "unchanged"):
        abort(400)

    async def decide(unit: Reading) -> Decided:
        correction = await stored.visible(unit, roots, CorrectionId(id))
        if correction is None:
            return None
        settled = verdict == "settled"
        return corrections.answer_correction(correction, said, settled=settled, by=user, now=unit.now)

    outcome = settle(decide, actor=user)
    if outcome.refusal is not None and outcome.refusal.field is not None:
        return _page(Typed(id=id, answer=said, refusal=outcome.refusal))
    return onward(outcome, to=link("corrections.show"), done="correction_answered")


def _page(typed: Typed) -> Answer:
    roots = here().roots_for(Right.RECORD)
    waiting, answered = ask(lambda unit: _both(unit, roots))
    page = render_template(
        "corrections/show.html",
        waiting=waiting,
        answered=answered,
        typed=typed,
        most=corrections.LONGEST_ANSWER,
        days=corrections.KEPT.days,
    )
    return (page, 422) if typed.refusal is not None else page


async def _both(
    unit: Reading, roots: tuple[OrganisationId, ...]
) -> tuple[tuple[stored.Line, ...], tuple[stored.Line, ...]]:
    waiting = await stored.lines(unit, roots, waiting=True, limit=MOST_WAITING)
    return waiting, await stored.lines(unit, roots, waiting=False, limit=MOST_ANSWERED)
