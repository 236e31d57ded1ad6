"""One transaction as its users see it: a reading unit that cannot write, and a writing unit for storage's own use."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import Connection, Executable, NestedTransaction, Row, Select, Table
from sqlalchemy.dialects import postgresql, sqlite

AnyRow = Row[*tuple[Any, ...]]
Query = Select[*tuple[Any, ...]]
T = TypeVar("T")


def finish(question: Awaitable[T]) -> T:
    """Run what waits for nothing but the database to its end, in this thread.

    A unit answers at once, so that a question is never suspended: the loop is neither needed nor held up. Raises
    RuntimeError for a question that waits for anything else, which would hold its transaction open meanwhile.
    """

    async def answer() -> T:
        return await question

    running = answer()
    try:
        running.send(None)
    except StopIteration as done:
        answered: T = done.value
        return answered
    running.close()
    raise RuntimeError("while it holds a transaction, a question may wait for the database only")


class Reading:
    """What is known at one moment. ``now`` is the instant for which a decision is taken, aware UTC.

    A unit belongs to one thread. Its questions are coroutines so that rules and pages read alike everywhere.
    """

    def __init__(self, connection: Connection, now: datetime) -> None:
        self._connection = connection
        self.now = now

    async def settled(self) -> None:
        """Wait until everything that this transaction changed can be read; what only reads has nothing to wait for."""

    async def rows(self, query: Query, parameters: Mapping[str, Any] | None = None) -> Sequence[AnyRow]:
        """Return all rows."""
        return self._connection.execute(query, parameters).all()

    async def first(self, query: Query, parameters: Mapping[str, Any] | None = None) -> AnyRow | None:
        """Return the first row, if any."""
        return self._connection.execute(query, parameters).first()

    async def value(self, query: Query, parameters: Mapping[str, Any] | None = None) -> Any:
        """Return the first column of the first row, ``None`` where there is no row."""
        return self._connection.execute(query, parameters).scalar()


class Gathered:
    """Rows of one batch that nobody asks for before its end, to be written many at a time."""

    def __init__(self) -> None:
        self.rows: dict[tuple[Table, tuple[str, ...]], list[Mapping[str, Any]]] = {}
        self.raised: dict[Table, dict[tuple[Any, ...], int]] = {}
        self.refreshed: set[str] = set()
        """The cards that have their one pending edit already."""


class Writing(Reading):
    """A reading unit through which storage itself changes rows; with ``gathered`` some of them only by ``settled``."""

    def __init__(self, connection: Connection, now: datetime, gathered: Gathered | None = None) -> None:
        super().__init__(connection, now)
        self.gathered = gathered

    def at(self, now: datetime) -> Writing:
        """Return the same unit for another instant."""
        return Writing(self._connection, now, self.gathered)

    async def settled(self) -> None:
        """Write what was gathered."""
        if self.gathered is None:
            return
        rows, raised = self.gathered.rows, self.gathered.raised
        self.gathered.rows, self.gathered.raised = {}, {}
        for (table, _), values in rows.items():
            self._connection.execute(self._insert(table).on_conflict_do_nothing(), values)
        for table, steps in raised.items():
            names = [column.name for column in table.c if column.name != "number"]
            self._raise(table, [{**dict(zip(names, key, strict=True)), "number": step} for key, step in steps.items()])

    async def add_later(self, table: Table, values: Mapping[str, Any]) -> None:
        """Insert a row that nobody asks for before the batch has ended, unless it is there, by any unique key."""
        if self.gathered is None:
            await self.add_missing(table, values)
        else:
            self.gathered.rows.setdefault((table, tuple(values)), []).append(values)

    async def savepoint(self) -> NestedTransaction:
        """Begin a part that can be undone on its own."""
        return self._connection.begin_nested()

    async def execute(self, statement: Executable, parameters: Any = None) -> int:
        """Run a statement, once or for each of a list of parameters; return how many rows it changed."""
        result = self._connection.execute(statement, parameters)
        return int(getattr(result, "rowcount", 0))

    async def returning(self, statement: Executable, parameters: Any = None) -> Sequence[AnyRow]:
        """Run a statement that returns rows."""
        return self._connection.execute(statement, parameters).all()

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

    async def raise_by(self, table: Table, values: Sequence[Mapping[str, Any]]) -> None:
        """Add to the column ``number`` of rows that are named by their primary keys; missing rows begin at nought.

        Who reads such a table within a transaction asks for ``settled`` first.
        """
        if self.gathered is None:
            self._raise(table, values)
            return
        raised = self.gathered.raised.setdefault(table, {})
        names = [column.name for column in table.c if column.name != "number"]
        for row in values:
            key = tuple(row[name] for name in names)
            raised[key] = raised.get(key, 0) + row["number"]

    def _raise(self, table: Table, values: Sequence[Mapping[str, Any]]) -> None:
        if values := [row for row in values if row["number"]]:
            insert = self._insert(table)
            key = [column.name for column in table.primary_key]
            raised = {"number": table.c.number + insert.excluded.number}
            self._connection.execute(insert.on_conflict_do_update(index_elements=key, set_=raised), values)

    def _insert(self, table: Table) -> Any:
        return sqlite.insert(table) if self._connection.dialect.name == "sqlite" else postgresql.insert(table)
