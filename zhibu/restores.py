"""Puts a backup back into an empty place, so that it can start there without sending or using anything twice."""

from __future__ import annotations

import contextlib
import os
import shutil
import tomllib
from datetime import UTC, datetime
from pathlib import Path

from msgspec import Struct

from content.trouble import Exit, Trouble
from storage.copies import let_copies_go
from storage.crashpoints import crashpoint
from storage.engines import open_engine, remove_database, sqlite_file, trouble
from storage.moving import fill
from storage.restores import Restored
from storage.store import Store, utc_now
from zhibu.backups import CONFIG, DATABASE, KEYS, PASSWORD, Manifest, unpacked
from zhibu.config import change_setting, load_config, make_config

_KEY = "backup.key"
_RETIRED = ("session.json", "crypto.db")
"""What must never go on: the login with its one-time keys and sessions, as old as the backup."""


class Put(Struct, frozen=True, kw_only=True):
    """What was put back: the backup's manifest and the settings file to start from."""

    manifest: Manifest
    config: Path
    has_password: bool


async def restore(file: Path, key_file: Path, place: Path, database: str | None) -> Put:
    """Put a backup into a folder that is empty or not there, and its database into it or into an empty one elsewhere.

    Everything is proved before and after. Raises Trouble with nothing left behind where it was refused.
    """
    made, filled = _take_place(place), None
    try:
        async with unpacked(file, key_file, place) as (manifest, folder):
            address = _prepare(folder, key_file, place, database)
            await _fill(folder / DATABASE, address, manifest)
            filled = address
            _put_in_place(folder, place)
    except BaseException as error:
        new = sqlite_file(filled) if filled is not None else None
        if new is not None:
            remove_database(new)
        _empty(place, made=made)
        if isinstance(error, OSError):
            raise _not_written(place, error) from None
        raise
    config = load_config(place / CONFIG)
    password = config.path(config.bot.password_file or PASSWORD)
    return Put(manifest=manifest, config=place / CONFIG, has_password=password.is_file())


def _empty(place: Path, *, made: bool) -> None:
    """Take back what was put into a folder that was empty or not there."""
    for path in list(place.iterdir()):
        shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)
    if made:
        with contextlib.suppress(OSError):
            place.rmdir()


def _take_place(place: Path) -> bool:
    """Make the folder, or see that it is empty; tell whether it was made."""
    try:
        if place.exists():
            if not place.is_dir() or any(place.iterdir()):
                raise Trouble(Exit.DATA, "restore.not_empty", folder=str(place))
            return False
        place.mkdir(mode=0o700, parents=True)
    except OSError as error:
        raise _not_written(place, error) from None
    return True


def _not_written(place: Path, error: OSError) -> Trouble:
    return Trouble(Exit.DATA, "restore.not_written", folder=str(place), why=error.strerror or "")


def _prepare(folder: Path, key_file: Path, place: Path, database: str | None) -> str:
    """Let the settings name what lies in the new place, put the old login aside, and return the database's address.

    A path that leads out of the folder might belong to an installation that lives.
    """
    text = (folder / CONFIG).read_text(encoding="utf-8")
    given = make_config(tomllib.loads(text), place / CONFIG)
    address = database or given.storage.database
    file = sqlite_file(address)
    if file is not None:
        address = f"sqlite:///{DATABASE}" if database is None and not _is_inside(str(file)) else address
    changes = {("storage", "database"): address}
    for table, name, value, inside in (
        ("bot", "keys", given.bot.keys, KEYS),
        ("bot", "password_file", given.bot.password_file, PASSWORD),
        ("backup", "key", given.backup.key, _KEY),
    ):
        if value != inside:
            changes[table, name] = inside
    for (table, name), value in changes.items():
        text = change_setting(text, table, name, value)
    config = make_config(tomllib.loads(text), place / CONFIG)
    (folder / CONFIG).write_text(text, encoding="utf-8")
    _write_key(folder / _KEY, key_file)
    for name in _RETIRED:
        old = folder / KEYS / "device" / name
        if old.exists():
            old.replace(old.with_name(f"{name}.retired"))
    return config.database


def _is_inside(name: str) -> bool:
    path = Path(name)
    return not path.is_absolute() and ".." not in path.parts


def _write_key(target: Path, key_file: Path) -> None:
    """Let the restored installation make its backups under the same key."""
    with os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
        out.write(key_file.read_bytes())


async def _fill(copy: Path, address: str, manifest: Manifest) -> None:
    """Fill the database, prove it, bring its tables up to date, and note that it comes from a backup."""
    engine = open_engine(f"sqlite:///{copy}")
    try:
        async with engine.connect() as connection:
            moved = await fill(connection, address)
    finally:
        await engine.dispose()
    if moved.tables != manifest.held.tables:
        raise trouble("moved_otherwise", tables=DATABASE)
    store = await Store.open(address)
    try:
        await store.settle(notes=[Restored(taken_at=manifest.taken_at, at=utc_now())])
    finally:
        await store.close()
        # The backup itself is the copy of before.
        if (file := sqlite_file(address)) is not None:
            let_copies_go(file, taken_before=datetime.max.replace(tzinfo=UTC))


def _put_in_place(folder: Path, place: Path) -> None:
    """Move everything to its name, the settings last: where they are, everything is."""
    for name in (KEYS, PASSWORD, _KEY, CONFIG):
        crashpoint("restore.between_files")
        if (folder / name).exists():
            (folder / name).replace(place / name)
