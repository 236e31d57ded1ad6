"""The organisation: its tree and what may be changed about a node, its committee and term, and what it has set."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from datetime import date, timedelta
from typing import Any

from flask import Blueprint, abort, render_template, request
from msgspec import Struct
from msgspec.structs import replace

from console.access import here, requires
from console.addresses import link
from console.answering import Answer, not_done, onward
from console.cadences import said_line
from console.cadences import shown as shown_norm
from console.desk import ask, cause, desk, settle
from console.fresh import fresh
from console.leaving_tables import leaves, up_to
from console.pages.rooms import of_node
from console.people import branches, open_nodes
from console.tree import parents_of
from console.undoing import Undo, undoing_of, way_back
from console.wording import local, span, t, today
from content import moves
from content import structure as rules
from content import terms as elections
from content.approvals import Proposed
from content.cadence import BY_SETTING, norm_from
from content.decision import Decision, Refusal, refused
from content.edits import Sort, edit, undo
from content.franchise import FULL
from content.identifiers import EditId, MemberId, OrganisationId, ProposalId, derive
from content.members import Member
from content.organisations import Kind, Organisation, Right
from content.quiet import NONE
from content.reviews import begun
from content.settings import (
    BY_KIND,
    BY_NAME,
    LANGUAGE,
    QUIET_DAYS,
    QUIET_HOURS,
    SECOND_PAIR,
    SETTINGS,
    UNTIL_DAY_ENDS,
    Setting,
    choose,
    held_at,
)
from content.terms import Seat, Term
from content.views import Filter
from storage import approvals, edits, members, organisations, reviews, settings, structure, terms
from storage.duties import ends_of_move
from storage.store import Answer as Decided
from storage.unit import Reading

pages = Blueprint("structure", __name__)

NODES_SHOWN = 60
_BETWEEN_NAMES = re.compile(r"[、,，;；\s]+")


class Line(Struct, frozen=True, kw_only=True):
    """One thing that can be set, as a node's page shows it: what holds, from where, and what is offered."""

    setting: Setting
    own: str | None
    shown: str
    source: str | None
    inherited: str
    offered: tuple[tuple[str, str], ...]


# --- looking ----------------------------------------------------------------------------------------------------------


@pages.get("/organisation")
@requires(Right.READ)
@leaves("structure")
def show() -> str:
    """Show the tree, with how many members stand where and when elections are due, a page at a time."""
    at, after = here(), request.args.get("after", "")[:32]
    outline = at.within(Right.READ)
    start = next((place for place, node in enumerate(outline, start=1) if node.id == after), 0)
    shown = outline[start : start + up_to(NODES_SHOWN)]

    async def look(unit: Reading) -> tuple[dict[OrganisationId, int], dict[OrganisationId, Term]]:
        return await members.standing(unit, at.roots), await terms.at_or_below(unit, at.roots)

    standing, running = ask(look)
    return render_template(
        "structure/show.html",
        nodes=shown,
        more=shown[-1].id if start + len(shown) < len(outline) else None,
        first_page=not after,
        numbers=_sums(standing, at.parents),
        terms=running,
        today=today(),
        years=elections.YEARS,
    )


def _sums(
    standing: Mapping[OrganisationId, int], parents: Mapping[OrganisationId, OrganisationId | None]
) -> Counter[OrganisationId]:
    found: Counter[OrganisationId] = Counter()
    for node, number in standing.items():
        place: OrganisationId | None = node
        while place is not None:
            found[place] += number
            place = parents.get(place)
    return found


@pages.get("/organisation/<id>")
@requires(Right.READ)
def show_one(id: str) -> str:  # noqa: A002
    """Show one node: its committee and term, what it has set and what it inherits, and what may be changed."""
    return _page(_node(id, Right.READ))


def _node(id: str, right: Right) -> Organisation:  # noqa: A002
    found = next((node for node in here().within(right) if node.id == id), None)
    if found is None:
        abort(404)
    return found


