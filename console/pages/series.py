"""A series: its rule, what is still to go out, and what is done to it as a whole; shown first, and taken back."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable
from datetime import date, datetime, time

from flask import Blueprint, abort, render_template, request
from msgspec import Struct
from msgspec.structs import replace

from console.access import here, requires
from console.addresses import link
from console.answering import Answer, not_done, onward
from console.desk import ask, settle
from console.in_sessions import FURTHER, further_sessions, heard_by, sessions_written
from console.leaving_tables import leaves
from console.quiet_hours import Held, holding
from console.undoing import way_back
from content import series as rules
from content.burden import Offer, refuse_too_much
from content.decision import Refusal, refused
from content.identifiers import LessonId, OccurrenceId, OrganisationId, ScheduleId
from content.lessons import Kind
from content.occurrences import State
from content.organisations import Right
from content.reviews import Review
from content.schedules import Change, Planned, Schedule, materialise
from content.series import Replan, Series
from content.workdays import WorkCalendar
from storage import burden, lessons, quiet, reviews, series, shifts, workdays
from storage.store import Answer as Decided
from storage.unit import Reading

pages = Blueprint("series", __name__)

MOST_SHOWN = 60
"""Dates that a preview names; the number above it counts them all."""

Heard = dict[OccurrenceId, tuple[str, ...]]
"""Of each session, which groups hear it."""

Changing = Callable[[Series, WorkCalendar], tuple[Change, ...] | Refusal]
"""What a form asks for: the changes that a rule would have then."""


class Seen(Struct, frozen=True, kw_only=True):
    """A series as its page shows it, and what its rule would make of it by what is known now."""

    series: Series
    titles: dict[LessonId, str]
    outdated: Replan
    review: Review
    divisible: bool
    """Whether its lessons can be told in several sessions, to those of other shifts."""


@pages.get("/calendar/series/<id>")
@requires(Right.SCHEDULE)
@leaves("series")
def show_one(id: str) -> str:  # noqa: A002
    """Show a rule in words, and every time that is still to come."""
    roots = here().roots
    seen = ask(lambda unit: _seen(unit, ScheduleId(id), roots))
    if seen is None:
        abort(404)
    rule, days = seen.series.schedule, rules.undivided(seen.series)
    return render_template(
        "series/show_one.html",
        seen=seen,
        rule=rule,
        most=rules.MOST_WORKDAYS,
        undivided=[one.planned for one in seen.series.coming if one.planned.meant in days and not one.planned.session],
        further=FURTHER,
        said=_said(rule, days[0]) if days else [],
    )


def _said(rule: Schedule, meant: date) -> list[tuple[int, time]]:
    """Return of each further session of a day how many days after the first it is, and at which time."""
    first = datetime.combine(meant, rule.since(meant).at)
    sessions = [first + length for length in rule.sessions_of(meant)]
    return [((one.date() - meant).days, one.time()) for one in sessions]


async def _divisible(unit: Reading, rule: Schedule) -> bool:
    """Tell whether everything that a rule sends is learned when it goes out; a lecture has sessions of its own."""
    found = [await lessons.lesson(unit, id) for id in dict.fromkeys(rule.lessons)]  # noqa: A001
    return all(one is not None and one.kind not in (Kind.LECTURE, Kind.BULLETIN) for one in found)


async def _seen(unit: Reading, id: ScheduleId, roots: tuple[OrganisationId, ...]) -> Seen | None:  # noqa: A002
    found = await series.series(unit, id, roots)
    if found is None:
        return None
    known, review = await workdays.calendar(unit), await reviews.review(unit, id)
    assert review is not None
    return Seen(
        series=found,
        review=review,
        titles=await lessons.titles(unit, found.schedule.lessons),
        divisible=await _divisible(unit, found.schedule) and await shifts.ever(unit),
        outdated=rules.replan(found, found.schedule.changes, known=known, now=unit.now),
    )


@pages.post("/calendar/series/<id>/shift")
@requires(Right.SCHEDULE)
def shift(id: str) -> Answer:  # noqa: A002
    """Shift everything that is still to go out by working days."""
    written = request.form.get("workdays", "").strip()
    number = int(written) if re.fullmatch("-?[0-9]{1,3}", written) else 0

    def changing(found: Series, _known: WorkCalendar) -> tuple[Change, ...] | Refusal:
        return rules.shifted(found, number)

    return replanned(ScheduleId(id), changing, fields={"workdays": written[:6]}, action=link("series.shift", id=id))


@pages.post("/calendar/series/<id>/sessions")
@requires(Right.SCHEDULE)
def divide(id: str) -> Answer:  # noqa: A002
    """Have its lessons from one on go out in other sessions, or in one alone."""
    written, since = sessions_written(), request.form.get("since", "")
    roots, key, back = here().roots, ScheduleId(id), link("series.show_one", id=id)

    async def dividable(unit: Reading) -> bool | None:
        found = await series.series(unit, key, roots)
        return None if found is None else await _divisible(unit, found.schedule)

    if (known := ask(dividable)) is None:
        abort(404)
    if not known:
        return not_done(refused("schedule.no_sessions", field="sessions"), to=back)
    try:
        meant = date.fromisoformat(since)
    except ValueError:
        abort(400)

    def changing(found: Series, _known: WorkCalendar) -> tuple[Change, ...] | Refusal:
        troubles: list[Refusal] = []
        sessions = further_sessions(written, found.schedule.since(meant).at, troubles)
        return troubles[0] if troubles else rules.divided(found, meant, sessions)

    fields = {"since": since} | {
        name: value[:10]
        for number, (days, at) in zip(FURTHER, written, strict=True)
        for name, value in ((f"days_{number}", days), (f"time_{number}", at))
    }
    return replanned(key, changing, fields=fields, action=link("series.divide", id=id))


@pages.post("/calendar/series/<id>/recount")
@requires(Right.SCHEDULE)
def recount(id: str) -> Answer:  # noqa: A002
    """Reckon what is still to go out anew, by the working days and the clocks that are known now."""
    return replanned(ScheduleId(id), lambda found, _: found.schedule.changes, action=link("series.recount", id=id))


def replanned(
    id: ScheduleId,  # noqa: A002
    changing: Changing,
    *,
    action: str,
    fields: dict[str, str] | None = None,
    anew: str | None = None,
) -> Answer:
    """Show what would stand otherwise; with a yes, let it stand so."""
    user, roots, back = here().user, here().roots, link("series.show_one", id=id)

    async def reckon(unit: Reading) -> tuple[Series, Replan] | Refusal | None:
        found = await series.series(unit, id, roots)
        if found is None:
            return None
        known = await workdays.calendar(unit)
        changes = changing(found, known)
        if isinstance(changes, Refusal):
            return changes
        return found, rules.replan(found, changes, known=known, now=unit.now, anew=anew)  # type: ignore[arg-type]

    async def seen(
        unit: Reading, found: Series, wanted: Replan
    ) -> tuple[Refusal | None, dict[LessonId, str], Heard, Held]:
        rule, times = found.schedule, [one.due_at for one in wanted.after]
        held = await holding(unit, rule.audience, times, urgent=rule.urgent)
        return (
            await _too_much(unit, found, wanted),
            await lessons.titles(unit, rule.lessons),
            await _heard(unit, found, wanted),
            held,
        )

    if "yes" not in request.form:
        look = ask(reckon)
        if look is None:
            abort(404)
        if isinstance(look, Refusal):
            return not_done(look, to=back)
        found, wanted = look
        too_much, titles, hears, held = ask(lambda unit: seen(unit, found, wanted))
        return render_template(
            "series/look.html",
            rule=found.schedule,
            wanted=wanted,
            shown=wanted.differences[:MOST_SHOWN],
            titles=titles,
            hears=hears,
            held=held,
            too_much=too_much,
            action=action,
            fields=fields or {},
            back=back,
        )

    async def decide(unit: Reading) -> Decided:
        look = await reckon(unit)
        if look is None or isinstance(look, Refusal):
            return look
        found, wanted = look
        answer = rules.decide(found, wanted, by=user, now=unit.now)
        return answer if isinstance(answer, Refusal) else await _too_much(unit, found, wanted) or answer

    return onward(
        settle(decide, actor=user), to=back, done="series_replanned", back=lambda: way_back("series.undo", id=id)
    )


async def _heard(unit: Reading, found: Series, wanted: Replan) -> Heard:
    """Return which groups would hear each session of the first lessons that are planned otherwise."""
    rule = replace(found.schedule, changes=wanted.changes)
    meant = [one.meant for one in wanted.after[:MOST_SHOWN] if rule.sessions_of(one.meant)]
    if not meant:
        return {}
    reckoned = materialise(rule, await workdays.calendar(unit), since=min(meant), until=max(meant))
    return await heard_by(unit, rule.audience, [one for one in reckoned if one.meant in meant])


async def _too_much(unit: Reading, found: Series, wanted: Replan) -> Refusal | None:
    """Refuse what would ask more of a room than its organisation wants."""
    return await _above_caps(unit, found.schedule, wanted.after, without=wanted.before)


async def _too_much_again(unit: Reading, found: Series) -> Refusal | None:
    """Refuse to let a series go on where what was called off with it would be too much now."""
    again = [
        one.planned
        for one in found.standing
        if one.state is State.CANCELLED and not one.touched and one.planned.due_at > unit.now
    ]
    return await _above_caps(unit, found.schedule, again)


async def _above_caps(
    unit: Reading, rule: Schedule, planned: Iterable[Planned], *, without: frozenset[OccurrenceId] = frozenset()
) -> Refusal | None:
    on = sorted(planned, key=lambda one: one.due_at)
    if not on:
        return None
    hush = await quiet.hush(unit, rule.audience, urgent=bool(rule.urgent))
    minutes = {
        lesson.id: lesson.minutes
        for id in set(rule.lessons)  # noqa: A001
        if (lesson := await lessons.lesson(unit, id)) is not None
    }
    asked = [one.asking(minutes[one.lesson], hush) for one in on]
    rooms = await burden.rooms(unit, rule.audience, since=asked[0].on, until=asked[-1].on, without=without)
    return refuse_too_much(rooms, asked, offer=Offer(hush=hush, at=on[0].due_at))


@pages.post("/calendar/series/<id>/undo")
@requires(Right.SCHEDULE)
def undo(id: str) -> Answer:  # noqa: A002
    """Take back the last change of the whole."""
    user, roots = here().user, here().roots

    async def decide(unit: Reading) -> Decided:
        found = await series.series(unit, ScheduleId(id), roots)
        if found is None:
            return None
        if found.former is None:
            return refused("series.nothing_to_undo")
        known = await workdays.calendar(unit)
        wanted = rules.replan(found, found.former, known=known, now=unit.now)
        answer = rules.decide(found, wanted, by=user, now=unit.now, back=True)
        return answer if isinstance(answer, Refusal) else await _too_much(unit, found, wanted) or answer

    return onward(settle(decide, actor=user), to=link("series.show_one", id=id), done="series_undone")


@pages.post("/calendar/series/<id>/end")
@requires(Right.SCHEDULE)
def end(id: str) -> Answer:  # noqa: A002
    """Let nothing more of it go out."""
    user, roots = here().user, here().roots

    async def decide(unit: Reading) -> Decided:
        found = await series.series(unit, ScheduleId(id), roots)
        if found is None:
            return None
        left_out = await shifts.left_out_by_end(unit, found.schedule.id)
        return rules.end(found, by=user, now=unit.now, left_out=left_out)

    return _changed(ScheduleId(id), decide, "series_ended", back="series.resume")


@pages.post("/calendar/series/<id>/resume")
@requires(Right.SCHEDULE)
def resume(id: str) -> Answer:  # noqa: A002
    """Let it go on."""
    user, roots = here().user, here().roots

    async def decide(unit: Reading) -> Decided:
        found = await series.series(unit, ScheduleId(id), roots)
        if found is None:
            return None
        answer = rules.resume(found, by=user, now=unit.now)
        return answer if isinstance(answer, Refusal) else await _too_much_again(unit, found) or answer

    return _changed(ScheduleId(id), decide, "series_resumed", back="series.end")


def _changed(id: ScheduleId, decide: Callable[[Reading], Awaitable[Decided]], done: str, *, back: str) -> Answer:  # noqa: A002
    return onward(
        settle(decide, actor=here().user),
        to=link("series.show_one", id=id),
        done=done,
        back=lambda: way_back(back, id=id),
    )
