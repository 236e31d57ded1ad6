"""Statements that are written once and run often: compiled once for each engine, then handed to the driver."""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable, Mapping, Sequence
from operator import itemgetter
from typing import Any

from sqlalchemy import BindParameter, Connection, Dialect, Select, UpdateBase, literal_column
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql.base import Executable

Parameters = Mapping[str, Any]
_Convert = Callable[[Any], Any]


class Form:
    """A statement as one engine's driver takes it, with what turns our values into the driver's and back.

    ``sizes`` says how many places each list has for which the statement leaves a gap.
    """

    def __init__(self, statement: Executable, compiled: Any, dialect: Dialect, sizes: Mapping[str, int]) -> None:
        missing = {name: None for name, bound in compiled.binds.items() if bound.required}
        state = compiled.construct_expanded_state(missing | {name: [None] * size for name, size in sizes.items()})
        self.sql = str(state.statement)
        self._by_place = compiled.positional
        # Each place of a list is a parameter of its own, under a name that the compiler gives it.
        places = {
            own: (name, place)
            for name, expanded in state.parameter_expansion.items()
            for place, own in enumerate(expanded)
        }
        self._names = list(state.positiontup if self._by_place else state.parameters)
        self._values: list[Any] = [None] * len(self._names)
        self._gaps: list[tuple[int, str]] = []
        self._lists: list[tuple[int, str, int]] = []
        self._converts: list[tuple[int, _Convert]] = []
        for at, own in enumerate(self._names):
            name, place = places.get(own, (own, None))
            bound = compiled.binds[name]
            convert = bound.type.dialect_impl(dialect).bind_processor(dialect)
            if not bound.required:
                value = state.parameters[own]
                self._values[at] = convert(value) if convert else value
                continue
            if place is None:
                self._gaps.append((at, name))
            else:
                self._lists.append((at, name, place))
            if convert is not None:
                self._converts.append((at, convert))
        asked = [name for _, name in self._gaps]
        # Where nothing else stands in the statement, all that is asked for is taken at once.
        self._take = itemgetter(*asked) if len(asked) == len(self._names) > 1 else None
        columns = list(statement.exported_columns) if isinstance(statement, Select | UpdateBase) else []
        self._row: Any = namedtuple("Row", [str(column.key) for column in columns]) if columns else None
        reads = [column.type.dialect_impl(dialect).result_processor(dialect, None) for column in columns]
        self._reads = [(place, read) for place, read in enumerate(reads) if read is not None]

    def bind(self, parameters: Parameters) -> Any:
        """Return parameters as the driver takes them; a list that is shorter than its places says its last again."""
        if self._take is not None:
            values = list(self._take(parameters))
        else:
            values = self._values.copy()
            for at, name in self._gaps:
                values[at] = parameters[name]
            for at, name, place in self._lists:
                several = parameters[name]
                values[at] = several[min(place, len(several) - 1)]
        for at, convert in self._converts:
            values[at] = convert(values[at])
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
                if values[place] is not None:
                    values[place] = read(values[place])
            made.append(make(values))
        return made


class Prepared:
    """One statement with ``bindparam`` gaps; make it at the top of a module, not for each call.

    ``names`` are the columns that an insert fills. A list that grows (``IN``) is a gap with ``expanding=True``, and is
    given as a sequence.
    """

    def __init__(self, statement: Executable, names: Sequence[str] | None = None) -> None:
        self._statement = statement
        self._names = names
        self._compiled: dict[str, tuple[Any, list[str]]] = {}
        self._forms: dict[tuple[str, tuple[int, ...]], Form] = {}

    def form(self, dialect: Dialect, parameters: Parameters) -> Form:
        """Return the statement for an engine and for as many places as the lists among the parameters need."""
        compiled, lists = self._compiled.get(dialect.name) or self._compile(dialect)
        # By powers of two, so that however lists grow, there are few forms.
        sizes = tuple([room_for(len(parameters[name])) for name in lists]) if lists else ()
        form = self._forms.get((dialect.name, sizes))
        if form is None:
            by_name = dict(zip(lists, sizes, strict=True))
            form = self._forms[dialect.name, sizes] = Form(self._statement, compiled, dialect, by_name)
        return form

    def _compile(self, dialect: Dialect) -> tuple[Any, list[str]]:
        compiled = _limited(self._statement).compile(dialect=dialect, column_keys=self._names)  # type: ignore[attr-defined]
        lists = sorted(name for name, bound in compiled.binds.items() if bound.expanding and bound.required)
        self._compiled[dialect.name] = compiled, lists
        return compiled, lists


def _limited(statement: Executable) -> Executable:
    """Write a limit into a statement as it is: with a parameter SQLite plans the statement anew each time it is run."""
    if not isinstance(statement, Select):
        return statement
    limit = statement._limit_clause
    if not isinstance(limit, BindParameter) or limit.required:
        return statement
    limited: Select[Any] = statement.limit(literal_column(str(limit.effective_value)))
    return limited


def room_for(number: int) -> int:
    """Return the power of two that has room for a number of things, or nought for none."""
    return 1 << (number - 1).bit_length() if number else 0


class Driver:
    """The driver's cursor of one transaction. Its errors are raised as SQLAlchemy's, without what was to be written."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._dialect = connection.dialect
        self._raw = connection.connection
        self._cursor = self._raw.cursor()

    def ask(self, prepared: Prepared, parameters: Parameters) -> list[Any]:
        """Return all rows that a question finds, or a change returns."""
        form = prepared.form(self._dialect, parameters)
        self._run(self._cursor.execute, form.sql, form.bind(parameters))
        return form.rows(self._cursor.fetchall())

    def change(self, prepared: Prepared, parameters: Parameters | Sequence[Parameters]) -> int:
        """Run a statement, once or for each of a list of parameters; return how many rows it changed."""
        if isinstance(parameters, Mapping):
            form = prepared.form(self._dialect, parameters)
            self._run(self._cursor.execute, form.sql, form.bind(parameters))
        else:
            form = prepared.form(self._dialect, {})
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
