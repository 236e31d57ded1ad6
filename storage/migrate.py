"""Brings the tables of a database up to date, and refuses one that is not ours or is newer than this program."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from storage.claims import wait_until_alone
from storage.engines import WRITE, first_line, trouble

FOLDER = Path(__file__).with_name("migrations")


def alembic_config(folder: Path = FOLDER) -> Config:
    """Return the configuration by which Alembic finds migrations, ours where no other folder is named."""
    config = Config()
    config.set_main_option("script_location", str(folder))
    return config


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Which revision a database has, ``None`` without tables, and which one this program has.

    ``foreign`` is a database with tables of another program, ``newer`` one of a revision that we do not know.
    """

    revision: str | None
    head: str
    foreign: bool
    newer: bool

    @property
    def current(self) -> bool:
        """Tell whether the tables are those of this program."""
        return self.revision == self.head


def standing(connection: Connection, folder: Path = FOLDER) -> Standing:
    """Return how a database stands to the migrations."""
    script = ScriptDirectory.from_config(alembic_config(folder))
    revision = MigrationContext.configure(connection).get_current_revision()
    known = {one.revision for one in script.walk_revisions()}
    return Standing(
        revision=revision,
        head=script.get_current_head() or "",
        foreign=revision is None and bool(inspect(connection).get_table_names()),
        newer=revision is not None and revision not in known,
    )


async def migrate(engine: AsyncEngine, file: Path | None = None, *, change: bool = True, folder: Path = FOLDER) -> None:
    """Run what migrations are missing, in one transaction; with ``change=False`` only check that none is.

    Raises Trouble when the database cannot be reached or written, is somebody else's or too new, or has desks at work.
    """
    if not change:
        require_file(file)
    try:
        async with engine.connect() as plain:
            connection = await plain.execution_options(**(WRITE if change else {}))
            async with connection.begin():
                await connection.run_sync(_migrate, change, folder)
    except SQLAlchemyError as error:
        where = file or engine.url.render_as_string(hide_password=True)
        raise trouble("unusable", where=str(where), why=first_line(error)) from None


async def require_current(engine: AsyncEngine) -> None:
    """Raise Trouble where another program has changed the tables since this one began to use them."""
    async with engine.connect() as connection:
        now = await connection.run_sync(standing)
    if not now.current:
        raise trouble("tables_changed", revision=now.revision or "-", head=now.head)


def require_file(file: Path | None) -> None:
    """Raise Trouble where a database is a file that is not there, so that looking at it does not make one."""
    if file is not None and not file.is_file():
        raise trouble("missing", file=str(file))


def _migrate(connection: Connection, change: bool, folder: Path) -> None:
    now = standing(connection, folder)
    if now.foreign:
        raise trouble("foreign")
    if now.newer:
        raise trouble("newer")
    if now.current:
        return
    if not change:
        raise trouble("outdated")
    wait_until_alone(connection)
    config = alembic_config(folder)
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
