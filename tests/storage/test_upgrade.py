"""Upgrading says from where to where, copies a file first, and looking at a database never changes it."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
from pathlib import Path

import pytest
from alembic.script import ScriptDirectory

from content.trouble import Exit, Trouble
from storage.condition import condition
from storage.engines import sqlite_file
from storage.migrate import FOLDER, alembic_config
from storage.store import Store
from storage.upgrade import upgrade
from tests.databases import Postgres
from tests.storage.test_migrations import TAKEN, execute, tables

HEAD = ScriptDirectory.from_config(alembic_config()).get_current_head()

NEXT = f'''"""Add a table of songs."""

import sqlalchemy as sa
from alembic import op

revision, down_revision = "9998", "{HEAD}"


def upgrade() -> None:
    op.create_table("songs", sa.Column("title", sa.Text, primary_key=True))
'''
BROKEN = NEXT + '    op.execute("INSERT INTO nowhere VALUES (1)")\n'


def newer_program(folder: Path, text: str = NEXT) -> Path:
    """Make the migrations of a program that is one revision ahead."""
    migrations = folder / "migrations"
    shutil.copytree(FOLDER, migrations, ignore=shutil.ignore_patterns("__pycache__"))
    (migrations / "versions" / "9998_songs.py").write_text(text)
    return migrations


def copies(address: str) -> list[Path]:
    """Return the copies beside a SQLite file."""
    file = sqlite_file(address)
    return sorted(file.parent.glob(f"{file.name}.before-*")) if file else []


async def test_an_upgrade_says_from_where_to_where_and_copies_a_file_first(address: str, tmp_path: Path) -> None:
    done = await upgrade(address, folder=newer_program(tmp_path))
    assert (done.before, done.after) == (HEAD, "9998")
    assert "songs" in await tables(address)
    assert copies(address) == ([done.copy] if done.copy else [])
    if address.startswith("sqlite"):
        assert done.copy is not None
        assert done.copy.stat().st_mode & 0o777 == 0o600
        old = await condition(f"sqlite:///{done.copy}")
        assert old.standing.current
        assert "songs" not in await tables(f"sqlite:///{done.copy}")


async def test_a_second_copy_never_takes_the_place_of_the_first(sqlite_address: str, tmp_path: Path) -> None:
    first = await upgrade(sqlite_address, folder=newer_program(tmp_path))
    await execute(sqlite_address, "DROP TABLE songs", f"UPDATE alembic_version SET version_num = '{HEAD}'")
    second = await upgrade(sqlite_address, folder=tmp_path / "migrations")
    assert first.copy != second.copy
    assert len(copies(sqlite_address)) == 2


async def test_a_start_that_changes_tables_copies_a_file_first_too(sqlite_address: str) -> None:
    """R10: the old version can go on from there, also where nobody thought of asking for it."""
    await execute(sqlite_address, "DROP TABLE ballot_links", "UPDATE alembic_version SET version_num = '0020'")
    before = await tables(sqlite_address)
    with pytest.raises(Trouble):
        await Store.open(sqlite_address)
    (copy,) = copies(sqlite_address)
    assert await tables(f"sqlite:///{copy}") == before


async def test_a_copy_that_was_cut_off_does_not_bear_the_name_of_one_and_is_written_anew(
    sqlite_address: str, tmp_path: Path
) -> None:
    """R10, F05."""
    file = sqlite_file(sqlite_address)
    assert file is not None
    half = file.with_name(f".{file.name}.copying")
    half.write_bytes(b"SQLite format 3")
    done = await upgrade(sqlite_address, folder=newer_program(tmp_path))
    assert done.copy is not None
    assert (await condition(f"sqlite:///{done.copy}")).standing.current
    assert not half.exists()


async def test_where_no_copy_can_be_made_nothing_is_changed(
    sqlite_address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """F23, F24."""

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("storage.copies.os.fsync", full)
    with pytest.raises(Trouble) as caught:
        await upgrade(sqlite_address, folder=newer_program(tmp_path))
    assert caught.value.words.key == "database.no_copy"
    assert "songs" not in await tables(sqlite_address)
    assert copies(sqlite_address) == []
    assert not list(tmp_path.glob(".*.copying"))


async def test_an_upgrade_with_nothing_to_do_changes_nothing(address: str) -> None:
    done = await upgrade(address)
    assert (done.before, done.after, done.copy) == (HEAD, HEAD, None)
    assert copies(address) == []


async def test_an_upgrade_that_breaks_leaves_the_tables_as_they_were(address: str, tmp_path: Path) -> None:
    before = await tables(address)
    with pytest.raises(Trouble) as caught:
        await upgrade(address, folder=newer_program(tmp_path, BROKEN))
    assert caught.value.words.key == "database.unusable"
    assert await tables(address) == before
    assert (await condition(address)).standing.revision == HEAD


async def test_an_upgrade_beside_a_running_program_is_refused(address: str) -> None:
    store = await Store.open(address)
    with pytest.raises(Trouble) as caught:
        await upgrade(address)
    assert caught.value.words.key in TAKEN
    await store.close()


async def test_an_upgrade_of_nothing_says_so_and_makes_nothing(tmp_path: Path) -> None:
    with pytest.raises(Trouble) as caught:
        await upgrade(f"sqlite:///{tmp_path / 'zhibu.db'}")
    assert caught.value.words.key == "database.missing"
    assert list(tmp_path.iterdir()) == []


async def test_an_upgrade_leaves_the_database_of_somebody_else_alone(empty_address: str) -> None:
    await execute(empty_address, "CREATE TABLE songs (title TEXT)")
    with pytest.raises(Trouble) as caught:
        await upgrade(empty_address)
    assert caught.value.words.key == "database.foreign"
    assert await tables(empty_address) == {"songs"}
    assert copies(empty_address) == []


async def test_a_database_is_looked_at_beside_its_writer(address: str) -> None:
    store = await Store.open(address)
    found = await condition(address)
    assert (found.standing.revision, found.standing.current, found.writable) == (HEAD, True, True)
    assert found.engine.lower() == address.partition(":")[0]
    assert found.version[0].isdigit()
    # The tests' PostgreSQL runs without fsync, and is told so.
    assert found.durable is address.startswith("sqlite")
    await store.close()


async def test_looking_at_somebody_elses_file_does_not_change_a_byte_of_it(tmp_path: Path) -> None:
    file = tmp_path / "songs.db"
    with contextlib.closing(sqlite3.connect(file)) as connection:
        connection.execute("CREATE TABLE songs (title TEXT)")
    before = file.read_bytes()
    found = await condition(f"sqlite:///{file}")
    assert found.standing.foreign
    assert file.read_bytes() == before
    assert [one.name for one in tmp_path.iterdir()] == ["songs.db"]


async def test_a_newer_and_an_empty_database_are_told_apart(address: str, empty_address: str) -> None:
    await execute(address, "UPDATE alembic_version SET version_num = '9999'")
    assert (await condition(address)).standing.newer
    await execute(empty_address)
    if empty_address.startswith("postgresql"):
        empty = (await condition(empty_address)).standing
        assert (empty.revision, empty.foreign, empty.newer, empty.current) == (None, False, False, False)


@pytest.mark.postgres
async def test_a_database_that_only_reads_is_seen(postgres: Postgres) -> None:
    """F26."""
    name = postgres.copy()
    postgres.run(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    assert not (await condition(postgres.address(name))).writable
    postgres.drop(name)


async def test_a_database_that_is_not_there_is_said_without_its_password() -> None:
    with pytest.raises(Trouble) as caught:
        await condition("postgresql://zhibu:pass-word@127.0.0.1:1/zhibu")
    assert caught.value.exit_code is Exit.DATABASE
    assert "pass-word" not in str(dict(caught.value.words.parameters))