def _page(node: Organisation) -> str:
    at = here()
    arranges, names = at.may(Right.ARRANGE), at.may(Right.READ_MEMBERS)
    # Of what stands above branches the page of rooms tells it, which reads all of that part of the tree.
    manages = node.kind in (Kind.BRANCH, Kind.GROUP) and Right.MANAGE_ROOMS in at.rights_at(node.id)

    async def look(unit: Reading) -> dict[str, Any]:
        held = await terms.of_node(unit, node.id)
        sitting = {seat.member for term in held[:1] for seat in term.seats}
        everyone, _ = await members.count(unit, [node.id])
        full, _ = await members.count(unit, [node.id], wanted=Filter(category=FULL))
        return {
            "terms": held,
            "people": {member.id: member for member in await members.by_ids(unit, sitting)} if names else {},
            "use": await structure.in_use(unit, node.id),
            "everyone": everyone,
            "full": full,
            "chosen": await settings.chosen(unit),
            "above": await settings.above(unit, node.id),
            "parents": parents_of(await organisations.tree(unit)),
            "place": await of_node(unit, node) if manages else None,
        }

    seen = ask(look)
    running: Term | None = seen["terms"][0] if seen["terms"] else None
    seats = len(running.seats) if running is not None else 0
    return render_template(
        "structure/show_one.html",
        node=node,
        use=seen["use"],
        place=seen["place"],
        everyone=seen["everyone"],
        full=seen["full"],
        running=running,
        former=seen["terms"][1:],
        people=seen["people"],
        names=names,
        advice=elections.advice(node.kind, full=seen["full"], everyone=seen["everyone"], seats=seats),
        written=_seats_as_written(running, seen["people"], node),
        posts=elections.POSTS if node.kind in elections.YEARS else (),
        lines=[_line(node, one, seen) for one in SETTINGS],
        below=rules.BELOW[node.kind] if node.closed is None else (),
        targets=_targets(node) if arranges else (),
        parent=at.node(node.parent) if node.parent else None,
        children=[child for child in at.nodes if child.parent == node.id],
        arranges=arranges and node in at.within(Right.ARRANGE),
        closed_on=local(node.closed).date() if node.closed else None,
        today=today(),
    )


def _targets(node: Organisation) -> tuple[Organisation, ...]:
    """Return where a node could be moved to."""
    own = here().within(Right.ARRANGE)
    # Most of a large tree is of a kind below which this node never stands.
    near = (to for to in open_nodes(own) if node.kind in rules.BELOW[to.kind] and to.id != node.parent)
    return tuple(to for to in near if isinstance(rules.move(node, to, nodes=own), Decision))


def _line(node: Organisation, setting: Setting, seen: Mapping[str, Any]) -> Line:
    chosen, parents = seen["chosen"], seen["parents"]
    held = held_at(node.id, setting, chosen=chosen, parents=parents)
    own = chosen.get(node.id, {}).get(setting.name)
    without = {one: dict(values) for one, values in chosen.items() if one != node.id}
    inherited = held_at(node.id, setting, chosen=without, parents=parents)
    options = dict.fromkeys((*setting.offered, *([own] if own else [])))
    return Line(
        setting=setting,
        own=own,
        shown=_value(setting, held.value),
        source=None if held.source in (None, node.id) else seen["above"].get(held.source),
        inherited=_value(setting, inherited.value),
        offered=tuple((value, _value(setting, value)) for value in options),
    )


def _value(setting: Setting, value: str) -> str:
    if setting.name == SECOND_PAIR:
        return t(f"settings.second_pair_{value}")
    if setting.name == QUIET_DAYS:
        return t(f"settings.quiet_days_{value}")
    if setting.name == QUIET_HOURS:
        return t("settings.quiet_hours_none") if value == NONE else _hours(value)
    if value in (BY_KIND, UNTIL_DAY_ENDS):
        return t(f"schedule.late_{value}")
    if setting.unit == "minutes":
        return span(timedelta(minutes=int(value)))
    if setting.unit in ("weekday", "day"):
        return _rhythm(setting.unit, value)
    if setting.unit == "workdays":
        return t("settings.workdays", n=int(value))
    if setting.unit == "hours":
        return t("settings.hours", n=int(value))
    if setting.unit == "month":
        return t(f"month.{value}")
    if setting.unit == "cadence":
        return shown_norm(norm_from(BY_SETTING[setting.name].form, value))
    if setting.unit == "share":
        return said_line(value)
    if setting.unit == "posting":
        return t(f"settings.posting_{value}")
    if setting.unit == "answer":
        return t(f"settings.answer_{value}")
    return t(f"settings.language_{value.lower()}") if setting.name == LANGUAGE else value


