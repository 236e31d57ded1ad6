"""Changes an activity that has not begun, or calls it off: its message follows, and who had signed up is told."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from msgspec.structs import replace

from content.activities import Activity, ActivityChanged, State, renewed, trouble_with
from content.decision import Decision, Refusal, Tell, Words, refused, words
from content.sign_up_sheets import Sheet
from content.sign_up_sheets import State as SignUpState
from content.sign_ups import close


def change(
    before: Activity, after: Activity, sheet: Sheet | None, *, known: Iterable[str], now: datetime
) -> Decision | Refusal:
    """Give an activity another time, place, length or other words; ``known`` are the sorts that its place has.

    Once it has begun it is changed no more, and a sign-up does not stay open beyond its beginning.
    """
    if before.state is not State.PLANNED or before.begins_at <= now:
        return refused("activity.not_planned")
    trouble = trouble_with(after, known, now)
    if trouble is not None:
        return trouble
    if after.begins_at <= now:
        return refused("activity.begun", field="date")
    one = sheet.sign_up if sheet is not None else None
    if one is not None and one.state is SignUpState.OPEN and one.closes_at > after.begins_at:
        return refused("activity.closes_later", field="date", closes=one.closes_at)
    if before == after:
        return refused("activity.nothing_changed", field="date")
    where = (words("activity.at_place", place=after.place) if after.place else words("activity.without_place"),)
    said = words("activity.changed_told", title=after.title, at=after.begins_at, place=where)
    return Decision(facts=(ActivityChanged(activity=after, at=now),), effects=(*renewed(after), *_told(sheet, said)))


def cancel(one: Activity, sheet: Sheet | None, *, now: datetime) -> Decision | Refusal:
    """Call an activity off: its card says so, those who had signed up are told, and nobody signs up any more."""
    if one.state is not State.PLANNED:
        return refused("activity.not_planned")
    changed = ActivityChanged(activity=replace(one, state=State.CANCELLED), at=now)
    told = _told(sheet, words("activity.cancelled_told", title=one.title, at=one.begins_at))
    closed = close(sheet, now=now, by_hand=True) if sheet is not None else None
    return Decision(facts=(changed, *(closed.facts if closed else ())), effects=(*renewed(one), *told))


def _told(sheet: Sheet | None, said: Words) -> tuple[Tell, ...]:
    """Tell those of the roster who come or wait for a place."""
    if sheet is None:
        return ()
    users = (sheet.users.get(each.member) for each in sheet.standing if each.member)
    return tuple(Tell(user=user, words=said, unasked=True) for user in users if user is not None)
