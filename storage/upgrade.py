"""Brings a database's tables up to date without starting anything."""

from __future__ import annotations

import asyncio
from pathlib import Path

from msgspec import Struct
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from storage.claims import Claim, claim
from storage.engines import WRITE, first_line, open_working_engine, sqlite_file, trouble
from storage.migrate import FOLDER, migrate, standing


class Upgrade(Struct, frozen=True, kw_only=True):
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
    copy = migrate(engine, file, folder=folder)
    return Upgrade(before=before.revision, after=before.head, copy=copy)