def _rhythm(unit: str, value: str) -> str:
    if value == NONE:
        return t("settings.digest_none")
    day, hour = value.split("-")
    if unit == "weekday":
        return t("settings.digest_weekly", day=t(f"weekday.{int(day) - 1}"), time=f"{hour}:00")
    return t("settings.digest_monthly", day=day, time=f"{hour}:00")


def _hours(value: str) -> str:
    since, until = value.split("-")
    return t("settings.quiet_hours", since=f"{since}:00", until=f"{until}:00")


def _seats_as_written(term: Term | None, people: Mapping[MemberId, Member], node: Organisation) -> dict[str, str]:
    written = {
        "elected_on": term.elected_on.isoformat() if term else "",
        "years": str(term.years if term else elections.YEARS.get(node.kind, 3)),
    }
    for place, post in enumerate(elections.POSTS):
        sitting = (
            [people[seat.member].name for seat in term.seats if seat.post == post and seat.member in people]
            if term
            else []
        )
        written[f"post-{place}"] = "、".join(sitting)
    return written


# --- changing the tree ------------------------------------------------------------------------------------------------


_Nodes = tuple[Organisation, ...]
_Verb = Callable[[Organisation, _Nodes, Reading], Awaitable[Decided]]
"""Decides something about a node, given all nodes that the person sees."""


def _change(id: str, verb: _Verb, done: str, back: Callable[[], Undo] | None = None) -> Answer:  # noqa: A002
    """Do one thing to a node; a refusal is said on its page."""
    _node(id, Right.ARRANGE)
    roots = here().roots

    async def decide(unit: Reading) -> Decided:
        nodes = await organisations.tree(unit, roots)
        found = next((one for one in nodes if one.id == id), None)
        return await verb(found, nodes, unit) if found is not None else None

    outcome = settle(decide, actor=here().user)
    facts = outcome.answer.facts if isinstance(outcome.answer, Decision) else ()
    if any(isinstance(fact, Proposed) for fact in facts):
        done, back = "move_proposed", None
    return onward(outcome, to=link("structure.show_one", id=id), done=done, back=back)


@pages.post("/organisation/<id>/add")
@requires(Right.ARRANGE)
def add(id: str) -> Answer:  # noqa: A002
    """Add a node below this one."""
    _node(id, Right.ARRANGE)
    by_form, name, kind = cause(), request.form.get("name", "")[:200], request.form.get("kind", "")
    if kind not in {*Kind}:
        abort(400)

    async def decide(node: Organisation, nodes: _Nodes, _: Reading) -> Decided:
        return rules.found(node, Kind(kind), name, nodes=nodes, cause=by_form)

    added = OrganisationId(derive(by_form, "organisation"))
    return _change(id, decide, "node_added", lambda: way_back("structure.close", id=added))


@pages.post("/organisation/<id>/rename")
@requires(Right.ARRANGE)
def rename(id: str) -> Answer:  # noqa: A002
    """Give a node another name."""
    name = request.form.get("name", "")[:200]

    async def decide(node: Organisation, nodes: _Nodes, _: Reading) -> Decided:
        return rules.rename(node, name, nodes=nodes)

    before = _node(id, Right.ARRANGE).name
    return _change(id, decide, "node_renamed", lambda: way_back("structure.rename", id=id, fields={"name": before}))


@pages.post("/organisation/<id>/founded")
@requires(Right.ARRANGE)
def founded(id: str) -> Answer:  # noqa: A002
    """Say when a node was founded, or that it is not known."""
    typed, present_day = request.form.get("founded", "")[:10], today()
    try:
        wanted = date.fromisoformat(typed) if typed else None
    except ValueError:
        return not_done(refused("entries.bad_day", field="founded"), to=link("structure.show_one", id=id))

    async def decide(node: Organisation, _: _Nodes, __: Reading) -> Decided:
        return rules.date_founding(node, wanted, today=present_day)

    before = _node(id, Right.ARRANGE).founded
    fields = {"founded": before.isoformat() if before is not None else ""}
    return _change(id, decide, "node_dated", lambda: way_back("structure.founded", id=id, fields=fields))


