"""Who of the sample branch is away: one to be registered with their thought reports, one at school, one abroad."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, time, timedelta
from typing import Any

from msgspec.structs import replace

from content.away import Away, AwayNoted, Contact, ContactNoted, Reason, ReportAsked, proposed_on
from content.decision import Decision, Fact
from content.identifiers import ContactId, EventId, OrganisationId, ThoughtReportId, UserId
from content.members import Member, MemberChanged
from content.thought_reports import (
    ThoughtPartSaid,
    ThoughtReport,
    ThoughtReportAnswered,
    ThoughtReportBegun,
    ThoughtReportHandedIn,
)
from storage.unit import Reading
from zhibu.demo import sample

Deciding = Callable[[Reading], Awaitable[Any]]
_EVENING = time(20)


def steps(
    people: Mapping[str, Member],
    *,
    branch: OrganisationId,
    organiser: UserId,
    identify: Callable[..., str],
    at: Callable[[int, time], datetime],
) -> dict[str, Deciding]:
    """Return the steps by which they went, were spoken to, and said how they are."""
    facts: list[Fact] = []
    for one in sample.AWAY:
        member, contact = people[one.name], people[one.contact]
        away = Away(
            member=member.id,
            since=at(-one.days, _EVENING).date(),
            abroad=one.abroad,
            reason=Reason(one.reason),
            returns=at(one.returns, _EVENING).date() if one.returns else None,
            host=one.host,
            contact=contact.id,
        )
        facts += [
            MemberChanged(member=replace(member, destination=one.place)),
            AwayNoted(member=member.id, organisation=branch, away=away, by=organiser, at=at(-one.days, _EVENING)),
        ]
        if not one.reports and one.days > 190:
            facts.append(ReportAsked(member=member.id, organisation=branch, due=proposed_on(away.since)))
        for days in one.contacts:
            met = Contact(
                id=ContactId(identify("contact", one.name, days)),
                member=member.id,
                on=at(-days, _EVENING).date(),
                by=organiser,
            )
            facts.append(ContactNoted(member=member.id, organisation=branch, contact=met, at=at(-days, _EVENING)))
        for days, parts, reply in one.reports:
            facts += _report(
                member, branch, organiser, identify("report", one.name, days), at(-days, _EVENING), parts, reply
            )

    async def away_and_reports(_: Reading) -> Any:
        return Decision(facts=tuple(facts))

    return {"away": away_and_reports}


def _report(
    member: Member,
    branch: OrganisationId,
    organiser: UserId,
    id: str,  # noqa: A002
    at: datetime,
    parts: tuple[str, ...],
    reply: str,
) -> list[Fact]:
    if member.user is None:
        return []
    report = ThoughtReport(id=ThoughtReportId(id), member=member.id, user=member.user, begun_at=at)
    facts: list[Fact] = [ThoughtReportBegun(report=report)]
    for number, text in enumerate(parts):
        event = EventId(f"${id}{number}:sample")
        facts.append(ThoughtPartSaid(report=report.id, member=member.id, event=event, text=text, at=at))
    facts.append(ThoughtReportHandedIn(report=report.id, member=member.id, organisation=branch, at=at))
    if reply:
        later = at + timedelta(days=1)
        facts.append(
            ThoughtReportAnswered(
                report=report.id, member=member.id, organisation=branch, text=reply, by=organiser, at=later
            )
        )
    return facts
