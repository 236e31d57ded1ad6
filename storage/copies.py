"""Copies of a SQLite file: one of any moment, and the one beside it from before its tables were changed."""

from __future__ import annotations

import contextlib
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

from storage.engines import trouble

KEPT = timedelta(days=30)
"""How long a copy from before a change stays; it remembers what was erased since."""


def copy_file(file: Path, target: Path) -> None:
    """Copy a SQLite file as of this moment into a new one, for its owner's eyes only. Raises Trouble when it cannot."""
    # Not at the top: whoever imports it first decides which library all of us get, see storage/sqlite_library.py.
    import sqlite3

    try:
        os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        with contextlib.closing(sqlite3.connect(file)) as source, contextlib.closing(sqlite3.connect(target)) as copy:
            source.backup(copy)
    except (sqlite3.Error, OSError) as error:
        raise trouble("no_copy", file=str(target), why=str(error)) from None


def copy_before_change(file: Path, revision: str) -> Path:
    """Keep the file as it is now beside itself, never over another copy. Raises Trouble when it cannot.

    What bears the name of a copy is whole: it is written, and is on the disk, under another one first.
    """
    draft = file.with_name(f".{file.name}.copying")
    try:
        for ending in ("", "-journal", "-wal", "-shm"):
            draft.with_name(draft.name + ending).unlink(missing_ok=True)
        copy_file(file, draft)
        target = _free_name(file, revision)
        with draft.open("rb") as written:
            os.fsync(written.fileno())
        draft.replace(target)
        folder = os.open(file.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        raise trouble("no_copy", file=str(draft), why=error.strerror or "") from None
    finally:
        draft.unlink(missing_ok=True)
    return target


def _free_name(file: Path, revision: str) -> Path:
    number = 0
    while True:
        target = file.with_name(f"{file.name}.before-upgrade-{revision}" + (f".{number}" if number else ""))
        if not target.exists():
            return target
        number += 1


def let_copies_go(file: Path, *, taken_before: datetime) -> int:
    """Remove the copies of before a change that were taken before an instant; return how many went."""
    old = [
        copy
        for copy in file.parent.glob(f"{file.name}.before-upgrade-*")
        if datetime.fromtimestamp(copy.stat().st_mtime, UTC) < taken_before
    ]
    for copy in old:
        copy.unlink(missing_ok=True)
    return len(old)
