"""SQLite through APSW in the form that SQLAlchemy expects of a driver: so the store runs on a recorded disk."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import apsw

apilevel, paramstyle, threadsafety = "2.0", "qmark", 1
sqlite_version_info = tuple(map(int, apsw.sqlite_lib_version().split(".")))
sqlite_version = apsw.sqlite_lib_version()
PARSE_DECLTYPES = PARSE_COLNAMES = 0

Error = Warning = InterfaceError = DatabaseError = InternalError = OperationalError = apsw.Error
ProgrammingError = IntegrityError = DataError = NotSupportedError = apsw.Error
Binary = bytes

Parameters = Sequence[Any]


class Cursor:
    """Runs statements and keeps what they yield."""

    arraysize = 1

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection
        self._rows: list[tuple[Any, ...]] = []
        self.description: tuple[tuple[Any, ...], ...] | None = None
        self.rowcount = -1
        self.lastrowid = 0

    def execute(self, sql: str, parameters: Parameters = ()) -> Cursor:
        """Run a statement once."""
        self.rowcount = self._run(sql, parameters)
        return self

    def executemany(self, sql: str, many: Iterable[Parameters]) -> Cursor:
        """Run a statement for each of these."""
        self.rowcount = sum(self._run(sql, parameters) for parameters in many)
        return self

    def _run(self, sql: str, parameters: Parameters) -> int:
        cursor = self._connection.cursor()
        described: list[Any] = []

        def look(running: apsw.Cursor, _sql: str, _bound: object) -> bool:
            described[:] = [(one[0], one[1], None, None, None, None, None) for one in running.get_description()]
            return True

        cursor.exec_trace = look
        before = self._connection.total_changes()
        self._rows = [tuple(row) for row in cursor.execute(sql, tuple(parameters))]
        self.description = tuple(described) or None
        self.lastrowid = self._connection.last_insert_rowid()
        return self._connection.total_changes() - before

    def fetchone(self) -> tuple[Any, ...] | None:
        """Return the next row."""
        return self._rows.pop(0) if self._rows else None

    def fetchall(self) -> list[tuple[Any, ...]]:
        """Return all rows that are left."""
        rows, self._rows = self._rows, []
        return rows

    def fetchmany(self, size: int = 1) -> list[tuple[Any, ...]]:
        """Return the next rows."""
        rows, self._rows = self._rows[:size], self._rows[size:]
        return rows

    def close(self) -> None:
        """Forget the rows."""
        self._rows = []


class Connection:
    """One connection; transactions are begun in words, and ended here."""

    isolation_level: str | None = None

    def __init__(self, file: str, vfs: str | None) -> None:
        self._connection = apsw.Connection(file, vfs=vfs)
        self._connection.set_busy_timeout(10_000)

    def cursor(self) -> Cursor:
        """Return a cursor."""
        return Cursor(self._connection)

    def execute(self, sql: str, parameters: Parameters = ()) -> Cursor:
        """Run a statement on a cursor of its own."""
        return self.cursor().execute(sql, parameters)

    def create_function(self, name: str, arguments: int, function: Callable[..., Any], **_: Any) -> None:
        """Make a function of SQL."""
        self._connection.create_scalar_function(name, function, arguments)

    def commit(self) -> None:
        """End the transaction, if there is one."""
        if self._connection.in_transaction:
            self._connection.execute("COMMIT")

    def rollback(self) -> None:
        """Undo the transaction, if there is one."""
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")

    def close(self) -> None:
        """Close."""
        self._connection.close()


VFS = {"name": None}
"""The disk on which the next connections lie."""


def connect(file: str, *_: Any, **__: Any) -> Connection:
    """Open a file on the disk that was chosen."""
    return Connection(file, VFS["name"])
