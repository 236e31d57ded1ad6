"""The database of every earlier release, kept as SQL, comes up to date on either engine with all that it knew."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, Select, Table, func, select

from content.occurrences import State
from storage import falling_due
from storage.engines import open_engine, sqlite_file
from storage.fingerprints import tables_of
from storage.moving import move
from storage.store import Store
from storage.tables import metadata
from storage.upgrade import upgrade
from tests.small_branch import NOON, HandClock, SmallBranch

RECORDED = sorted((Path(__file__).parents[1] / "fixtures" / "databases").glob("*.sql"))

each_release = pytest.mark.parametrize("recorded", RECORDED, ids=lambda file: file.stem)


async def laid_out(recorded: Path, empty_address: str, folder: Path) -> str:
    """Make the database of a recording at an address, on PostgreSQL by way of a file."""
    # Not at the top: whoever imports it first decides which library all of us get, see storage/sqlite_library.py.
    import sqlite3

    file = sqlite_file(empty_address) or folder / "recorded.db"
    with contextlib.closing(sqlite3.connect(file)) as connection:
        connection.executescript(recorded.read_text(encoding="utf-8"))
    if sqlite_file(empty_address) is None:
        await move(f"sqlite:///{file}", empty_address)
    return empty_address


async def rows(address: str) -> dict[str, int]:
    """Return how many rows each table has; of counts, of how many things."""
    engine = open_engine(address)

    def count(connection: Connection) -> dict[str, int]:
        tables = tables_of(connection)
        return {table.name: connection.scalar(_number(table)) or 0 for table in tables}

    async with engine.connect() as connection:
        found = await connection.run_sync(count)
    await engine.dispose()
    return found


def _number(table: Table) -> Select[tuple[int]]:
    whole = select(*(table.c[name] for name in COUNTS[table.name])).distinct() if table.name in COUNTS else table
    return select(func.count()).select_from(whole.subquery() if isinstance(whole, Select) else whole)


async def differences(address: str) -> list[object]:
    """Return in what the tables are not those of this program."""
    engine = open_engine(address)

    def compare(connection: Connection) -> list[object]:
        return list(compare_metadata(MigrationContext.configure(connection, opts={"compare_type": True}), metadata))

    async with engine.connect() as connection:
        found = await connection.run_sync(compare)
    await engine.dispose()
    return found


def test_there_is_a_recording() -> None:
    assert RECORDED


COUNTS = {"tallies": ("occurrence_id", "branch_id"), "branch_months": ("branch_id", "month")}
"""Of what a count of earlier releases is: it had a row for each state, and has one with a column for each by now."""

RENAMED = {"pictures": "media", "uploads": "media_uploads"}
"""What tables of earlier releases are called by now."""


@each_release
async def test_an_old_database_comes_up_to_date_with_all_that_it_knew(
    recorded: Path, empty_address: str, tmp_path: Path
) -> None:
    address = await laid_out(recorded, empty_address, tmp_path)
    before = await rows(address)
    done = await upgrade(address)
    assert done.before == recorded.stem.rpartition("-")[2]
    assert await differences(address) == []
    after = await rows(address)
    assert {name: after.get(RENAMED.get(name, name)) for name in before} == before
    assert before["members"] >= 5


@each_release
async def test_a_branch_goes_on_where_the_old_release_stopped(
    recorded: Path, empty_address: str, tmp_path: Path
) -> None:
    address = await laid_out(recorded, empty_address, tmp_path)
    clock = HandClock(NOON)
    clock.forward(days=2)
    branch = SmallBranch(await Store.open(address, clock), clock)
    (waiting,) = await branch.store.read(lambda unit: falling_due.over(unit, clock.now))
    assert (await branch.occurrence(waiting)).state is State.OPEN
    await branch.let_close(waiting)
    assert (await branch.occurrence(waiting)).state is State.CLOSED
    assert len(await branch.counted()) > 5
    await branch.store.close()
