"""The right to work on a database: one process on a file; on a server one that drives the bot, and desks beside it."""

from __future__ import annotations

import asyncio
import fcntl
import os
import socket
from collections.abc import Awaitable, Callable
from enum import Enum
from pathlib import Path
from typing import Protocol

from sqlalchemy import Connection
from sqlalchemy.engine import URL
from sqlalchemy.exc import OperationalError

from storage.engines import WRITER_LOCK, trouble
from storage.unit import Writing

DRIVER_LOCK = WRITER_LOCK + 1
"""The advisory lock of PostgreSQL that the one process holds which drives the bot."""

TABLES_LOCK = WRITER_LOCK + 2
"""The lock that every desk shares, and that is had alone while tables are changed."""

LOCK_NOT_AVAILABLE = "55P03"
"""What PostgreSQL answers where a lock was waited for too long."""


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


async def claim(address: URL, file: Path | None, place: Place = Place.DRIVER) -> Claim:
    """Take a place at a database. Raises Trouble, naming the holder where that is known, when it is taken.

    A desk at a server waits while tables are being changed there.
    """
    if file is not None:
        return FileClaim(file)
    # The driver of PostgreSQL is nine megabytes that a branch on a file never needs.
    from storage.server_claims import ServerClaim

    return await ServerClaim.take(address, place)


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
        os.pwrite(self._handle, process_name().encode(), 0)

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
        if getattr(error.orig, "sqlstate", None) == LOCK_NOT_AVAILABLE:
            raise trouble("desks_at_work") from None
        raise
    connection.exec_driver_sql("SET LOCAL lock_timeout = DEFAULT")


def process_name() -> str:
    """Return by which words whoever finds a place taken can find this process."""
    return f"process {os.getpid()} on {socket.gethostname()}"
