"""What is said to whoever comes into a room, by the nearest node that says something, and who has heard it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from sqlalchemy import Column, ForeignKey, String, Table, delete, func, select

from content.greetings import WITHIN, Greeted, Greeting, GreetingDropped, GreetingSet, Way
from content.identifiers import OrganisationId, RoomId, UserId
from storage.organisations import organisation_closure, within
from storage.tables import Instant, metadata
from storage.unit import AnyRow, Reading, Writing

KEPT = timedelta(days=365)
"""How long it is kept that somebody was greeted; who comes again later is greeted again."""

greetings = Table(
    "greetings",
    metadata,
    Column("organisation_id", ForeignKey("organisations.id"), primary_key=True),
    Column("text", String(500), nullable=False),
    Column("rules", String(1500), nullable=False),
    Column("way", String(10), nullable=False),
    Column("by_user", String(255), nullable=False),
    Column("at", Instant, nullable=False),
)

greeted = Table(
    "greeted",
    metadata,
    Column("room_id", String(255), primary_key=True),
    Column("user_id", String(255), primary_key=True),
    Column("at", Instant, nullable=False, index=True),
)


def _greeting(row: AnyRow) -> Greeting:
    return Greeting(
        organisation=OrganisationId(row.organisation_id),
        text=row.text,
        rules=row.rules,
        way=Way(row.way),
        by=UserId(row.by_user),
        at=row.at,
    )


async def chosen(unit: Reading, roots: Iterable[OrganisationId]) -> tuple[Greeting, ...]:
    """Return what nodes at or below the roots say themselves."""
    query = select(greetings).where(within(greetings.c.organisation_id, roots))
    return tuple(_greeting(row) for row in await unit.rows(query.order_by(greetings.c.organisation_id)))


async def nearest(unit: Reading, node: OrganisationId) -> Greeting | None:
    """Return what is said in the rooms of a node: by itself, else by the nearest above it."""
    above = organisation_closure
    query = (
        select(greetings)
        .join(above, above.c.ancestor_id == greetings.c.organisation_id)
        .where(above.c.descendant_id == node)
        .order_by(above.c.depth)
    )
    row = await unit.first(query.limit(1))
    return _greeting(row) if row else None


async def was_greeted(unit: Reading, room: RoomId, user: UserId) -> bool:
    """Tell whether somebody was greeted in a room, and that is not long ago."""
    query = select(greeted.c.at).where(greeted.c.room_id == room, greeted.c.user_id == user)
    return await unit.value(query) is not None


async def lately(unit: Reading, room: RoomId) -> int:
    """Return how many came into a room within the last minutes."""
    query = select(func.count()).where(greeted.c.room_id == room, greeted.c.at > unit.now - WITHIN)
    return int(await unit.value(query) or 0)


async def write_set(unit: Writing, fact: GreetingSet) -> None:
    """Keep what a node says."""
    one = fact.greeting
    row = {"text": one.text, "rules": one.rules, "way": one.way, "by_user": one.by, "at": one.at}
    await unit.put(greetings, {"organisation_id": one.organisation, **row}, key=["organisation_id"])


async def write_dropped(unit: Writing, fact: GreetingDropped) -> None:
    """Forget what a node said."""
    await unit.execute(delete(greetings).where(greetings.c.organisation_id == fact.organisation))


async def write_greeted(unit: Writing, fact: Greeted) -> None:
    """Keep who came in."""
    await unit.put(greeted, {"room_id": fact.room, "user_id": fact.user, "at": fact.at}, key=["room_id", "user_id"])


async def forget_past(unit: Writing, now: datetime) -> None:
    """Forget who came in long ago."""
    await unit.execute(delete(greeted).where(greeted.c.at < now - KEPT))