@pages.post("/organisation/<id>/move")
@requires(Right.ARRANGE)
@fresh
def move(id: str) -> Answer:  # noqa: A002
    """Let a node stand below another one."""
    wanted, held, user = request.form.get("parent", ""), here().roots_for(Right.ARRANGE), here().user
    proposal = ProposalId(derive(cause(), "proposal"))

    async def decide(node: Organisation, _: _Nodes, unit: Reading) -> Decided:
        nodes = {one.id: one for one in await organisations.tree(unit, held)}
        to = nodes.get(OrganisationId(wanted))
        if to is None or node.id not in nodes:
            return None
        ends = await ends_of_move(unit, node.id, to.id)
        assert ends is not None
        done = rules.move(node, to, nodes=tuple(nodes.values()))
        waiting = await approvals.waiting(unit, [node.id])
        return moves.move(ends, done, by=user, waiting=waiting, id=proposal, now=unit.now)

    before = _node(id, Right.ARRANGE).parent or ""
    return _change(id, decide, "node_moved", lambda: way_back("structure.move", id=id, fields={"parent": before}))


@pages.post("/organisation/<id>/order")
@requires(Right.ARRANGE)
def order(id: str) -> Answer:  # noqa: A002
    """Let one of the nodes directly below this one be read a place earlier or later."""
    earlier = "earlier" in request.form
    child = OrganisationId(request.form.get("earlier" if earlier else "later", "")[:32])

    async def decide(node: Organisation, nodes: _Nodes, _: Reading) -> Decided:
        return rules.order(node, child, earlier=earlier, nodes=nodes)

    opposite: dict[str, str] = {"later" if earlier else "earlier": child}
    return _change(id, decide, "nodes_ordered", lambda: way_back("structure.order", id=id, fields=opposite))


@pages.post("/organisation/<id>/close")
@requires(Right.ARRANGE)
def close(id: str) -> Answer:  # noqa: A002
    """Close a node on which nothing hangs any more."""

    async def decide(node: Organisation, _: _Nodes, unit: Reading) -> Decided:
        return rules.close(node, await structure.in_use(unit, node.id), now=unit.now)

    return _change(id, decide, "node_closed", lambda: way_back("structure.reopen", id=id))


@pages.post("/organisation/<id>/reopen")
@requires(Right.ARRANGE)
def reopen(id: str) -> Answer:  # noqa: A002
    """Use a closed node again."""

    async def decide(node: Organisation, _: _Nodes, unit: Reading) -> Decided:
        parent = await organisations.organisation(unit, node.parent) if node.parent is not None else None
        return rules.reopen(node, parent)

    return _change(id, decide, "node_reopened", lambda: way_back("structure.close", id=id))


# --- what it has set --------------------------------------------------------------------------------------------------


@pages.post("/organisation/<id>/settings")
@requires(Right.ARRANGE)
def set_one(id: str) -> Answer:  # noqa: A002
    """Set one thing for a node and below, or let it take what those above have set."""
    _node(id, Right.ARRANGE)
    name, value = request.form.get("name", "")[:40], request.form.get("value", "")[:200]
    if name not in BY_NAME:
        abort(400)

    user, origin = here().user, desk().settings.origin

    async def decide(node: Organisation, _: _Nodes, unit: Reading) -> Decided:
        answer = choose(node, name, value or None)
        if isinstance(answer, Refusal) or name != SECOND_PAIR:
            return answer
        known = dict(await settings.chosen(unit))
        known[node.id] = {**known.get(node.id, {}), name: value}
        if not value:
            del known[node.id][name]
        standing = await reviews.unread(unit, node.id, known, parents_of(await organisations.tree(unit)))
        readers = await reviews.reviewers(unit, node.id)
        return replace(answer, effects=begun(len(standing), readers, name=node.name, by=user, console=origin))

    node = OrganisationId(id)
    own = ask(lambda unit: settings.chosen(unit, [node])).get(node, {})
    fields = {"name": name, "value": own.get(name, "")}
    return _change(id, decide, "setting_chosen", lambda: way_back("structure.set_one", id=id, fields=fields))


