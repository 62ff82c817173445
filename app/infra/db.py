"""The database: engine, transactions, SQLite's pragmas, and the few things two dialects say differently."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

BUSY_MILLISECONDS = 15_000  # one writer at a time: with two busy processes the longest wait seen was 2.6 s
POOLED = 16  # connections to SQLite that stay open; making one costs more than a query


class Database:
    """One database, SQLite or PostgreSQL, as seen from one process.

    `begin()` opens a transaction that may write; on SQLite it takes the write lock at once (BEGIN IMMEDIATE), so that
    a transaction never fails half-way because another one wrote. `read()` opens one that only reads.
    """

    def __init__(self, url: str, *, pool_size: int = 8) -> None:
        self.url = make_url(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self.engine = _sqlite_engine(url) if self.is_sqlite else _server_engine(url, pool_size)
        self._readers = _sqlite_readers(self.engine) if self.is_sqlite else self.engine
        self._writing = threading.Lock()

    @contextmanager
    def begin(self) -> Iterator[Session]:
        """A session that commits when the block ends and rolls back when it raises."""
        with self._turn(), Session(self.engine, expire_on_commit=False) as session, session.begin():
            yield session

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A session for reading; whatever is changed in it is thrown away, and rows outlive it as they were read."""
        with Session(self._readers, expire_on_commit=False, autoflush=False) as session:
            if self.is_sqlite:
                session.connection().connection.execute("BEGIN")  # past SQLAlchemy: it waits for nobody, so cannot fail
            yield session  # closing lets the rows go first, then rolls back: the other way round would empty them

    @contextmanager
    def connect(self) -> Iterator[Connection]:
        """A bare connection in a writing transaction, for the ledger's own statements."""
        with self._turn(), self.engine.begin() as connection:
            yield connection

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """On SQLite the threads of a process write one after the other, and are woken when it is their turn.

        SQLite's own wait for its lock looks again after up to a tenth of a second, whoever came first. Between
        processes it is left to that; so it is here for whoever waited too long.
        """
        has_turn = self.is_sqlite and self._writing.acquire(timeout=BUSY_MILLISECONDS / 1000)
        try:
            yield
        finally:
            if has_turn:
                self._writing.release()

    def close(self) -> None:
        """Close every pooled connection."""
        self.engine.dispose()


def is_busy(error: Exception) -> bool:
    """Whether the database was only locked, full or away: the same call may go through later."""
    return isinstance(error, OperationalError)


def _server_engine(url: str, pool_size: int) -> Engine:
    return create_engine(
        url, pool_size=pool_size, max_overflow=8, pool_pre_ping=True, pool_recycle=1800, hide_parameters=True
    )  # fmt: skip


def _sqlite_engine(url: str) -> Engine:
    patience = {"timeout": BUSY_MILLISECONDS / 1000, "check_same_thread": False}
    # What a statement was given (texts of people, hashes, sealed secrets) stays out of its error, and so out of logs.
    engine = create_engine(url, connect_args=patience, pool_size=POOLED, hide_parameters=True)
    event.listen(engine, "connect", _set_pragmas)
    event.listen(engine, "begin", _begin)
    return engine


def _set_pragmas(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # we say BEGIN ourselves
    cursor = connection.cursor()
    for pragma in (
        "journal_mode = WAL",
        "synchronous = FULL",  # a power cut must not take a claim back: its mails may be out; costs little in WAL
        f"busy_timeout = {BUSY_MILLISECONDS}",
        "foreign_keys = ON",
        "cache_size = -16000",
        "temp_store = MEMORY",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _sqlite_readers(writers: Engine) -> Engine:
    """The same connections without the event that takes the write lock; without any event each look is quicker."""
    return create_engine(writers.url, pool=writers.pool, hide_parameters=True)
