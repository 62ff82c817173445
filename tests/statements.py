"""What is asked of databases, for tests that look at how it is found."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from sqlalchemy import Engine, event

from app.infra.prepared import Statements


@contextmanager
def heard() -> Iterator[list[tuple[str, Any]]]:
    """Every statement of the block with what it was given, of any engine and of those that are prepared."""
    asked: list[tuple[str, Any]] = []
    begin = Statements.__init__

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_rest: Any) -> None:
        asked.append((statement, parameters))

    def begin_heard(statements: Statements, connection: Any, dialect: Any) -> None:
        begin(statements, _Heard(connection, asked), dialect)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        with patch.object(Statements, "__init__", begin_heard):
            yield asked
    finally:
        event.remove(Engine, "before_cursor_execute", note)


class _Heard:
    """A driver's connection on which somebody listens."""

    def __init__(self, connection: Any, asked: list[tuple[str, Any]]) -> None:
        self._connection = connection
        self._asked = asked

    def execute(self, statement: str, given: Any) -> Any:
        self._asked.append((statement, tuple(given) if isinstance(given, list) else given))
        return self._connection.execute(statement, given)
