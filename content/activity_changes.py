"""Changes an activity that has not begun, or calls it off: its message follows, and who had signed up is told."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from msgspec.structs import replace

from content.activities import Activity, ActivityChanged, State, renewed, trouble_with
from content.decision import Decision, Refusal, Tell, Words, refused, words
from content.identifiers import derive
from content.sign_up_sheets import Sheet
from content.sign_up_sheets import State as SignUpState
from content.sign_ups import close


def mark_of(one: Activity) -> str:
    """Return a mark of what may be changed of an activity, by which a later writer shows what they have seen."""
    begins_at = one.begins_at.astimezone(UTC).isoformat()
    return derive("activity to come", begins_at, str(one.minutes), one.place, one.about)


def change(
    before: Activity, after: Activity, sheet: Sheet | None, *, known: Iterable[str], seen: str, now: datetime
) -> Decision | Refusal:
    """Give an activity another time, place, length or other words; ``known`` are the sorts that its place has.

    ``seen`` is the mark of how it stood when the change was written, so that nobody puts back what another has changed
    since. Once it has begun it is changed no more, and a sign-up does not stay open beyond its beginning.
    """
    if before.state is not State.PLANNED or before.begins_at <= now:
        return refused("activity.not_planned")
    if seen != mark_of(before):
        about = (words("activity.about_now", about=before.about),) if before.about else ()
        return refused(
            "activity.changed_meanwhile",
            field="date",
            at=before.begins_at,
            minutes=before.minutes,
            place=(_where(before),),
            about=about,
        )
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
    said = words("activity.changed_told", title=after.title, at=after.begins_at, place=(_where(after),))
    return Decision(facts=(ActivityChanged(activity=after, at=now),), effects=(*renewed(after), *_told(sheet, said)))


def cancel(one: Activity, sheet: Sheet | None, *, now: datetime) -> Decision | Refusal:
    """Call an activity off: its card says so, those who had signed up are told, and nobody signs up any more."""
    if one.state is not State.PLANNED:
        return refused("activity.not_planned")
    changed = ActivityChanged(activity=replace(one, state=State.CANCELLED), at=now)
    told = _told(sheet, words("activity.cancelled_told", title=one.title, at=one.begins_at))
    closed = close(sheet, now=now, by_hand=True) if sheet is not None else None
    return Decision(facts=(changed, *(closed.facts if closed else ())), effects=(*renewed(one), *told))


def _where(one: Activity) -> Words:
    return words("activity.at_place", place=one.place) if one.place else words("activity.without_place")


def _told(sheet: Sheet | None, said: Words) -> tuple[Tell, ...]:
    """Tell those of the roster who come or wait for a place."""
    if sheet is None:
        return ()
    users = (sheet.users.get(each.member) for each in sheet.standing if each.member)
    return tuple(Tell(user=user, words=said, unasked=True) for user in users if user is not None)
