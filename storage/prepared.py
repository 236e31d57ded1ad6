"""Statements that are written once and run often: compiled once for each engine, then handed to the driver."""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Dialect, Select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql.base import Executable

Parameters = Mapping[str, Any]
_Convert = Callable[[Any], Any]


class Form:
    """A statement as one engine's driver takes it, with what turns our values into the driver's and back."""

    def __init__(self, statement: Executable, dialect: Dialect, names: Sequence[str] | None) -> None:
        compiled: Any = statement.compile(dialect=dialect, column_keys=names)  # type: ignore[attr-defined]
        self.sql = str(compiled)
        self._by_place = compiled.positional
        self._gaps: list[tuple[str, _Convert | None, Any]] = []
        for name in compiled.positiontup if self._by_place else compiled.binds:
            bound = compiled.binds[name]
            convert = bound.type.dialect_impl(dialect).bind_processor(dialect)
            if bound.required:
                self._gaps.append((name, convert, None))
            else:
                value = convert(bound.value) if convert else bound.value
                self._gaps.append((name, None, value))
        self._names = [name for name, _, _ in self._gaps]
        self._fixed = frozenset(name for name, bound in compiled.binds.items() if not bound.required)
        columns = list(statement.selected_columns) if isinstance(statement, Select) else []
        self._row: Any = namedtuple("Row", [str(column.key) for column in columns]) if columns else None
        reads = [column.type.dialect_impl(dialect).result_processor(dialect, None) for column in columns]
        self._reads = [(place, read) for place, read in enumerate(reads) if read is not None]

    def bind(self, parameters: Parameters) -> Any:
        """Return parameters as the driver takes them."""
        values = [
            value if name in self._fixed else parameters[name] if convert is None else convert(parameters[name])
            for name, convert, value in self._gaps
        ]
        return values if self._by_place else dict(zip(self._names, values, strict=True))

    def rows(self, found: Sequence[Any]) -> list[Any]:
        """Return the driver's rows with our values under their names."""
        make = self._row._make
        if not self._reads:
            return list(map(make, found))
        made = []
        for row in found:
            values = list(row)
            for place, read in self._reads:
                values[place] = read(values[place])
            made.append(make(values))
        return made


class Prepared:
    """One statement with ``bindparam`` gaps; make it at the top of a module, not for each call.

    ``names`` are the columns that an insert fills. A list that grows (``IN``) cannot be prepared.
    """

    def __init__(self, statement: Executable, names: Sequence[str] | None = None) -> None:
        self._statement = statement
        self._names = names
        self._forms: dict[str, Form] = {}

    def form(self, dialect: Dialect) -> Form:
        """Return the statement for an engine."""
        form = self._forms.get(dialect.name)
        if form is None:
            form = self._forms[dialect.name] = Form(self._statement, dialect, self._names)
        return form


class Driver:
    """The driver's cursor of one transaction. Its errors are raised as SQLAlchemy's, without what was to be written."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._dialect = connection.dialect
        self._raw = connection.connection
        self._cursor = self._raw.cursor()

    def ask(self, prepared: Prepared, parameters: Parameters) -> list[Any]:
        """Return all rows that a question finds."""
        form = prepared.form(self._dialect)
        self._run(self._cursor.execute, form.sql, form.bind(parameters))
        return form.rows(self._cursor.fetchall())

    def change(self, prepared: Prepared, parameters: Parameters | Sequence[Parameters]) -> int:
        """Run a statement, once or for each of a list of parameters; return how many rows it changed."""
        form = prepared.form(self._dialect)
        if isinstance(parameters, Mapping):
            self._run(self._cursor.execute, form.sql, form.bind(parameters))
        else:
            self._run(self._cursor.executemany, form.sql, [form.bind(one) for one in parameters])
        return int(self._cursor.rowcount)

    def command(self, sql: str) -> None:
        """Run a statement without parameters and without rows."""
        self._run(self._cursor.execute, sql)

    def _run(self, execute: Callable[..., Any], sql: str, *parameters: Any) -> None:
        error_type = self._dialect.loaded_dbapi.Error
        try:
            execute(sql, *parameters)
        except error_type as error:
            lost = self._dialect.is_disconnect(error, self._raw.driver_connection, self._cursor)
            if lost:
                self._connection.invalidate(error)
            raise DBAPIError.instance(
                sql,
                None,
                error,
                error_type,
                hide_parameters=True,
                connection_invalidated=lost,
                dialect=self._dialect,
            ) from error
