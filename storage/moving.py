"""Moves everything from one database into another that is empty, on either engine, and proves it row for row."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from alembic import command
from msgspec import Struct
from sqlalchemy import JSON, Connection, Table, Text, bindparam, cast, create_engine, func, select, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.claims import Claim, claim
from storage.crashpoints import crashpoint
from storage.engines import WRITE, first_line, open_engine, remove_database, sqlite_file, trouble
from storage.fingerprints import PORTION, Fingerprint, as_text, fingerprints, tables_of
from storage.migrate import FOLDER, Standing, alembic_config, standing

Prints = dict[str, Fingerprint]

LAYOUT = """
    SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND substr(name, 1, 7) != 'sqlite_' ORDER BY rowid
"""
"""Asks a file what it was laid out by, in that order; what SQLite makes by itself has no words or a name of its own."""


class Moved(Struct, frozen=True, kw_only=True):
    """What is in the new database now: the revision of its tables, and the fingerprint of each."""

    revision: str
    tables: Prints

    @property
    def rows(self) -> int:
        """Return how many rows there are in all."""
        return sum(one.rows for one in self.tables.values())


async def move(source: str, target: str) -> Moved:
    """Fill an empty database with what another holds, as the one program that writes either of them.

    Raises Trouble, and leaves the target as it was, when a program holds one of them, the target is not empty, or what
    arrived is not what was sent.
    """
    reading, file = open_engine(source), sqlite_file(source)
    held: Claim | None = None
    try:
        if file is not None and not file.exists():
            raise trouble("missing", file=str(file))
        held = await claim(reading.url, file)
        async with reading.connect() as connection:
            return await fill(connection, target)
    except SQLAlchemyError as error:
        raise trouble("unusable", where=named(source), why=first_line(error)) from None
    finally:
        if held is not None:
            await held.close()
        await reading.dispose()


async def fill(connection: AsyncConnection, target: str, *, folder: Path = FOLDER) -> Moved:
    """Fill an empty database with what one reading of another sees. Raises Trouble as ``move`` does."""
    stands = await connection.run_sync(standing, folder)
    refuse_strange(stands)
    assert stands.revision is not None
    async with _writing(target) as writing:
        found = await writing.run_sync(standing, folder)
        if found.revision is not None or found.foreign:
            raise trouble("not_empty", where=named(target))
        there = await writing.run_sync(_make_tables, stands.revision, folder)
        here = await connection.run_sync(tables_of)
        await _copy(connection, here, writing, there)
        sent, arrived = await fingerprints(connection, here), await fingerprints(writing, there)
        if sent != arrived:
            names = sorted(name for name in sent.keys() | arrived.keys() if sent.get(name) != arrived.get(name))
            raise trouble("moved_otherwise", tables=", ".join(names))
        crashpoint("move.proved_before_commit")
    return Moved(revision=stands.revision, tables=arrived)


def refuse_strange(stands: Standing) -> None:
    """Raise Trouble for a database that is not ours, or of a revision that this program does not know."""
    if stands.foreign or stands.revision is None:
        raise trouble("foreign")
    if stands.newer:
        raise trouble("newer")


def named(address: str) -> str:
    """Return what a person may read of an address: a file, or the server without a password."""
    return str(sqlite_file(address) or make_url(address).render_as_string(hide_password=True))


@contextlib.asynccontextmanager
async def _writing(address: str) -> AsyncIterator[AsyncConnection]:
    """Hold the writer's place of a database for one transaction; a file that was made for it goes when that fails."""
    engine, file = open_engine(address), sqlite_file(address)
    new, held, done = file is not None and not file.exists(), None, False
    try:
        held = await claim(engine.url, file)
        async with engine.connect() as plain:
            connection = await plain.execution_options(**WRITE)
            async with connection.begin():
                yield connection
        done = True
    except SQLAlchemyError as error:
        raise trouble("unusable", where=named(address), why=first_line(error)) from None
    finally:
        if held is not None:
            await held.close()
        await engine.dispose()
        if held is not None and file is not None and new and not done:
            remove_database(file)


