"""Shifts (倒班): how the groups of a place take turns, day by day, and from when on another pattern holds."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta

from flask import Blueprint, abort, render_template, request
from msgspec import Struct

from console.access import here, requires
from console.addresses import link
from console.answering import Answer, first_by_field, onward
from console.desk import ask, now, settle
from console.leaving_tables import leaves
from console.undoing import Undo, way_back
from console.wording import today
from content import shifts as rules
from content.decision import Refusal
from content.identifiers import OrganisationId
from content.organisations import Organisation, Right
from content.shifts import Pattern, Plan
from storage import shifts
from storage.store import Answer as Decided
from storage.unit import Reading

pages = Blueprint("shifts", __name__)

DAYS_SHOWN = 14


class Seen(Struct, frozen=True, kw_only=True):
    """The patterns that hold at a place, those that it has itself, and which place they come from."""

    plan: Plan
    own: tuple[Pattern, ...]
    source: OrganisationId | None


@pages.get("/calendar/shifts")
@requires(Right.READ)
@leaves("shifts")
def show() -> Answer:
    """Show who works when in the next two weeks, and the form for another pattern."""
    node = _place()
    seen = ask(lambda unit: _seen(unit, node.id))
    held = seen.plan.on(today())
    turns, groups = rules.written(held) if held is not None else ("", "")
    since = held.since if held is not None else today()
    return _page(node, {"since": since.isoformat(), "turns": turns, "groups": groups}, ())


@pages.post("/calendar/shifts/<id>")
@requires(Right.ARRANGE)
def set_one(id: str) -> Answer:  # noqa: A002
    """Let the groups of a place take turns so from a day on."""
    node = _arranged(id)
    typed = {name: request.form.get(name, "")[: rules.LONGEST_TEXT] for name in ("since", "turns", "groups")}
    pattern = rules.read_pattern(typed["since"], typed["turns"], typed["groups"])
    if not isinstance(pattern, Pattern):
        return _page(node, typed, pattern)
    refusal = rules.set_shifts(node, pattern, now=now())
    if isinstance(refusal, Refusal):
        return _page(node, typed, (refusal,))

    async def decide(unit: Reading) -> Decided:
        return rules.set_shifts(node, pattern, now=unit.now)

    former = next((one for one in ask(lambda unit: shifts.own(unit, node.id)) if one.since == pattern.since), None)
    return onward(
        settle(decide, actor=here().user), to=_back(node), done="shifts_set", back=lambda: _undo(node, former, pattern)
    )


@pages.post("/calendar/shifts/<id>/drop")
@requires(Right.ARRANGE)
def drop(id: str) -> Answer:  # noqa: A002
    """Drop a pattern of a place."""
    node = _arranged(id)
    try:
        since = date.fromisoformat(request.form.get("since", ""))
    except ValueError:
        abort(400)
    former = next((one for one in ask(lambda unit: shifts.own(unit, node.id)) if one.since == since), None)

    async def decide(unit: Reading) -> Decided:
        own = await shifts.own(unit, node.id)
        return rules.drop_shifts(node, Plan(timezone=node.timezone, patterns=own), since)

    return onward(
        settle(decide, actor=here().user),
        to=_back(node),
        done="shifts_dropped",
        back=(lambda: _undo(node, former, former)) if former is not None else None,
    )


def _undo(node: Organisation, former: Pattern | None, pattern: Pattern) -> Undo:
    """Return the form that puts back what a place had for a day, or drops what it had not."""
    if former is None:
        return way_back("shifts.drop", id=node.id, fields={"since": pattern.since.isoformat()})
    turns, groups = rules.written(former)
    fields = {"since": former.since.isoformat(), "turns": turns, "groups": groups}
    return way_back("shifts.set_one", id=node.id, fields=fields)


def _place() -> Organisation:
    at = here()
    node = at.chosen or next(iter(at.within(Right.READ)), None)
    if node is None:
        abort(404)
    return node


def _arranged(id: str) -> Organisation:  # noqa: A002
    node = next((one for one in here().within(Right.ARRANGE) if one.id == id), None)
    if node is None:
        abort(404)
    return node


def _back(node: Organisation) -> str:
    return link("shifts.show", org=node.id)


def _page(node: Organisation, typed: Mapping[str, str], refusals: tuple[Refusal, ...]) -> Answer:
    seen = ask(lambda unit: _seen(unit, node.id))
    days = tuple(today() + timedelta(days=ahead) for ahead in range(DAYS_SHOWN))
    groups = tuple(dict.fromkeys(name for day in days for name in seen.plan.groups_on(day)))
    at = here()
    source = at.node(seen.source) if seen.source is not None else None
    page = render_template(
        "shifts/show.html",
        node=node,
        seen=seen,
        source=source,
        days=days,
        groups=groups,
        written={one.since: rules.written(one) for one in seen.own},
        typed=typed,
        refusals=list(refusals),
        by_field=first_by_field(list(refusals)),
        may_set=any(one.id == node.id for one in at.within(Right.ARRANGE)),
        longest=rules.LONGEST_TEXT,
    )
    return (page, 422) if refusals else page


async def _seen(unit: Reading, node: OrganisationId) -> Seen:
    return Seen(
        plan=await shifts.plan_at(unit, node),
        own=await shifts.own(unit, node),
        source=await shifts.source_of(unit, node),
    )
