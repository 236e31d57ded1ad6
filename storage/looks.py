"""Who looked at whose record, for a year."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

from msgspec import Struct
from sqlalchemy import Column, Date, Index, Integer, String, Table, func, or_, select

from content.identifiers import MemberId, OrganisationId, UserId
from content.looks import SPAN, Duty, Looked
from content.organisations import Role
from storage.members import members
from storage.organisations import duties, organisation_closure
from storage.tables import Instant, Sequence, metadata
from storage.unit import Reading, Writing

KEPT = timedelta(days=366)
"""How long a person is told who looked."""

MOST_SHOWN = 200

looks = Table(
    "looks",
    metadata,
    Column("number", Sequence, primary_key=True, autoincrement=True),
    Column("user_id", String(255), nullable=False),
    # No foreign key: what was seen of a member who is taken out again was seen all the same.
    Column("member_id", String(32), index=True),
    Column("place", String(32), index=True),
    Column("what", String(20), nullable=False),
    Column("people", Integer, nullable=False),
    Column("at", Instant, nullable=False, index=True),
    Column("day", Date),
    Index("ix_looks_user_id_at", "user_id", "at"),
)


class Look(Struct, frozen=True, kw_only=True):
    """One look as the person looked at is told of it."""

    at: datetime
    user: UserId
    name: str | None
    what: str
    day: date | None = None


def about(member: MemberId, organisation: OrganisationId) -> Any:
    """Return the condition that a look was at a member, alone or in a file of everyone in a place above them."""
    above = select(organisation_closure.c.ancestor_id).where(organisation_closure.c.descendant_id == organisation)
    return or_(looks.c.member_id == member, looks.c.place.in_(above))


async def looks_at(unit: Reading, member: MemberId, organisation: OrganisationId) -> tuple[Look, ...]:
    """Return who looked at a member, newest first."""
    query = (
        select(looks, members.c.name)
        .outerjoin(members, members.c.user_id == looks.c.user_id)
        .where(about(member, organisation))
        .order_by(looks.c.number.desc())
        .limit(MOST_SHOWN)
    )
    return tuple(
        Look(at=row.at, user=row.user_id, name=row.name, what=row.what, day=row.day) for row in await unit.rows(query)
    )


async def seen_lately(unit: Reading, user: UserId) -> int:
    """Return how many people somebody looked at within the last hour, each of one person's pages once."""
    mine = (looks.c.user_id == user, looks.c.at > unit.now - SPAN)
    single = await unit.value(select(func.count(func.distinct(looks.c.member_id))).where(*mine))
    many = await unit.value(select(func.sum(looks.c.people)).where(*mine, looks.c.member_id.is_(None)))
    return int(single or 0) + int(many or 0)


async def leading(unit: Reading, place: OrganisationId) -> tuple[Duty, ...]:
    """Return who leads at a place and above it."""
    query = (
        select(duties.c.user_id, organisation_closure.c.depth)
        .join(organisation_closure, organisation_closure.c.ancestor_id == duties.c.organisation_id)
        .where(
            organisation_closure.c.descendant_id == place,
            duties.c.role.in_([Role.SECRETARY, Role.ORGANISING_MEMBER]),
        )
    )
    return tuple(Duty(user=UserId(row.user_id), above=row.depth) for row in await unit.rows(query))


async def write_looked(unit: Writing, fact: Looked) -> None:
    """Keep a look."""
    values = {"user_id": fact.user, "member_id": fact.member, "place": fact.place, "what": fact.what}
    await unit.add(looks, {**values, "people": fact.number, "at": fact.at, "day": fact.day})


async def forget_past(unit: Writing, now: datetime) -> None:
    """Forget looks that nobody is told of any more."""
    await unit.execute(looks.delete().where(looks.c.at < now - KEPT))
