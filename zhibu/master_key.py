"""The key under which phones, notes and the secrets of second factors are sealed; it lies beside the other keys."""

from __future__ import annotations

import contextlib
import errno
import os
from pathlib import Path

from content.trouble import Exit, Trouble
from storage.engines import sqlite_file
from storage.sealing import key_name
from storage.store import Store
from storage.vault import KEY_BYTES, Vault
from zhibu.config import Config
from zhibu.record_key import key_file, make_key, no_key, read_key, write_key


def master_file(config: Config) -> Path:
    """Return where the key lies."""
    return config.path(config.bot.keys) / "master.key"


def read_master(config: Config) -> bytes:
    """Return the key. Raises Trouble where there is none, or it cannot be one."""
    file = master_file(config)
    try:
        key = file.read_bytes()
    except OSError as error:
        raise _no_master(file, error.strerror or "") from None
    if len(key) != KEY_BYTES:
        raise Trouble(Exit.CONFIG, "vault.bad_key", file=str(file), n=KEY_BYTES)
    return key


def make_master(config: Config) -> bytes:
    """Return the key, making it the first time. Raises Trouble where that cannot be."""
    try:
        write_key(master_file(config))
    except OSError as error:
        raise _no_master(master_file(config), error.strerror or "") from None
    return read_master(config)


def next_file(config: Config) -> Path:
    """Return where a key lies that is to take the place of the one there is."""
    return master_file(config).with_name("master-next.key")


def prepare_next(config: Config) -> bytes:
    """Return a new key, on disk before anything is sealed under it. Raises Trouble where that cannot be."""
    file = next_file(config)
    try:
        write_key(file)
        return file.read_bytes()
    except OSError as error:
        raise _no_master(file, error.strerror or "") from None


async def take_up_next(config: Config) -> None:
    """Finish an exchange of keys that was cut off: the next key counts if the database is sealed under it by now.

    Where it is not, the exchange may be under way in another process: the next key stays as it is, and the next
    exchange takes it.
    """
    file = next_file(config)
    if not file.exists():
        return
    store = await Store.open(config.database, exclusive=False)
    try:
        name = await store.read(key_name)
    finally:
        await store.close()
    if file.exists() and name == Vault(file.read_bytes()).name:
        promote_next(config)


def promote_next(config: Config) -> None:
    """Put the next key in the place of the old one, which stays beside it for backups that were made under it.

    At no moment is there no key, and where another process has done it meanwhile nothing is done.
    """
    old, new = master_file(config), next_file(config)
    if old.exists() and new.exists():
        retired = old.with_name(f"{old.stem}-{old.stat().st_mtime_ns}{old.suffix}.retired")
        with contextlib.suppress(FileExistsError):
            os.link(old, retired)
    with contextlib.suppress(FileNotFoundError):
        new.replace(old)


def master_if_any(config: Config) -> bytes | None:
    """Return the key where there is one, for who only reads."""
    return read_master(config) if master_file(config).exists() else None


def _no_master(file: Path, why: str) -> Trouble:
    return Trouble(Exit.CONFIG, "vault.no_key", file=str(file), why=why)


async def open_desk(config: Config) -> Store:
    """Open the database to decide beside the bot. Raises Trouble where it or one of the keys is missing.

    On a file both halves share a folder, and whichever comes first makes the keys.
    """
    await take_up_next(config)
    if sqlite_file(config.database) is not None:
        return await Store.open_desk(config.database, key=make_key(config), master=make_master(config))
    key = read_key(config) if key_file(config).exists() else None
    store = await Store.open_desk(config.database, key=key, master=master_if_any(config))
    # What else is wrong is said first: a bot that was never there has made no keys either.
    if key is None or not master_file(config).exists():
        await store.close()
        raise no_key(config) if key is None else _no_master(master_file(config), os.strerror(errno.ENOENT))
    return store
