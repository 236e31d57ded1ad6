"""Speaks of dues that nobody has paid for months: to the member once, and to who handles dues once, or will."""

from __future__ import annotations

from datetime import date, datetime
from zoneinfo import ZoneInfo

from content import dues as rules
from content.decision import Decision
from content.dues import Reminder, arrears, count_of, month_at, month_of
from content.identifiers import Cause, MemberId, OrganisationId, derive
from content.members import Member
from storage import dues, dues_notes, members, organisations
from storage.store import Step, Store
from storage.unit import Reading

LOOKED_BACK = rules.NOTE + 7
"""Months that are looked at: a longer run has been spoken of, or is too old for a word of the bot's."""


async def remind(store: Store, now: datetime) -> None:
    """Say what is to be said by now, each once in a run of unpaid months."""
    for branch in await store.read(dues_notes.branches_with_dues):
        found = await store.read(lambda unit, branch=branch: _due(unit, branch, now))  # type: ignore[misc]
        if found:
            await store.settle([_reminding(branch, member, reminder, last) for member, reminder, last in found])


async def _due(unit: Reading, branch: OrganisationId, now: datetime) -> list[tuple[MemberId, Reminder, str]]:
    zone = await _zone(unit, branch)
    if zone is None:
        return []
    found, (first, last) = [], _span(_today(zone, now))
    for line in await dues.lines(unit, await dues.payers(unit, branch), first=first, last=last, worded=False):
        run = _run(line, zone, now)
        if len(run) == rules.NUDGE or len(run) >= rules.NOTE:
            reminder = await _reminder(unit, branch, line.member, run)
            if reminder is not None:
                found.append((line.member.id, reminder, run[-1]))
    return found


async def _reminder(unit: Reading, branch: OrganisationId, member: Member, run: tuple[str, ...]) -> Reminder | None:
    is_handled = bool(await dues_notes.handlers(unit, branch, beside=member.user))
    return rules.reminder_for(run, await dues_notes.told_of(unit, member.id), is_handled=is_handled)


def _run(line: dues.Line, zone: ZoneInfo, now: datetime) -> tuple[str, ...]:
    return rules.since_fixed(arrears(line.months, _today(zone, now)), line.assessments, zone)


def _span(today: date) -> tuple[str, str]:
    """Return the first and the last month that are looked at."""
    return month_at(count_of(month_of(today)) - LOOKED_BACK), month_of(today)


def _today(zone: ZoneInfo, now: datetime) -> date:
    return now.astimezone(zone).date()


async def _zone(unit: Reading, branch: OrganisationId) -> ZoneInfo | None:
    """Return by which clock a branch lives, ``None`` where it is closed."""
    node = await organisations.organisation(unit, branch)
    return ZoneInfo(node.timezone) if node is not None and node.closed is None else None


def _reminding(branch: OrganisationId, id: MemberId, reminder: Reminder, last: str) -> Step:  # noqa: A002
    async def decide(unit: Reading) -> Decision | None:
        member: Member | None = await members.member(unit, id)
        node, zone = await organisations.organisation(unit, branch), await _zone(unit, branch)
        if member is None or member.left is not None or node is None or zone is None:
            return None
        looked_at = _span(_today(zone, unit.now))
        run = _run(await dues.line(unit, member, first=looked_at[0], last=looked_at[1]), zone, unit.now)
        if not run or await _reminder(unit, branch, member, run) is not reminder:
            return None
        find = dues_notes.handlers_above if reminder is Reminder.NOBODY else dues_notes.handlers
        others, way = await find(unit, branch, beside=member.user), await dues.way(unit, branch)
        return rules.remind(member, run, reminder, others, way=way, place=node.name, now=unit.now)

    # Whose dues they are stands in no cause: the record shows it.
    return Step(cause=Cause(f"dues:{derive(id, reminder, last)}"), decide=decide)
