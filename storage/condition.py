"""What state a database is in, read without a lock and without a change, beside a program that is using it."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import quote

from msgspec import Struct
from sqlalchemy import Connection, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from storage.engines import first_line, open_engine, sqlite_file, trouble
from storage.migrate import Standing, standing


class Condition(Struct, frozen=True, kw_only=True):
    """The engine with its version, how the tables stand, and what a power cut and a writer would meet.

    ``settings`` are the ones on which durability rests, as the engine names them.
    """

    engine: str
    version: str
    standing: Standing
    writable: bool
    durable: bool
    settings: str


async def condition(address: str) -> Condition:
    """Look at a database. Raises Trouble when it is not there or cannot be reached."""
    engine, file = open_engine(address), sqlite_file(address)
    where = str(file) if file else engine.url.render_as_string(hide_password=True)
    if file is not None:
        await engine.dispose()
        if not file.exists():
            raise trouble("missing", file=where)
        engine = _read_only(file)
    try:
        async with engine.connect() as connection:
            return await connection.run_sync(_sqlite if file else _postgresql)
    except SQLAlchemyError as error:
        raise trouble("unusable", where=where, why=first_line(error)) from None
    finally:
        await engine.dispose()


def _read_only(file: Path) -> AsyncEngine:
    """Return an engine that cannot even change the file's journal, whosever file it is."""
    url = URL.create(
        "sqlite+aiosqlite", database=f"file:{quote(str(file.absolute()))}", query={"mode": "ro", "uri": "true"}
    )
    return create_async_engine(url, connect_args={"timeout": 10})


def _sqlite(connection: Connection) -> Condition:
    file = Path(connection.scalar(text("SELECT file FROM pragma_database_list WHERE name = 'main'")) or "")
    journal = str(connection.scalar(text("PRAGMA journal_mode")))
    return Condition(
        engine="SQLite",
        version=str(connection.scalar(text("SELECT sqlite_version()"))),
        standing=standing(connection),
        writable=os.access(file, os.W_OK) and os.access(file.parent, os.W_OK | os.X_OK),
        # Our own connections sync at every commit in either of these.
        durable=journal in ("wal", "delete"),
        settings=f"journal_mode={journal}",
    )


def _postgresql(connection: Connection) -> Condition:
    def ask(question: str) -> str:
        return str(connection.scalar(text(question)))

    found = {name: ask(f"SHOW {name}") for name in ("fsync", "synchronous_commit", "full_page_writes")}
    resting = ask("SELECT pg_is_in_recovery() OR current_setting('default_transaction_read_only')::bool")
    allowed = ask("SELECT coalesce(has_schema_privilege(current_schema(), 'CREATE'), false)")
    return Condition(
        engine="PostgreSQL",
        version=ask("SHOW server_version").split()[0],
        standing=standing(connection),
        writable=resting == "False" and allowed == "True",
        durable="off" not in found.values(),
        settings=", ".join(f"{name}={value}" for name, value in found.items()),
    )
