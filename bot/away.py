"""Tells those who are away, once for each due date and in private, that a thought report is due."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from content import away as rules
from content.decision import Decision
from content.identifiers import Cause, MemberId
from storage import away, members, organisations, settings
from storage.store import Step, Store
from storage.unit import Reading


async def ask_reports(store: Store, now: datetime) -> None:
    """Tell everybody of whom a report is due by now and who was not told of that date."""

    async def look(unit: Reading) -> list[tuple[MemberId, str]]:
        found = []
        for one in await away.noted(unit):
            decided = await _decide(unit, one)
            if decided is not None:
                (fact,) = decided.facts
                found.append((one, str(getattr(fact, "due", ""))))
        return found

    steps = [_asking(one, due) for one, due in await store.read(look)]
    if steps:
        await store.settle(steps)


def _asking(id: MemberId, due: str) -> Step:  # noqa: A002
    return Step(cause=Cause(f"away:{id}:report:{due}"), decide=lambda unit: _decide(unit, id))


async def _decide(unit: Reading, id: MemberId) -> Decision | None:  # noqa: A002
    member = await members.member(unit, id)
    node = await organisations.organisation(unit, member.organisation) if member is not None else None
    if member is None or node is None:
        return None
    today = unit.now.astimezone(ZoneInfo(node.timezone)).date()
    line = await away.line(unit, member, today=today)
    if line.away is None:
        return None
    last = line.reports[-1] if line.reports else None
    months = int(await settings.value_of(unit, member.organisation, rules.SETTING))
    return rules.ask_report(line.away, member, last, asked_for=line.asked_for, months=months, today=today)
