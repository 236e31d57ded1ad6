"""What a power cut would take: the settings in force on our connections, a whole file or none, commits a second."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote

from msgspec import Struct
from sqlalchemy import Engine, text
from sqlalchemy.exc import SQLAlchemyError

from storage.engines import first_line, open_working_engine, sqlite_file, trouble

SAFE_PAIRS = frozenset({("wal", "2"), ("wal", "3"), ("delete", "3")})
"""Journal and ``synchronous`` of SQLite with which a power cut loses nothing that was committed."""

MOST_COMMITS = 200
LONGEST_MEASURE = 1.0
"""Seconds after which a slow disk has been measured well enough."""


class InForce(Struct, frozen=True, kw_only=True):
    """The settings that a connection of ours works under; ``checksums`` is ``None`` where the engine has none."""

    settings: Mapping[str, str]
    durable: bool
    checksums: bool | None = None

    def __str__(self) -> str:
        """Return the settings as the engine writes them."""
        return ", ".join(f"{name}={value}" for name, value in self.settings.items())


def in_force(address: str) -> InForce:
    """Ask a connection that is made as all of ours are; the database must be there and be ours.

    Raises Trouble when it cannot be reached.
    """
    engine, file = open_working_engine(address), sqlite_file(address)
    try:
        with engine.connect() as connection:

            def ask(question: str) -> str:
                return str(connection.scalar(text(question)))

            if file is not None:
                settings = {name: ask(f"PRAGMA {name}") for name in ("journal_mode", "synchronous")}
                return InForce(settings=settings, durable=tuple(settings.values()) in SAFE_PAIRS)
            settings = {name: ask(f"SHOW {name}") for name in ("fsync", "synchronous_commit", "full_page_writes")}
            checksums = ask("SHOW data_checksums") == "on"
            return InForce(settings=settings, durable="off" not in settings.values(), checksums=checksums)
    except SQLAlchemyError as error:
        where = str(file) if file else engine.url.render_as_string(hide_password=True)
        raise trouble("unusable", where=where, why=first_line(error)) from None
    finally:
        engine.dispose()


def is_sound(file: Path) -> bool:
    """Read a SQLite file through and tell whether its pages hang together; nothing is changed."""
    # Not at the top: whoever imports it first decides which library all of us get, see storage/sqlite_library.py.
    import sqlite3

    try:
        with closing(sqlite3.connect(f"file:{quote(str(file.absolute()))}?mode=ro", uri=True, timeout=10)) as opened:
            return [row[0] for row in opened.execute("PRAGMA quick_check(1)")] == ["ok"]
    except sqlite3.DatabaseError:
        return False


def journal_bytes(file: Path) -> int:
    """Return how much of a SQLite file waits in its write-ahead log."""
    try:
        return file.with_name(file.name + "-wal").stat().st_size
    except OSError:
        return 0


def checkpoint(address: str) -> bool:
    """Bring what waits in the write-ahead log into a SQLite file; ``False`` while a reader still needs some of it."""
    engine = open_working_engine(address)
    try:
        with closing(engine.raw_connection()) as connection:
            driver: Any = connection.driver_connection
            return int(driver.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]) == 0
    finally:
        engine.dispose()


def commit_speed(address: str, clock: Callable[[], float] = time.perf_counter) -> float:
    """Measure how many commits a second reach the disk: beside a SQLite file, on PostgreSQL by notes in its log.

    No row of the database is touched. Raises Trouble when there is no place to measure in.
    """
    file = sqlite_file(address)
    try:
        if file is None:
            engine = open_working_engine(address)
            return _measure(engine, "SELECT pg_logical_emit_message(true, 'zhibu', '')", clock)
        with tempfile.TemporaryDirectory(prefix=".doctor-", dir=file.parent) as folder:
            engine = open_working_engine(f"sqlite:///{Path(folder) / 'measure.db'}")
            return _measure(engine, "INSERT INTO measure VALUES (1)", clock, "CREATE TABLE measure (n INTEGER)")
    except (SQLAlchemyError, OSError) as error:
        where = str(file) if file else "PostgreSQL"
        raise trouble("unusable", where=where, why=first_line(error)) from None


def _measure(engine: Engine, statement: str, clock: Callable[[], float], first: str = "SELECT 1") -> float:
    """Let every statement be a transaction of its own, below whatever would put several into one."""
    try:
        with closing(engine.raw_connection()) as connection:
            driver: Any = connection.driver_connection
            if engine.dialect.name == "postgresql":
                driver.autocommit = True
            driver.execute(first)
            began, done = clock(), 0
            while done < MOST_COMMITS and clock() - began < LONGEST_MEASURE:
                driver.execute(statement)
                done += 1
            return done / max(clock() - began, 1e-6)
    finally:
        engine.dispose()
