"""Has whoever is to answer a help case told that it is due, and puts one back that nobody handles any more."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from content import help_case_reminders as rules
from content.decision import Decision
from content.help_cases import HelpCase
from content.identifiers import Cause
from content.organisations import Organisation, Right
from storage import help_cases, organisations
from storage.store import Step, Store
from storage.unit import Reading

_Placed = tuple[HelpCase, Organisation]


async def tell_due(store: Store, now: datetime, console: str) -> None:
    """Tell of every case that is due by now, once those are put back whose owners are gone."""

    async def gone(unit: Reading) -> list[_Placed]:
        found = [(one, await organisations.organisation(unit, one.organisation)) for one in await help_cases.held(unit)]
        return [
            (one, node)
            for one, node in found
            if node is not None and one.owner not in await organisations.holders_of(unit, node.id, Right.HANDLE_HELP)
        ]

    async def late(unit: Reading) -> list[_Placed]:
        # East of us it is tomorrow already.
        due = await help_cases.due(unit, now.date() + timedelta(days=1))
        found = [(one, await organisations.organisation(unit, one.organisation)) for one in due]
        return [
            (one, node)
            for one, node in found
            if node is not None and rules.is_to_tell(one, timezone=node.timezone, now=now)
        ]

    for look, step in ((gone, _returning), (late, _telling)):
        steps = [step(one, node, now, console) for one, node in await store.read(look)]
        if steps:
            await store.settle(steps)


def _today(unit: Reading, node: Organisation) -> date:
    return unit.now.astimezone(ZoneInfo(node.timezone)).date()


def _returning(one: HelpCase, node: Organisation, now: datetime, console: str) -> Step:
    async def decide(unit: Reading) -> Decision | None:
        held = await help_cases.case(unit, one.id)
        able = await organisations.holders_of(unit, node.id, Right.HANDLE_HELP)
        return rules.give_back(held, able, console=console, today=_today(unit, node)) if held is not None else None

    return Step(cause=Cause(f"help_case:{one.id}:back:{now.isoformat()}"), decide=decide)


def _telling(one: HelpCase, node: Organisation, now: datetime, console: str) -> Step:
    async def decide(unit: Reading) -> Decision | None:
        held = await help_cases.case(unit, one.id)
        if held is None or not rules.is_to_tell(held, timezone=node.timezone, now=unit.now):
            return None
        able = await organisations.holders_of(unit, node.id, Right.HANDLE_HELP)
        above = await organisations.operators(unit)
        return rules.tell_due(held, able, above, place=node.name, console=console, today=_today(unit, node))

    return Step(cause=Cause(f"help_case:{one.id}:due:{now.date()}"), decide=decide)
