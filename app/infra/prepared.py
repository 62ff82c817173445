"""Prepared statements: compiled once, run on the driver's own cursor, answered with plain rows.

For what programs ask a million times. SQLAlchemy says what a statement is in each dialect and what its values look
like there; its connections, results and objects, which cost far more than SQLite itself, stay out of it.
"""

import json
from collections import namedtuple
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import JSON, Dialect
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session
from sqlalchemy.sql import ClauseElement
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.types import TypeEngine

_Convert = Callable[[Any], Any]


class _Form(NamedTuple):
    """A statement as one dialect has it.

    `order` are the names of its parameters where the driver wants them in a row, else empty. `fixed` are values that
    stand in the statement itself. `given` and `found` are for values that the driver does not take or give as ours;
    those of `found` know what to make of none.
    """

    sql: str
    order: Sequence[str]
    fixed: Mapping[str, Any]
    given: Sequence[tuple[str, _Convert]]
    found: Sequence[tuple[int, _Convert]]


class Prepared:
    """A statement of SQLAlchemy's, with a `bindparam` for each value that a call brings.

    Its rows are named tuples of its columns by their labels. For an INSERT `filled` are the columns it fills, each by a
    value of that name: defaults of the models are not looked up.
    """

    def __init__(self, statement: ClauseElement, *filled: str) -> None:
        self._statement = statement
        self._filled = filled or None
        self._forms: dict[str, _Form] = {}
        names = [column.key for column in getattr(statement, "exported_columns", ())]
        self.row: Any = namedtuple("Row", names) if names else tuple

    def form(self, dialect: Dialect) -> _Form:
        """The statement in that dialect."""
        found = self._forms.get(dialect.name)
        if found is None:
            found = self._forms[dialect.name] = self._make(dialect)
        return found

    def _make(self, dialect: Dialect) -> _Form:
        compiled = self._statement.compile(dialect=dialect, column_keys=self._filled)
        assert isinstance(compiled, SQLCompiler)  # noqa: S101 - a statement, not a type
        binds = compiled.binds
        given = [(name, bind.type.dialect_impl(dialect).bind_processor(dialect)) for name, bind in binds.items()]
        columns = getattr(self._statement, "exported_columns", ())
        found = [(place, _reader(column.type, dialect)) for place, column in enumerate(columns)]
        return _Form(
            compiled.string, list(compiled.positiontup or ()) if compiled.positional else [],
            {name: bind.value for name, bind in binds.items() if not bind.required},
            [(name, convert) for name, convert in given if convert is not None],
            [(place, convert) for place, convert in found if convert is not None],
        )  # fmt: skip


def _reader(kind: TypeEngine[Any], dialect: Dialect) -> _Convert | None:
    """What makes our value of the driver's, where that is something else."""
    if isinstance(kind, JSON) and dialect.name == "sqlite":
        return _read_json
    return kind.dialect_impl(dialect).result_processor(dialect, None)


_scan = json.JSONDecoder().scan_once  # type: ignore[attr-defined] # what `raw_decode` calls; not in the stubs


def _read_json(text: str | None) -> Any:
    """JSON as SQLAlchemy wrote it: without space around it, which `json.loads` looks for in twice the time."""
    return None if text is None else _scan(text, 0)[0]


class Statements:
    """Runs prepared statements on one connection of the driver; raises SQLAlchemy's errors, as a session does."""

    __slots__ = ("_connection", "_dialect")

    def __init__(self, connection: Any, dialect: Dialect) -> None:
        self._connection = connection
        self._dialect = dialect

    def rows(self, prepared: Prepared, **values: Any) -> list[Any]:
        """Every row of the answer, as a named tuple."""
        form = prepared.form(self._dialect)
        found: list[Any] = self._run(form, values, lambda cursor: cursor.fetchall())
        make = prepared.row._make
        if not form.found or not found:
            return [*map(make, found)]
        columns: list[Iterable[Any]] = [*zip(*found, strict=True)]  # column by column: half of what row by row takes
        for place, convert in form.found:
            columns[place] = map(convert, columns[place])
        return [*map(make, zip(*columns, strict=True))]

    def row(self, prepared: Prepared, **values: Any) -> Any:
        """The first row of the answer; None when there is none."""
        rows = self.rows(prepared, **values)
        return rows[0] if rows else None

    def change(self, prepared: Prepared, **values: Any) -> int:
        """Run a statement that answers nothing; how many rows it changed."""
        return int(self._run(prepared.form(self._dialect), values, lambda cursor: cursor.rowcount))

    def _run(self, form: _Form, values: dict[str, Any], read: _Convert) -> Any:
        """What `read` takes from the cursor: SQLite may fail at any row."""
        if form.fixed:
            values = {**form.fixed, **values}
        for name, convert in form.given:
            values[name] = convert(values[name])
        given = [values[name] for name in form.order] if form.order else values
        try:
            return read(self._connection.execute(form.sql, given))
        except self._dialect.loaded_dbapi.Error as error:
            base = self._dialect.loaded_dbapi.Error
            raise DBAPIError.instance(
                form.sql, None, error, base, hide_parameters=True, dialect=self._dialect
            ) from error


def statements_of(session: Session) -> Statements:
    """What runs prepared statements within the transaction of a session, on what was flushed by then."""
    connection = session.connection()
    return Statements(connection.connection.driver_connection, connection.dialect)
