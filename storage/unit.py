"""One transaction as its users see it: a reading unit that cannot write, and a writing unit for storage's own use."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Executable, NestedTransaction, Row, Select, Table
from sqlalchemy.dialects import postgresql, sqlite

AnyRow = Row[*tuple[Any, ...]]
Query = Select[*tuple[Any, ...]]


class Reading:
    """What is known at one moment. ``now`` is the instant for which a decision is taken, aware UTC."""

    def __init__(self, connection: Connection, now: datetime) -> None:
        self._connection = connection
        self.now = now

    async def rows(self, query: Query, parameters: Mapping[str, Any] | None = None) -> Sequence[AnyRow]:
        """Return all rows."""
        return (self._connection.execute(query, parameters)).all()

    async def first(self, query: Query, parameters: Mapping[str, Any] | None = None) -> AnyRow | None:
        """Return the first row, if any."""
        return (self._connection.execute(query, parameters)).first()

    async def value(self, query: Query, parameters: Mapping[str, Any] | None = None) -> Any:
        """Return the first column of the first row, ``None`` where there is no row."""
        return (self._connection.execute(query, parameters)).scalar()


class Writing(Reading):
    """A reading unit through which storage itself changes rows."""

    def at(self, now: datetime) -> Writing:
        """Return the same unit for another instant."""
        return Writing(self._connection, now)

    def savepoint(self) -> NestedTransaction:
        """Begin a part that can be undone on its own."""
        return self._connection.begin_nested()

    async def execute(self, statement: Executable, parameters: Any = None) -> int:
        """Run a statement, once or for each of a list of parameters; return how many rows it changed."""
        result = self._connection.execute(statement, parameters)
        return int(getattr(result, "rowcount", 0))

    async def returning(self, statement: Executable, parameters: Any = None) -> Sequence[AnyRow]:
        """Run a statement that returns rows."""
        return (self._connection.execute(statement, parameters)).all()

    async def add(self, table: Table, values: Mapping[str, Any] | Sequence[Mapping[str, Any]]) -> None:
        """Insert one row or many."""
        if values:
            self._connection.execute(table.insert(), values)

    async def add_missing(self, table: Table, values: Mapping[str, Any] | Sequence[Mapping[str, Any]]) -> None:
        """Insert what is not there yet, by any unique key."""
        if values:
            self._connection.execute(self._insert(table).on_conflict_do_nothing(), values)

    async def put(self, table: Table, values: Mapping[str, Any], *, key: Sequence[str]) -> None:
        """Insert a row, or overwrite the one with the same key."""
        insert = self._insert(table).values(**values)
        changed = {name: insert.excluded[name] for name in values if name not in key}
        self._connection.execute(insert.on_conflict_do_update(index_elements=list(key), set_=changed))

    def _insert(self, table: Table) -> Any:
        return sqlite.insert(table) if self._connection.dialect.name == "sqlite" else postgresql.insert(table)
