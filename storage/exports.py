"""Files that people asked for: which are being made, and the ones that wait, each sealed under a key of its own."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Column, Integer, LargeBinary, String, Table, or_, select, update

from content.exports import (
    LEASE,
    Export,
    ExportAsked,
    Exported,
    ExportFailed,
    ExportMade,
    ExportMoved,
    ExportsForgotten,
    ExportTaken,
    State,
)
from content.identifiers import ExportId, UserId
from storage.tables import Instant, metadata
from storage.unit import AnyRow, Reading, Writing
from storage.vault import Unreadable

exports = Table(
    "exports",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("user_id", String(255), nullable=False, index=True),
    Column("what", String(60), nullable=False),
    Column("standing", String(64), nullable=False),
    Column("language", String(8), nullable=False),
    Column("state", String(8), nullable=False),
    Column("asked_at", Instant, nullable=False),
    Column("until", Instant, nullable=False, index=True),
    Column("done", Integer, nullable=False),
    Column("total", Integer, nullable=False),
    Column("file", String(120), nullable=False),
    Column("kind", String(120), nullable=False),
    Column("tries", Integer, nullable=False),
    Column("worker", String(40)),
    Column("lease_until", Instant),
    Column("sealed_key", LargeBinary),
    Column("asked", LargeBinary),
    Column("sealed", LargeBinary),
)
"""One row for each file from when it is asked for until it is fetched or its time is over.

``asked``, the address that makes it, and ``sealed``, its bytes, open by the key of the row alone.
"""

_PLAIN = [column for column in exports.c if column.name not in ("sealed_key", "asked", "sealed")]


def _export(row: AnyRow) -> Export:
    return Export(
        id=ExportId(row.id),
        user=UserId(row.user_id),
        what=row.what,
        standing=row.standing,
        language=row.language,
        asked_at=row.asked_at,
        until=row.until,
        state=State(row.state),
        done=row.done,
        total=row.total,
        file=row.file,
        kind=row.kind,
        tries=row.tries,
    )


async def exports_of(unit: Reading, user: UserId) -> Sequence[Export]:
    """Return the files of a person, the newest first."""
    mine = (exports.c.user_id == user, exports.c.until > unit.now)
    query = select(*_PLAIN).where(*mine).order_by(exports.c.asked_at.desc(), exports.c.id)
    return [_export(row) for row in await unit.rows(query)]


async def export(unit: Reading, id: ExportId, user: UserId) -> Export | None:  # noqa: A002
    """Return a person's own file."""
    mine = (exports.c.id == id, exports.c.user_id == user, exports.c.until > unit.now)
    row = await unit.first(select(*_PLAIN).where(*mine))
    return _export(row) if row else None


async def taken(unit: Reading, worker: str) -> tuple[Export, str | None] | None:
    """Return the file that a worker has taken on, with the address that makes it, if that can still be read."""
    mine = (exports.c.worker == worker, exports.c.state == State.ASKED, exports.c.until > unit.now)
    row = await unit.first(select(exports).where(*mine).limit(1))
    if row is None:
        return None
    try:
        return _export(row), unit.vault.open_under(row.sealed_key, row.asked, *_place(row, "asked")).decode()
    except Unreadable:
        return _export(row), None


async def waits(unit: Reading) -> bool:
    """Tell whether there is a file to be made, or one whose time is over."""
    free = (exports.c.state == State.ASKED) & or_(exports.c.lease_until.is_(None), exports.c.lease_until <= unit.now)
    return await unit.first(select(exports.c.id).where(free | (exports.c.until <= unit.now)).limit(1)) is not None


async def path_of(unit: Reading, export: Export) -> str:
    """Return the address that made a file. Raises Unreadable."""
    query = select(exports.c.id, exports.c.user_id, exports.c.sealed_key, exports.c.asked)
    row = await unit.first(query.where(exports.c.id == export.id))
    if row is None:
        raise Unreadable
    return unit.vault.open_under(row.sealed_key, row.asked, *_place(row, "asked")).decode()


