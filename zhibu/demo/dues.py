"""The dues of the sample branch: fixed for everyone who owes any, paid by some for the month before and this one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, time
from typing import Any

from content.decision import Decision, Refusal
from content.dues import Category, DuesWaySet, Kind, Wanted, assess, count_of, is_payer, month_at, month_of
from content.dues_ledger import How, Method, Paying, pay
from content.identifiers import Cause, OrganisationId, UserId
from content.members import Member
from content.organisations import Duty, DutyGranted, Role
from storage import dues
from storage.unit import Reading

Deciding = Callable[[Reading], Awaitable[Any]]
BASES = ("4500", "5600", "6789", "8200", "10500", "3650.50")
WAY = "每月 1 日起找组织委员，或转入党费专用账户（账号见支部公示栏）。"


def steps(
    people: Mapping[str, Member],
    branch: OrganisationId,
    organiser: UserId,
    at: Callable[[int, time], datetime],
    identify: Callable[..., str],
) -> dict[str, Deciding]:
    """Return what is decided: who handles the dues, what each owes from last month on, and who has paid."""
    payers = [one for one in people.values() if is_payer(one) and one.left is None]
    today = at(0, time(9)).date()
    this = month_of(today)
    before = month_at(count_of(this) - 1)

    async def fix(unit: Reading) -> Any:
        facts: list[Any] = [
            DutyGranted(duty=Duty(user=organiser, organisation=branch, role=Role.ORGANISING_MEMBER)),
            DuesWaySet(organisation=branch, text=WAY, by=organiser, at=unit.now),
        ]
        for number, one in enumerate(payers):
            base, cause = BASES[number % len(BASES)], Cause(identify("dues", one.id))
            wanted = Wanted(kind=Kind.FULL, category=Category.EMPLOYED, base=base, since=before, note="")
            fixed = assess(one, branch, wanted, (), by=organiser, cause=cause, now=unit.now, today=today)
            if isinstance(fixed, Refusal):
                return fixed
            facts += fixed.facts
        return Decision(facts=tuple(facts))

    def paid(month: str, most: int) -> Deciding:
        async def decide(unit: Reading) -> Any:
            lines = await dues.lines(unit, payers[:most], first=month, last=month)
            several = [
                Paying(member=line.member, month=line.months[0], fen=line.months[0].due)
                for line in lines
                if line.months and line.months[0].due
            ]
            if not several:
                return Decision()
            how = How(on=today, method=Method.TRANSFER)
            cause = Cause(identify("dues", month))
            return pay(several, how, branch, by=organiser, cause=cause, now=unit.now, today=today)

        return decide

    return {"dues": fix, "dues before": paid(before, len(payers) - 1), "dues now": paid(this, 3)}
