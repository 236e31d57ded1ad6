"""The glossary at the desk: entries found, written, changed and withdrawn, each with its source and as-of date."""

from __future__ import annotations

import re
from datetime import date

from flask import Blueprint, Response, abort, render_template, request
from msgspec import Struct

from console.access import here, requires
from console.addresses import link
from console.answering import Answer, first_by_field, onward, see
from console.desk import ask, cause, settle
from console.tables import Table, hand_out
from console.wording import t, today
from content import glossary as rules
from content.bank import tidy
from content.decision import Refusal, refused
from content.glossary import Entry, split_names, tidied
from content.identifiers import EntryId, OrganisationId, derive
from content.organisations import Right
from storage import glossary as stored
from storage.store import Answer as Decided
from storage.unit import Reading

pages = Blueprint("glossary", __name__)

ONE_PAGE = 50
MOST_EXPORTED = 20_000


class Fields(Struct, frozen=True, kw_only=True):
    """What stands in an entry's form, whether or not it can be kept."""

    organisation: str = ""
    term: str = ""
    also: str = ""
    text: str = ""
    source: str = ""
    dated: str = ""
    revision: int = 1


@pages.get("/glossary")
@requires(Right.READ)
def show() -> str:
    """Show the entries by term, a page at a time."""
    roots, wanted, withdrawn = here().roots, _wanted(), _withdrawn()
    after = int(request.args["after"]) if re.fullmatch("[0-9]{1,6}", request.args.get("after", "")) else 0
    found = ask(lambda unit: stored.found(unit, roots, wanted, withdrawn=withdrawn, limit=ONE_PAGE + 1, after=after))
    return render_template(
        "glossary/show.html",
        entries=found[:ONE_PAGE],
        wanted=wanted,
        withdrawn=withdrawn,
        following=after + ONE_PAGE if len(found) > ONE_PAGE else None,
        before=max(0, after - ONE_PAGE) if after else None,
    )


@pages.route("/glossary/new", methods=["GET", "POST"])
@requires(Right.WRITE_LESSONS)
def write() -> Answer:
    """Write an entry."""
    nodes = here().within(Right.WRITE_LESSONS)
    if request.method == "GET":
        return _form(Fields(organisation=nodes[0].id, dated=today().isoformat()), None)
    fields = _fields()
    node = next((one for one in nodes if one.id == fields.organisation), None)
    if node is None:
        abort(404)
    entry = _entry(fields, EntryId(derive(cause(), "entry")), node.id)
    if isinstance(entry, Refusal):
        return _form(fields, None, entry)

    async def decide(unit: Reading) -> Decided:
        return rules.write_entries(node.id, [entry], await stored.taken(unit, node.id), now=unit.now)

    outcome = settle(decide, actor=here().user)
    if outcome.refusal is not None:
        return _form(fields, None, outcome.refusal)
    return see(link("glossary.show_one", id=entry.id), "repeated" if outcome.repeated else "entry_written")


@pages.get("/glossary/<id>")
@requires(Right.WRITE_LESSONS)
def show_one(id: str) -> Answer:  # noqa: A002
    """Show one entry's form."""
    entry = _visible(id)
    fields = Fields(
        organisation=entry.organisation,
        term=entry.term,
        also=t("bank.tag_comma").join(entry.also),
        text=entry.text,
        source=entry.source,
        dated=entry.dated.isoformat(),
        revision=entry.revision,
    )
    return _form(fields, entry)


@pages.post("/glossary/<id>")
@requires(Right.WRITE_LESSONS)
def revise(id: str) -> Answer:  # noqa: A002
    """Change an entry."""
    before, fields, roots = _visible(id), _fields(), here().roots_for(Right.WRITE_LESSONS)
    entry = _entry(fields, before.id, before.organisation)
    if isinstance(entry, Refusal):
        return _form(fields, before, entry)

    async def decide(unit: Reading) -> Decided:
        known = await stored.visible(unit, roots, EntryId(id))
        if known is None:
            return None
        return rules.revise_entry(known, entry, await stored.taken(unit, known.organisation, besides=known.id))

    outcome = settle(decide, actor=here().user)
    if outcome.refusal is not None:
        return _form(fields, before, outcome.refusal)
    return see(link("glossary.show_one", id=id), "repeated" if outcome.repeated else "entry_revised")


