"""Has those who handle help cases told of one whose first answer is due while nobody has taken it up: once."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from content import help_cases as rules
from content.decision import Decision
from content.help_cases import HelpCase
from content.identifiers import Cause
from content.organisations import Organisation, Right
from storage import help_cases, organisations
from storage.store import Step, Store
from storage.unit import Reading


async def tell_due(store: Store, now: datetime, console: str) -> None:
    """Tell of every case that is due by now."""

    async def look(unit: Reading) -> list[tuple[HelpCase, Organisation]]:
        found = []
        # East of us it is tomorrow already.
        for one in await help_cases.due(unit, now.date() + timedelta(days=1)):
            node = await organisations.organisation(unit, one.organisation)
            if node is not None:
                found.append((one, node))
        return found

    steps = [
        _telling(one, node, console)
        for one, node in await store.read(look)
        if rules.is_to_tell(one, timezone=node.timezone, now=now)
    ]
    if steps:
        await store.settle(steps)


def _telling(one: HelpCase, node: Organisation, console: str) -> Step:
    async def decide(unit: Reading) -> Decision | None:
        held = await help_cases.case(unit, one.id)
        if held is None or not rules.is_to_tell(held, timezone=node.timezone, now=unit.now):
            return None
        whom = await organisations.holders_of(unit, node.id, Right.HANDLE_HELP)
        today = unit.now.astimezone(ZoneInfo(node.timezone)).date()
        return rules.tell_due(held, whom, console=console, today=today)

    return Step(cause=Cause(f"help_case:{one.id}:due"), decide=decide)
