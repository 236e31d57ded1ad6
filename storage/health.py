"""How the whole installation stands, in counts and times: no person, no room, no organisation and no word of anyone."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from msgspec import Struct
from sqlalchemy import func, select, text

from content import health
from content.health import Standing
from storage import heartbeats, sync
from storage.heartbeats import Sign, life, moment
from storage.outbox import State, outbox
from storage.outbox_claims import oldest_due
from storage.sync import checkpoints
from storage.tables import Instant
from storage.unit import Query, Reading

_SIZE: Mapping[str, str] = {
    "sqlite": "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()",
    "postgresql": "SELECT pg_database_size(current_database())",
}
_ENGINE: Mapping[str, str] = {
    "sqlite": "SELECT 'SQLite ' || sqlite_version()",
    "postgresql": "SELECT 'PostgreSQL ' || split_part(current_setting('server_version'), ' ', 1)",
}


class Figures(Struct, frozen=True, kw_only=True):
    """What is known of an installation at one moment.

    ``waiting`` and ``failed`` count rows of the outbox by kind; ``troubles`` gaps, dead letters and unreadable events.
    """

    signs: Mapping[str, Sign]
    heard_at: datetime | None
    oldest_due: datetime | None
    waiting: Mapping[str, int]
    failed: Mapping[str, int]
    troubles: Mapping[str, int]
    bytes: int
    engine: str
    revision: str

    @property
    def beats(self) -> dict[str, tuple[str, datetime]]:
        """Return the last state and time of each part."""
        return {role: (sign.state, sign.at) for role, sign in self.signs.items()}


async def standing(unit: Reading, *, still: float, refused: float) -> Standing:
    """Judge every part by a few cheap questions.

    The asker's loop has not turned for ``still`` seconds, and it could not write anything for ``refused``.
    """
    signs = await heartbeats.signs(unit)
    beats = {role: (sign.state, sign.at) for role, sign in signs.items()}
    due, moved = await oldest_due(unit), moment(signs, "bot", "moved_at")
    return Standing(
        parts={
            "loop": health.loop(still),
            "database": health.database(refused),
            "bot": life("bot", beats, now=unit.now),
            "clock": life("clock", beats, now=unit.now),
            "outbox": health.outbox(due, moved, now=unit.now),
        }
    )


async def figures(unit: Reading) -> Figures:
    """Return everything that is known."""
    query = select(outbox.c.kind, outbox.c.state, func.count().label("n"))
    states = [State.PENDING, State.LEASED, State.FAILED]
    rows = await unit.rows(query.where(outbox.c.state.in_(states)).group_by(outbox.c.kind, outbox.c.state))
    waiting: dict[str, int] = {}
    failed: dict[str, int] = {}
    for row in rows:
        into = failed if row.state == State.FAILED else waiting
        into[row.kind] = into.get(row.kind, 0) + row.n
    heard: Query = select(func.max(checkpoints.c.at, type_=Instant))
    return Figures(
        signs=await heartbeats.signs(unit),
        heard_at=await unit.value(heard),
        oldest_due=await oldest_due(unit),
        waiting=waiting,
        failed=failed,
        troubles=await sync.troubles(unit),
        bytes=await unit.value(text(_SIZE[unit.engine])),
        engine=await unit.value(text(_ENGINE[unit.engine])),
        revision=await unit.value(text("SELECT version_num FROM alembic_version")),
    )
