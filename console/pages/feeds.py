"""Calendars to subscribe to: a secret address for a room or for oneself, made here once, and taken back."""

from __future__ import annotations

import secrets
from datetime import datetime

from flask import Blueprint, Response, abort, render_template, request
from msgspec.structs import replace

from console.access import digest, here, public, requires
from console.addresses import link
from console.answering import Answer, not_done, onward, see
from console.desk import ask, desk, now, settle
from console.wording import say_in
from content import feeds as rules
from content.decision import words
from content.feeds import Event, Feed, Sort
from content.lessons import Kind
from content.occurrences import State
from content.organisations import Organisation, Right
from storage import feeds, lessons, meetings, organisations, quiet, schedules
from storage.store import Answer as Decided
from storage.unit import Reading

pages = Blueprint("feeds", __name__)

SHOWN = (State.PLANNED, State.OPEN, State.CLOSED, State.CANCELLED)
"""What stands in a calendar; what was called off is said to be, so that it goes from where it was seen."""

MOST = 1_000


@pages.get("/calendar/feeds")
@requires(Right.READ)
def show() -> str:
    """Show one's own addresses, and make one."""
    return _page()


def _page(address: str = "") -> str:
    user = here().user
    found = ask(lambda unit: feeds.of_person(unit, user))
    names = {node.id: node.name for node in here().nodes}
    return render_template(
        "feeds/show.html",
        found=[(one, names.get(one.organisation, "")) for one in found],
        places=here().within(Right.READ),
        address=address,
    )


@pages.post("/calendar/feeds")
@requires(Right.READ)
def make() -> Answer:
    """Make an address, and show it this once."""
    user, secret = here().user, secrets.token_urlsafe(32)
    place = next((node for node in here().within(Right.READ) if node.id == request.form.get("place")), None)
    own = request.form.get("sort") == Sort.PERSON
    node = here().nodes[0] if own else place
    if node is None:
        abort(404)
    made = Feed(
        hash=digest(secret),
        sort=Sort.PERSON if own else Sort.ROOM,
        user=user,
        organisation=node.id,
        made_at=now(),
    )

    async def decide(unit: Reading) -> Decided:
        return rules.make(made, len(await feeds.of_person(unit, user)))

    outcome = settle(decide, actor=user)
    if outcome.refusal is not None:
        return not_done(outcome.refusal, to=link("feeds.show"))
    if outcome.repeated:
        return see(link("feeds.show"), "repeated")
    return _page(f"{desk().settings.origin}/feeds/{secret}.ics")


@pages.post("/calendar/feeds/<hash>/revoke")
@requires(Right.READ)
def revoke(hash: str) -> Answer:  # noqa: A002
    """Let an address lead nowhere."""
    user = here().user

    async def decide(unit: Reading) -> Decided:
        found = await feeds.feed(unit, hash)
        return rules.revoke(found, by=user) if found is not None and found.user == user else None

    return onward(settle(decide, actor=user), to=link("feeds.show"), done="feed_revoked")


@pages.get("/feeds/<secret>.ics")
@public
def read(secret: str) -> Response:
    """Give out the calendar behind an address, while its person stands there; of what waits for review, nothing."""

    async def look(unit: Reading) -> tuple[str, Organisation, list[Event]] | None:
        found = await feeds.feed(unit, digest(secret))
        if found is None:
            return None
        node = await organisations.organisation(unit, found.organisation)
        own = found.sort is Sort.PERSON
        places = await (feeds.places_of(unit, found.user) if own else feeds.reach(unit, found.user, found.organisation))
        if not places or node is None:
            return None
        entries = await schedules.calendar(
            unit,
            places,
            since=unit.now - rules.BEFORE,
            until=unit.now + rules.AFTER,
            states=SHOWN,
            limit=MOST,
        )
        shown = [entry for entry in entries if _stands(entry)]
        waits = await quiet.waiting(unit, [entry.occurrence for entry in shown])
        events = [event for entry in shown for event in await _events(unit, entry, waits.get(entry.occurrence.id))]
        return "" if own else node.name, node, events

    seen = ask(look)
    if seen is None:
        abort(404)
    name, node, events = seen
    told = [replace(one, title=_titled(one, node)) for one in events]
    answer = Response(rules.written(name, told, now=now()), mimetype="text/calendar")
    answer.headers["Cache-Control"] = "private, no-store"
    return answer


def _stands(entry: schedules.Entry) -> bool:
    """Tell whether something is sure to go out as it stands, or did."""
    one = entry.occurrence
    return not (one.provisional or one.over_cap) and (one.approved or one.state in (State.OPEN, State.CLOSED))


async def _events(unit: Reading, entry: schedules.Entry, waits_until: datetime | None) -> tuple[Event, ...]:
    """Return what stands in a calendar for one thing: a lecture and a meeting when they are held, not announced.

    All else stands where it is heard, which is when quiet hours end where they hold it.
    """
    one = entry.occurrence
    event = Event(
        id=one.id,
        at=one.begins_at or waits_until or one.due_at,
        lasts=min(one.window, rules.CARD),
        title=entry.title,
        cancelled=one.state is State.CANCELLED,
        session=entry.session + 1 if entry.sessions > 1 else 0,
    )
    lesson = await lessons.lesson(unit, one.lesson, entry.lesson_revision) if entry.kind == Kind.LECTURE else None
    if lesson is not None:
        return rules.events_of(event, lesson.lecture.sessions if lesson.lecture is not None else (), lesson.minutes)
    held = await meetings.meeting(unit, one.id) if one.begins_at is not None else None
    if held is None or not held.further:
        return (event,)
    return rules.events_of(event, held.sessions, int(held.length.total_seconds()) // 60)


def _titled(event: Event, place: Organisation) -> str:
    session = say_in(place, words("shifts.session", number=event.session)) if event.session else ""
    return f"{event.title} · {session}" if session else event.title