def _make_tables(connection: Connection, revision: str, folder: Path) -> list[Table]:
    """Make the tables of a revision without a row in them, and let what refers to another row be checked at the end."""
    if connection.dialect.name == "sqlite":
        for statement in _layout(revision, folder):
            connection.exec_driver_sql(statement)
        connection.execute(text("INSERT INTO alembic_version VALUES (:revision)"), {"revision": revision})
        connection.execute(text("PRAGMA defer_foreign_keys=ON"))
        return tables_of(connection)
    _upgrade(connection, revision, folder)
    made = tables_of(connection)
    for table in reversed(made):
        connection.execute(table.delete())
    for name, constraint in _references(connection, made):
        connection.execute(text(f"ALTER TABLE {name} ALTER CONSTRAINT {constraint} DEFERRABLE INITIALLY DEFERRED"))
    return made


def _upgrade(connection: Connection, revision: str, folder: Path) -> None:
    config = alembic_config(folder)
    config.attributes["connection"] = connection
    command.upgrade(config, revision)


@lru_cache(maxsize=8)
def _layout(revision: str, folder: Path) -> tuple[str, ...]:
    """Return what lays out a file of a revision, found by migrating one in memory, where no statement is waited for."""
    engine = create_engine("sqlite://")
    try:
        with engine.connect() as memory:
            _upgrade(memory, revision, folder)
            return tuple(memory.scalars(text(LAYOUT)))
    finally:
        engine.dispose()


def _references(connection: Connection, tables: list[Table]) -> list[tuple[str, str]]:
    """Return PostgreSQL's constraints that refer to another row, quoted, each after its table."""
    if connection.dialect.name == "sqlite":
        return []
    quote = connection.dialect.identifier_preparer.quote
    return [
        (quote(table.name), quote(str(constraint.name)))
        for table in tables
        for constraint in table.foreign_key_constraints
    ]


async def _copy(reading: AsyncConnection, here: list[Table], writing: AsyncConnection, there: list[Table]) -> None:
    """Copy all rows, portion by portion, and let the counters of PostgreSQL go on after the highest number."""
    targets = {table.name: table for table in there}
    for table in here:
        if table.name not in targets:
            raise trouble("moved_otherwise", tables=table.name)
        query = select(*(as_text(column, reading.dialect.name) for column in table.columns))
        names = [column.name for column in table.columns]
        insert = _insert(targets[table.name], writing.dialect.name)
        async with reading.stream(query, execution_options={"yield_per": PORTION}) as result:
            async for rows in result.partitions(PORTION):
                values = [dict(zip(names, map(_instants_of(writing), row), strict=True)) for row in rows]
                await writing.execute(insert, values)
    if writing.dialect.name != "sqlite":
        await writing.execute(text("SET CONSTRAINTS ALL IMMEDIATE"))
        await writing.run_sync(_finish, there)


def _insert(table: Table, dialect: str) -> Any:
    """Return the statement that takes JSON as the text that it is."""
    texts = {}
    for column in table.columns:
        if isinstance(column.type, JSON):
            if dialect == "sqlite":
                column.type = Text()
            else:
                texts[column.name] = cast(bindparam(column.name, type_=Text), JSON)
    return table.insert().values(texts) if texts else table.insert()


def _instants_of(connection: AsyncConnection) -> Callable[[Any], Any]:
    """Return how an instant is handed to an engine: SQLite takes UTC without saying so."""
    bare = connection.dialect.name == "sqlite"

    def convert(value: Any) -> Any:
        if not isinstance(value, datetime):
            return value
        aware = value if value.tzinfo is not None else value.replace(tzinfo=UTC)
        return aware.astimezone(UTC).replace(tzinfo=None) if bare else aware

    return convert


def _finish(connection: Connection, tables: list[Table]) -> None:
    """Put PostgreSQL's constraints and counters into the state that they have after ordinary work."""
    for name, constraint in _references(connection, tables):
        connection.execute(text(f"ALTER TABLE {name} ALTER CONSTRAINT {constraint} NOT DEFERRABLE"))
    for found in tables:
        for column in found.primary_key.columns:
            counter = connection.scalar(select(func.pg_get_serial_sequence(found.name, column.name)))
            if counter is not None:
                highest = connection.scalar(select(func.max(column)))
                connection.execute(select(func.setval(counter, highest or 1, highest is not None)))
