"""Members who are away: what is noted of each, on which days there was contact, and what is due."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import date, datetime
from zoneinfo import ZoneInfo

from msgspec import Struct
from sqlalchemy import Boolean, Column, Date, ForeignKey, String, Table, or_, select, update

from content.away import (
    SETTING,
    Away,
    AwayEnded,
    AwayNoted,
    Contact,
    ContactNoted,
    ContactTakenBack,
    Reason,
    ReportAsked,
    Standing,
    contact_due,
    report_due,
    standing,
)
from content.identifiers import ContactId, MemberId, OrganisationId, UserId
from content.members import Member
from content.organisations import RIGHTS, Right
from content.thought_reports import Readers
from storage import members as roster
from storage import settings
from storage.members import members
from storage.organisations import duties_over, organisations, within
from storage.tables import Instant, metadata
from storage.thought_reports import thought_reports
from storage.unit import AnyRow, Reading, Writing

away = Table(
    "away",
    metadata,
    Column("member_id", ForeignKey("members.id"), primary_key=True),
    Column("since", Date, nullable=False),
    Column("abroad", Boolean, nullable=False),
    Column("reason", String(10), nullable=False),
    Column("returns_on", Date),
    Column("card", String(40), nullable=False),
    Column("host", String(80), nullable=False),
    Column("contact_id", ForeignKey("members.id"), index=True),
    Column("noted_by", String(255), nullable=False),
    Column("noted_at", Instant, nullable=False),
    Column("asked_for", Date),
)
"""``asked_for`` is the newest day on which a report was due and its person was told."""

away_contacts = Table(
    "away_contacts",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("member_id", ForeignKey("members.id"), nullable=False, index=True),
    Column("on_day", Date, nullable=False),
    Column("by_user", String(255), nullable=False),
    Column("noted_at", Instant, nullable=False),
)


class Line(Struct, frozen=True, kw_only=True):
    """One who is away as the register has them; ``reports`` are the days on which reports came, oldest first.

    Days are by the clock of the branch.
    """

    member: Member
    standing: Standing
    away: Away | None
    contact: Member | None
    contacts: tuple[Contact, ...]
    reports: tuple[date, ...]
    report_due: date | None
    contact_due: date | None
    asked_for: date | None = None


def _away(row: AnyRow) -> Away:
    return Away(
        member=MemberId(row.member_id),
        since=row.since,
        abroad=row.abroad,
        reason=Reason(row.reason),
        returns=row.returns_on,
        card=row.card,
        host=row.host,
        contact=MemberId(row.contact_id) if row.contact_id else None,
    )


async def of(unit: Reading, member: MemberId) -> Away | None:
    """Return what is noted of one who is away."""
    row = await unit.first(select(away).where(away.c.member_id == member))
    return _away(row) if row else None


async def contacts_of(unit: Reading, member: MemberId) -> tuple[Contact, ...]:
    """Return when there was contact with somebody, oldest first."""
    return (await _contacts(unit, [member])).get(member, ())


async def _contacts(unit: Reading, ids: Iterable[MemberId]) -> dict[MemberId, tuple[Contact, ...]]:
    found: dict[MemberId, tuple[Contact, ...]] = {}
    query = select(away_contacts).where(away_contacts.c.member_id.in_(list(ids)))
    for row in await unit.rows(query.order_by(away_contacts.c.on_day, away_contacts.c.id)):
        one = Contact(id=ContactId(row.id), member=MemberId(row.member_id), on=row.on_day, by=UserId(row.by_user))
        found[one.member] = (*found.get(one.member, ()), one)
    return found


async def reviewer(unit: Reading, member: MemberId) -> UserId | None:
    """Return the account of who keeps contact with somebody, while that is a member."""
    query = select(members.c.user_id).join(away, away.c.contact_id == members.c.id)
    found = await unit.value(query.where(away.c.member_id == member, members.c.left_at.is_(None)))
    return UserId(found) if found else None


async def readers(unit: Reading, member: Member, *, address: str) -> Readers:
    """Return who is told that somebody's report came: who keeps contact where they have a duty there, else the nearest
    who read reports there. Never its author."""
    over = [duty for duty in await duties_over(unit, member.organisation) if duty.user != member.user]
    contact = await reviewer(unit, member.id)
    if any(duty.user == contact and Right.READ in RIGHTS[duty.role] for duty in over):
        known = await roster.by_user(unit, UserId(str(contact)))
        return Readers(told=(UserId(str(contact)),), contact=known.name if known else "", address=address)
    able = [duty for duty in over if Right.READ_REPORTS in RIGHTS[duty.role]]
    nearest = dict.fromkeys(duty.user for duty in able if duty.organisation == able[0].organisation)
    return Readers(told=tuple(nearest), address=address)


async def register(unit: Reading, roots: Iterable[OrganisationId], *, today: date) -> tuple[Line, ...]:
    """Return everybody at or below the roots who is away, by name: noted here, or only known so by the roster."""
    query = (
        select(members.c.id.label("person"), away)
        .outerjoin(away, away.c.member_id == members.c.id)
        .where(
            within(members.c.organisation_id, roots),
            members.c.left_at.is_(None),
            or_(members.c.floating.is_(True), away.c.member_id.is_not(None)),
        )
        .order_by(members.c.name, members.c.id)
    )
    return await _lines(unit, await unit.rows(query), today)


async def line(unit: Reading, member: Member, *, today: date) -> Line:
    """Return one person as the register has them, also who is not away."""
    query = select(members.c.id.label("person"), away).outerjoin(away, away.c.member_id == members.c.id)
    (found,) = await _lines(unit, await unit.rows(query.where(members.c.id == member.id)), today)
    return found


async def _lines(unit: Reading, rows: Iterable[AnyRow], today: date) -> tuple[Line, ...]:
    rows = list(rows)
    ids = [MemberId(row.person) for row in rows]
    wanted = {*ids, *(MemberId(row.contact_id) for row in rows if row.contact_id)}
    people = {one.id: one for one in await roster.by_ids(unit, wanted)}
    contacts, reports = await _contacts(unit, ids), await _reports(unit, ids)
    rules = await _rules(unit, {one.organisation for one in people.values()})
    found = []
    for row in rows:
        member = people[MemberId(row.person)]
        noted = _away(row) if row.member_id is not None else None
        months, zone = rules[member.organisation]
        met = contacts.get(member.id, ())
        came = tuple(at.astimezone(zone).date() for at in reports.get(member.id, ()))
        last = came[-1] if came else None
        found.append(
            Line(
                member=member,
                standing=standing(noted, member, today),
                away=noted,
                contact=people.get(noted.contact) if noted is not None and noted.contact is not None else None,
                contacts=met,
                reports=came,
                report_due=report_due(noted, last, months=months) if noted else None,
                contact_due=contact_due(noted, met[-1].on if met else None) if noted else None,
                asked_for=row.asked_for,
            )
        )
    return tuple(found)


async def _rules(unit: Reading, places: Collection[OrganisationId]) -> dict[OrganisationId, tuple[int, ZoneInfo]]:
    """Return every how many months each place looks for a report, and its clock."""
    months = await settings.values_of(unit, places, SETTING)
    query = select(organisations.c.id, organisations.c.timezone).where(organisations.c.id.in_(list(places)))
    zones = {OrganisationId(row.id): ZoneInfo(row.timezone) for row in await unit.rows(query)}
    return {place: (int(months[place]), zones[place]) for place in places}


async def _reports(unit: Reading, ids: Iterable[MemberId]) -> dict[MemberId, tuple[datetime, ...]]:
    found: dict[MemberId, tuple[datetime, ...]] = {}
    came = thought_reports.c.handed_in_at
    kept = {one: one for one in ids}
    new = set(kept)
    while new:
        rows = await unit.rows(
            select(members.c.id, members.c.merged_into).where(members.c.merged_into.in_(sorted(new)))
        )
        new = {MemberId(row.id) for row in rows if row.id not in kept}
        kept |= {MemberId(row.id): kept[row.merged_into] for row in rows if row.id in new}
    query = select(thought_reports.c.member_id, came).where(
        thought_reports.c.member_id.in_(list(kept)), came.is_not(None)
    )
    for row in await unit.rows(query.order_by(came)):
        one = kept[row.member_id]
        found[one] = (*found.get(one, ()), row.handed_in_at)
    return found


class Due(Struct, frozen=True, kw_only=True):
    """How many at a place stand as 拟登记流动, and with how many of those abroad contact is due."""

    proposed: int
    contact: int


async def due(unit: Reading, roots: Iterable[OrganisationId], *, today: date) -> Due:
    """Count what the register has due on a day."""
    lines = await register(unit, roots, today=today)
    return Due(
        proposed=sum(one.standing is Standing.PROPOSED for one in lines),
        contact=sum(one.contact_due is not None and one.contact_due <= today for one in lines),
    )


async def noted(unit: Reading) -> tuple[MemberId, ...]:
    """Return everybody of whom is noted that they are away and who can be told something."""
    query = select(away.c.member_id).join(members, members.c.id == away.c.member_id)
    rows = await unit.rows(query.where(members.c.left_at.is_(None), members.c.user_id.is_not(None)))
    return tuple(MemberId(row.member_id) for row in rows)


async def write_noted(unit: Writing, fact: AwayNoted) -> None:
    """Keep what is known of one who is away; what they were told stays known."""
    one = fact.away
    values = {
        "member_id": one.member,
        "since": one.since,
        "abroad": one.abroad,
        "reason": one.reason,
        "returns_on": one.returns,
        "card": one.card,
        "host": one.host,
        "contact_id": one.contact,
        "noted_by": fact.by,
        "noted_at": fact.at,
    }
    await unit.put(away, values, key=["member_id"])


async def write_ended(unit: Writing, fact: AwayEnded) -> None:
    """Forget what was noted."""
    await unit.execute(away_contacts.delete().where(away_contacts.c.member_id == fact.member))
    await unit.execute(away.delete().where(away.c.member_id == fact.member))


async def write_contact(unit: Writing, fact: ContactNoted) -> None:
    """Keep a contact."""
    one = fact.contact
    values = {"id": one.id, "member_id": one.member, "on_day": one.on, "by_user": one.by, "noted_at": fact.at}
    await unit.add(away_contacts, values)


async def write_contact_gone(unit: Writing, fact: ContactTakenBack) -> None:
    """Forget a contact."""
    await unit.execute(away_contacts.delete().where(away_contacts.c.id == fact.contact))


async def write_asked(unit: Writing, fact: ReportAsked) -> None:
    """Remember for which day somebody was told."""
    await unit.execute(update(away).where(away.c.member_id == fact.member).values(asked_for=fact.due))


async def forget_departed(unit: Writing, before: datetime) -> None:
    """Forget what was noted of who has left the roster so long ago."""
    gone = select(members.c.id).where(members.c.left_at < before)
    for table in (away_contacts, away):
        await unit.execute(table.delete().where(table.c.member_id.in_(gone)))