@pages.post("/glossary/<id>/withdraw")
@requires(Right.WRITE_LESSONS)
def withdraw(id: str) -> Answer:  # noqa: A002
    """Let an entry be found no more."""
    roots = here().roots_for(Right.WRITE_LESSONS)

    async def decide(unit: Reading) -> Decided:
        entry = await stored.visible(unit, roots, EntryId(id))
        return None if entry is None else rules.withdraw_entry(entry, now=unit.now)

    return onward(settle(decide, actor=here().user), to=link("glossary.show_one", id=id), done="entry_withdrawn")


@pages.post("/glossary/<id>/restore")
@requires(Right.WRITE_LESSONS)
def restore(id: str) -> Answer:  # noqa: A002
    """Let an entry be found again."""
    roots = here().roots_for(Right.WRITE_LESSONS)

    async def decide(unit: Reading) -> Decided:
        entry = await stored.visible(unit, roots, EntryId(id))
        return None if entry is None else rules.restore_entry(entry)

    return onward(settle(decide, actor=here().user), to=link("glossary.show_one", id=id), done="entry_restored")


@pages.get("/glossary/export.<any(xlsx, csv, docx, text):format>")
@requires(Right.READ)
def export(format: str) -> Response:  # noqa: A002
    """Hand out the entries that the page shows."""
    roots, wanted, withdrawn = here().roots, _wanted(), _withdrawn()
    entries = ask(lambda unit: stored.found(unit, roots, wanted, withdrawn=withdrawn, limit=MOST_EXPORTED))
    header = tuple(t(f"glossary.column_{name}") for name in ("term", "also", "text", "source", "dated"))
    rows = tuple((one.term, t("bank.tag_comma").join(one.also), one.text, one.source, one.dated) for one in entries)
    table = Table(title=t("glossary.heading"), header=header, rows=rows, footer=t("glossary.footer", n=len(rows)))
    return hand_out(table, format, "glossary", back=link("glossary.show"))


def _wanted() -> str:
    return tidy(request.args.get("q", ""))[:80]


def _withdrawn() -> bool:
    return request.args.get("withdrawn") == "1"


def _visible(id: str) -> Entry:  # noqa: A002
    roots = here().roots_for(Right.WRITE_LESSONS)
    found = ask(lambda unit: stored.visible(unit, roots, EntryId(id)))
    if found is None:
        abort(404)
    return found


def _fields() -> Fields:
    form = request.form
    revision = form.get("revision", "1")
    return Fields(
        organisation=form.get("organisation", ""),
        term=tidy(form.get("term", "")),
        also=form.get("also", ""),
        text=tidy(form.get("text", "")),
        source=tidy(form.get("source", "")),
        dated=form.get("dated", "").strip(),
        revision=int(revision) if re.fullmatch("[0-9]{1,6}", revision) else 0,
    )


def _entry(fields: Fields, id: EntryId, organisation: OrganisationId) -> Entry | Refusal:  # noqa: A002
    try:
        dated = date.fromisoformat(fields.dated)
    except ValueError:
        return refused("entry.no_date", field="dated")
    return tidied(
        Entry(
            id=id,
            organisation=organisation,
            term=fields.term,
            also=split_names(fields.also),
            text=fields.text,
            source=fields.source,
            dated=dated,
            revision=fields.revision,
        )
    )


def _form(fields: Fields, entry: Entry | None, refusal: Refusal | None = None) -> Answer:
    refusals = [refusal] if refusal else []
    page = render_template(
        "glossary/edit.html",
        fields=fields,
        entry=entry,
        nodes=here().within(Right.WRITE_LESSONS),
        refusals=refusals,
        by_field=first_by_field(refusals),
    )
    return page, 422 if refusals else 200
