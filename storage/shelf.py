"""What a person has uploaded but not confirmed: sealed by the console, for a quarter of an hour, for one session."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Column, Integer, LargeBinary, String, Table, select

from content.decision import Fact
from content.sessions import SignedOut
from storage.tables import Instant, metadata
from storage.unit import Reading, Writing

LASTS = timedelta(minutes=15)
MOST_OF_ONE_SESSION = 40
LARGEST_TOTAL_BYTES = 128 * 1024 * 1024

shelf = Table(
    "shelf",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("session_hash", String(64), nullable=False, index=True),
    Column("sealed", LargeBinary, nullable=False),
    Column("size", Integer, nullable=False),
    Column("until", Instant, nullable=False),
)


class Shelved(Fact, frozen=True, kw_only=True):
    """A session has put something on the shelf; ``sealed`` can be opened with what only its person holds.

    ``session_hash`` is the family of the session, which stays when it gets a new id.
    """

    id: str
    session_hash: str
    sealed: bytes
    at: datetime


class Unshelved(Fact, frozen=True, kw_only=True):
    """What lay there is no longer needed."""

    id: str
    session_hash: str


async def sealed(unit: Reading, id: str, session_hash: str) -> bytes | None:  # noqa: A002
    """Return what lies under an id, ``None`` when its time is over or it is somebody else's."""
    mine = (shelf.c.id == id, shelf.c.session_hash == session_hash, shelf.c.until > unit.now)
    value: bytes | None = await unit.value(select(shelf.c.sealed).where(*mine))
    return value


async def write_shelved(unit: Writing, fact: Shelved) -> None:
    """Put something there; the oldest things make room when there are too many."""
    await forget_shelved(unit, fact.at)
    new = {"id": fact.id, "session_hash": fact.session_hash, "sealed": fact.sealed, "size": len(fact.sealed)}
    await unit.add(shelf, {**new, "until": fact.at + LASTS})
    query = select(shelf.c.id, shelf.c.session_hash, shelf.c.size).where(shelf.c.id != fact.id)
    own, total, crowded = 1, len(fact.sealed), list[str]()
    for row in await unit.rows(query.order_by(shelf.c.until.desc())):
        mine = row.session_hash == fact.session_hash
        own, total = own + mine, total + row.size
        if total > LARGEST_TOTAL_BYTES or (mine and own > MOST_OF_ONE_SESSION):
            crowded.append(row.id)
    if crowded:
        await unit.execute(shelf.delete().where(shelf.c.id.in_(crowded)))


async def write_unshelved(unit: Writing, fact: Unshelved) -> None:
    """Forget a thing."""
    await unit.execute(shelf.delete().where(shelf.c.id == fact.id, shelf.c.session_hash == fact.session_hash))


async def write_signed_out(unit: Writing, fact: SignedOut) -> None:
    """Forget everything that a session has left there."""
    await unit.execute(shelf.delete().where(shelf.c.session_hash == fact.family))


async def forget_shelved(unit: Writing, at: datetime) -> None:
    """Forget what nobody has confirmed in time."""
    await unit.execute(shelf.delete().where(shelf.c.until <= at))
