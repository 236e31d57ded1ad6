"""Changes an activity that has not begun: its time, its place, how long it is and what it is about."""

from __future__ import annotations

import re
from datetime import date, datetime, time
from zoneinfo import ZoneInfo

from flask import Blueprint, render_template, request
from msgspec.structs import replace

from console.access import here, requires
from console.addresses import link
from console.answering import Answer, first_by_field, onward
from console.desk import settle
from console.pages.activities import visible_activity
from console.undoing import Undo, way_back
from content import activities as limits
from content import activity_changes as rules
from content.activities import Activity
from content.decision import Refusal, refused
from content.organisations import Right
from content.schedules import instant
from storage import activities as stored
from storage import sign_ups
from storage.store import Answer as Decided
from storage.unit import Reading

pages = Blueprint("activity_changes", __name__)


@pages.route("/activities/<id>/change", methods=["GET", "POST"])
@requires(Right.SCHEDULE)
def change(id: str) -> Answer:  # noqa: A002
    """Change an activity that has not begun; its message follows, and who had signed up is told."""
    one = visible_activity(id, Right.SCHEDULE)
    if request.method == "GET":
        return _form(one, _fields_of(one))
    fields = _fields()
    begins_at = _instant(fields["date"], fields["time"], one.timezone)
    if isinstance(begins_at, Refusal):
        return _form(one, fields, begins_at), 422
    stood: list[Activity] = []
    minutes = int(fields["length"]) if re.fullmatch("[0-9]{1,5}", fields["length"]) else 0

    async def decide(unit: Reading) -> Decided:
        known = await stored.activity(unit, one.id)
        if known is None:
            return None
        sorts = [each.id for each in await stored.categories(unit, known.organisation, dropped=True)]
        list_of = await sign_ups.of_activity(unit, one.id)
        sheet = await sign_ups.sheet(unit, list_of) if list_of is not None else None
        after = replace(known, begins_at=begins_at, minutes=minutes, place=fields["place"], about=fields["about"])
        stood[:] = [known, after]
        return rules.change(known, after, sheet, known=sorts, seen=fields["mark"], now=unit.now)

    outcome = settle(decide, actor=here().user)
    if outcome.refusal is not None:
        if outcome.refusal.words.key == "activity.changed_meanwhile":
            # It is told how it stands by now: what is sent again was written with that before one's eyes.
            fields["mark"] = rules.mark_of(stood[0])
        return _form(one, fields, outcome.refusal), 422
    to = link("activities.show_one", id=id)
    return onward(
        outcome,
        to=to,
        done="activity_changed",
        back=lambda: _back(*stood),
    )


def _back(before: Activity, after: Activity) -> Undo:
    fields = {**_fields_of(before), "mark": rules.mark_of(after)}
    return way_back("activity_changes.change", id=before.id, fields=fields)


def _fields_of(one: Activity) -> dict[str, str]:
    local = one.begins_at.astimezone(ZoneInfo(one.timezone))
    return {
        "date": local.date().isoformat(),
        "time": local.strftime("%H:%M"),
        "length": str(one.minutes),
        "place": one.place,
        "about": one.about,
        "mark": rules.mark_of(one),
    }


def _fields() -> dict[str, str]:
    form = request.form
    lines = form.get("about", "").replace("\r\n", "\n").split("\n")
    return {
        **{name: " ".join(form.get(name, "").split()) for name in ("date", "time", "length", "place")},
        "about": "\n".join(line.strip() for line in lines if line.strip()),
        "mark": form.get("mark", ""),
    }


def _instant(day: str, at: str, timezone: str) -> datetime | Refusal:
    try:
        return instant(date.fromisoformat(day), time.fromisoformat(at).replace(tzinfo=None), timezone)
    except (ValueError, OverflowError):
        return refused("sign_up.bad_date", field="date")


def _form(one: Activity, fields: dict[str, str], refusal: Refusal | None = None) -> str:
    refusals = [refusal] if refusal else []
    return render_template(
        "activity_changes/change.html",
        one=one,
        fields=fields,
        longest={"place": limits.LONGEST_PLACE},
        refusals=refusals,
        by_field=first_by_field(refusals),
    )
