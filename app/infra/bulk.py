"""Many rows with one question: what the two databases and their drivers do quickest, each in its own way."""

import json
from collections.abc import Sequence
from itertools import repeat
from typing import Any

from sqlalchemy import ColumnElement, CursorResult, Select, func, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session


def execute_many(session: Session, sql: str, rows: Sequence[tuple[Any, ...]]) -> None:
    """One statement, its parameters marked with `?`, for each of these rows; none when there are none.

    They go to the driver as they are: SQLAlchemy's own handling would cost as much as the database does.
    """
    if rows:
        marked = sql if _is_sqlite(session) else sql.replace("?", "%s")
        session.connection().exec_driver_sql(marked, list(rows))


def rows_by_number(session: Session, sql: str, numbers: Sequence[int]) -> list[tuple[Any, ...]]:
    """The rows that a statement of our own finds for these numbers, put where it says `IN {numbers}`; as one question.

    PostgreSQL gets an array, which it plans for as many; SQLite marks, so that it knows the statement again. Those are
    a power of two, the last number standing for the rest: a connection keeps its last 128 statements, a thousand marks
    take some 50 KB, and each size of a batch would be a statement of its own.
    """
    if not numbers:
        return []
    if _is_sqlite(session):
        room = 1 << (len(numbers) - 1).bit_length()
        asked = sql.format(numbers=f"({', '.join('?' * room)})")
        values = (*numbers, *repeat(numbers[-1], room - len(numbers)))
        return plain_rows(session.connection().exec_driver_sql(asked, values))
    asked = sql.replace("IN {numbers}", "= ANY(%s)")
    return plain_rows(session.connection().exec_driver_sql(asked, (list(numbers),)))


def plain_rows(result: CursorResult[Any]) -> list[tuple[Any, ...]]:
    """All rows of a statement as the driver's own tuples: with SQLAlchemy's a thousand cost half as much again.

    Raises SQLAlchemy's errors: SQLite may fail at any row.
    """
    driver = result.dialect.loaded_dbapi
    try:
        return list(result.cursor.fetchall())
    except driver.Error as error:
        raise DBAPIError.instance(None, None, error, driver.Error, hide_parameters=True) from error
    finally:
        result.close()


def numbers_of(session: Session, query: Select[int]) -> list[int]:
    """The numbers that a query of one column finds, as one value: that takes half the time of as many rows."""
    return _read_list(session.scalar(select(_listed(session, query.subquery().c[0]))))


def numbers_by_name(session: Session, query: Select[str, int]) -> dict[str, list[int]]:
    """The same for a query of two columns: the numbers (second) of each name (first)."""
    name, number = query.subquery().c
    rows = session.execute(select(name, _listed(session, number)).group_by(name))
    return {row[0]: _read_list(row[1]) for row in rows}


def _listed(session: Session, column: ColumnElement[int]) -> ColumnElement[Any]:
    return func.json_group_array(column) if _is_sqlite(session) else func.array_agg(column)


def _read_list(found: Any) -> list[int]:
    return list(json.loads(found) if isinstance(found, str) else found or ())


def copy_rows(session: Session, table: str, columns: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> None:
    """Add rows in the quickest way that each database has: on PostgreSQL COPY. Names are our own, never a stranger's.

    Raises SQLAlchemy's errors, as everything else does.
    """
    names = ", ".join(columns)
    if not rows:
        return
    if _is_sqlite(session):
        marks = ", ".join("?" * len(columns))
        execute_many(session, f"INSERT INTO {table} ({names}) VALUES ({marks})", rows)  # noqa: S608 - our own names
        return
    connection = session.connection()
    driver, sql = connection.dialect.loaded_dbapi, f"COPY {table} ({names}) FROM STDIN"
    cursor = connection.connection.cursor()
    try:
        with cursor.copy(sql) as copy:
            for row in rows:
                copy.write_row(row)
    except driver.Error as error:
        raise DBAPIError.instance(sql, None, error, driver.Error, hide_parameters=True) from error
    finally:
        cursor.close()


def _is_sqlite(session: Session) -> bool:
    return session.get_bind().dialect.name == "sqlite"
