"""The files that only their owner may read: which they are, and which of them stand open."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from zhibu.config import Config

OTHERS = 0o077
"""The rights that nobody but the owner may have."""

_KINDS = (".key", ".json", ".db", ".pickle", ".retired")
"""Locks and drafts in the key folder are no secrets, and the folder keeps others out of them."""


def secret_files(config: Config) -> Iterator[Path]:
    """Yield what of an installation's secrets is there, the folder of the keys with it."""
    from storage.engines import sqlite_file

    password, keys = config.path(config.bot.password_file or "bot-password"), config.path(config.bot.keys)
    if password.exists():
        yield password
    if keys.exists():
        yield keys
    yield from sorted(path for path in keys.rglob("*") if path.suffix in _KINDS)
    for file in (sqlite_file(config.database), config.path(config.backup.key)):
        if file is not None and file.exists():
            yield file


def open_files(config: Config) -> list[Path]:
    """Return the secrets that others can read. Raises OSError where that cannot be seen."""
    return [path for path in secret_files(config) if path.stat().st_mode & OTHERS]


def close_files(config: Config) -> list[Path]:
    """Take the rights of others away from every secret, and return those that had any. Raises OSError."""
    found = open_files(config)
    for path in found:
        path.chmod(path.stat().st_mode & ~OTHERS)
    return found
