"""Makes SQLite forget what was deleted: rows are overwritten with noughts, and the write-ahead log is cut off."""

from __future__ import annotations

from contextlib import closing
from typing import Any

from sqlalchemy.engine import URL

from storage.engines import SQLITE

PATIENCE = 1.0
"""Seconds to wait for who still reads from the log; whoever wants to write waits as long."""


def forget_deleted(address: URL, *, patience: float = PATIENCE) -> bool:
    """Cut the write-ahead log off, and tell whether nothing of what was deleted is left in it.

    While somebody reads from the log, all of it stays, and this must be tried again. PostgreSQL's log cannot be cleaned
    from here: what protects envelopes there is that the tellers destroy their shares.
    """
    if address.get_backend_name() != "sqlite" or not address.database:
        return True
    import sqlite3

    options: dict[str, Any] = {**SQLITE, "timeout": patience}
    with closing(sqlite3.connect(address.database, **options)) as connection:
        busy, _, _ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    return not busy
