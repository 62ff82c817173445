"""A database as it is at one moment, taken while others go on writing, and put back.

SQLite by its own backup interface: a file. PostgreSQL by COPY in its text form, in one transaction that sees one
moment (REPEATABLE READ); no program beside this one is needed, and versions of the server may differ.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any, cast

import psycopg
from psycopg import sql
from sqlalchemy import inspect

from app.infra.db import Database

CHUNK = 8 * 1024 * 1024  # bytes of rows that are held in memory at a time

_COLUMNS = """
SELECT table_name, array_agg(column_name::text ORDER BY ordinal_position) FROM information_schema.columns
WHERE table_schema = current_schema() AND is_generated = 'NEVER' GROUP BY table_name
"""
_SEQUENCES = "SELECT sequencename::text, last_value FROM pg_sequences WHERE schemaname = current_schema()"


def copy_sqlite(source: Path, target: Path) -> None:
    """Write what the database holds at this moment into a new file, in one step that no writer can make begin anew."""
    with (
        closing(sqlite3.connect(f"{source.as_uri()}?mode=rw", uri=True, timeout=30)) as theirs,
        closing(sqlite3.connect(target)) as ours,
    ):
        ours.execute("PRAGMA synchronous = OFF")  # who needs it safe on disk says so himself
        theirs.backup(ours, pages=-1)
        ours.execute("PRAGMA journal_mode = DELETE")  # so that it is one file


class PostgresSnapshot:
    """What one PostgreSQL database holds at one moment."""

    def __init__(self, connection: "psycopg.Connection[Any]", order: list[str]) -> None:
        self._connection = connection
        found = dict(connection.execute(_COLUMNS).fetchall())
        self.columns: dict[str, list[str]] = {name: found[name] for name in order if name in found}
        self.sequences: dict[str, int | None] = dict(connection.execute(_SEQUENCES).fetchall())

    def rows(self, table: str) -> Iterator[bytes]:
        """The rows of a table in COPY's text form, in chunks that end with a row."""
        names = sql.SQL(", ").join(map(sql.Identifier, self.columns[table]))
        statement = sql.SQL("COPY {} ({}) TO STDOUT").format(sql.Identifier(table), names)
        held: list[bytes] = []
        size = 0
        with self._connection.cursor() as cursor, cursor.copy(statement) as copy:
            for line in copy:  # one row at a time, as the protocol has it
                held.append(bytes(line))
                size += len(line)
                if size >= CHUNK:
                    yield b"".join(held)
                    held, size = [], 0
        if held:
            yield b"".join(held)

    def texts(self, statement: str) -> Iterator[str]:
        """The first column of what that query finds, without all of it in memory."""
        with self._connection.cursor("texts") as cursor:
            cursor.itersize = 2000
            for row in cursor.execute(statement.encode()):
                yield str(row[0])


@contextmanager
def postgres_snapshot(url: str) -> Iterator[PostgresSnapshot]:
    """The database as it is now, for the time of the block."""
    order = _tables_in_order(url)
    with _connected(url) as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        connection.read_only = True
        yield PostgresSnapshot(connection, order)


@contextmanager
def loading_postgres(url: str) -> Iterator["PostgresLoader"]:
    """Rows into tables that are there and empty, all in one transaction."""
    with _connected(url) as connection:
        yield PostgresLoader(connection)


class PostgresLoader:
    """Puts rows back."""

    def __init__(self, connection: "psycopg.Connection[Any]") -> None:
        self._connection = connection

    def load(self, table: str, columns: Iterable[str], chunks: Iterable[bytes]) -> None:
        """Rows in COPY's text form, into these columns."""
        names = sql.SQL(", ").join(map(sql.Identifier, columns))
        statement = sql.SQL("COPY {} ({}) FROM STDIN").format(sql.Identifier(table), names)
        with self._connection.cursor() as cursor, cursor.copy(statement) as copy:
            for chunk in chunks:
                copy.write(chunk)

    def set_sequences(self, values: Mapping[str, int | None]) -> None:
        """Go on counting where the sequences stood; one that never gave a number begins anew."""
        for name, value in values.items():
            if value is not None:
                with suppress(psycopg.errors.UndefinedTable):
                    self._connection.execute(sql.SQL("SELECT setval({}, %s)").format(sql.Literal(name)), [value])


def move_schema_aside(url: str, name: str) -> None:
    """Give everything in the schema in use another name, and begin an empty one."""
    with _connected(url) as connection:
        current = _current_schema(connection)
        connection.execute(sql.SQL("ALTER SCHEMA {} RENAME TO {}").format(*map(sql.Identifier, (current, name))))
        connection.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(current)))


def move_schema_back(url: str, name: str) -> None:
    """Undo `move_schema_aside`; what was made meanwhile is dropped."""
    with _connected(url) as connection:
        current = _current_schema(connection)
        connection.execute(sql.SQL("DROP SCHEMA {} CASCADE").format(sql.Identifier(current)))
        connection.execute(sql.SQL("ALTER SCHEMA {} RENAME TO {}").format(*map(sql.Identifier, (name, current))))


def has_tables(url: str) -> bool:
    """Whether the database holds any table."""
    with closing(Database(url)) as database:
        return bool(inspect(database.engine).get_table_names())


def _current_schema(connection: "psycopg.Connection[Any]") -> str:
    row = connection.execute("SELECT current_schema()").fetchone()
    return str(row[0]) if row is not None else "public"


def _tables_in_order(url: str) -> list[str]:
    """Those first that others refer to."""
    with closing(Database(url)) as database:
        return [name for name, _ in inspect(database.engine).get_sorted_table_and_fkc_names() if name is not None]


@contextmanager
def _connected(url: str) -> Iterator["psycopg.Connection[Any]"]:
    """A connection of the driver's own, made as all others are; commits when the block ends well."""
    database = Database(url)
    try:
        held = database.engine.raw_connection()
        try:
            yield cast("psycopg.Connection[Any]", held.driver_connection)
            held.commit()
        finally:
            held.close()  # which takes back what was not committed
    finally:
        database.close()
