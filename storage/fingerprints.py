"""What a database holds, as a number and a hash for each table that mean the same on both engines."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import UTC, date, datetime, time
from functools import lru_cache
from typing import Any

from msgspec import Struct
from sqlalchemy import JSON, Column, Connection, MetaData, Table, Text, cast, create_engine, select, text, type_coerce
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.sqlite_library import use_bundled

use_bundled()

REVISION_TABLE = "alembic_version"
"""Alembic's own table: which revision the tables have is compared by itself."""

PORTION = 500
"""Rows that are held in memory at once."""


class Fingerprint(Struct, frozen=True, kw_only=True):
    """How many rows a table has, and the sum of the SHA-256 of each modulo 2^256, in hexadecimal.

    A sum does not depend on the order in which an engine gives its rows, which differs by collation.
    """

    rows: int
    hash: str


NOTHING = Fingerprint(rows=0, hash=f"{0:064x}")
"""The fingerprint of a table without rows."""


def tables_of(connection: Connection) -> list[Table]:
    """Return the tables as they are in a database, of whatever revision, each after those it refers to.

    To look at a hundred tables takes thousands of questions. A file tells in one how it was laid out; the others are
    asked of an empty database in memory that is laid out alike, once for each layout.
    """
    if connection.dialect.name == "sqlite":
        laid_out = tuple(connection.scalars(text("SELECT sql FROM sqlite_master WHERE type = 'table' ORDER BY rowid")))
        if all(statement.startswith("CREATE TABLE ") for statement in laid_out):
            return list(_laid_out(laid_out))
    return _reflected(connection)


def _reflected(connection: Connection) -> list[Table]:
    found = MetaData()
    found.reflect(connection)
    return [table for table in found.sorted_tables if table.name != REVISION_TABLE]


@lru_cache(maxsize=8)
def _laid_out(statements: tuple[str, ...]) -> tuple[Table, ...]:
    engine = create_engine("sqlite://")
    try:
        with engine.connect() as memory:
            for statement in statements:
                if not statement.startswith("CREATE TABLE sqlite_"):
                    memory.exec_driver_sql(statement)
            return tuple(_reflected(memory))
    finally:
        engine.dispose()


def as_text(column: Column[Any], dialect: str) -> Any:
    """Return a JSON column as the text that is stored: read as a value, nothing and the JSON ``null`` are one."""
    if not isinstance(column.type, JSON):
        return column
    return (cast(column, Text) if dialect == "postgresql" else type_coerce(column, Text)).label(column.name)


async def fingerprints(connection: AsyncConnection, tables: Iterable[Table] | None = None) -> dict[str, Fingerprint]:
    """Return the fingerprint of every table, or of those that were looked up already, as one reading sees them."""
    known = await connection.run_sync(tables_of) if tables is None else list(tables)
    if not known:
        return {}
    # Most tables of most branches are empty, which one question tells of all of them.
    filled = (await connection.execute(select(*(select(table).exists() for table in known)))).one()
    return {
        table.name: await _fingerprint(connection, table) if has_rows else NOTHING
        for table, has_rows in zip(known, filled, strict=True)
    }


async def _fingerprint(connection: AsyncConnection, table: Table) -> Fingerprint:
    columns = sorted(table.columns, key=lambda column: column.name)
    query = select(*(as_text(column, connection.dialect.name) for column in columns))
    number = total = 0
    async with connection.stream(query, execution_options={"yield_per": PORTION}) as result:
        async for row in result:
            number += 1
            total += int.from_bytes(hashlib.sha256(b"".join(map(_canonical, row))).digest(), "big")
    return Fingerprint(rows=number, hash=f"{total % 2**256:064x}")


def _canonical(value: object) -> bytes:
    """Return bytes that two values share only if they are the same, each with its kind and its length."""
    match value:
        case None:
            kind, plain = b"-", b""
        case bool():
            kind, plain = b"i", b"1" if value else b"0"
        case int():
            kind, plain = b"i", str(value).encode()
        case float():
            kind, plain = b"f", value.hex().encode()
        case str():
            kind, plain = b"s", value.encode()
        case bytes() | memoryview():
            kind, plain = b"b", bytes(value)
        case datetime():
            aware = value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
            kind, plain = b"t", aware.isoformat(timespec="microseconds").encode()
        case date() | time():
            kind, plain = b"d", value.isoformat().encode()
        case _:
            raise TypeError(f"no canonical form of {type(value).__name__}")
    return kind + str(len(plain)).encode() + b":" + plain
