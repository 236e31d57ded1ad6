"""The two databases we run on, and what differs between them in a transaction."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from content.trouble import Exit, Trouble
from storage.sqlite_library import may_use_wal, use_bundled

use_bundled()

import sqlite3  # noqa: E402  (only after the better library is in its place)

from sqlalchemy import Engine, create_engine, event  # noqa: E402
from sqlalchemy.engine import URL, make_url  # noqa: E402
from sqlalchemy.exc import ArgumentError  # noqa: E402

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

WRITE = {"zhibu_write": True}
"""Execution option of connections that will write: they queue for the one writer's place at once."""

BESIDE = ("", "-wal", "-shm", "-journal", ".lock")
"""What the names of a SQLite file and of the files beside it end in."""

SQLITE = {"timeout": 10, "check_same_thread": False, "cached_statements": 400}
"""A connection is used by one thread at a time, but not always by the one that opened it."""

WRITER_LOCK = 0x5A48494255
"""The advisory lock of PostgreSQL on which writers queue; it spells ZHIBU."""

CONNECTIONS = 14
"""As many as may be held at once: by the writer, four readers of the loop, eight of the console, and one to spare."""


def trouble(key: str, **parameters: str) -> Trouble:
    """Return the trouble of a database that cannot be used as it is."""
    return Trouble(Exit.DATABASE, f"database.{key}", **parameters)


def open_engine(address: str) -> AsyncEngine:
    """Return an engine for ``sqlite:///FILE`` or ``postgresql://…``; nothing is connected yet.

    Raises Trouble for any other address.
    """
    # What moves and checks databases waits on the loop; a program that serves a branch need not hold all of it.
    from sqlalchemy.ext.asyncio import create_async_engine

    url, options = _understood(address)
    driver = "sqlite+aiosqlite" if url.get_backend_name() == "sqlite" else "postgresql+psycopg"
    engine = create_async_engine(url.set(drivername=driver), pool_size=8, **options)
    _prepare(engine.sync_engine)
    return engine


def open_working_engine(address: str) -> Engine:
    """Return an engine for threads, each of which waits for its own statements; otherwise as ``open_engine``.

    A statement that is awaited from the loop is handed to a thread and back several times, which costs more than
    most statements take.
    """
    url, options = _understood(address)
    driver = "sqlite+pysqlite" if url.get_backend_name() == "sqlite" else "postgresql+psycopg"
    # The connection that was used last is taken first: few stay open, and theirs are the caches that know the answer.
    engine = create_engine(url.set(drivername=driver), pool_size=CONNECTIONS, pool_use_lifo=True, **options)
    _prepare(engine)
    return engine


def sqlite_file(address: str) -> Path | None:
    """Return the file behind a SQLite address, ``None`` for any other database."""
    url = make_url(address)
    return Path(url.database) if url.get_backend_name() == "sqlite" and url.database else None


def remove_database(file: Path) -> None:
    """Remove a SQLite file with everything that SQLite and we keep beside it."""
    for ending in BESIDE:
        file.with_name(file.name + ending).unlink(missing_ok=True)


def _understood(address: str) -> tuple[URL, dict[str, Any]]:
    """Return an address and what its engine is made with."""
    try:
        url = make_url(address)
    except ArgumentError:
        raise trouble("no_address") from None
    if url.get_backend_name() == "sqlite":
        if not url.database or url.database == ":memory:":
            raise trouble("no_file")
        return url, {"connect_args": SQLITE, "hide_parameters": True}
    if url.get_backend_name() == "postgresql":
        return url, {"pool_pre_ping": True, "hide_parameters": True}
    raise trouble("unsupported", engine=url.get_backend_name())


def _prepare(engine: Engine) -> None:
    if engine.dialect.name == "sqlite":
        _prepare_sqlite(engine)
    else:
        _prepare_postgresql(engine)


def _prepare_sqlite(engine: Engine) -> None:
    wal = may_use_wal(sqlite3.sqlite_version_info)

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: object) -> None:
        connection.isolation_level = None
        try:
            cursor = connection.cursor()
            # Either pair survives a power cut with nothing acknowledged lost.
            cursor.execute("PRAGMA journal_mode=WAL" if wal else "PRAGMA journal_mode=DELETE")
            cursor.execute("PRAGMA synchronous=FULL" if wal else "PRAGMA synchronous=EXTRA")
            cursor.execute("PRAGMA foreign_keys=ON")
            cursor.execute("PRAGMA secure_delete=ON")
            # In kilobytes, for each connection: what is not in it lies in the system's cache, which all of them share.
            cursor.execute("PRAGMA cache_size=-2000")
            # What only a rollback or a sort needs is nothing to outlive the process.
            cursor.execute("PRAGMA temp_store=MEMORY")
            cursor.close()
        except BaseException:
            # The pool does not close what it never came to hold; left alone, its thread outlives the loop.
            connection.close()
            raise

    @event.listens_for(engine, "begin")
    def begin(connection: Any) -> None:
        # A read transaction that later writes fails at once when another wrote meanwhile, whatever the timeout.
        write = connection.get_execution_options().get("zhibu_write")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")


def _prepare_postgresql(engine: Engine) -> None:
    @event.listens_for(engine, "begin")
    def begin(connection: Any) -> None:
        # Under SERIALIZABLE four writers fail each other; one lock lets them queue.
        if connection.get_execution_options().get("zhibu_write"):
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({WRITER_LOCK})")
        else:
            # All questions of one reading see the same moment, as they do on SQLite.
            connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")


MAY_PASS = ("08", "40", "53", "55P03", "57", "58")
"""How PostgreSQL's codes begin for conflicts, a lack of something, a limit of time and troubles of the disk."""

SQLITE_MAY_PASS = frozenset({5, 6, 7, 8, 10, 13, 14})
"""SQLite's codes for busy, locked, no memory, not writable, an error of the disk, a full one, and no descriptor."""


def may_pass(error: Exception) -> bool:
    """Tell whether a statement failed for what the database lacked at that moment, and not for what it was."""
    cause = getattr(error, "orig", None)
    code, state = getattr(cause, "sqlite_errorcode", None), getattr(cause, "sqlstate", None)
    return (isinstance(state, str) and state.startswith(MAY_PASS)) or (
        isinstance(code, int) and code & 0xFF in SQLITE_MAY_PASS
    )


def first_line(error: Exception) -> str:
    """Return what a driver says, without the statement and the address it was said about."""
    return str(getattr(error, "orig", None) or error).strip().splitlines()[0]
