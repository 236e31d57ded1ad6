"""One transaction as its users see it: a reading unit that cannot write, and a writing unit for storage's own use."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from datetime import datetime
from functools import cache
from operator import add
from typing import Any, TypeVar

from sqlalchemy import Connection, Executable, Row, Select, Table, TextClause
from sqlalchemy.dialects import sqlite

from content.organisations import Duty
from storage.chain import Chain
from storage.prepared import Driver, Prepared
from storage.tables import RAISED
from storage.vault import Vault

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

    A question is a query that is built for the occasion, or a prepared one with its parameters. A unit belongs to one
    thread; its questions are coroutines so that rules and pages read alike everywhere.
    """

    def __init__(
        self, connection: Connection, now: datetime, driver: Driver | None = None, vault: Vault | None = None
    ) -> None:
        self._connection = connection
        self.vault = vault or Vault()
        self._driver = driver or Driver(connection)
        self.now = now
        self.authority: Collection[Duty] = ()
        """By which duties what is being decided may be done; whoever finds that out says it here, for the record."""

    @property
    def engine(self) -> str:
        """Return ``sqlite`` or ``postgresql``, for the few questions that each asks in its own way."""
        return self._connection.dialect.name

    async def settled(self) -> None:
        """Wait until everything that this transaction changed can be read; what only reads has nothing to wait for."""

    async def rows(self, query: Query | Prepared, parameters: Mapping[str, Any] | None = None) -> Sequence[AnyRow]:
        """Return all rows."""
        if isinstance(query, Prepared):
            return self._driver.ask(query, parameters or {})
        return self._connection.execute(query, parameters).all()

    async def first(
        self, query: Query | Prepared | TextClause, parameters: Mapping[str, Any] | None = None
    ) -> AnyRow | None:
        """Return the first row, if any."""
        if isinstance(query, Prepared):
            found = self._driver.ask(query, parameters or {})
            return found[0] if found else None
        return self._connection.execute(query, parameters).first()

    async def value(self, query: Query | Prepared | TextClause, parameters: Mapping[str, Any] | None = None) -> Any:
        """Return the first column of the first row, ``None`` where there is no row."""
        row = await self.first(query, parameters)
        return row[0] if row is not None else None


class Undone(Exception):
    """A part failed that could not be undone alone: undo the whole transaction, and do it again with care."""


class Hope:
    """A part of a transaction that is expected to succeed, as nearly all do; it costs nothing."""

    def commit(self) -> None:
        """Keep what was done since."""

    def rollback(self) -> None:
        """Ask for the transaction to be undone and done again with care. Always raises Undone."""
        raise Undone


class Savepoint(Hope):
    """A part of a transaction that can be undone on its own."""

    def __init__(self, driver: Driver, depth: int) -> None:
        self._driver = driver
        self._name = f"part_{depth}"
        driver.command(f"SAVEPOINT {self._name}")

    def commit(self) -> None:
        """Keep what was done since."""
        self._driver.command(f"RELEASE SAVEPOINT {self._name}")

    def rollback(self) -> None:
        """Undo what was done since."""
        self._driver.command(f"ROLLBACK TO SAVEPOINT {self._name}")
        self.commit()


class Gathered:
    """What nobody asks for before the end of a transaction, to be written many rows at a time."""

    def __init__(self) -> None:
        self.rows: dict[tuple[Table, tuple[str, ...]], list[Mapping[str, Any]]] = {}
        self.changes: dict[Prepared, list[Mapping[str, Any]]] = {}
        self.raised: dict[Table, dict[tuple[Any, ...], Sequence[int]]] = {}
        self.refreshed: set[str] = set()
        """The cards that have their one pending edit already."""
        self.record: list[Mapping[str, Any]] = []
        """Rows of record, to be sealed one after the other at the very end."""


