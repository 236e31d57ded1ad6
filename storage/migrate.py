"""Brings the tables of a database up to date, and refuses one that is not ours or is newer than this program.

Alembic is imported only where there is something to bring up to date: a program that runs for weeks need not hold it.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct
from sqlalchemy import Connection, Engine, inspect, text
from sqlalchemy.exc import SQLAlchemyError

from content.trouble import Exit, Trouble
from storage.claims import wait_until_alone
from storage.copies import copy_before_change
from storage.crashpoints import crashpoint
from storage.engines import WRITE, first_line, trouble

if TYPE_CHECKING:
    from alembic.config import Config

FOLDER = Path(__file__).with_name("migrations")


def alembic_config(folder: Path = FOLDER) -> Config:
    """Return the configuration by which Alembic finds migrations, ours where no other folder is named."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(folder))
    return config


class Standing(Struct, frozen=True, kw_only=True):
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

    @property
    def empty(self) -> bool:
        """Tell whether there are no tables at all."""
        return self.revision is None and not self.foreign


def standing(connection: Connection, folder: Path = FOLDER) -> Standing:
    """Return how a database stands to the migrations."""
    known = revisions(folder)
    names = inspect(connection).get_table_names()
    marked = "alembic_version" in names
    revision = connection.scalar(text("SELECT version_num FROM alembic_version")) if marked else None
    return Standing(
        revision=revision,
        head=known[-1],
        foreign=revision is None and bool(names),
        newer=revision is not None and revision not in known,
    )


def revisions(folder: Path = FOLDER) -> list[str]:
    """Return the numbers of all migrations, oldest first: each file's name begins with its own."""
    return sorted(file.name.partition("_")[0] for file in (folder / "versions").glob("[0-9]*_*.py"))


def migrate(
    engine: Engine, file: Path | None = None, *, change: bool = True, new: bool = True, folder: Path = FOLDER
) -> Path | None:
    """Run what migrations are missing, in one transaction; with ``change=False`` only check that none is.

    A SQLite file with tables is copied beside itself before they are changed; the copy is returned. ``new=False``
    refuses a database without tables. Raises Trouble also when the database cannot be reached, written or copied, is
    somebody else's or too new, or has desks at work.
    """
    if not change:
        require_file(file)
    try:
        with engine.connect() as connection:
            connection.execution_options(**(WRITE if change else {}))
            with connection.begin():
                if not new and standing(connection, folder).empty:
                    raise Trouble(Exit.CONFIG, "database.emptied", where=_named(engine, file))
                return _migrate(connection, file, change, folder)
    except SQLAlchemyError as error:
        raise trouble("unusable", where=_named(engine, file), why=first_line(error)) from None


def _named(engine: Engine, file: Path | None) -> str:
    return str(file or engine.url.render_as_string(hide_password=True))


def require_current(engine: Engine) -> None:
    """Raise Trouble where another program has changed the tables since this one began to use them."""
    with engine.connect() as connection:
        now = standing(connection)
    if not now.current:
        raise trouble("tables_changed", revision=now.revision or "-", head=now.head)


def require_file(file: Path | None) -> None:
    """Raise Trouble where a database is a file that is not there, so that looking at it does not make one."""
    if file is not None and not file.is_file():
        raise trouble("missing", file=str(file))


def _migrate(connection: Connection, file: Path | None, change: bool, folder: Path) -> Path | None:
    now = standing(connection, folder)
    if now.foreign:
        raise trouble("foreign")
    if now.newer:
        raise trouble("newer")
    if now.current:
        return None
    if not change:
        raise trouble("outdated")
    from alembic import command

    wait_until_alone(connection)
    copy = copy_before_change(file, now.revision) if file is not None and now.revision is not None else None
    crashpoint("upgrade.copied_before_change")
    config = alembic_config(folder)
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
    crashpoint("tables.before_commit")
    return copy
