"""A backup holds everything, opens only whole and with its key, leaves nothing half-written, and restores once."""

from __future__ import annotations

import fcntl
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from content.trouble import Exit, Trouble
from storage import heartbeats
from storage.store import Store
from tests.databases import Postgres
from tests.small_branch import EAST, NOON, HandClock, SmallBranch
from tests.storage.test_moving import seen
from zhibu.backups import Made, back_up, check_backup
from zhibu.config import Config, change_setting, load_config
from zhibu.restores import restore

SECRET = "a long password"


def install(folder: Path, database: str) -> Config:
    """Make the files of an installation."""
    (folder / "keys" / "device").mkdir(parents=True)
    settings = f'[storage]\ndatabase = "{database}"\n[bot]\nhomeserver = "http://127.0.0.1:1"\nuser = "@zhibu:test"\n'
    (folder / "config.toml").write_text(settings)
    (folder / "bot-password").write_text(SECRET)
    (folder / "keys" / "pickle.key").write_bytes(bytes(range(32)))
    (folder / "keys" / "device" / "session.json").write_text('{"device_id": "OLD"}')
    (folder / "keys" / "device" / "lock").write_text("")
    with closing(sqlite3.connect(folder / "keys" / "device" / "crypto.db")) as crypto, crypto:
        crypto.execute("CREATE TABLE accounts (one_time_keys TEXT)")
    return load_config(folder / "config.toml")


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def installation(request: pytest.FixtureRequest, sqlite_template: Path, tmp_path: Path) -> Iterator[Config]:
    """Give an installation on either engine, its database without rows."""
    folder = tmp_path / "installation"
    if request.param == "sqlite":
        config = install(folder, "sqlite:///zhibu.db")
        shutil.copyfile(sqlite_template, folder / "zhibu.db")
        yield config
        return
    postgres: Postgres = request.getfixturevalue("postgres")
    name = postgres.copy()
    yield install(folder, postgres.address(name))
    postgres.drop(name)


async def backed_up(config: Config, *, now: datetime = NOON, keep: int = 14) -> Made:
    """Make a backup into the folder of the settings."""
    return await back_up(config, config.path("config.toml"), config.path(config.backup.folder), keep, now=now)


async def found(config: Config, clock: HandClock) -> SmallBranch:
    """Open the database and found the small branch in it."""
    branch = SmallBranch(await Store.open(config.database, clock), clock)
    await branch.found()
    return branch


async def refused(work: object) -> Trouble:
    """Return the trouble that a piece of work ends in."""
    with pytest.raises(Trouble) as caught:
        await work  # type: ignore[misc]
    return caught.value


def left(folder: Path) -> list[str]:
    """Return what lies in a folder, locks left out."""
    return sorted(path.name for path in folder.iterdir() if not path.name.endswith(".lock"))


async def test_a_backup_beside_the_running_program_holds_what_was_committed(
    installation: Config, clock: HandClock
) -> None:
    branch = await found(installation, clock)
    made = await backed_up(installation)
    before = made.manifest.held.tables
    await branch.open(audience=EAST)
    await branch.store.close()

    assert made.new_key
    assert made.file.name == "zhibu-20260701T040000Z.backup"
    assert made.file.stat().st_mode & 0o777 == 0o600
    assert before["members"].rows == 5
    assert await seen(installation.database) != before
    checked = await check_backup(made.file, installation.path("backup.key"))
    assert checked.held.tables == before
    assert set(checked.files) == {
        *("bot-password", "config.toml", "zhibu.db", "keys/pickle.key"),
        *("keys/device/crypto.db", "keys/device/session.json"),
    }
    assert left(made.file.parent) == [made.file.name]
    assert [name for name in left(installation.folder) if name.startswith(".")] == []


