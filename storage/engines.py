"""The two databases we run on, and all that differs between them."""

from __future__ import annotations

import fcntl
import os
import socket
from pathlib import Path
from typing import Any, Protocol

from content.trouble import Exit, Trouble
from storage.sqlite_library import may_use_wal, use_bundled

use_bundled()

import sqlite3  # noqa: E402  (only after the better library is in its place)

from sqlalchemy import event, text  # noqa: E402
from sqlalchemy.engine import URL, make_url  # noqa: E402
from sqlalchemy.exc import ArgumentError, SQLAlchemyError  # noqa: E402
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine  # noqa: E402

WRITE = {"zhibu_write": True}
"""Execution option of connections that will write: they queue for the one writer's place at once."""

BESIDE = ("", "-wal", "-shm", "-journal", ".lock")
"""What the names of a SQLite file and of the files beside it end in."""

_WRITER_LOCK = 0x5A48494255  # "ZHIBU": the advisory lock of PostgreSQL on which writers queue
_PROCESS_LOCK = _WRITER_LOCK + 1


def trouble(key: str, **parameters: str) -> Trouble:
    """Return the trouble of a database that cannot be used as it is."""
    return Trouble(Exit.DATABASE, f"database.{key}", **parameters)


def open_engine(address: str) -> AsyncEngine:
    """Return an engine for ``sqlite:///FILE`` or ``postgresql://…``; nothing is connected yet.

    Raises Trouble for any other address.
    """
    try:
        url = make_url(address)
    except ArgumentError:
        raise trouble("no_address") from None
    if url.get_backend_name() == "sqlite":
        return _sqlite(url)
    if url.get_backend_name() == "postgresql":
        return _postgresql(url)
    raise trouble("unsupported", engine=url.get_backend_name())


def sqlite_file(address: str) -> Path | None:
    """Return the file behind a SQLite address, ``None`` for any other database."""
    url = make_url(address)
    return Path(url.database) if url.get_backend_name() == "sqlite" and url.database else None


def remove_database(file: Path) -> None:
    """Remove a SQLite file with everything that SQLite and we keep beside it."""
    for ending in BESIDE:
        file.with_name(file.name + ending).unlink(missing_ok=True)


def _sqlite(url: URL) -> AsyncEngine:
    if not url.database or url.database == ":memory:":
        raise trouble("no_file")
    engine = create_async_engine(
        url.set(drivername="sqlite+aiosqlite"), connect_args={"timeout": 10}, pool_size=8, hide_parameters=True
    )
    wal = may_use_wal(sqlite3.sqlite_version_info)

    @event.listens_for(engine.sync_engine, "connect")
    def prepare(connection: Any, _record: object) -> None:
        connection.isolation_level = None
        try:
            cursor = connection.cursor()
            # Either pair survives a power cut with nothing acknowledged lost.
            cursor.execute("PRAGMA journal_mode=WAL" if wal else "PRAGMA journal_mode=DELETE")
            cursor.execute("PRAGMA synchronous=FULL" if wal else "PRAGMA synchronous=EXTRA")
            cursor.execute("PRAGMA foreign_keys=ON")
            cursor.execute("PRAGMA secure_delete=ON")
            cursor.execute("PRAGMA cache_size=-16000")
            cursor.close()
        except BaseException:
            # The pool does not close what it never came to hold; left alone, its thread outlives the loop.
            connection.close()
            raise

    @event.listens_for(engine.sync_engine, "begin")
    def begin(connection: Any) -> None:
        # A read transaction that later writes fails at once when another wrote meanwhile, whatever the timeout.
        write = connection.get_execution_options().get("zhibu_write")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")

    return engine


def _postgresql(url: URL) -> AsyncEngine:
    engine = create_async_engine(
        url.set(drivername="postgresql+psycopg"), pool_size=8, pool_pre_ping=True, hide_parameters=True
    )

    @event.listens_for(engine.sync_engine, "begin")
    def begin(connection: Any) -> None:
        # Under SERIALIZABLE four writers fail each other; one lock lets them queue.
        options = connection.get_execution_options()
        if options.get("isolation_level") == "AUTOCOMMIT":
            return
        if options.get("zhibu_write"):
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_WRITER_LOCK})")
        else:
            # All questions of one reading see the same moment, as they do on SQLite.
            connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")

    return engine


class Claim(Protocol):
    """The right to be the one process that writes, held until closed."""

    async def close(self) -> None:
        """Give the right back."""


async def claim(engine: AsyncEngine, file: Path | None) -> Claim:
    """Take the one writer's place. Raises Trouble, naming the holder where that is known, when it is taken."""
    return FileClaim(file) if file is not None else await ServerClaim.take(engine)


class ServerClaim:
    """The right to be the one process that writes a PostgreSQL database: a lock that lasts as its connection."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    @classmethod
    async def take(cls, engine: AsyncEngine) -> ServerClaim:
        """Take the claim; raises Trouble when another process has it or the server cannot be reached."""
        where = engine.url.render_as_string(hide_password=True)
        connection = engine.connect()
        try:
            await connection.start()
            await connection.execution_options(isolation_level="AUTOCOMMIT")
            free = await connection.scalar(text(f"SELECT pg_try_advisory_lock({_PROCESS_LOCK})"))
        except SQLAlchemyError as error:
            raise trouble("unusable", where=where, why=first_line(error)) from None
        if not free:
            await connection.close()
            raise trouble("in_use", file=where, holder="?")
        return cls(connection)

    async def close(self) -> None:
        """Give the claim back."""
        await self._connection.execute(text(f"SELECT pg_advisory_unlock({_PROCESS_LOCK})"))
        await self._connection.close()


def first_line(error: Exception) -> str:
    """Return what a driver says, without the statement and the address it was said about."""
    return str(getattr(error, "orig", None) or error).strip().splitlines()[0]


class FileClaim:
    """The right to be the one process that writes a SQLite file."""

    def __init__(self, file: Path) -> None:
        """Take the claim; raises Trouble naming the holder when another process has it."""
        self._path = file.with_name(file.name + ".lock")
        try:
            self._handle = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise trouble("not_writable", file=str(file), why=error.strerror or "") from None
        try:
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            holder = os.pread(self._handle, 200, 0).decode(errors="replace").strip() or "?"
            os.close(self._handle)
            raise trouble("in_use", file=str(file), holder=holder) from None
        # Nobody else on the machine may read what the branch remembers; the files beside it take over this mode.
        try:
            os.close(os.open(file, os.O_RDWR | os.O_CREAT, 0o600))
        except OSError as error:
            os.close(self._handle)
            raise trouble("unusable", where=str(file), why=error.strerror or "") from None
        os.ftruncate(self._handle, 0)
        os.pwrite(self._handle, f"process {os.getpid()} on {socket.gethostname()}".encode(), 0)

    async def close(self) -> None:
        """Give the claim back."""
        os.close(self._handle)
