"""Changing the roster by hand: one person, several, two entries of one; each is shown first and can be taken back."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from flask import Blueprint, abort, render_template, request
from msgspec.structs import replace

from console.access import here, requires
from console.addresses import link
from console.answering import Answer, done_once, first_by_field, onward, see
from console.desk import ask, cause, settle
from console.fresh import fresh
from console.people import (
    branches,
    changes_of,
    every_visible,
    mark_of,
    names_of,
    open_nodes,
    refuse_letting_go,
    shown_changes,
    undone_by,
    visible,
)
from console.tree import places
from console.undoing import undo_edit, undoing_of
from console.wording import today
from content import edits as rules
from content import entries
from content.decision import Refusal, refused
from content.edits import Sort
from content.identifiers import EditId, MemberId, OrganisationId, derive
from content.imports import Undoing
from content.members import Member
from content.organisations import Kind, Organisation, Right, roots
from content.roster.cells import ANSWERS
from content.views import filter_from
from storage import edits, members, running_votes
from storage.store import Answer as Decided
from storage.unit import Reading

pages = Blueprint("edits", __name__)

MOST_SHOWN = 200
"""People that a preview names; the numbers above it count them all."""
MOST_DOUBLES = 50
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


def _nodes() -> tuple[Organisation, ...]:
    """Return where somebody may stand, as far as one may change the roster."""
    return open_nodes(here().within(Right.IMPORT_ROSTER))


def _written() -> dict[str, str]:
    return {name: request.form[name][:2_000] for name in (*entries.ORDER, "organisation") if name in request.form}


def _at(written: Mapping[str, str], nodes: Sequence[Organisation]) -> OrganisationId:
    chosen = next((node.id for node in nodes if node.id == written.get("organisation")), None)
    if chosen is None:
        abort(404)
    return chosen


def _form(
    written: Mapping[str, str], nodes: Sequence[Organisation], refusals: Sequence[Refusal], **more: Any
) -> Answer:
    page = render_template(
        "edits/form.html",
        written=written,
        nodes=nodes,
        refusals=refusals,
        by_field=first_by_field(list(refusals)),
        rules=entries,
        plain=lambda values: [(value, value) for value in values],
        **more,
    )
    return page, 422 if refusals else 200


# --- one person -------------------------------------------------------------------------------------------------------


@pages.route("/members/<id>/edit", methods=["GET", "POST"])
@requires(Right.IMPORT_ROSTER)
def edit_one(id: str) -> Answer:  # noqa: A002
    """Change one person's entry: the form, then what would change, then it is done."""
    at, nodes = here(), _nodes()
    member = ask(lambda unit: visible(unit, id, at.roots))
    if member is None:
        abort(404)
    if member.left is not None:
        return render_template("frame/refused.html", refusal=_gone(member), back=link("members.show_one", id=id)), 409
    if request.method == "GET":
        written = {name: entries.as_written(getattr(member, name)) for name in entries.ORDER}
        return _form(written | {"organisation": member.organisation}, nodes, (), member=member)
    written = _written()
    read = entries.read(written, today=today())
    if read.refusals:
        return _form(written, nodes, read.refusals, member=member)
    after = replace(rules.with_values(member, read.values), organisation=_at(written, nodes))
    mark, by_form = mark_of(member), cause()
    if "yes" not in request.form:
        changes = shown_changes([(member, after)], at.nodes)[0][1]
        return render_template(
            "edits/look.html", member=member, changes=changes, written=written, mark=mark, like=(), to="edits.edit_one"
        )

    async def decide(unit: Reading) -> Decided:
        known = await visible(unit, id, at.roots)
        if known is None:
            return None
        if mark_of(known) != request_mark:
            return refused("edits.changed_meanwhile")
        return rules.edit(
            [(known, after)],
            sort=Sort.EDITED,
            places=await branches(unit),
            cause=by_form,
            by=at.user,
            now=unit.now,
        )

    request_mark = request.form.get("mark", "")
    return onward(
        settle(decide, actor=at.user), to=link("members.show_one", id=id), done="entry_changed", back=undo_edit
    )