async def test_nothing_of_a_backup_can_be_read_without_the_key(installation: Config, clock: HandClock) -> None:
    await (await found(installation, clock)).store.close()
    made = await backed_up(installation)
    data = made.file.read_bytes()
    for word in (SECRET, "张明", "SQLite format", "zhibu.db", "member"):
        assert word.encode() not in data
    other = installation.path("other.key")
    other.touch(0o600)
    other.write_bytes(bytes(32))
    assert (await refused(check_backup(made.file, other))).words.key == "backup.wrong_key"


async def test_a_backup_that_was_cut_or_changed_is_never_good(sqlite_address: str, tmp_path: Path) -> None:
    config = install(tmp_path / "a", sqlite_address)
    made = await backed_up(config)
    whole, key = made.file.read_bytes(), config.path("backup.key")
    for place in range(1, len(whole), len(whole) // 12):
        made.file.write_bytes(whole[:place])
        assert (await refused(check_backup(made.file, key))).words.key == "backup.damaged"
        made.file.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        assert (await refused(check_backup(made.file, key))).words.key in ("backup.damaged", "backup.wrong_key")
    made.file.unlink()
    assert (await refused(check_backup(made.file, key))).words.key == "backup.missing"


async def test_the_oldest_leave_and_other_peoples_files_stay(sqlite_address: str, tmp_path: Path) -> None:
    config = install(tmp_path / "a", sqlite_address)
    folder = config.path("backups")
    folder.mkdir()
    (folder / "letter.txt").write_text("mine")
    (folder / ".zhibu-20260101T000000Z.backup.part").write_text("killed")
    (config.folder / ".backup-killed").mkdir()
    for day in range(4):
        made = await backed_up(config, now=NOON + timedelta(days=day), keep=2)
    assert made.removed == 1
    assert left(folder) == ["letter.txt", "zhibu-20260703T040000Z.backup", "zhibu-20260704T040000Z.backup"]


async def test_a_folder_that_cannot_be_written_keeps_what_is_there(sqlite_address: str, tmp_path: Path) -> None:
    config = install(tmp_path / "a", sqlite_address)
    config.path("backups").write_text("a file where a folder should be")
    trouble = await refused(backed_up(config))
    assert (trouble.exit_code, trouble.words.key) == (Exit.DATA, "backup.not_written")
    assert config.path("backups").read_text() == "a file where a folder should be"


async def test_a_database_that_is_damaged_is_not_called_backed_up(sqlite_address: str, tmp_path: Path) -> None:
    file = tmp_path / "a" / "zhibu.db"
    config = install(tmp_path / "a", "sqlite:///zhibu.db")
    shutil.copyfile(sqlite_address.removeprefix("sqlite:///"), file)
    data = bytearray(file.read_bytes())
    for page in range(2, 8):
        data[4096 * page : 4096 * page + 56] = b"\xff" * 56
    file.write_bytes(bytes(data))
    trouble = await refused(backed_up(config))
    assert trouble.exit_code is Exit.DATABASE
    assert str(trouble.words.parameters).count("zhibu.db") == 1
    assert left(config.path("backups")) == []


async def test_what_is_restored_is_what_was_backed_up_and_its_login_is_put_aside(
    installation: Config, clock: HandClock, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    await (await found(installation, clock)).store.close()
    made, key = await backed_up(installation), installation.path("backup.key")
    other = None
    if installation.database.startswith("postgresql"):
        postgres: Postgres = request.getfixturevalue("postgres")
        other = postgres.address(postgres.empty())

    put = await restore(made.file, key, tmp_path / "new", other)

    config = load_config(put.config)
    assert config.database == (other or f"sqlite:///{tmp_path / 'new' / 'zhibu.db'}")
    tables = await seen(config.database)
    assert tables.pop("restores").rows == 1
    assert tables == {name: one for name, one in made.manifest.held.tables.items() if name != "restores"}
    assert (tmp_path / "new" / "keys" / "pickle.key").read_bytes() == bytes(range(32))
    assert left(tmp_path / "new" / "keys" / "device") == ["crypto.db.retired", "session.json.retired"]
    assert put.has_password
    assert all(path.stat().st_mode & 0o077 == 0 for path in (tmp_path / "new").rglob("*"))
    assert [name for name in left(tmp_path / "new") if name.startswith(".")] == []
    assert await backed_up(config, now=NOON + timedelta(days=1))


async def test_a_live_place_and_a_live_database_are_left_alone(installation: Config, clock: HandClock) -> None:
    branch = await found(installation, clock)
    made, key = await backed_up(installation), installation.path("backup.key")
    before = await seen(installation.database)
    trouble = await refused(restore(made.file, key, installation.folder, None))
    assert trouble.words.key == "restore.not_empty"
    place = installation.folder.parent / "drill"
    trouble = await refused(restore(made.file, key, place, installation.database))
    assert trouble.words.key in ("database.not_empty", "database.in_use", "database.bot_at_work")
    await branch.store.close()
    trouble = await refused(restore(made.file, key, place, installation.database))
    assert trouble.words.key == "database.not_empty"
    assert not place.exists()
    assert await seen(installation.database) == before
    await branch.store.close()


async def test_a_restore_that_is_refused_leaves_the_empty_folder_empty(sqlite_address: str, tmp_path: Path) -> None:
    config = install(tmp_path / "a", sqlite_address)
    made = await backed_up(config)
    made.file.write_bytes(made.file.read_bytes()[:-1])
    place = tmp_path / "new"
    place.mkdir()
    assert (await refused(restore(made.file, config.path("backup.key"), place, None))).words.key == "backup.damaged"
    assert list(place.iterdir()) == []


async def test_paths_that_lead_out_of_the_backups_folder_lead_into_the_new_one(
    sqlite_address: str, tmp_path: Path
) -> None:
    config = install(tmp_path / "a", sqlite_address)
    settings = config.path("config.toml")
    settings.write_text(change_setting(settings.read_text(), "bot", "keys", str(config.folder / "keys")))
    config = load_config(settings)
    made = await backed_up(config)
    restored = load_config((await restore(made.file, config.path("backup.key"), tmp_path / "new", None)).config)
    assert restored.database == f"sqlite:///{tmp_path / 'new' / 'zhibu.db'}"
    assert restored.path(restored.bot.keys) == tmp_path / "new" / "keys"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('[a]\nx = 1\n[b]\ny = "old" # why\nz = 2\n', '[a]\nx = 1\n[b]\ny = "new"\nz = 2\n'),
        ("[a]\ny = 1\n[b] # place\n", '[a]\ny = 1\n[b] # place\ny = "new"\n'),
        ("[a]\ny = 1\n", '[a]\ny = 1\n\n[b]\ny = "new"\n'),
    ],
)
def test_one_setting_changes_and_every_other_line_stays(before: str, after: str) -> None:
    assert change_setting(before, "b", "y", "new") == after


async def test_a_backup_beside_another_is_refused_until_that_has_ended(sqlite_address: str, tmp_path: Path) -> None:
    config = install(tmp_path / "a", sqlite_address)
    made = await backed_up(config)
    with (made.file.parent / ".backup.lock").open("wb") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        assert (await refused(backed_up(config))).words.key == "backup.busy"
    assert left(made.file.parent) == [made.file.name]
    again = await backed_up(config)
    assert left(made.file.parent) == [made.file.name, again.file.name]


async def test_a_write_during_the_backup_is_in_it_whole_or_not_at_all(installation: Config, clock: HandClock) -> None:
    store = await Store.open(installation.database, clock)
    await store.settle(notes=[heartbeats.Beat(role="clock", state="ticking", at=NOON)])
    made = await backed_up(installation)
    await store.settle(notes=[heartbeats.Beat(role="bot", state="listening", at=NOON)])
    await store.close()
    assert made.manifest.held.tables["heartbeats"].rows == 1