async def data_of(unit: Reading, export: Export) -> bytes:
    """Return the bytes of a file that is ready. Raises Unreadable."""
    query = select(exports.c.id, exports.c.user_id, exports.c.sealed_key, exports.c.sealed)
    row = await unit.first(query.where(exports.c.id == export.id))
    if row is None:
        raise Unreadable
    return unit.vault.open_under(row.sealed_key, row.sealed, *_place(row, "sealed"))


def _place(row: AnyRow, column: str) -> tuple[str, ...]:
    return "exports", column, row.id, row.user_id


async def write_asked(unit: Writing, fact: ExportAsked) -> None:
    """Keep what was asked for, under a new key."""
    one = fact.export
    key = unit.vault.own_key()
    asked = unit.vault.seal_under(key, fact.path.encode(), "exports", "asked", one.id, one.user)
    row = {
        "id": one.id,
        "user_id": one.user,
        "what": one.what,
        "standing": one.standing,
        "language": one.language,
        "state": one.state,
        "asked_at": one.asked_at,
        "until": one.until,
        "done": 0,
        "total": one.total,
        "file": "",
        "kind": "",
        "tries": 0,
        "sealed_key": key,
        "asked": asked,
    }
    await unit.add(exports, row)


async def write_taken(unit: Writing, fact: ExportTaken) -> None:
    """Give the oldest file that nobody makes to a worker; one that was tried too often is given to nobody."""
    free = (
        exports.c.state == State.ASKED,
        exports.c.until > fact.at,
        or_(exports.c.lease_until.is_(None), exports.c.lease_until <= fact.at),
    )
    oldest = select(exports.c.id).where(*free).order_by(exports.c.asked_at, exports.c.id).limit(1).scalar_subquery()
    changed = {"worker": fact.worker, "lease_until": fact.at + LEASE, "tries": exports.c.tries + 1, "done": 0}
    await unit.execute(update(exports).where(exports.c.worker == fact.worker).values(worker=None))
    await unit.execute(update(exports).where(exports.c.id == oldest).values(**changed))


async def write_moved(unit: Writing, fact: ExportMoved) -> None:
    """Remember how far a worker has come."""
    own = (exports.c.id == fact.export, exports.c.worker == fact.worker)
    change = update(exports).where(*own)
    await unit.execute(change.values(done=fact.done, total=fact.total, lease_until=fact.at + LEASE))


async def write_made(unit: Writing, fact: ExportMade) -> None:
    """Keep a file, sealed."""
    own = exports.c.id == fact.export
    row = await unit.first(select(exports.c.id, exports.c.user_id, exports.c.sealed_key).where(own))
    if row is None:
        return
    sealed = unit.vault.seal_under(row.sealed_key, fact.data, *_place(row, "sealed"))
    values = {"file": fact.file, "kind": fact.kind, "done": fact.rows, "total": fact.rows, "sealed": sealed}
    await unit.execute(update(exports).where(own).values(state=State.READY, until=fact.until, worker=None, **values))


async def write_failed(unit: Writing, fact: ExportFailed) -> None:
    """Remember that a file could not be made, and nothing of what was to be in it."""
    nothing = {"sealed_key": None, "asked": None, "sealed": None, "worker": None}
    change = update(exports).where(exports.c.id == fact.export)
    await unit.execute(change.values(state=State.FAILED, until=fact.until, **nothing))


async def write_exported(unit: Writing, fact: Exported) -> None:
    """Let go of a file that was fetched; of all others the row of record is what is kept."""
    if fact.export is not None:
        await unit.execute(exports.delete().where(exports.c.id == fact.export))


async def write_forgotten(unit: Writing, fact: ExportsForgotten) -> None:
    """Let go of files whose time is over."""
    await forget_past(unit, fact.at)


async def forget_past(unit: Writing, at: datetime) -> None:
    """Let go of files whose time is over."""
    await unit.execute(exports.delete().where(exports.c.until <= at))


async def forget_all(unit: Writing) -> None:
    """Let go of every file, because the key above theirs goes."""
    await unit.execute(exports.delete())
