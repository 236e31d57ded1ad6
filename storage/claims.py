"""The right to work on a database: one process on a file; on a server one that drives the bot, and desks beside it."""

from __future__ import annotations

import asyncio
import fcntl
import os
import socket
from collections.abc import Awaitable, Callable
from enum import Enum
from pathlib import Path
from typing import Any, Protocol

import psycopg
import structlog
from sqlalchemy import Connection, text
from sqlalchemy.exc import OperationalError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from storage.engines import WRITER_LOCK, first_line, trouble
from storage.unit import Writing

DRIVER_LOCK = WRITER_LOCK + 1
"""The advisory lock of PostgreSQL that the one process holds which drives the bot."""

TABLES_LOCK = WRITER_LOCK + 2
"""The lock that every desk shares, and that is had alone while tables are changed."""

CHANNEL = "zhibu"
ANSWER_SECONDS = 10
BEAT_SECONDS = 20.0
LONGEST_PAUSE = 30.0

log = structlog.get_logger(__name__)


class Place(Enum):
    """What a process is to a database.

    A ``DRIVER`` drives the bot, keeps time and brings tables up to date; there is one. A ``DESK`` decides what is asked
    of it on pages; on a server there are as many as one likes, beside the driver or without it.
    """

    DRIVER = DRIVER_LOCK
    DESK = TABLES_LOCK


class Claim(Protocol):
    """The right to write, held until closed."""

    async def guard(self, unit: Writing) -> None:
        """Raise Trouble where the right is no longer held in this very transaction."""

    async def announce(self, unit: Writing) -> None:
        """Have the driver told of this transaction as soon as it is committed, if it is another process."""

    async def watch(self, heard: Callable[[], None], regained: Callable[[], Awaitable[None]]) -> None:
        """Keep the right until cancelled, and call ``heard`` for what others announce.

        A right that was lost is taken again when it is free, and ``regained`` is asked whether to go on. Raises Trouble
        when somebody else has it.
        """

    async def close(self) -> None:
        """Give the right back."""


async def claim(engine: AsyncEngine, file: Path | None, place: Place = Place.DRIVER) -> Claim:
    """Take a place at a database. Raises Trouble, naming the holder where that is known, when it is taken.

    A desk at a server waits while tables are being changed there.
    """
    return FileClaim(file) if file is not None else await ServerClaim.take(engine, place)


class FileClaim:
    """The right to be the one process that writes a SQLite file, whatever it does there."""

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
        os.pwrite(self._handle, _name().encode(), 0)

    async def guard(self, unit: Writing) -> None:
        """Do nothing: the lock of a file lasts as long as the process."""

    async def announce(self, unit: Writing) -> None:
        """Do nothing: there is no other process."""

    async def watch(self, heard: Callable[[], None], regained: Callable[[], Awaitable[None]]) -> None:
        """Wait to be cancelled."""
        await asyncio.Event().wait()

    async def close(self) -> None:
        """Give the claim back."""
        os.close(self._handle)


class ServerClaim:
    """A place at a PostgreSQL database: an advisory lock on a connection of its own, on which a driver also listens."""

    def __init__(self, engine: AsyncEngine, place: Place, connection: psycopg.AsyncConnection[Any]) -> None:
        self._engine = engine
        self._place = place
        self._connection = connection
        self._session = connection.info.backend_pid

    @classmethod
    async def take(cls, engine: AsyncEngine, place: Place) -> ServerClaim:
        """Take the place; raises Trouble when another process has it or the server cannot be reached."""
        return cls(engine, place, await _take(engine, place))

    async def guard(self, unit: Writing) -> None:
        """Ask the server itself, so that nothing is written by a process that has not noticed its loss yet."""
        if not await unit.returning(_HELD, {**_key(self._place), "session": self._session}):
            raise trouble("place_lost", where=_where(self._engine))

    async def announce(self, unit: Writing) -> None:
        """Send the notice with the commit; it says only that there is something, so nothing depends on its coming."""
        if self._place is Place.DESK:
            await unit.execute(text(f"NOTIFY {CHANNEL}"))

    async def watch(self, heard: Callable[[], None], regained: Callable[[], Awaitable[None]]) -> None:
        """Listen, and see at each beat that the connection, and with it the lock, is still there."""
        while True:
            try:
                await self._listen(heard)
            except (psycopg.Error, OSError, TimeoutError) as error:
                log.warning("place lost", kind=type(error).__name__)
            await self._regain(regained)
            log.info("place regained")

    async def close(self) -> None:
        """Give the claim back."""
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                # Closing alone would leave it to the server when it notices.
                await self._connection.execute("SELECT pg_advisory_unlock_all()")
        except (psycopg.Error, OSError, TimeoutError) as error:
            log.warning("place not given back", kind=type(error).__name__)
        await self._connection.close()

    async def _listen(self, heard: Callable[[], None]) -> None:
        if self._place is Place.DRIVER:
            await self._connection.execute(f"LISTEN {CHANNEL}")
        # What was announced before, nobody heard.
        heard()
        while True:
            async for _ in self._connection.notifies(timeout=BEAT_SECONDS):
                heard()
            async with asyncio.timeout(ANSWER_SECONDS):
                await self._connection.execute("SELECT 1")

    async def _regain(self, regained: Callable[[], Awaitable[None]]) -> None:
        """Take the place again as soon as the server answers; raises Trouble when another process was faster."""
        pause = 1.0
        while True:
            await self._connection.close()
            try:
                self._connection = await _take(self._engine, self._place, but_for=self._session)
                self._session = self._connection.info.backend_pid
                return await regained()
            except (_NotYet, SQLAlchemyError):
                await asyncio.sleep(pause)
                pause = min(pause * 2, LONGEST_PAUSE)


