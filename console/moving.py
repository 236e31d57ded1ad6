"""The form that moves what is planned: what stands in it, and what it says of quiet hours before anything is moved."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from flask import render_template, request
from msgspec.structs import replace

from console.access import here
from console.answering import Answer, first_by_field
from console.desk import ask, now
from console.pages.schedules import LATENESS, WINDOWS, offered
from console.quiet_hours import Held, holding, refuse_untold, told_of
from content.decision import Refusal
from content.occurrences import mark_of
from content.recurrences import Recurrence
from content.schedules import Schedule, late_after
from content.series import Scope
from content.settings import UNTIL_DAY_ENDS
from storage import schedules, series

_MINUTE = timedelta(minutes=1)


def as_it_stands(entry: schedules.Entry) -> dict[str, str]:
    """Return what the form that moves an occurrence begins with."""
    one, roots = entry.occurrence, here().roots
    before = one.due_at.astimezone(ZoneInfo(entry.timezone))
    rule = ask(lambda unit: series.series(unit, entry.schedule, roots))
    # Of an occurrence minutes are kept; where its rule does not say as many, they are meant as the rest of its day.
    is_by_day = one.late == late_after(one.due_at, None, entry.timezone)
    is_by_day = is_by_day and (rule is None or one.late not in _lengths(rule.schedule))
    return {
        "date": f"{before:%Y-%m-%d}",
        "time": f"{before:%H:%M}",
        "window": str(one.window // _MINUTE),
        "late": UNTIL_DAY_ENDS if is_by_day else str(one.late // _MINUTE),
        "mark": mark_of(one),
    }


def _lengths(rule: Schedule) -> set[timedelta | None]:
    """Return how late a rule says that something may be, in all that it has said."""
    return {rule.late, *(change.late for change in rule.changes)}


def move_form(entry: schedules.Entry, typed: dict[str, str], refusal: Refusal | None = None, told: str = "") -> Answer:
    """Show the form that moves an occurrence, with what was not said yet of the quiet hours that it would fall into."""
    refusals = [refusal] if refusal is not None else []
    page = render_template(
        "calendar/move.html",
        entry=entry,
        typed=typed,
        scopes=tuple(Scope) if entry.recurrence is not Recurrence.ONCE else (),
        windows=offered(WINDOWS, typed["window"]),
        lateness=offered(LATENESS, typed["late"]),
        refusals=refusals,
        by_field=first_by_field(refusals),
        told=told,
    )
    return page, 422 if refusals else 200


def _held(entry: schedules.Entry, due_at: datetime) -> Held:
    """Return until when quiet hours would hold an occurrence that goes out at a time."""
    audience, urgent = entry.occurrence.audience, "yes" if entry.occurrence.urgent else ""
    return ask(lambda unit: holding(unit, audience, [due_at], urgent=urgent))


def untold(entry: schedules.Entry, due_at: datetime) -> tuple[Refusal, str] | None:
    """Return what its mover has not been told of quiet hours yet, and the mark that they were."""
    held = _held(entry, due_at)
    refusal = refuse_untold(held, request.form.get("told", ""), field="time") if due_at > now() else None
    if refusal is None:
        return None
    return replace(refusal, words=replace(refusal.words, key="quiet.moved_waits")), told_of(held)


def told_before(entry: schedules.Entry) -> str:
    """Return the mark with which an occurrence is put back to where it stands, whatever quiet hours do there."""
    return told_of(_held(entry, entry.occurrence.due_at))
