"""A place at a PostgreSQL database, held by an advisory lock; loaded only where there is one."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import psycopg
import structlog
from sqlalchemy import text
from sqlalchemy.engine import URL
from sqlalchemy.exc import SQLAlchemyError

from storage.claims import DRIVER_LOCK, TABLES_LOCK, Place, process_name
from storage.engines import first_line, trouble
from storage.unit import Writing

CHANNEL = "zhibu"
ANSWER_SECONDS = 10
BEAT_SECONDS = 20.0
LONGEST_PAUSE = 30.0

log = structlog.get_logger(__name__)


class ServerClaim:
    """A place at a PostgreSQL database: an advisory lock on a connection of its own, on which a driver also listens."""

    def __init__(self, address: URL, place: Place, connection: psycopg.AsyncConnection[Any]) -> None:
        self._address = address
        self._place = place
        self._connection = connection
        self._session = connection.info.backend_pid

    @classmethod
    async def take(cls, address: URL, place: Place) -> ServerClaim:
        """Take the place; raises Trouble when another process has it or the server cannot be reached."""
        return cls(address, place, await _take(address, place))

    async def guard(self, unit: Writing) -> None:
        """Ask the server itself, so that nothing is written by a process that has not noticed its loss yet."""
        if not await unit.returning(_HELD, {**_key(self._place), "session": self._session}):
            raise trouble("place_lost", where=_where(self._address))

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
                self._connection = await _take(self._address, self._place, but_for=self._session)
                self._session = self._connection.info.backend_pid
                return await regained()
            except (_NotYet, SQLAlchemyError):
                await asyncio.sleep(pause)
                pause = min(pause * 2, LONGEST_PAUSE)


class _NotYet(Exception):
    """The server does not answer, or has not noticed yet that our own earlier connection is gone."""


async def _take(address: URL, place: Place, *, but_for: int | None = None) -> psycopg.AsyncConnection[Any]:
    """Return a new connection that holds the place.

    ``but_for`` is the session in which we held it before: then what time may mend raises _NotYet instead of Trouble.
    """
    connection: psycopg.AsyncConnection[Any] | None = None
    try:
        connection = await _connect(address)
        if await _lock(connection, place):
            return connection
        session, holder = await _holder(connection, place)
    except (psycopg.Error, OSError) as error:
        if connection is not None:
            await connection.close()
        if but_for is not None:
            raise _NotYet from None
        raise trouble("unusable", where=_where(address), why=first_line(error)) from None
    except BaseException:
        if connection is not None:
            await connection.close()
        raise
    await connection.close()
    if but_for is None:
        raise trouble("bot_at_work", where=_where(address), holder=holder)
    if session in (None, but_for):
        raise _NotYet
    raise trouble("place_taken", where=_where(address), holder=holder)


async def _connect(address: URL) -> psycopg.AsyncConnection[Any]:
    _, given = address.get_dialect()().create_connect_args(address)
    ours = {
        "connect_timeout": ANSWER_SECONDS,
        "keepalives_idle": 20,
        "keepalives_interval": 5,
        "keepalives_count": 3,
    }
    settings: dict[str, Any] = {**ours, **given, "application_name": f"zhibu {process_name()}"[:63], "autocommit": True}
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


def _where(address: URL) -> str:
    return address.render_as_string(hide_password=True)
