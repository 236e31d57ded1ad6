"""What may be done about what was sent: bring it to the newest text, or take it back, in rooms named beforehand."""

from __future__ import annotations

from flask import Blueprint, abort, render_template, request
from msgspec import Struct

from console.access import here, requires
from console.addresses import link
from console.answering import Answer, first_by_field, see
from console.desk import ask, settle
from console.pages.lessons import visible_lesson
from content.amendments import LONGEST_REASON, SENT, correct, withdraw
from content.decision import Refusal, refused
from content.identifiers import LessonId, OccurrenceId, OrganisationId
from content.lessons import Lesson
from content.media import refuse_larger
from content.organisations import Right
from storage import amendments, lessons, media, organisations, schedules
from storage.store import Answer as Decided
from storage.unit import Reading

pages = Blueprint("amendments", __name__)


class Standing(Struct, frozen=True, kw_only=True):
    """An occurrence that stands in rooms, with their names."""

    entry: schedules.Entry
    rooms: tuple[str, ...]


@pages.route("/lessons/<id>/correct", methods=["GET", "POST"])
@requires(Right.SCHEDULE)
def correct_sent(id: str) -> Answer:  # noqa: A002
    """Bring what was sent of a lesson to its newest revision."""
    lesson = visible_lesson(LessonId(id))
    if request.method == "GET":
        return _correcting(lesson)
    at = here()
    chosen = frozenset(request.form.getlist("occurrences"))
    reason = request.form.get("reason", "")
    revision = request.form.get("revision", "")

    async def decide(unit: Reading) -> Decided:
        present = await lessons.lesson(unit, lesson.id)
        if present is None or str(present.revision) != revision:
            return refused("amendment.changed_meanwhile", title=lesson.title)
        found = await amendments.outdated(unit, present.id, present.revision, at.roots)
        standing = [await amendments.sent(unit, one) for one in found if one in chosen]
        limit = await media.upload_limit(unit)
        too_large = refuse_larger(await media.weighed(unit, present.media), limit=limit)
        sent = [one for one in standing if one is not None]
        return too_large or correct(sent, present, reason=reason, now=unit.now)

    outcome = settle(decide, actor=at.user)
    if outcome.refusal is not None:
        return _correcting(visible_lesson(lesson.id), outcome.refusal)
    return see(link("lessons.show_one", id=id), "repeated" if outcome.repeated else "corrected")


def _correcting(lesson: Lesson, refusal: Refusal | None = None) -> Answer:
    roots = here().roots

    async def find(unit: Reading) -> tuple[Standing, ...]:
        found = await amendments.outdated(unit, lesson.id, lesson.revision, roots)
        standing = [await _standing(unit, one) for one in found]
        return tuple(one for one in standing if one is not None)

    refusals = [refusal] if refusal else []
    chosen = request.form.getlist("occurrences") if request.method == "POST" else None
    page = render_template(
        "amendments/correct.html",
        lesson=lesson,
        standing=ask(find),
        chosen=chosen,
        reason=request.form.get("reason", ""),
        longest=LONGEST_REASON,
        refusals=refusals,
        by_field=first_by_field(refusals),
    )
    return page, 422 if refusals else 200


async def _standing(unit: Reading, id: OccurrenceId) -> Standing | None:  # noqa: A002
    entry = await schedules.entry(unit, id)
    return Standing(entry=entry, rooms=await amendments.room_names(unit, id)) if entry else None


@pages.route("/check-ins/<id>/withdraw", methods=["GET", "POST"])
@requires(Right.SCHEDULE)
def withdraw_sent(id: str) -> Answer:  # noqa: A002
    """Take back what was sent."""
    if request.method == "GET":
        return _withdrawing(OccurrenceId(id))
    at, reason = here(), request.form.get("reason", "")

    async def decide(unit: Reading) -> Decided:
        found = await amendments.sent(unit, OccurrenceId(id))
        if found is None or not await _is_own(unit, found.occurrence.audience, at.roots):
            return None
        return withdraw(found, reason=reason, now=unit.now)

    outcome = settle(decide, actor=at.user)
    if outcome.refusal is not None:
        return _withdrawing(OccurrenceId(id), outcome.refusal)
    return see(link("checkins.show_one", id=id), "repeated" if outcome.repeated else "withdrawn")


def _withdrawing(id: OccurrenceId, refusal: Refusal | None = None) -> Answer:  # noqa: A002
    roots = here().roots

    async def find(unit: Reading) -> Standing | None:
        found = await _standing(unit, id)
        own = found is not None and await _is_own(unit, found.entry.occurrence.audience, roots)
        return found if own else None

    standing = ask(find)
    if standing is None or (standing.entry.occurrence.state not in SENT and refusal is None):
        abort(404)
    refusals = [refusal] if refusal else []
    page = render_template(
        "amendments/withdraw.html",
        one=standing,
        reason=request.form.get("reason", ""),
        longest=LONGEST_REASON,
        refusals=refusals,
        by_field=first_by_field(refusals),
    )
    return page, 422 if refusals else 200


async def _is_own(unit: Reading, audience: OrganisationId, roots: tuple[OrganisationId, ...]) -> bool:
    """Tell whether a whole audience lies where the person may schedule."""
    return audience in {node.id for node in await organisations.tree(unit, roots)}
