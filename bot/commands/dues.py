"""党费: what one owes and how to pay it, what was entered, and that something is wrong; in private and to oneself."""

from __future__ import annotations

from datetime import date
from zoneinfo import ZoneInfo

from bot.commands.asking import Asking
from content import dues as rules
from content.decision import Decision, Refusal, Tell, Words, words
from content.dues import Kind, State, count_of, holds, month_at, month_of, paid_until, written
from content.identifiers import OrganisationId
from content.members import Member
from storage import dues as stored
from storage import dues_notes, dues_questions, organisations
from storage.dues import Line

SHOWN_BACK, SHOWN_AHEAD = 24, 12
"""Months that are looked at: what is older stands in 我的数据, and what lies ahead may be paid already."""

MOST_SHOWN = 6


async def mine(asking: Asking) -> Decision | Refusal | None:
    """党费: what a month comes to, up to when it is paid, what is still to be paid, and how."""
    found = await _own(asking)
    if found is None or asking.member is None:
        return None
    line, branch, today = found
    if not rules.is_payer(asking.member):
        return _told(asking, words("dues.not_payer"))
    name = await dues_notes.handler_name(asking.unit, branch)
    way = await stored.way(asking.unit, branch)
    held = holds(line.assessments, month_of(today))
    lines: list[Words] = []
    if held is None:
        lines.append(words("dues.not_fixed_yet"))
    elif held.kind is Kind.EXEMPT:
        lines.append(words("dues.mine_exempt"))
    else:
        since = (_month(held.since, today),)
        lines.append(words("dues.mine", sum=written(held.fen), since=since))
    last = paid_until(line.months)
    if last is not None:
        lines.append(words("dues.paid_until", month=(_month(last, today),)))
    owing = [one for one in line.months if one.state in (State.DUE, State.PART) and one.month <= month_of(today)]
    for one in owing[:MOST_SHOWN]:
        lines.append(words("dues.owing", month=(_month(one.month, today),), sum=written(one.owed)))
    if len(owing) > MOST_SHOWN:
        lines.append(words("dues.owing_more", n=len(owing) - MOST_SHOWN))
    if way:
        lines.append(words("dues.way", way=way))
    elif name:
        role = await dues_notes.handling_role(asking.unit, branch)
        lines.append(words("dues.way_named", name=name, role=(words(f"duties.role_{role}"),)))
    else:
        lines.append(words("dues.way_unnamed"))
    lines.append(words("dues.more"))
    return _told(asking, words("dues.message", lines=tuple(lines)))


async def entries(asking: Asking) -> Decision | Refusal | None:
    """党费明细: what was entered for oneself, newest last."""
    found = await _own(asking)
    if found is None or asking.member is None:
        return None
    _, _, today = found
    known = await stored.entries(asking.unit, member=asking.member.id)
    if not known:
        return _told(asking, words("dues.nothing_entered"))
    lines = [
        words(
            "dues.entry" if one.month else "dues.entry_extra",
            day=one.on.isoformat(),
            sort=(words(f"dues.sort_{one.sort}"),),
            month=(_month(one.month, today),) if one.month else "",
            sum=written(one.fen),
        )
        for one in known[-2 * MOST_SHOWN :]
    ]
    return _told(asking, words("dues.message", lines=(*lines, words("dues.wrong_how"))))


async def wrong(asking: Asking) -> Decision | Refusal | None:
    """党费 基数有误: bring it before who handles dues, and before nobody else."""
    if asking.member is None:
        return None
    branch = await organisations.branch_above(asking.unit, asking.member.organisation)
    return rules.question(
        asking.member,
        branch,
        asking.sender,
        asking.argument,
        await dues_notes.handlers(asking.unit, branch, beside=asking.sender),
        waiting=await dues_questions.number_waiting(asking.unit, asking.member.id),
        cause=asking.cause,
        now=asking.unit.now,
    )


async def _own(asking: Asking) -> tuple[Line, OrganisationId, date] | None:
    member: Member | None = asking.member
    node = await organisations.organisation(asking.unit, member.organisation) if member is not None else None
    if member is None or node is None:
        return None
    today = asking.unit.now.astimezone(ZoneInfo(node.timezone)).date()
    this = count_of(month_of(today))
    line = await stored.line(asking.unit, member, first=month_at(this - SHOWN_BACK), last=month_at(this + SHOWN_AHEAD))
    return line, await organisations.branch_above(asking.unit, node.id), today


def _month(month: str, today: date) -> Words:
    """Name a month; its year only where it is another."""
    number = int(month[5:])
    if month[:4] == f"{today.year}":
        return words(f"dues.month_{number}")
    return words("dues.month_of_year", year=month[:4], month=(words(f"dues.month_{number}"),))


def _told(asking: Asking, said: Words) -> Decision:
    return Decision(effects=(Tell(user=asking.sender, words=said),))
