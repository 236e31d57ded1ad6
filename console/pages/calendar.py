"""The calendar: what was and will be sent, as a list or as a month; what is planned is moved or called off here."""

from __future__ import annotations

import contextlib
import re
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from zlib import crc32
from zoneinfo import ZoneInfo

from flask import Blueprint, Response, abort, render_template, request
from msgspec import Struct

from console.access import here, requires
from console.addresses import link
from console.answering import Answer, not_done, onward, own_path
from console.desk import ask, is_done, now, settle
from console.exporting import may_wait
from console.moments import clock
from console.moving import as_it_stands, move_form, told_before, untold
from console.pages.schedules import held_past, minutes_of
from console.pages.series import replanned
from console.tables import Table, hand_out
from console.undoing import Undo, way_back
from console.wording import fully, local, reader, stand, t, today
from content import series as series_rules
from content.decision import Decision, Refusal, refused
from content.exports import MOST
from content.identifiers import OccurrenceId, OrganisationId, ScheduleId
from content.lectures import begins
from content.meetings import refuse_held_past
from content.occurrences import (
    State,
    cancel_occurrence,
    confirm_occurrence,
    mark_of,
    move_occurrence,
    restore_occurrence,
    send_missed_now,
)
from content.organisations import Right
from content.participation import monday
from content.schedules import (
    FIRST_DAY,
    SAME_TIME,
    Change,
    OccurrenceMoved,
    instant,
    late_after,
)
from content.series import Scope, Series
from content.settings import UNTIL_DAY_ENDS
from content.workdays import WorkCalendar
from storage import burden, lessons, organisations, quiet, schedules, shifts, workdays
from storage import series as stored_series
from storage.store import Answer as Decided
from storage.timetable import Slot, timetable
from storage.unit import Reading

pages = Blueprint("calendar", __name__)

MOVED = ("date", "time", "window", "late")
"""What can be changed about what has not gone out yet."""
_MINUTE = timedelta(minutes=1)

LIST_DAYS_BEFORE = 7
LIST_DAYS_AFTER = 60
MOST_LISTED = 300
VIEWS = ("list", "week", "month")
COLOURS = 6
"""So many series are told apart by colour; the title says which it is in any case."""
MOST_SERIES = 50
"""Of so many series it is looked whether the dates that are shown still fit."""


class Wanted(Struct, frozen=True, kw_only=True):
    """Which part of the calendar is asked for; everything of it stands in the address."""

    view: str
    month: date
    week: date
    state: State | None


class Outdated(Struct, frozen=True, kw_only=True):
    """A series of which so many dates would be others by what is known now."""

    id: ScheduleId
    title: str
    number: int


