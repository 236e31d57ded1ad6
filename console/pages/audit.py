"""The record: who did what, when and because of what, and everything that followed from it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from flask import Blueprint, abort, render_template, request
from msgspec import Struct

from console.access import here, requires, right_of
from console.addresses import link
from console.desk import ask
from console.wording import reader, t, t_or, today
from content.identifiers import OrganisationId
from content.organisations import Right
from storage import record
from storage.audit import DONE
from storage.record import Entry, Filter, Scope
from storage.unit import Reading

pages = Blueprint("audit", __name__)

PAGE_SIZE = 50

LATELY = timedelta(days=30)
"""How far back one looks who asks for nothing in particular."""

THINGS: Mapping[str, tuple[str, str]] = {
    "occurrence": ("checkins.show_one", "id"),
    "poll": ("polls.show_one", "id"),
    "ballot": ("ballots.show_one", "id"),
    "paper": ("elections.show_one", "id"),
    "survey": ("surveys.show_one", "id"),
    "item": ("bank.show_one", "id"),
    "entry": ("glossary.show_one", "id"),
    "selection": ("model_members.show_one", "id"),
    "lesson": ("lessons.show_one", "id"),
    "schedule": ("calendar.show", ""),
    "member": ("members.show_one", "id"),
    "edit": ("edits.show_one", "id"),
    "import": ("imports.show_one", "id"),
    "correction": ("corrections.show", ""),
    "organisation": ("structure.show_one", "id"),
    "room": ("rooms.show_one", "id"),
    "proposal": ("duties.show", ""),
    "message": ("outbox.show", ""),
    "letter": ("unheard.show_one", "id"),
    "stretch": ("unheard.show", ""),
    "table": ("exports.show", ""),
    "year": ("workdays.show", "year"),
}
"""Kinds of things that rows are about: the page on which one is seen, and the part of its address that names it."""

CAUSES = (
    "event",
    "megolm",
    "tap",
    "form",
    "occurrence",
    "poll",
    "room",
    "record",
    "look",
    "export",
    "shell",
    "broadcast",
)
"""What causes begin with and a person can be told of; all others are the program's own housekeeping."""

LONGEST = 300
LONGEST_NUMBER = 18
"""Digits of a number that every engine can count to."""


class Fields(Struct, frozen=True, kw_only=True):
    """What stands in the filter."""

    person: str
    thing: str
    cause: str
    since: str
    until: str

    @property
    def narrow(self) -> bool:
        """Tell whether rows are few by what was asked for, so that there is no need to end anywhere in time."""
        return bool(self.person or self.thing or self.cause)


@pages.get("/record")
@requires(Right.RECORD)
def show() -> str:
    """Show the record of one's part of the tree, newest first, a page at a time."""
    fields = Fields(**{name: request.args.get(name, "").strip()[:LONGEST] for name in Fields.__struct_fields__})
    if not fields.narrow and not fields.since and not fields.until:
        fields = Fields(person="", thing="", cause="", since=(today() - LATELY).isoformat(), until="")
    before = request.args.get("before", "")
    wanted = Filter(
        person=fields.person,
        thing=fields.thing,
        cause=fields.cause,
        since=_midnight(fields.since),
        until=_midnight(fields.until, after=1),
    )
    scope = _scope()
    from_number = _number(before)
    found, titles = ask(lambda unit: _entries(unit, scope, wanted, from_number))
    return render_template(
        "audit/show.html",
        entries=found[:PAGE_SIZE],
        titles=titles,
        fields=fields,
        more=found[PAGE_SIZE - 1].number if len(found) > PAGE_SIZE else None,
        first_page=from_number is None,
        did=did,
        called=called,
    )


@pages.get("/record/<number>")
@requires(Right.RECORD)
def show_one(number: str) -> str:
    """Show one row: what led to it, what it changed, and what was said because of it."""
    scope = _scope()
    wanted = _number(number)
    found = ask(lambda unit: _why(unit, scope, wanted)) if wanted is not None else None
    if found is None:
        abort(404)
    why, titles = found
    kind = why.entry.cause.partition(":")[0]
    return render_template(
        "audit/show_one.html",
        why=why,
        titles=titles,
        did=did,
        called=called,
        page=page_of(why.entry.thing) if why.entry.thing else "",
        cause=f"audit.cause_{kind if kind in CAUSES else 'other'}" if why.entry.cause else "audit.cause_forgotten",
    )


async def _entries(
    unit: Reading, scope: Scope, wanted: Filter, before: int | None
) -> tuple[tuple[Entry, ...], dict[str, str]]:
    found = await record.entries(unit, scope, wanted, before=before, limit=PAGE_SIZE + 1)
    return found, dict(await record.titles(unit, [one.thing for one in found if one.thing]))


async def _why(unit: Reading, scope: Scope, number: int) -> tuple[record.Why, dict[str, str]] | None:
    why = await record.why(unit, scope, number)
    if why is None:
        return None
    near = (why.entry, *why.earlier, *why.later)
    places = [f"organisation:{place}" for _, place in why.entry.authority]
    return why, dict(await record.titles(unit, [*places, *(one.thing for one in near if one.thing)]))


def called(thing: str, titles: Mapping[str, str]) -> str:
    """Return what a thing is called; one that has no name of its own, or is no more, by its kind."""
    kind, _, id = thing.partition(":")  # noqa: A001
    if kind == "table":
        return t_or(f"exports.what_{re.sub('[^a-z]', '_', id)}", "exports.what_other")
    if kind == "year":
        return t("audit.year", year=id)
    return titles.get(thing) or t_or(f"audit.thing_{kind}", "audit.thing_other")


def page_of(thing: str) -> str:
    """Return the address of the page on which a thing is seen, empty where there is none for who asks."""
    kind, _, id = thing.partition(":")  # noqa: A001
    endpoint, part = THINGS.get(kind, ("", ""))
    right = right_of(endpoint) if endpoint else None
    if right is None or not here().may(right):
        return ""
    return link(endpoint, **{part: id} if part else {})


def did(entry: Entry) -> str:
    """Say in words what a row says was done, each kind of thing once."""
    if entry.outcome != DONE:
        return t("audit.was_refused")
    verbs = dict.fromkeys(entry.action.split(", "))
    return t("audit.and").join(dict.fromkeys(t_or(f"audit.did_{verb}", "audit.did_other") for verb in verbs))


def _scope() -> Scope:
    """Return for which nodes one looks, and whether also for what belongs to none: that is for the top of a tree."""
    return scope_of(here().roots)


def scope_of(roots: tuple[OrganisationId, ...]) -> Scope:
    """Return what of the record belongs to these nodes, and what to none where one of them is the top of a tree."""
    return Scope(roots=roots, everything=any(node.parent is None for node in here().nodes if node.id in roots))


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= LONGEST_NUMBER else None


def _midnight(text: str, *, after: int = 0) -> datetime | None:
    """Return the instant at which a day of the reader begins, or the day so many after it."""
    try:
        day = date.fromisoformat(text) + timedelta(days=after)
        return datetime.combine(day, time(), ZoneInfo(reader().timezone)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
