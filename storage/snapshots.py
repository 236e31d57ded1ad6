"""Copies a database as of one moment into a SQLite file, beside a running program, and examines such a file."""

from __future__ import annotations

import asyncio
from pathlib import Path

from msgspec import Struct
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.copies import copy_file
from storage.engines import first_line, open_engine, sqlite_file, trouble
from storage.fingerprints import Fingerprint, fingerprints
from storage.migrate import standing
from storage.moving import fill, named, refuse_strange


class Held(Struct, frozen=True, kw_only=True):
    """What a copy holds: the engine it was taken from, the revision of its tables, and the fingerprint of each."""

    engine: str
    revision: str
    tables: dict[str, Fingerprint]


async def take(address: str, target: Path) -> Held:
    """Copy a database, of whatever revision that we know, into a new SQLite file. Raises Trouble when it is not whole.

    From PostgreSQL all rows are read in one transaction that sees one moment.
    """
    engine, file = open_engine(address), sqlite_file(address)
    if file is not None:
        await engine.dispose()
        if not file.exists():
            raise trouble("missing", file=str(file))
        await asyncio.to_thread(copy_file, file, target)
        return await examine(target, file)
    try:
        async with engine.connect() as connection:
            await fill(connection, f"sqlite:///{target}")
    except SQLAlchemyError as error:
        raise trouble("unusable", where=named(address), why=first_line(error)) from None
    finally:
        await engine.dispose()
        target.with_name(target.name + ".lock").unlink(missing_ok=True)
    held = await examine(target)
    return Held(engine="postgresql", revision=held.revision, tables=held.tables)


async def examine(file: Path, source: Path | None = None) -> Held:
    """Look a SQLite file over that nobody else uses. Raises Trouble when it, or its source, is damaged or not ours."""
    shown = str(source or file)
    engine = open_engine(f"sqlite:///{file}")
    try:
        async with engine.connect() as connection:
            await _prove_whole(connection, shown)
            stands = await connection.run_sync(standing)
            refuse_strange(stands)
            tables = await fingerprints(connection)
    except SQLAlchemyError as error:
        raise trouble("unusable", where=shown, why=first_line(error)) from None
    finally:
        await engine.dispose()
    assert stands.revision is not None
    return Held(engine="sqlite", revision=stands.revision, tables=tables)


async def _prove_whole(connection: AsyncConnection, shown: str) -> None:
    damage = await connection.scalar(text("PRAGMA integrity_check(1)"))
    lost = (await connection.execute(text("PRAGMA foreign_key_check"))).first()
    if damage != "ok" or lost is not None:
        raise trouble("damaged", file=shown)
