"""我的, 绑定: one's own record, and making a chat account one's own."""

from __future__ import annotations

import hashlib
from datetime import datetime
from zoneinfo import ZoneInfo

from bot.commands import hours
from bot.commands.asking import Asking, Place
from content import members
from content.checkins import Expectation, State
from content.decision import Decision, Refusal, Tell, Words, refused, words
from content.franchise import FULL, PROBATIONARY, why_not
from content.identifiers import MemberId
from content.members import Member
from content.organisations import Kind, Organisation, Right
from content.participation import share
from content.sign_up_sheets import name_of
from content.year import suggest
from storage import cadence, meetings, mutes, organisations, participation, resolutions, sign_ups, upkeep
from storage import checkins as stored
from storage import members as roster
from storage.participation import Period, numbers_of
from storage.unit import Reading

MOST_SIGN_UPS = 5
RECENT = 3
"""Of what was lately, so much is shown; the rest stands in 我的数据."""


def hash_code(code: str) -> str:
    """Return the hash under which a binding code is kept; case and dashes do not matter."""
    return hashlib.sha256(code.replace("-", "").strip().upper().encode()).hexdigest()


async def mine(asking: Asking) -> Decision | Refusal | None:
    """我的: what is known of me this year, what waits for me, and how what was lately stands in the record."""
    member = asking.member
    if member is None:
        return None
    unit = asking.unit
    node = await organisations.organisation(unit, member.organisation)
    year = unit.now.date().replace(month=1, day=1)
    counted = share(await numbers_of(unit, member.id, Period(since=year)))
    waiting = [one for one in await stored.still_open(unit, member.id) if _waits(one, unit.now)]
    lines: list[Words] = [
        words("mine.summary", name=member.name, category=member.category, organisation=node.name if node else ""),
        *(_barred(member, node, unit.now) if node else ()),
        words("mine.year", done=counted.took_part, asked=counted.asked, excused=counted.excused),
    ]
    learner, this_year = await hours.own(asking)
    if learner is not None and learner.line is not None:
        lines.append(hours.summary(learner, this_year))
    lines += [
        words("mine.waiting", title=one.title, until=one.occurrence.closes_at or one.occurrence.due_at)
        for one in waiting
    ] or [words("mine.nothing_waiting")]
    lines += await _sign_ups(unit, member)
    lines += [
        words("mine.task", text=one.text, due=one.due_on.isoformat())
        for one in await resolutions.open_tasks_of(unit, member.id)
    ]
    lines += [
        words("mine.meeting_session", title=one.title, number=number, begins=one.sessions[number - 1].begins)
        for one, number in await meetings.named_sessions(unit, member.id)
    ]
    lines += await _to_hold(asking, member)
    lines += await _recent(unit, member.id)
    until = await mutes.muted_until(unit, asking.sender)
    if until is not None:
        lines.append(words("mute.is_on", until=until))
    lines.append(words("mine.wrong"))
    return Decision(effects=(Tell(user=asking.sender, words=words("mine.all", lines=tuple(lines))),))


async def _sign_ups(unit: Reading, member: Member) -> list[Words]:
    """Say of each sign-up that is open for a member whether they are on it, wait for a place, or may still answer."""
    lines = []
    for one in await sign_ups.open_for(unit, member):
        if unit.now >= one.closes_at:
            continue
        sheet = await sign_ups.sheet(unit, one)
        entry = sheet.entries.get(name_of(one.id, member.id, ""))
        if entry is None or entry.withdrawn:
            key = "mine.sign_up_open"
        else:
            key = "mine.sign_up_waits" if entry in sheet.waiting else "mine.sign_up_in"
        lines.append(words(key, title=one.title, until=one.closes_at))
    return lines[:MOST_SIGN_UPS]


def _waits(one: Expectation, now: datetime) -> bool:
    """Tell whether something still waits for a person; who said that they will come has to be there by then only."""
    begins = one.occurrence.begins_at
    return one.is_silent or (one.state is State.OPEN and (begins is None or begins <= now))


async def _to_hold(asking: Asking, member: Member) -> list[Words]:
    """Say to who plans for their branch what of its year may be held; to others it is no matter of theirs."""
    unit = asking.unit
    branch = await organisations.branch_above(unit, member.organisation)
    if not await organisations.may(unit, asking.sender, Right.SCHEDULE, branch):
        return []
    node = await organisations.organisation(unit, branch)
    if node is None or node.kind is not Kind.BRANCH:
        return []
    today = unit.now.astimezone(ZoneInfo(node.timezone)).date()
    (seen,) = await cadence.years(unit, [node], year=today.year, today=today)
    found = suggest(seen.columns, seen.place, today)
    return [words("mine.to_hold", lines=found)] if found else []


def _barred(member: Member, node: Organisation, now: datetime) -> list[Words]:
    """Say why a member has no vote; to applicants nothing is said of what nobody expects."""
    if member.category not in (FULL, PROBATIONARY):
        return []
    reasons = why_not(member, on=now.astimezone(ZoneInfo(node.timezone)).date())
    return [words("mine.no_vote", why=(reason.words,)) for reason in reasons]


async def _recent(unit: Reading, member: MemberId) -> list[Words]:
    """Say of the last few how they are recorded, the newest first, and which of them were set by hand."""
    found = [line for line in await participation.lines(unit, member=member) if line.state is not State.OPEN]
    return [
        words(
            "mine.record_by_hand" if line.by_hand else "mine.record",
            title=line.lesson,
            due=line.due_at,
            state=(words(f"state.{line.state}"),),
        )
        for line in found[: -RECENT - 1 : -1]
    ]


async def bind(asking: Asking) -> Decision | Refusal | None:
    """绑定 CODE: make this account mine; only in private, since the code is a secret."""
    if asking.place is not Place.PRIVATE:
        return refused("binding.private_only")
    if not asking.argument:
        return refused("binding.no_code")
    invitation = await roster.invitation(asking.unit, hash_code(asking.argument))
    holder = asking.member.name if asking.member else None
    member = await roster.member(asking.unit, invitation.member) if invitation else None
    rooms = await upkeep.rooms_for(asking.unit, member) if member else ()
    return members.bind(invitation, user=asking.sender, holder=holder, rooms=rooms, now=asking.unit.now)
