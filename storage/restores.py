"""When this database was put back from a backup, and so what may have happened in a life that it knows nothing of.

Whatever has its cause before the restore may have been sent already, by a device that is gone; it is looked for in its
room before it is sent. What is due or was said in that time is dealt with as of then, so that the same causes make the
same identifiers and find what they made before.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Column, Table, func, select

from content.decision import Fact
from storage.sessions import sessions, sign_in_links
from storage.tables import Instant, metadata
from storage.unit import Reading, Writing

restores = Table(
    "restores",
    metadata,
    Column("restored_at", Instant, primary_key=True),
    Column("taken_at", Instant, nullable=False),
)


class Restored(Fact, frozen=True, kw_only=True):
    """The database was put back from a backup that was taken at ``taken_at``."""

    taken_at: datetime
    at: datetime


def last_restore() -> Any:
    """Return the instant of the last restore as a part of a query, nothing where there was none."""
    return select(func.max(restores.c.restored_at, type_=Instant)).scalar_subquery()


async def restored_at(unit: Reading) -> datetime | None:
    """Return when the database was last put back from a backup, if ever."""
    value: datetime | None = await unit.value(select(last_restore()))
    return value


async def write_restored(unit: Writing, fact: Restored) -> None:
    """Remember a restore; who had signed in or got a link must ask for a new one, for it may have ended since."""
    await unit.execute(sessions.delete())
    await unit.execute(sign_in_links.delete())
    await unit.add_missing(restores, {"restored_at": fact.at, "taken_at": fact.taken_at})