@pages.get("/calendar")
@requires(Right.READ)
def show() -> str:
    """Show the month or the list."""
    wanted = _wanted()
    first, last = _range(wanted)
    zone = ZoneInfo(reader().timezone)
    slots = _slots(wanted, MOST_LISTED)
    roots, (since, until) = here().roots_for(Right.SCHEDULE), _stretch(wanted)
    by_day: dict[date, list[Slot]] = {}
    for slot in slots:
        by_day.setdefault(slot.at.astimezone(zone).date(), []).append(slot)
    weeks = [
        [first + timedelta(days=week * 7 + day) for day in range(7)] for week in range((last - first).days // 7 + 1)
    ]
    return render_template(
        "calendar/show.html",
        wanted=wanted,
        states=list(State),
        by_day=by_day,
        weeks=weeks,
        today=today(),
        before=(wanted.month - timedelta(days=1)).replace(day=1),
        after=(wanted.month + timedelta(days=32)).replace(day=1),
        views=VIEWS,
        week_before=wanted.week - timedelta(days=7),
        week_after=wanted.week + timedelta(days=7),
        colour=lambda id: crc32(id.encode()) % COLOURS,  # noqa: A006
        # Hundreds of entries stand at a few dozen instants, in a handful of states.
        clock=cache(clock),
        stand=cache(stand),
        plannable={node.id for node in here().within(Right.SCHEDULE)},
        outdated=ask(lambda unit: _outdated(unit, roots, since, until)),
        in_shifts=ask(shifts.ever),
        cut_short=len(slots) == MOST_LISTED,
        most=MOST_LISTED,
    )


async def _outdated(
    unit: Reading, roots: tuple[OrganisationId, ...], since: datetime, until: datetime
) -> tuple[Outdated, ...]:
    """Return the series whose dates in a stretch of time are not those that their rules yield by what is known now."""
    since = max(since, unit.now)
    if not roots or since >= until:
        return ()
    found = await stored_series.stretches(unit, roots, since=since, until=until, limit=MOST_SERIES)
    if not found:
        return ()
    known = await workdays.calendar(unit)
    numbers = {one.schedule.id: len(series_rules.drifted(one, known=known, now=unit.now)) for one in found}
    rules = [one.schedule for one in found if numbers[one.schedule.id]]
    titles = await lessons.titles(unit, {rule.lessons[0] for rule in rules}) if rules else {}
    return tuple(Outdated(id=rule.id, title=titles.get(rule.lessons[0], ""), number=numbers[rule.id]) for rule in rules)


@pages.get("/calendar/export.<any(xlsx,csv,docx,text):format>")
@requires(Right.READ)
@may_wait("calendar")
def export(format: str) -> Response:  # noqa: A002
    """Hand out what the screen shows, and all of it where that is cut short."""
    wanted = _wanted()
    slots = _slots(wanted, MOST + 1)
    table = Table(
        title=t("nav.calendar"),
        header=tuple(t(f"calendar.column_{name}") for name in ("day", "time", "what", "audience", "state")),
        rows=tuple(_cells(one) for one in slots),
    )
    month_wanted = f"{wanted.month:%Y-%m}" if "month" in request.args else None
    week = wanted.week if wanted.view == "week" else None
    back = link("calendar.show", view=wanted.view, month=month_wanted, week=week, state=wanted.state)
    return hand_out(table, format, "calendar", t("exports.footer", at=fully(now()), n=len(table.rows)), back=back)


def _cells(slot: Slot) -> tuple[str, ...]:
    one, at = slot.entry, local(slot.at)
    what = f"{one.title} · {t('shifts.session', number=slot.session)}" if slot.session else one.title
    state = stand(one.occurrence.state, slot.at)
    if slot.waits_until is not None and one.occurrence.begins_at is None:
        state = f"{state} · {t('calendar.waits', until=fully(slot.waits_until))}"
    return f"{at:%Y-%m-%d}", f"{at:%H:%M}", what, one.audience_name, state


def _slots(wanted: Wanted, limit: int) -> tuple[Slot, ...]:
    roots, (since, until) = here().roots, _stretch(wanted)
    states = [wanted.state] if wanted.state else []
    return ask(lambda unit: timetable(unit, roots, since=since, until=until, states=states, limit=limit))


def _wanted() -> Wanted:
    view = request.args.get("view", "list")
    month, state = request.args.get("month", ""), request.args.get("state", "")
    if view not in VIEWS or (state and state not in list(State)):
        abort(400)
    first = today().replace(day=1)
    if month:
        if not re.fullmatch(r"20[0-9]{2}-(0[1-9]|1[0-2])", month):
            abort(400)
        first = date.fromisoformat(f"{month}-01")
    return Wanted(
        view=view, month=first, week=monday(_day(request.args.get("week", ""))), state=State(state) if state else None
    )


def _day(written: str) -> date:
    if not written:
        return today()
    if not re.fullmatch(r"20[0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])", written):
        abort(400)
    try:
        return date.fromisoformat(written)
    except ValueError:
        abort(400)


def _range(wanted: Wanted) -> tuple[date, date]:
    if wanted.view == "week":
        return wanted.week, wanted.week + timedelta(days=6)
    if wanted.view == "list" and "month" not in request.args:
        return today() - timedelta(days=LIST_DAYS_BEFORE), today() + timedelta(days=LIST_DAYS_AFTER)
    last = (wanted.month + timedelta(days=32)).replace(day=1) - timedelta(days=1)
    if wanted.view == "list":
        return wanted.month, last
    return monday(wanted.month), monday(last) + timedelta(days=6)


def _stretch(wanted: Wanted) -> tuple[datetime, datetime]:
    first, last = _range(wanted)
    zone = ZoneInfo(reader().timezone)
    return _midnight(first, zone), _midnight(last + timedelta(days=1), zone)


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), zone).astimezone(UTC)


