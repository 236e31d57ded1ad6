"""The record: who did what, when and because of what, and everything that followed from it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from itertools import groupby
from zoneinfo import ZoneInfo

from flask import Blueprint, Response, abort, redirect, render_template, request
from markupsafe import Markup
from msgspec import Struct
from msgspec.structs import asdict

from console import moments
from console.access import here, requires, right_of
from console.addresses import link
from console.answering import Answer
from console.desk import ask, now
from console.exporting import may_wait, progress
from console.fresh import fresh
from console.tables import Table, hand_out
from console.wording import dated, fully, is_known, local, outline, reader, t, t_or, today
from content.anchors import said_head
from content.exports import MOST
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
    "activity": ("activities.show_one", "id"),
    "pledge": ("pledges.show_one", "id"),
    "sign_up": ("sign_ups.show_one", "id"),
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
    "case": ("cases.show_one", "id"),
    "complaint": ("complaints.show_one", "id"),
    "help_case": ("help_cases.show_one", "id"),
    "cleaning": ("cleanings.show_one", "id"),
    "policy": ("policies.show_one", "id"),
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
    "ballot",
    "survey",
    "selection",
    "sanction",
    "guard",
    "lock",
    "cleaning",
    "policy",
    "knock",
    "greeting",
    "room",
    "record",
    "look",
    "export",
    "shell",
    "broadcast",
)
"""What causes begin with and a person can be told of; all others are the program's own housekeeping."""

TIMED = frozenset({"occurrence", "poll", "ballot", "survey", "selection"})
"""Of these, what comes due with a thing: its identifier follows."""

STRIDE = 1_000
"""Rows that are read at once where all of them go into a file."""

LONGEST = 300
LONGEST_REASON = 80
"""Characters of why something was refused that a row in a list has; its own page has all of them."""
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
def show() -> Answer:
    """Show the record of one's part of the tree, newest first, a page at a time.

    Who asks for the rows of a cause and for nothing else, and finds one, is at that row.
    """
    fields = _fields()
    scope, wanted = _scope(), _filter(fields)
    from_number = _number(request.args.get("before", ""))
    found, titles = ask(lambda unit: _entries(unit, scope, wanted, from_number, PAGE_SIZE + 1))
    if fields.cause and len(found) == 1 and not request.args.keys() - {"cause", "org"}:
        return redirect(link("audit.show_one", number=found[0].number), code=303)
    return render_template(
        "audit/show.html",
        entries=in_order(found[:PAGE_SIZE]),
        titles=titles,
        fields=fields,
        more=found[PAGE_SIZE - 1].number if len(found) > PAGE_SIZE else None,
        first_page=from_number is None,
        did=did,
        called=called,
        who=who,
        change=change,
        at_of=at_of,
    )


@pages.get("/record/export.<any(xlsx,csv,docx,text):format>")
@requires(Right.RECORD)
@fresh
@may_wait("record")
def export(format: str) -> Response:  # noqa: A002
    """Hand out all rows that the screen shows page by page, with the seal of the newest below them."""
    fields = _fields()
    scope, wanted = _scope(), _filter(fields)
    number = ask(lambda unit: record.number_of_entries(unit, scope, wanted, most=MOST + 1))

    def table() -> Table:
        rows: list[tuple[str, ...]] = []
        seal = ""
        for found, titles in _strides(scope, wanted):
            seal = seal or (said_head(found[0].number, found[0].link) if found[0].link else "")
            rows += [_cells(one, titles) for one in in_order(found)]
            progress(len(rows), number)
        footer = t("exports.footer", at=fully(now()), n=len(rows))
        return Table(
            title=t("nav.audit"),
            header=(
                *(t("audit.what"), t("audit.about"), t("audit.change")),
                *(t("audit.who"), t("audit.when"), t("audit.number")),
            ),
            rows=tuple(rows),
            footer=f"{footer} {t('audit.newest_seal', head=seal)}" if seal else footer,
        )

    return hand_out(table, format, "record", back=link("audit.show", **_given(fields)), rows=number)


def _strides(scope: Scope, wanted: Filter) -> Iterator[tuple[tuple[Entry, ...], dict[str, str]]]:
    """Read all rows, some at a time: the bot must not wait while years of them are read."""
    found, titles = ask(lambda unit: _entries(unit, scope, wanted, None, STRIDE))
    while found:
        yield found, titles
        last = found[-1].number
        found, titles = ask(partial(_entries, scope=scope, wanted=wanted, before=last, limit=STRIDE))


def _cells(one: Entry, titles: Mapping[str, str]) -> tuple[str, ...]:
    at = f"{local(one.at):%Y-%m-%d}" if one.is_discreet else f"{local(one.at):%Y-%m-%d %H:%M}"
    number = t("frame.none") if one.is_discreet else str(one.number)
    return did(one), about(one, titles), change(one), who(one), at, number


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
        who=who,
        change=change,
        page_of=page_of,
        due=came_due(why.entry.cause),
        refused_with=refused_with(why.entry),
        at_of=at_of,
        cause=_because(why.entry, kind),
    )


