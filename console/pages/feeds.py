"""Calendars to subscribe to: a secret address for a room or for oneself, made here once, and taken back."""

from __future__ import annotations

import secrets

from flask import Blueprint, Response, abort, render_template, request

from console.access import digest, here, public, requires
from console.addresses import link
from console.answering import Answer, not_done, onward, see
from console.desk import ask, desk, now, settle
from content import feeds as rules
from content.feeds import Event, Feed, Sort
from content.identifiers import OrganisationId
from content.occurrences import State
from content.organisations import Right
from storage import feeds, organisations, schedules
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

    async def look(unit: Reading) -> tuple[str, tuple[schedules.Entry, ...]] | None:
        found = await feeds.feed(unit, digest(secret))
        if found is None:
            return None
        if found.sort is Sort.PERSON:
            places: tuple[OrganisationId, ...] = await feeds.places_of(unit, found.user)
            name = ""
        else:
            known = await organisations.organisation(unit, found.organisation)
            places = await feeds.reach(unit, found.user, found.organisation)
            name = known.name if known is not None else ""
        if not places:
            return None
        return name, await schedules.calendar(
            unit,
            places,
            since=unit.now - rules.BEFORE,
            until=unit.now + rules.AFTER,
            states=SHOWN,
            limit=MOST,
        )

    seen = ask(look)
    if seen is None:
        abort(404)
    name, entries = seen
    events = [
        Event(
            id=entry.occurrence.id,
            at=entry.occurrence.due_at,
            lasts=entry.occurrence.window,
            title=entry.title,
            cancelled=entry.occurrence.state is State.CANCELLED,
        )
        for entry in entries
        if not (entry.occurrence.provisional or entry.occurrence.over_cap)
        and (entry.occurrence.approved or entry.occurrence.state in (State.OPEN, State.CLOSED))
    ]
    answer = Response(rules.written(name, events, now=now()), mimetype="text/calendar")
    answer.headers["Cache-Control"] = "private, no-store"
    return answer
