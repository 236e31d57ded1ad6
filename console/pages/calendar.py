"""The calendar: what was and will be sent, as a list or as a month; planned things can be called off here."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from flask import Blueprint, abort, render_template, request

from console.access import here, requires
from console.addresses import link
from console.answering import Answer, onward, own_path
from console.desk import ask, settle
from console.wording import reader, today
from content.identifiers import OccurrenceId, OrganisationId
from content.occurrences import State, cancel_occurrence, send_missed_now
from content.organisations import Right
from content.participation import monday
from storage import organisations, schedules
from storage.store import Answer as Decided
from storage.unit import Reading

pages = Blueprint("calendar", __name__)

LIST_DAYS_BEFORE = 7
LIST_DAYS_AFTER = 60
MOST_LISTED = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which part of the calendar is asked for; everything of it stands in the address."""

    view: str
    month: date
    state: State | None


@pages.get("/calendar")
@requires(Right.READ)
def show() -> str:
    """Show the month or the list."""
    wanted = _wanted()
    first, last = _range(wanted)
    zone = ZoneInfo(reader().timezone)
    since, until = _midnight(first, zone), _midnight(last + timedelta(days=1), zone)
    states = [wanted.state] if wanted.state else []
    roots = here().roots
    entries = ask(
        lambda unit: schedules.calendar(unit, roots, since=since, until=until, states=states, limit=MOST_LISTED)
    )
    by_day: dict[date, list[schedules.Entry]] = {}
    for entry in entries:
        by_day.setdefault(entry.occurrence.due_at.astimezone(zone).date(), []).append(entry)
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
        zone=zone,
        cut_short=len(entries) == MOST_LISTED,
        most=MOST_LISTED,
    )


def _wanted() -> Wanted:
    view = request.args.get("view", "list")
    month, state = request.args.get("month", ""), request.args.get("state", "")
    if view not in ("list", "month") or (state and state not in list(State)):
        abort(400)
    first = today().replace(day=1)
    if month:
        if not re.fullmatch(r"20[0-9]{2}-(0[1-9]|1[0-2])", month):
            abort(400)
        first = date.fromisoformat(f"{month}-01")
    return Wanted(view=view, month=first, state=State(state) if state else None)


def _range(wanted: Wanted) -> tuple[date, date]:
    if wanted.view == "list" and "month" not in request.args:
        return today() - timedelta(days=LIST_DAYS_BEFORE), today() + timedelta(days=LIST_DAYS_AFTER)
    last = (wanted.month + timedelta(days=32)).replace(day=1) - timedelta(days=1)
    if wanted.view == "list":
        return wanted.month, last
    return monday(wanted.month), monday(last) + timedelta(days=6)


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), zone).astimezone(UTC)


@pages.post("/calendar/<id>/cancel")
@requires(Right.SCHEDULE)
def cancel(id: str) -> Answer:  # noqa: A002
    """Call off what has not gone out yet."""
    user, roots = here().user, here().roots

    async def decide(unit: Reading) -> Decided:
        entry = await _own(unit, OccurrenceId(id), roots)
        return cancel_occurrence(entry.occurrence, by=user) if entry else None

    return onward(settle(decide, actor=user), to=_back(id), done="cancelled")


@pages.post("/calendar/<id>/send-now")
@requires(Right.SCHEDULE)
def send_now(id: str) -> Answer:  # noqa: A002
    """Have a missed occurrence sent after all."""
    roots = here().roots

    async def decide(unit: Reading) -> Decided:
        entry = await _own(unit, OccurrenceId(id), roots)
        return send_missed_now(entry.occurrence, now=unit.now) if entry else None

    return onward(settle(decide, actor=here().user), to=_back(id), done="sending_now")


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