def _because(one: Entry, kind: str) -> str:
    if one.is_discreet:
        return "audit.cause_unnamed"
    return f"audit.cause_{kind if kind in CAUSES else 'other'}" if one.cause else "audit.cause_forgotten"


async def _entries(
    unit: Reading, scope: Scope, wanted: Filter, before: int | None, limit: int
) -> tuple[tuple[Entry, ...], dict[str, str]]:
    found = await record.entries(unit, scope, wanted, before=before, limit=limit)
    return found, dict(await record.titles(unit, [one.thing for one in found if one.thing]))


async def _why(unit: Reading, scope: Scope, number: int) -> tuple[record.Why, dict[str, str]] | None:
    why = await record.why(unit, scope, number)
    if why is None:
        return None
    things = [one.thing for one in (why.entry, *why.beside, *why.earlier, *why.later)]
    things += [one.thing for one in why.effects]
    named = [came_due(why.entry.cause), *(f"organisation:{place}" for _, place in why.entry.authority)]
    named += [f"occurrence:{one.occurrence}" for one in why.changed]
    return why, dict(await record.titles(unit, filter(None, (*named, *things))))


def in_order(entries: Iterable[Entry]) -> tuple[Entry, ...]:
    """Return rows with those in front of each day that name nobody: among the others they would have an hour.

    What the chat says at that hour would name who was behind them.
    """
    days = groupby(entries, key=lambda one: local(one.at).date())
    return tuple(one for _, rows in days for one in sorted(rows, key=lambda one: not one.is_discreet))


def at_of(one: Entry) -> str:
    """Return when a row was written, of one that names nobody the day alone."""
    if not one.is_discreet:
        return moments.when(one.at)
    on = local(one.at).date()
    return Markup('<time datetime="{}">{}</time>').format(on.isoformat(), dated(on))


def who(one: Entry) -> str:
    """Return who did what a row says, or what stands for them."""
    if one.actor_name or one.actor:
        return one.actor_name or one.actor or ""
    if one.is_discreet:
        return t("audit.unnamed")
    if one.cause.startswith("form:"):
        return t("audit.before_sign_in")
    return t("audit.by_itself") if one.cause else t("audit.forgotten")


def change(one: Entry) -> str:
    """Return how something was before and is now."""
    now_it_is = t_or(one.after, "frame.none") if one.after else t("frame.none")
    return f"{t_or(one.before, 'frame.none')} → {now_it_is}" if one.before else now_it_is


def about(one: Entry, titles: Mapping[str, str]) -> str:
    """Return what a row is about, and whom."""
    title, person = called(one.thing, titles) if one.thing else "", one.subject_name or one.subject or ""
    return " · ".join(dict.fromkeys(filter(None, (title, person)))) or t("frame.none")


def came_due(cause: str) -> str:
    """Return the thing of which a time had come, empty where something else was the cause."""
    kind, _, rest = cause.partition(":")
    return f"{kind}:{rest.partition(':')[0]}" if kind in TIMED else ""


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
        why = refused_with(entry).partition("\n")[0]
        why = why if len(why) <= LONGEST_REASON else f"{why[: LONGEST_REASON - 1]}…"
        return t("audit.refused_with", why=why) if why else t("audit.was_refused")
    verbs = dict.fromkeys(entry.action.split(", "))
    return t("audit.and").join(dict.fromkeys(t_or(f"audit.did_{verb}", "audit.did_other") for verb in verbs))


def refused_with(entry: Entry) -> str:
    """Return how whoever tried was answered, with dots for what was named in it; empty where that is not known."""
    refused = entry.outcome != DONE and is_known(entry.action)
    return outline(entry.action) if refused else ""


def _fields() -> Fields:
    """Return what is asked for; the last days where that is nothing in particular."""
    fields = Fields(**{name: request.args.get(name, "").strip()[:LONGEST] for name in Fields.__struct_fields__})
    if not fields.narrow and not fields.since and not fields.until:
        return Fields(person="", thing="", cause="", since=(today() - LATELY).isoformat(), until="")
    return fields


def _given(fields: Fields) -> dict[str, str]:
    return {name: value for name, value in asdict(fields).items() if value}


def _filter(fields: Fields) -> Filter:
    return Filter(
        person=fields.person,
        thing=fields.thing,
        cause=fields.cause,
        since=_midnight(fields.since),
        until=_midnight(fields.until, after=1),
    )


def _scope() -> Scope:
    """Return for which nodes one looks, and whether also for what belongs to none: that is for the top of a tree."""
    return scope_of(here().roots)


def scope_of(roots: tuple[OrganisationId, ...]) -> Scope:
    """Return what of the record belongs to these nodes, and what to none where one of them is the top of a tree."""
    whole = any(node.parent is None for node in here().nodes if node.id in roots)
    return Scope(roots=roots, everything=whole, reader=here().user)


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= LONGEST_NUMBER else None


def _midnight(text: str, *, after: int = 0) -> datetime | None:
    """Return the instant at which a day of the reader begins, or the day so many after it."""
    try:
        day = date.fromisoformat(text) + timedelta(days=after)
        return datetime.combine(day, time(), ZoneInfo(reader().timezone)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
