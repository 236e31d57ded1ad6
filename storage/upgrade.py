"""Brings a database's tables up to date without starting anything, with a copy of a SQLite file made first."""

from __future__ import annotations

import asyncio
import contextlib
import os
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from storage.claims import Claim, claim
from storage.crashpoints import crashpoint
from storage.engines import WRITE, first_line, open_working_engine, sqlite_file, trouble
from storage.migrate import FOLDER, migrate, standing


@dataclass(frozen=True, slots=True, kw_only=True)
class Upgrade:
    """What was done: the revisions before (``None`` without tables) and after, and where the copy lies, if any."""

    before: str | None
    after: str
    copy: Path | None


async def upgrade(address: str, *, folder: Path = FOLDER) -> Upgrade:
    """Run what migrations are missing as the one program that writes.

    Raises Trouble when another has the database, it is not ours, or no copy can be made; nothing is changed then.
    """
    engine, file = open_working_engine(address), sqlite_file(address)
    where = str(file) if file else engine.url.render_as_string(hide_password=True)
    if file is not None and not file.exists():
        raise trouble("missing", file=where)
    held: Claim | None = None
    try:
        held = await claim(engine.url, file)
        return await asyncio.to_thread(_upgrade, engine, file, folder)
    except SQLAlchemyError as error:
        raise trouble("unusable", where=where, why=first_line(error)) from None
    finally:
        if held is not None:
            await held.close()
        engine.dispose()


def _upgrade(engine: Engine, file: Path | None, folder: Path) -> Upgrade:
    with engine.connect() as connection:
        connection.execution_options(**WRITE)
        with connection.begin():
            before = standing(connection, folder)
    # A foreign or newer database is refused below, before anything is written.
    ours = before.revision is not None and not before.newer
    copy = _copy(file, before.revision) if file and ours and not before.current else None
    crashpoint("upgrade.copied_before_change")
    migrate(engine, file, folder=folder)
    return Upgrade(before=before.revision, after=before.head, copy=copy)


def _copy(file: Path, revision: str | None) -> Path:
    """Copy the file as of this moment beside itself, durably, for its owner's eyes only; never over another copy."""
    # Not at the top: whoever imports it first decides which library all of us get, see storage/sqlite_library.py.
    import sqlite3

    number = 0
    while True:
        target = file.with_name(f"{file.name}.before-upgrade-{revision}" + (f".{number}" if number else ""))
        try:
            handle = os.open(target, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
            break
        except FileExistsError:
            number += 1
        except OSError as error:
            raise trouble("no_copy", file=str(target), why=error.strerror or "") from None
    try:
        with contextlib.closing(sqlite3.connect(file)) as source, contextlib.closing(sqlite3.connect(target)) as copy:
            source.backup(copy)
        os.fsync(handle)
    except (sqlite3.Error, OSError) as error:
        target.unlink()
        raise trouble("no_copy", file=str(target), why=str(error)) from None
    finally:
        os.close(handle)
    return target
