"""Addresses of calendars to subscribe to: only the hash of each secret."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, String, Table, select

from content.feeds import Feed, FeedMade, FeedRevoked, Sort
from content.identifiers import OrganisationId, UserId
from storage.members import members
from storage.organisations import duties, organisation_closure
from storage.tables import Instant, metadata
from storage.unit import AnyRow, Reading, Writing

feeds = Table(
    "feeds",
    metadata,
    Column("hash", String(64), primary_key=True),
    Column("sort", String(8), nullable=False),
    Column("user_id", String(255), nullable=False, index=True),
    Column("organisation_id", ForeignKey("organisations.id"), nullable=False),
    Column("made_at", Instant, nullable=False),
)


async def feed(unit: Reading, hash: str) -> Feed | None:  # noqa: A002
    """Return the feed to which a secret leads."""
    row = await unit.first(select(feeds).where(feeds.c.hash == hash))
    return _feed(row) if row is not None else None


async def of_person(unit: Reading, user: UserId) -> tuple[Feed, ...]:
    """Return the addresses of a person, the newest first."""
    query = select(feeds).where(feeds.c.user_id == user).order_by(feeds.c.made_at.desc(), feeds.c.hash)
    return tuple(_feed(row) for row in await unit.rows(query))


async def places_of(unit: Reading, user: UserId) -> tuple[OrganisationId, ...]:
    """Return where a person stands: by the roster and by their duties, at this moment."""
    stands = select(members.c.organisation_id).where(members.c.user_id == user, members.c.left_at.is_(None))
    leads = select(duties.c.organisation_id).where(duties.c.user_id == user)
    return tuple(sorted({row[0] for query in (stands, leads) for row in await unit.rows(query)}))


async def reach(unit: Reading, user: UserId, node: OrganisationId) -> tuple[OrganisationId, ...]:
    """Return what a person still reads of a node: all of it from there or above, from below only their own places."""
    own = list(await places_of(unit, user))
    path = organisation_closure.c
    above = select(path.ancestor_id).where(path.ancestor_id.in_(own), path.descendant_id == node)
    if await unit.first(above.limit(1)) is not None:
        return (node,)
    below = select(path.descendant_id).where(path.descendant_id.in_(own), path.ancestor_id == node)
    return tuple(OrganisationId(row[0]) for row in await unit.rows(below.order_by(path.descendant_id)))


def _feed(row: AnyRow) -> Feed:
    return Feed(
        hash=row.hash, sort=Sort(row.sort), user=row.user_id, organisation=row.organisation_id, made_at=row.made_at
    )


async def write_made(unit: Writing, fact: FeedMade) -> None:
    """Keep an address."""
    one = fact.feed
    await unit.add(
        feeds,
        {
            "hash": one.hash,
            "sort": one.sort,
            "user_id": one.user,
            "organisation_id": one.organisation,
            "made_at": one.made_at,
        },
    )


async def write_revoked(unit: Writing, fact: FeedRevoked) -> None:
    """Forget an address."""
    await unit.execute(feeds.delete().where(feeds.c.hash == fact.hash))