def _gone(member: Member) -> Refusal:
    return refused("leaving.has_left", name=member.name)


@pages.route("/members/new", methods=["GET", "POST"])
@requires(Right.IMPORT_ROSTER)
def add() -> Answer:
    """Enter one person by hand, who may have been transferred in from elsewhere."""
    at, nodes = here(), _nodes()
    if not nodes:
        abort(404)
    if request.method == "GET":
        first = next((node for node in nodes if node.kind is Kind.BRANCH), nodes[0])
        chosen = at.chosen.id if at.chosen is not None and at.chosen in nodes else first.id
        return _form(
            {"organisation": chosen, "category": entries.CATEGORIES[0]}, nodes, (), member=None, other="", on=""
        )
    written, by_form = _written(), cause()
    other, on = request.form.get("other", "").strip()[:200], request.form.get("on", "").strip()
    read = entries.read({"name": "", **written}, today=today())
    refusals = [*read.refusals, *_bad_day(on)]
    if refusals:
        return _form(written, nodes, refusals, member=None, other=other, on=on)
    person = Member(id=MemberId(derive(by_form, "member")), organisation=_at(written, nodes), **dict(read.values))
    if "yes" not in request.form:
        nothing: dict[str, Any] = {name: None if name in ANSWERS else "" for name in entries.ORDER}
        blank = replace(person, **nothing)
        changes = shown_changes([(blank, person)], at.nodes)[0][1]
        like = ask(lambda unit: members.like(unit, person.name, person.phone, at.roots))
        return render_template(
            "edits/look.html",
            member=None,
            name=person.name,
            changes=changes,
            written=written | {"other": other, "on": on},
            mark="",
            like=like,
            places=places(at.nodes),
            to="edits.add",
        )

    async def decide(unit: Reading) -> Decided:
        return rules.add(
            person,
            sort=Sort.TRANSFERRED_IN if other or on else Sort.ADDED,
            places=await branches(unit),
            cause=by_form,
            by=at.user,
            now=unit.now,
            other=other,
            on=on,
        )

    return onward(
        settle(decide, actor=at.user), to=link("members.show_one", id=person.id), done="entry_added", back=undo_edit
    )


def _bad_day(on: str) -> list[Refusal]:
    if not on:
        return []
    try:
        day = date.fromisoformat(on) if _DAY.fullmatch(on) else None
    except ValueError:
        day = None
    return [] if day is not None and day <= today() else [refused("entries.bad_day", field="on")]


# --- several together -------------------------------------------------------------------------------------------------


@pages.route("/members/together", methods=["GET", "POST"])
@requires(Right.IMPORT_ROSTER)
def together() -> Answer:
    """Change one thing about several people: who was ticked, or all that a filter lets through."""
    at, nodes, values = here(), _nodes(), request.values
    ticked, every = tuple(values.getlist("member"))[:500], "all" in values
    wanted, do = filter_from(values), values.get("do", "")[:60]

    async def chosen(unit: Reading) -> tuple[Member, ...] | None:
        if every:
            return await members.roster(unit, at.roots, wanted=wanted, limit=rules.MOST_TOGETHER + 1)
        return await every_visible(unit, ticked, at.roots)

    found = ask(chosen)
    if found is None:
        abort(404)
    pairs = _changed(found, do, nodes)
    changing = [pair for pair in pairs if pair[0] != pair[1]]
    mark = mark_of(do, tuple(changing))
    if request.method == "POST":
        by_form, seen = cause(), request.form.get("mark", "")

        async def decide(unit: Reading) -> Decided:
            known = await chosen(unit)
            again = [pair for pair in _changed(known or (), do, nodes) if pair[0] != pair[1]]
            if known is None or mark_of(do, tuple(again)) != seen:
                return refused("edits.changed_meanwhile")
            return rules.edit(
                again,
                sort=Sort.TOGETHER,
                places=await branches(unit),
                cause=by_form,
                by=at.user,
                now=unit.now,
            )

        outcome = settle(decide, actor=at.user)
        if outcome.refusal is None:
            edit = derive(by_form, "edit")
            return done_once(outcome, link("edits.show_one", id=edit), "entries_changed", undo_edit)
        refusal: Refusal | None = outcome.refusal
    else:
        refusal = None
    page = render_template(
        "edits/together.html",
        found=found,
        ticked=ticked,
        every=every,
        wanted=wanted,
        do=do,
        nodes=nodes,
        categories=entries.CATEGORIES,
        answers=ANSWERS,
        changing=shown_changes(changing[:MOST_SHOWN], at.nodes),
        number=len(changing),
        mark=mark,
        most=MOST_SHOWN,
        limit=rules.MOST_TOGETHER,
        refusal=refusal,
    )
    return page, 409 if refusal else 200