@pages.post("/calendar/<id>/cancel")
@requires(Right.SCHEDULE)
def cancel(id: str) -> Answer:  # noqa: A002
    """Call off what has not gone out yet."""
    user, roots = here().user, here().roots

    async def decide(unit: Reading) -> Decided:
        entry = await _own(unit, OccurrenceId(id), roots)
        if entry is None:
            return None
        return cancel_occurrence(entry.occurrence, by=user, left_out=await shifts.left_out(unit, entry))

    return onward(settle(decide, actor=user), to=_back(id), done="cancelled", back=lambda: _again(id))


def _again(id: str) -> Undo:  # noqa: A002
    return way_back("calendar.restore", id=id)


@pages.post("/calendar/<id>/restore")
@requires(Right.SCHEDULE)
def restore(id: str) -> Answer:  # noqa: A002
    """Plan again what was called off."""
    user, roots = here().user, here().roots

    async def decide(unit: Reading) -> Decided:
        entry = await _own(unit, OccurrenceId(id), roots)
        if entry is None:
            return None
        answer = restore_occurrence(entry.occurrence, by=user, now=unit.now)
        return answer if isinstance(answer, Refusal) else await _hindered(unit, entry, answer)

    outcome = settle(decide, actor=user)
    entry = ask(lambda unit: _own(unit, OccurrenceId(id), roots))
    waits = entry is not None and bool(ask(lambda unit: quiet.waiting(unit, [entry.occurrence])))
    done = "restored_waits" if waits else "restored"
    return onward(outcome, to=_back(id), done=done, back=lambda: way_back("calendar.cancel", id=id))


@pages.route("/calendar/<id>/move", methods=["GET", "POST"])
@requires(Right.SCHEDULE)
def move(id: str) -> Answer:  # noqa: A002
    """Have what has not gone out yet go out at another time."""
    user, roots, key = here().user, here().roots, OccurrenceId(id)
    entry = ask(lambda unit: _own(unit, key, roots))
    if entry is None:
        abort(404)
    typed = as_it_stands(entry)
    if request.method == "GET":
        return move_form(entry, typed | {name: request.args[name] for name in ("date", "time") if name in request.args})
    on, at = _written()
    if on is None or at is None:
        bad = refused("schedule.bad_date", field="date") if on is None else refused("schedule.bad_time", field="time")
        return not_done(bad, to=_back(id))
    troubles: list[Refusal] = []
    window = minutes_of(request.form.get("window", typed["window"]), "window", troubles)
    written = request.form.get("late", typed["late"])
    late = None if written == UNTIL_DAY_ENDS else minutes_of(written, "late", troubles)
    if troubles:
        return not_done(troubles[0], to=_back(id))
    scope, seen = request.form.get("scope", Scope.ONE), request.form.get("mark") or None
    if scope not in frozenset(Scope):
        abort(400)
    if scope != Scope.ONE:
        return _move_together(entry, Scope(scope), on=on, at=at, window=window, late=late)
    if not is_done() and (held := untold(entry, instant(on, at, entry.timezone))) is not None:
        return move_form(entry, typed | {name: request.form[name] for name in typed if name in request.form}, *held)

    async def decide(unit: Reading) -> Decided:
        found = await _own(unit, key, roots)
        if found is None:
            return None
        zone = found.timezone
        answer = move_occurrence(
            found.occurrence,
            on=on,
            at=at,
            timezone=zone,
            window=window,
            late=late_after(instant(on, at, zone), late, zone),
            by=user,
            seen=seen,
            now=unit.now,
        )
        return answer if isinstance(answer, Refusal) else await _hindered(unit, found, answer)

    def put_back() -> Undo:
        moved = ask(lambda unit: _own(unit, key, roots))
        told = told_before(entry)
        mark = mark_of(moved.occurrence) if moved else ""
        return way_back("calendar.move", id=id, fields=typed | {"mark": mark, "told": told})

    return onward(settle(decide, actor=user), to=_back(id), done="occurrence_moved", back=put_back)


def _move_together(
    entry: schedules.Entry, scope: Scope, *, on: date, at: time, window: timedelta, late: timedelta | None
) -> Answer:
    """Show what moving an occurrence and those after it, or all, would do; with a yes, do it."""
    id = entry.occurrence.id  # noqa: A001

    def changing(found: Series, known: WorkCalendar) -> tuple[Change, ...] | Refusal:
        changes = series_rules.moved(found, id, scope=scope, on=on, at=at, window=window, late=late, known=known)
        return refused("occurrence.not_movable") if changes is None else changes

    fields = {name: request.form[name][:40] for name in (*MOVED, "scope") if name in request.form}
    return replanned(entry.schedule, changing, action=link("calendar.move", id=id), fields=fields, anew=id)