class Writing(Reading):
    """A reading unit through which storage itself changes rows, some of them only when asked for ``settled``."""

    def __init__(
        self,
        connection: Connection,
        now: datetime,
        driver: Driver | None = None,
        *,
        careful: bool = True,
        depth: int = 0,
        gathered: Gathered | None = None,
        chain: Chain | None = None,
        vault: Vault | None = None,
    ) -> None:
        """Begin to write; ``careful`` makes a savepoint for every part, so that one that fails is undone alone.

        With care everything is written at once, without it what can wait is gathered.
        """
        super().__init__(connection, now, driver, vault)
        self._careful = careful
        self._depth = depth
        self.gathered = None if careful else gathered or Gathered()
        self.chain = chain or Chain()

    def bare(self, work: Callable[[Connection], None]) -> None:
        """Do what storage does to a connection itself, such as taking a lock."""
        work(self._connection)

    def at(self, now: datetime) -> Writing:
        """Return the same unit for another instant."""
        return Writing(
            self._connection,
            now,
            self._driver,
            careful=self._careful,
            depth=self._depth,
            gathered=self.gathered,
            chain=self.chain,
            vault=self.vault,
        )

    def part(self) -> tuple[Writing, Hope]:
        """Begin a part; return the unit in which it is done, and what keeps or undoes it."""
        if not self._careful:
            return self, Hope()
        depth, chain, vault = self._depth + 1, self.chain, self.vault
        inner = Writing(self._connection, self.now, self._driver, depth=depth, chain=chain, vault=vault)
        return inner, Savepoint(self._driver, self._depth)

    async def settled(self) -> None:
        """Write what was gathered."""
        if self.gathered is None:
            return
        rows, changes, raised = self.gathered.rows, self.gathered.changes, self.gathered.raised
        self.gathered.rows, self.gathered.changes, self.gathered.raised = {}, {}, {}
        self.gathered.refreshed.clear()
        for (table, _), values in rows.items():
            await self.add_missing(table, values)
        for change, several in changes.items():
            self._driver.change(change, several)
        for table, steps in raised.items():
            self._raise(table, steps)

    async def add_later(self, table: Table, values: Mapping[str, Any]) -> None:
        """Insert a row that nobody asks for before the transaction ends, unless it is there, by any unique key."""
        if self.gathered is None:
            await self.add_missing(table, values)
        else:
            self.gathered.rows.setdefault((table, tuple(values)), []).append(values)

    async def change_later(self, change: Prepared, parameters: Mapping[str, Any]) -> None:
        """Change a row that nobody asks for before the transaction ends."""
        if self.gathered is None:
            self._driver.change(change, parameters)
        else:
            self.gathered.changes.setdefault(change, []).append(parameters)

    async def execute(self, statement: Executable | Prepared, parameters: Any = None) -> int:
        """Run a statement, once or for each of a list of parameters; return how many rows it changed."""
        if isinstance(statement, Prepared):
            return self._driver.change(statement, parameters or {})
        result = self._connection.execute(statement, parameters)
        return int(getattr(result, "rowcount", 0))

    async def returning(self, statement: Executable | Prepared, parameters: Any = None) -> Sequence[AnyRow]:
        """Run a statement that returns rows."""
        if isinstance(statement, Prepared):
            return self._driver.ask(statement, parameters or {})
        return self._connection.execute(statement, parameters).all()

    async def add(self, table: Table, values: Mapping[str, Any] | Sequence[Mapping[str, Any]]) -> None:
        """Insert one row or many, all with the same columns."""
        if values:
            self._driver.change(_insert(table, _columns(values)), values)

    async def add_missing(self, table: Table, values: Mapping[str, Any] | Sequence[Mapping[str, Any]]) -> None:
        """Insert what is not there yet, by any unique key."""
        if values:
            engine = self._connection.dialect.name
            self._driver.change(_insert_missing(table, _columns(values), engine), values)

    async def put(self, table: Table, values: Mapping[str, Any], *, key: Sequence[str]) -> None:
        """Insert a row, or overwrite the one with the same key."""
        engine = self._connection.dialect.name
        self._driver.change(_put(table, _columns(values), tuple(key), engine), values)

    async def raise_by(self, table: Table, steps: Mapping[tuple[Any, ...], Sequence[int]]) -> None:
        """Add to the columns marked ``RAISED`` of rows that are named by their other columns; missing ones begin at 0.

        Both in the order of the table's columns. Who reads it within a transaction asks for ``settled`` first.
        """
        if self.gathered is None:
            self._raise(table, steps)
            return
        gathered = self.gathered.raised.setdefault(table, {})
        for key, several in steps.items():
            before = gathered.get(key)
            gathered[key] = several if before is None else tuple(map(add, before, several))

    def _raise(self, table: Table, steps: Mapping[tuple[Any, ...], Sequence[int]]) -> None:
        columns = (*_named(table), *_raised(table))
        values = [dict(zip(columns, (*key, *several), strict=True)) for key, several in steps.items() if any(several)]
        if values:
            self._driver.change(_raise(table, columns, self._connection.dialect.name), values)


def _columns(values: Mapping[str, Any] | Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    return tuple(values if isinstance(values, Mapping) else values[0])


@cache
def _raised(table: Table) -> tuple[str, ...]:
    return tuple(column.name for column in table.c if column.info == RAISED)


@cache
def _named(table: Table) -> tuple[str, ...]:
    return tuple(column.name for column in table.c if column.info != RAISED)


@cache
def _insert(table: Table, columns: tuple[str, ...]) -> Prepared:
    return Prepared(table.insert().inline(), columns)


@cache
def _insert_missing(table: Table, columns: tuple[str, ...], engine: str) -> Prepared:
    return Prepared(_insert_for(engine)(table).inline().on_conflict_do_nothing(), columns)


@cache
def _put(table: Table, columns: tuple[str, ...], key: tuple[str, ...], engine: str) -> Prepared:
    insert = _insert_for(engine)(table).inline()
    changed = {name: insert.excluded[name] for name in columns if name not in key}
    return Prepared(insert.on_conflict_do_update(index_elements=list(key), set_=changed), columns)


@cache
def _raise(table: Table, columns: tuple[str, ...], engine: str) -> Prepared:
    insert = _insert_for(engine)(table).inline()
    key = [column.name for column in table.primary_key]
    raised = {name: table.c[name] + insert.excluded[name] for name in _raised(table)}
    return Prepared(insert.on_conflict_do_update(index_elements=key, set_=raised), columns)


def _insert_for(engine: str) -> Any:
    if engine == "sqlite":
        return sqlite.insert
    # Two megabytes that a branch on a file never needs.
    from sqlalchemy.dialects import postgresql

    return postgresql.insert