def _changed(found: Sequence[Member], do: str, nodes: Sequence[Organisation]) -> list[tuple[Member, Member]]:
    what, _, value = do.partition(":")
    if what == "place" and any(node.id == value for node in nodes):
        return [(member, replace(member, organisation=OrganisationId(value))) for member in found]
    if what == "category" and value in entries.CATEGORIES:
        return [(member, replace(member, category=value)) for member in found]
    if what in ANSWERS and value in ("yes", "no"):
        return [(member, replace(member, **{what: value == "yes"})) for member in found]
    return []


# --- two entries of one person ----------------------------------------------------------------------------------------


@pages.get("/members/doubles")
@requires(Right.IMPORT_ROSTER)
def doubles() -> str:
    """Show pairs of entries that may be one person."""
    at = here()
    found = ask(lambda unit: members.doubles(unit, at.roots, limit=MOST_DOUBLES))
    return render_template("edits/doubles.html", found=found, places=places(at.nodes), most=MOST_DOUBLES)


@pages.route("/members/<id>/merge/<member>", methods=["GET", "POST"])
@requires(Right.IMPORT_ROSTER)
@fresh
def merge(id: str, member: str) -> Answer:  # noqa: A002
    """Make two entries one: what each says is shown side by side, and what of the other is to be taken."""
    at = here()

    async def both(unit: Reading) -> tuple[Member, Member] | None:
        kept, other = await visible(unit, id, at.roots), await visible(unit, member, at.roots)
        return (kept, other) if kept is not None and other is not None and kept.id != other.id else None

    found = ask(both)
    if found is None:
        abort(404)
    if request.method == "GET":
        kept, other = found
        names = {node.id: node.name for node in at.nodes}
        return render_template(
            "edits/merge.html",
            kept=kept,
            other=other,
            fields=[
                (name, _text(kept, name, names), _text(other, name, names)) for name in rules.mergeable(kept, other)
            ],
            proposed=rules.proposed(kept, other),
            mark=mark_of(kept, other),
            hours=int(rules.MERGE_UNDO_WITHIN.total_seconds() // 3600),
        )
    taken = {
        name.removeprefix("take-")
        for name, value in request.form.items()
        if name.startswith("take-") and value == "other"
    }
    by_form, mark = cause(), request.form.get("mark", "")

    async def decide(unit: Reading) -> Decided:
        known = await both(unit)
        if known is None:
            return None
        if mark_of(*known) != mark:
            return refused("edits.changed_meanwhile")
        there = await branches(unit)
        answer = rules.merge(
            *known,
            taken=taken,
            places=there,
            cause=by_form,
            by=at.user,
            now=unit.now,
            running=await running_votes.resting_on(unit, known[1], at.roots),
        )
        return await refuse_letting_go(unit, changes_of(answer), by=at.user) or answer

    outcome = settle(decide, actor=at.user)
    if outcome.refusal is not None:
        return onward(outcome, to=link("members.show_one", id=id), done="entries_merged")
    edit = derive(by_form, "edit")
    return done_once(outcome, link("edits.show_one", id=edit), "entries_merged", undo_edit)


def _text(member: Member, name: str, names: Mapping[OrganisationId, str]) -> str:
    value = getattr(member, name)
    if name == "organisation":
        return names.get(value, "")
    return value if isinstance(value, str) else {True: "是", False: "否", None: ""}[value]


# --- what was done, and taking it back --------------------------------------------------------------------------------


def _held() -> tuple[OrganisationId, ...]:
    """Return from where down the person may change the roster, whatever place is chosen."""
    return roots(here().duties, Right.IMPORT_ROSTER)


@pages.get("/members/edits")
@requires(Right.IMPORT_ROSTER)
def show() -> str:
    """Show what was changed in the roster, newest first, a page at a time."""
    at, held, before = here(), _held(), instant_of(request.args.get("before", ""))

    async def look(unit: Reading) -> dict[str, Any]:
        found = await edits.recent(unit, held, at=at.roots, before=before, limit=edits.PAGE + 1)
        return {
            "found": found[: edits.PAGE],
            "more": len(found) > edits.PAGE,
            "names": await names_of(unit, [one.by for one in found]),
        }

    return render_template("edits/show.html", **ask(look), first_page=before is None, imported=Sort.IMPORTED)


def instant_of(written: str) -> datetime | None:
    """Return an instant out of an address, ``None`` for what is none."""
    try:
        found = datetime.fromisoformat(written[:40])
    except ValueError:
        return None
    return found if found.tzinfo is not None else None


@pages.get("/members/edits/<id>")
@requires(Right.IMPORT_ROSTER)
def show_one(id: str) -> Answer:  # noqa: A002
    """Show one change: who made it and why, what was before and after, and what taking it back would do."""
    return _one_page(EditId(id)), 200


def _one_page(id: EditId, refusal: Refusal | None = None) -> str:  # noqa: A002
    held, at = _held(), here()

    async def look(unit: Reading) -> dict[str, Any] | None:
        found = await edits.one(unit, held, id)
        if found is None:
            return None
        hindrance = rules.may_undo(found, now=unit.now)
        entered = await edits.entries(unit, id) if found.whole else ()
        undoing = await undoing_of(unit, id) if hindrance is None and found.sort is not Sort.IMPORTED else None
        names = await names_of(unit, [found.by, found.undone_by])
        return {"one": found, "hindrance": hindrance, "entered": entered, "undoing": undoing, "names": names}

    seen = ask(look)
    if seen is None:
        abort(404)
    undoing: Undoing | None = seen["undoing"]
    changes = shown_changes([(e.before, e.after) for e in seen["entered"][:MOST_SHOWN] if e.before], at.nodes)
    return render_template(
        "edits/show_one.html",
        **seen,
        added=[e.after for e in seen["entered"] if e.before is None],
        changes=changes,
        back=shown_changes(undoing.restored[:MOST_SHOWN], at.nodes) if undoing else (),
        mark=mark_of(undoing),
        lasts=rules.lasts_for(seen["one"].sort),
        refusal=refusal,
        imported=Sort.IMPORTED,
        most=MOST_SHOWN,
    )


@pages.post("/members/edits/<id>/undo")
@requires(Right.IMPORT_ROSTER)
def undo(id: str) -> Answer:  # noqa: A002
    """Take a change back as it was shown."""
    held, mark, key, user = _held(), request.form.get("mark", ""), EditId(id), here().user

    async def decide(unit: Reading) -> Decided:
        found = await edits.one(unit, held, key)
        if found is None or found.sort is Sort.IMPORTED:
            return None
        undoing = await undoing_of(unit, key)
        if rules.may_undo(found, now=unit.now) is None and mark_of(undoing) != mark:
            return refused("edits.changed_meanwhile")
        answer = rules.undo(found, undoing, by=user, now=unit.now)
        return await refuse_letting_go(unit, undone_by(undoing), by=user) or answer

    outcome = settle(decide, actor=user)
    if outcome.refusal is not None:
        return _one_page(key, outcome.refusal), 409
    return see(link("edits.show_one", id=id), "repeated" if outcome.repeated else "edit_undone")