class _NotYet(Exception):
    """The server does not answer, or has not noticed yet that our own earlier connection is gone."""


async def _take(engine: AsyncEngine, place: Place, *, but_for: int | None = None) -> psycopg.AsyncConnection[Any]:
    """Return a new connection that holds the place.

    ``but_for`` is the session in which we held it before: then what time may mend raises _NotYet instead of Trouble.
    """
    connection: psycopg.AsyncConnection[Any] | None = None
    try:
        connection = await _connect(engine)
        if await _lock(connection, place):
            return connection
        session, holder = await _holder(connection, place)
    except (psycopg.Error, OSError) as error:
        if connection is not None:
            await connection.close()
        if but_for is not None:
            raise _NotYet from None
        raise trouble("unusable", where=_where(engine), why=first_line(error)) from None
    except BaseException:
        if connection is not None:
            await connection.close()
        raise
    await connection.close()
    if but_for is None:
        raise trouble("bot_at_work", where=_where(engine), holder=holder)
    if session in (None, but_for):
        raise _NotYet
    raise trouble("place_taken", where=_where(engine), holder=holder)


async def _connect(engine: AsyncEngine) -> psycopg.AsyncConnection[Any]:
    _, given = engine.dialect.create_connect_args(engine.url)
    ours = {
        "connect_timeout": ANSWER_SECONDS,
        "keepalives_idle": 20,
        "keepalives_interval": 5,
        "keepalives_count": 3,
    }
    settings: dict[str, Any] = {**ours, **given, "application_name": f"zhibu {_name()}"[:63], "autocommit": True}
    connection = await psycopg.AsyncConnection[Any].connect(**settings)
    try:
        # A machine that was cut off keeps the place only until the server has missed it as long as this.
        await connection.execute(
            "SET tcp_keepalives_idle = 20; SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 3"
        )
    except BaseException:
        await connection.close()
        raise
    return connection


async def _lock(connection: psycopg.AsyncConnection[Any], place: Place) -> bool:
    if place is Place.DESK:
        await connection.execute(f"SELECT pg_advisory_lock_shared({TABLES_LOCK})")
        return True
    found = await (await connection.execute(f"SELECT pg_try_advisory_lock({DRIVER_LOCK})")).fetchone()
    return found is not None and bool(found[0])


async def _holder(connection: psycopg.AsyncConnection[Any], place: Place) -> tuple[int | None, str]:
    """Return the session that has the place and its process, as far as the server tells."""
    asked = await connection.execute(_HOLDERS, _key(place))
    found = await asked.fetchone()
    return (found[0], str(found[1])) if found is not None else (None, "?")


_LOCKS = (
    "pg_locks WHERE locktype = 'advisory' AND granted AND objsubid = 1"
    " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
)
_HELD = text(f"SELECT 1 FROM {_LOCKS} AND classid = :high AND objid = :low AND pid = :session")  # noqa: S608
_HOLDERS = (
    "SELECT pid, coalesce((SELECT nullif(application_name, '') FROM pg_stat_activity"  # noqa: S608
    f" WHERE pg_stat_activity.pid = pg_locks.pid), '?') FROM {_LOCKS}"
    " AND classid = %(high)s::bigint::oid AND objid = %(low)s::bigint::oid"
)


def _key(place: Place) -> dict[str, int]:
    """Return the two halves in which the server shows the number of a lock."""
    return {"high": place.value >> 32, "low": place.value & 0xFFFFFFFF}


def wait_until_alone(connection: Connection) -> None:
    """Have nobody at a desk for the rest of a transaction that changes tables; new ones wait for its end.

    Raises Trouble when desks stay at work.
    """
    if connection.dialect.name != "postgresql":
        return
    connection.exec_driver_sql("SET LOCAL lock_timeout = '3s'")
    try:
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({TABLES_LOCK})")
    except OperationalError as error:
        if isinstance(error.orig, psycopg.errors.LockNotAvailable):
            raise trouble("desks_at_work") from None
        raise
    connection.exec_driver_sql("SET LOCAL lock_timeout = DEFAULT")


def _name() -> str:
    return f"process {os.getpid()} on {socket.gethostname()}"


def _where(engine: AsyncEngine) -> str:
    return engine.url.render_as_string(hide_password=True)