# --- the committee ----------------------------------------------------------------------------------------------------


@pages.post("/organisation/<id>/committee")
@requires(Right.ARRANGE)
def elect(id: str) -> Answer:  # noqa: A002
    """Record who was elected, when, and for how long."""
    at, by_form = here(), cause()
    typed = {name: request.form.get(name, "").strip()[:400] for name in ("elected_on", "years")}
    typed |= {
        f"post-{place}": request.form.get(f"post-{place}", "").strip()[:400] for place in range(len(elections.POSTS))
    }
    _node(id, Right.ARRANGE)
    try:
        day = date.fromisoformat(typed["elected_on"])
    except ValueError:
        return not_done(refused("entries.bad_day", field="elected_on"), to=link("structure.show_one", id=id))
    present_day = today()
    years = int(typed["years"]) if re.fullmatch(r"[0-9]{1,2}", typed["years"]) else 0

    async def decide(node: Organisation, _: _Nodes, unit: Reading) -> Decided:
        people: dict[MemberId, Member] = {}
        seats: list[Seat] = []
        for place, post in enumerate(elections.POSTS):
            for name in filter(None, _BETWEEN_NAMES.split(typed[f"post-{place}"])):
                found = await members.named(unit, name, [node.id])
                if len(found) != 1:
                    key = "terms.nobody_called" if not found else "terms.several_called"
                    return refused(key, field=f"post-{place}", name=name)
                people[found[0].id] = found[0]
                seats.append(Seat(member=found[0].id, post=post))
        held = await terms.of_node(unit, node.id)
        present = held[0] if held else None
        answer = elections.elect(
            node,
            elected_on=day,
            years=years,
            seats=seats,
            people=people,
            present=present,
            cause=by_form,
            today=present_day,
        )
        if isinstance(answer, Refusal):
            return answer
        sat = await members.by_ids(unit, [seat.member for seat in present.seats] if present else [])
        known = {member.id: member for member in sat if member.left is None} | people
        changes = elections.positions(answer.facts[0].term, present=present, people=known, kind=node.kind)  # type: ignore[attr-defined]
        if not changes:
            return answer
        noted = edit(changes, sort=Sort.ELECTED, places=await branches(unit), cause=by_form, by=at.user, now=unit.now)
        return noted if isinstance(noted, Refusal) else Decision(facts=(*answer.facts, *noted.facts))

    known = ask(lambda unit: terms.of_node(unit, OrganisationId(id)))
    fields = {"term": derive(by_form, "term"), "edit": derive(by_form, "edit")}
    # Of a term whose record was put right, what stood before is not kept.
    is_new = not known or known[0].elected_on != day
    back = (lambda: way_back("structure.unelect", id=id, fields=fields)) if is_new else None
    return _change(id, decide, "committee_kept", back)


@pages.post("/organisation/<id>/committee/back")
@requires(Right.ARRANGE)
def unelect(id: str) -> Answer:  # noqa: A002
    """Take back the record of the newest term, with the positions that it gave where the form names that change."""
    term, noted = request.form.get("term", "")[:32], EditId(request.form.get("edit", "")[:32])
    user, places = here().user, here().roots_for(Right.IMPORT_ROSTER)

    async def decide(node: Organisation, _: _Nodes, unit: Reading) -> Decided:
        held = await terms.of_node(unit, node.id)
        answer = elections.take_back(held[0] if held else None, term)
        found = await edits.one(unit, places, noted) if noted else None
        if isinstance(answer, Refusal) or found is None or found.sort is not Sort.ELECTED:
            return answer
        undone = undo(found, await undoing_of(unit, noted), by=user, now=unit.now)
        return answer if isinstance(undone, Refusal) else Decision(facts=(*answer.facts, *undone.facts))

    return _change(id, decide, "committee_back")
