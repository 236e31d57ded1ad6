"""One member's record of one occurrence: every answer, and setting it right by hand with a reason."""

from __future__ import annotations

from flask import Blueprint, abort, render_template, request
from msgspec import Struct

from console.access import here, requires
from console.addresses import link
from console.answering import Answer, done_once, onward
from console.desk import ask, cause, settle
from console.undoing import way_back
from content.checkins import Expectation
from content.corrections import LONGEST_EXPLANATION, Mark, record_by_hand, retract_by_hand, seen_of
from content.decision import Refusal
from content.identifiers import Cause, MemberId, OccurrenceId, OrganisationId
from content.organisations import Right
from storage import checkins
from storage.store import Answer as Decided
from storage.unit import Reading

pages = Blueprint("records", __name__)


class Record(Struct, frozen=True, kw_only=True):
    """How one member stands in one occurrence, and everything that led there, oldest first."""

    place: Expectation
    history: tuple[checkins.HistoryLine, ...]


class Fields(Struct, frozen=True, kw_only=True):
    """What stands in the form."""

    mark: str = ""
    explanation: str = ""


@pages.route("/check-ins/<id>/members/<member>", methods=["GET", "POST"])
@requires(Right.RECORD)
def show(id: str, member: str) -> Answer:  # noqa: A002
    """Show the record, and set it."""
    roots, user = here().roots_for(Right.RECORD), here().user
    if request.method == "GET":
        return _page(id, member, Fields())
    seen = request.form.get("seen", "")
    fields = Fields(mark=request.form.get("mark", ""), explanation=request.form.get("explanation", ""))
    if ask(lambda unit: checkins.place_within(unit, roots, OccurrenceId(id), MemberId(member))) is None:
        abort(404)
    if fields.mark not in set(Mark):
        abort(400)
    by_form = cause()

    async def decide(unit: Reading) -> Decided:
        place = await checkins.place_within(unit, roots, OccurrenceId(id), MemberId(member))
        if place is None:
            return None
        mark = Mark(fields.mark)
        return record_by_hand(place, mark, fields.explanation, by=user, cause=by_form, now=unit.now, seen=seen)

    outcome = settle(decide, actor=user)
    if outcome.refusal is not None:
        return _page(id, member, fields, outcome.refusal)
    return done_once(
        outcome,
        link("checkins.show_one", id=id),
        "recorded",
        lambda: way_back("records.take_back", id=id, member=member, fields={"set_by": by_form}),
    )


@pages.post("/check-ins/<id>/members/<member>/back")
@requires(Right.RECORD)
def take_back(id: str, member: str) -> Answer:  # noqa: A002
    """Take back what was set by hand, so that what stood before stands again."""
    roots, by_form, set_by = here().roots_for(Right.RECORD), cause(), Cause(request.form.get("set_by", "")[:200])

    async def decide(unit: Reading) -> Decided:
        place = await checkins.place_within(unit, roots, OccurrenceId(id), MemberId(member))
        if place is None:
            return None
        given = await checkins.given(unit, place.occurrence.id, place.member)
        return retract_by_hand(place, given, set_by=set_by, cause=by_form, now=unit.now)

    outcome = settle(decide, actor=here().user)
    return onward(outcome, to=link("checkins.show_one", id=id), done="record_back")


def _page(id: str, member: str, fields: Fields, refusal: Refusal | None = None) -> Answer:  # noqa: A002
    roots = here().roots_for(Right.RECORD)
    record = ask(lambda unit: _record(unit, roots, OccurrenceId(id), MemberId(member)))
    if record is None:
        abort(404)
    refusals = [refusal] if refusal else []
    # Once they were told how it stands now, that is what they have seen.
    told = refusal is None or refusal.words.key == "correction.changed_meanwhile"
    page = render_template(
        "records/show.html",
        record=record,
        fields=fields,
        seen=seen_of(record.place) if told else request.form.get("seen", ""),
        refusals=refusals,
        by_field={refusal.field: refusal} if refusal and refusal.field else {},
        marks=tuple(Mark),
        most=LONGEST_EXPLANATION,
    )
    return (page, 422) if refusals else page


async def _record(
    unit: Reading,
    roots: tuple[OrganisationId, ...],
    id: OccurrenceId,  # noqa: A002
    member: MemberId,
) -> Record | None:
    place = await checkins.place_within(unit, roots, id, member)
    return Record(place=place, history=await checkins.history(unit, id, member)) if place else None
