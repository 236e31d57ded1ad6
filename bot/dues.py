"""Speaks of dues that nobody has paid for months: to the member once, to who handles dues once, to nobody else."""

from __future__ import annotations

from datetime import date, datetime
from zoneinfo import ZoneInfo

from content import dues as rules
from content.decision import Decision
from content.dues import Reminder, arrears, count_of, month_at, month_of
from content.identifiers import Cause, MemberId, OrganisationId, derive
from content.members import Member
from storage import dues, members, organisations
from storage.store import Step, Store
from storage.unit import Reading

LOOKED_BACK = rules.NOTE + 7
"""Months that are looked at: a longer run has been spoken of, or is too old for a word of the bot's."""


async def remind(store: Store, now: datetime) -> None:
    """Say what is to be said by now, each once in a run of unpaid months."""
    for branch in await store.read(dues.branches_with_dues):
        found = await store.read(lambda unit, branch=branch: _due(unit, branch, now))  # type: ignore[misc]
        if found:
            await store.settle([_reminding(branch, member, reminder, last) for member, reminder, last in found])


async def _due(unit: Reading, branch: OrganisationId, now: datetime) -> list[tuple[MemberId, Reminder, str]]:
    today = await _today(unit, branch, now)
    if today is None:
        return []
    found = []
    for line in await dues.lines(unit, await dues.payers(unit, branch), **_span(today)):
        run = arrears(line.months, today)
        if len(run) in (rules.NUDGE, rules.NOTE):
            reminder = rules.reminder_for(run, await dues.told_of(unit, line.member.id))
            if reminder is not None:
                found.append((line.member.id, reminder, run[-1]))
    return found


def _span(today: date) -> dict[str, str]:
    return {"first": month_at(count_of(month_of(today)) - LOOKED_BACK), "last": month_of(today)}


async def _today(unit: Reading, branch: OrganisationId, now: datetime) -> date | None:
    node = await organisations.organisation(unit, branch)
    if node is None or node.closed is not None:
        return None
    return now.astimezone(ZoneInfo(node.timezone)).date()


def _reminding(branch: OrganisationId, id: MemberId, reminder: Reminder, last: str) -> Step:  # noqa: A002
    async def decide(unit: Reading) -> Decision | None:
        member: Member | None = await members.member(unit, id)
        today = await _today(unit, branch, unit.now)
        if member is None or member.left is not None or today is None:
            return None
        line = await dues.line(unit, member, **_span(today))
        run = arrears(line.months, today)
        if not run or rules.reminder_for(run, await dues.told_of(unit, id)) is not reminder:
            return None
        handlers, way = await dues.handlers(unit, branch), await dues.way(unit, branch)
        return rules.remind(member, run, reminder, handlers, way=way, now=unit.now)

    # Whose dues they are stands in no cause: the record shows it.
    return Step(cause=Cause(f"dues:{derive(id, reminder, last)}"), decide=decide)
