"""Puts a SQLite without the WAL-reset bug in place of the system's, where one is bundled.

SQLite before 3.51.3 (other than 3.44.6+ and 3.50.7+ of those lines) can damage a database in WAL mode when two
connections write and checkpoint at once. Import this before anything imports ``sqlite3``.
"""

from __future__ import annotations

import sys


def use_bundled() -> None:
    """Let ``import sqlite3`` find the bundled library from now on; without one, leave things as they are."""
    if "sqlite3" in sys.modules:
        return
    try:
        import pysqlite3
    except ImportError:
        return
    sys.modules["sqlite3"] = pysqlite3
    sys.modules["sqlite3.dbapi2"] = pysqlite3.dbapi2


def may_use_wal(version: tuple[int, ...]) -> bool:
    """Tell whether a SQLite of this version is free of the WAL-reset bug."""
    if version >= (3, 51, 3):
        return version[:2] != (3, 52)
    return (3, 44, 6) <= version < (3, 45) or (3, 50, 7) <= version < (3, 51)