async def _hindered(unit: Reading, entry: schedules.Entry, answer: Decision) -> Decided:
    """Refuse to let something go out beside itself, after its lecture began, or where it is too much for a room."""
    (fact,) = answer.facts
    occurrence, moved = entry.occurrence, isinstance(fact, OccurrenceMoved)
    due_at = fact.due_at if moved else occurrence.due_at  # type: ignore[attr-defined]
    there = await schedules.going_out(unit, occurrence.audience, [occurrence.lesson], but=occurrence.id)
    if any(abs(due - due_at) <= SAME_TIME for _, due in there):
        return refused("occurrence.beside_itself", field="time" if moved else None, due=due_at)
    lesson, first = await lessons.lesson(unit, occurrence.lesson), occurrence.begins_at
    if lesson is not None and lesson.lecture is not None:
        first = begins(lesson.lecture)
    elif first is not None:
        field = "date" if moved else None
        if first <= due_at:
            return refused("meeting.notice_after", field=field)
        until = due_at if occurrence.urgent else await quiet.free_for(unit, occurrence.audience, due_at)
        if late := refuse_held_past(first, until=until, field=field):
            return late
    if lesson is not None and lesson.lecture is not None and (begun := begins(lesson.lecture)) <= due_at:
        return refused("lecture.announced_late", field="date" if moved else None, begins=begun)
    if lesson is not None and lesson.lecture is not None and not occurrence.urgent:
        field = "date" if moved else None
        if held := await held_past(unit, occurrence.audience, lesson.lecture, due_at, field=field):
            return held
    sending = await burden.sendings(unit, [entry], {occurrence.id: due_at})
    return await burden.refuse_sending(unit, sending, begins=first) or answer


@pages.post("/calendar/<id>/confirm")
@requires(Right.SCHEDULE)
def confirm(id: str) -> Answer:  # noqa: A002
    """Say that a date is meant that was reckoned without a list of working days."""
    user, roots = here().user, here().roots

    async def decide(unit: Reading) -> Decided:
        entry = await _own(unit, OccurrenceId(id), roots)
        return confirm_occurrence(entry.occurrence, by=user) if entry else None

    return onward(settle(decide, actor=user), to=_back(id), done="occurrence_confirmed")


@pages.post("/calendar/<id>/send-now")
@requires(Right.SCHEDULE)
def send_now(id: str) -> Answer:  # noqa: A002
    """Have a missed occurrence sent after all."""
    roots = here().roots

    async def decide(unit: Reading) -> Decided:
        entry = await _own(unit, OccurrenceId(id), roots)
        answer = send_missed_now(entry.occurrence, now=unit.now) if entry else None
        if entry is None or isinstance(answer, Refusal):
            return answer
        sending = await burden.sendings(unit, [entry], {entry.occurrence.id: unit.now})
        return await burden.refuse_sending(unit, sending, again=True) or answer

    return onward(settle(decide, actor=here().user), to=_back(id), done="sending_now")


def _written() -> tuple[date | None, time | None]:
    """Return the date and the time of a form, ``None`` for what is none."""
    on: date | None = None
    at: time | None = None
    with contextlib.suppress(ValueError):
        on = date.fromisoformat(request.form.get("date", "").strip())
    with contextlib.suppress(ValueError):
        at = time.fromisoformat(request.form.get("time", "").strip()).replace(tzinfo=None)
    return on if on is not None and on >= FIRST_DAY else None, at


def _back(id: str) -> str:  # noqa: A002
    return own_path(request.form.get("back", ""), otherwise=link("checkins.show_one", id=id))


async def _own(
    unit: Reading,
    id: OccurrenceId,  # noqa: A002
    roots: tuple[OrganisationId, ...],
) -> schedules.Entry | None:
    """Return an occurrence whose whole audience lies where the person may schedule."""
    entry = await schedules.entry(unit, id)
    allowed = {node.id for node in await organisations.tree(unit, roots)}
    return entry if entry is not None and entry.occurrence.audience in allowed else None
