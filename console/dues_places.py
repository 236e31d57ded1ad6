"""Whose dues a person handles: those of a branch in which they hold the duty themselves, and of none below it."""

from __future__ import annotations

from datetime import date
from typing import Any

from flask import abort, g, request

from console.access import Here, here, stand
from console.wording import today
from content.decision import Refusal, refused
from content.dues import is_month, month_of, read_sum
from content.dues_ledger import How, Method
from content.identifiers import OrganisationId
from content.members import Member
from content.organisations import RIGHTS, Kind, Organisation, Right
from storage import dues, members
from storage.organisations import stands_below
from storage.unit import Reading


def handled(at: Here) -> tuple[Organisation, ...]:
    """Return the branches whose dues a person handles by name; from above there are counts alone."""
    own = {duty.organisation for duty in at.duties if Right.HANDLE_DUES in RIGHTS[duty.role]}
    return tuple(node for node in at.nodes if node.kind is Kind.BRANCH and node.id in own)


def found_branch() -> Organisation | None:
    """Return the branch of which a page of dues speaks, ``None`` where the person handles none there or several."""
    at = here()
    mine = {node.id: node for node in handled(at)}
    if at.chosen is None:
        if len(mine) != 1:
            return None
        (only,) = mine.values()
        g.here = stand(Right.HANDLE_DUES, only.id)
        return only
    above: OrganisationId | None = at.chosen.id
    while above is not None and above not in mine:
        above = at.parents.get(above)
    if above is None:
        return None
    g.here = stand(Right.HANDLE_DUES, above)
    return mine[above]


def branch() -> Organisation:
    """Return the branch of which a page of dues speaks; there is no such page for who does not handle its dues."""
    found = found_branch()
    if found is None:
        abort(404)
    return found


async def payer(unit: Reading, id: str, at: OrganisationId) -> Member | None:  # noqa: A002
    """Return a member of a branch, one who has left it too; who was merged into another is found there."""
    found = await members.member(unit, id)  # type: ignore[arg-type]
    if found is None or found.merged_into is not None or not await stands_below(unit, found.organisation, [at]):
        return None
    return found


async def known(unit: Reading, id: str, at: OrganisationId) -> Member | None:  # noqa: A002
    """Return a member of whom a branch may see something: its own, and who was until they moved, for what it took."""
    own = await payer(unit, id, at)
    if own is not None:
        return own
    found = await members.member(unit, id)  # type: ignore[arg-type]
    if found is None or found.merged_into is not None:
        return None
    return found if await dues.entries(unit, branch=at, member=found.id) else None


def month() -> str:
    """Return the month that a page is asked for, else the present one."""
    asked = request.args.get("month", "")
    if asked and not is_month(asked):
        abort(400)
    return asked or month_of(today())


def typed(name: str) -> str:
    """Return what stands in a field, never more of it than anybody types."""
    return request.form.get(name, "")[:500]


def day(name: str, key: str = "dues.no_day") -> date | Refusal:
    """Read the day in a field."""
    try:
        return date.fromisoformat(typed(name).strip())
    except ValueError:
        return refused(key, field=name)


def how() -> How | Refusal:
    """Read from a form how and when money came."""
    on, method = day("on"), typed("method")
    if isinstance(on, Refusal):
        return on
    if method not in set(Method):
        abort(400)
    said: dict[str, Any] = {name: typed(name) for name in ("payer", "payee", "note")}
    return How(on=on, method=Method(method), **said)


def fen(name: str) -> int | Refusal:
    """Read the sum in a field."""
    return read_sum(typed(name), field=name)
