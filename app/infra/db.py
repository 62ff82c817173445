"""The database: engine, transactions, SQLite's pragmas, and the few things two dialects say differently."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, PoolProxiedConnection, create_engine, event, make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session
from sqlalchemy.pool import ConnectionPoolEntry

from app.infra.asked_once import LEARNED
from app.infra.prepared import Statements
from app.infra.processes import give_memory_back
from app.infra.write_turns import WriteTurns

BUSY_MILLISECONDS = 15_000  # one writer at a time: with two busy processes the longest wait seen was 2.6 s
PAGES = 16_000  # KiB that a connection to SQLite keeps
FEW_PAGES = 1_000  # the same in a worker: a batch of a thousand touches some hundred pages of 4 KiB
MANY_PAGES = 6_000  # and there while many rows are changed; 8 and 16 MB made no difference to a fan-out
POOLED = 16  # connections to SQLite that stay open; making one costs more than a query


class Database:
    """One database, SQLite or PostgreSQL, as seen from one process.

    `begin()` opens a transaction that may write; on SQLite it takes the write lock at once (BEGIN IMMEDIATE), so that
    a transaction never fails half-way because another one wrote. `read()` opens one that only reads.
    """

    def __init__(self, url: str, *, pool_size: int = 8, pages: int = PAGES) -> None:
        self.url = make_url(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self.engine = _sqlite_engine(url) if self.is_sqlite else _server_engine(url, pool_size)
        self._readers = _sqlite_readers(self.engine) if self.is_sqlite else self.engine
        self._writing = threading.Lock()
        self._writer = 0  # the thread that has the turn
        self._turns = WriteTurns(Path(self.url.database or "").parent) if self.is_sqlite else None
        self._looking: list[Any] = []
        self._pages = pages
        self._has_many_rows = False
        if self.is_sqlite:
            event.listen(self.engine, "begin", self._begin)
            event.listen(self.engine, "checkout", self._fit)

    @contextmanager
    def begin(self) -> Iterator[Session]:
        """A session that commits when the block ends and rolls back when it raises."""
        with self._turn(), Session(self.engine, expire_on_commit=False) as session, session.begin():
            yield session

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A session for reading; whatever is changed in it is thrown away, and rows outlive it as they were read."""
        with Session(self._readers, expire_on_commit=False, autoflush=False, info={LEARNED: {}}) as session:
            if self.is_sqlite:
                session.connection().connection.execute("BEGIN")  # past SQLAlchemy: it waits for nobody, so cannot fail
            yield session  # closing lets the rows go first, then rolls back: the other way round would empty them

    @contextmanager
    def look(self) -> Iterator[Statements]:
        """What answers prepared statements that only read: no transaction, each sees what is committed by then.

        What belongs together is asked for in one statement.
        """
        if not self.is_sqlite:
            with self._look_at_server() as statements:
                yield statements
            return
        try:
            connection = self._looking.pop()
        except IndexError:
            connection = self._open_look()
        try:
            yield Statements(connection, self.engine.dialect)
        finally:
            self._looking.append(connection)

    def _open_look(self) -> Any:
        """A connection to SQLite that no pool counts: there are as many as threads that ever looked at once."""
        fairy = self._take_connection()
        connection = fairy.driver_connection
        fairy.detach()
        return connection

    def _take_connection(self) -> PoolProxiedConnection:
        """A connection out of the pool; raises SQLAlchemy's errors, as sessions do, not the driver's."""
        try:
            return self.engine.raw_connection()
        except self.engine.dialect.loaded_dbapi.Error as error:
            base = self.engine.dialect.loaded_dbapi.Error
            raise DBAPIError.instance(None, None, error, base, dialect=self.engine.dialect) from error

    @contextmanager
    def _look_at_server(self) -> Iterator[Statements]:
        fairy = self._take_connection()
        connection: Any = fairy.driver_connection
        connection.autocommit = True
        try:
            yield Statements(connection, self.engine.dialect)
        finally:
            if connection.closed:
                fairy.invalidate()
            else:
                connection.autocommit = False
            fairy.close()

    @contextmanager
    def connect(self) -> Iterator[Connection]:
        """A bare connection in a writing transaction, for the ledger's own statements."""
        with self._turn(), self.engine.begin() as connection:
            yield connection

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """On SQLite the threads of a process write one after the other, and are woken when it is their turn.

        Then the process waits for its turn among processes, when the transaction begins. Whoever waited too long for
        either is left to SQLite's own wait for its lock.
        """
        has_turn = self.is_sqlite and self._writing.acquire(timeout=BUSY_MILLISECONDS / 1000)
        if has_turn:
            self._writer = threading.get_ident()
        try:
            yield
        finally:
            if has_turn:
                self._writer = 0
                if self._turns is not None:
                    self._turns.give()
                self._writing.release()

    def _begin(self, connection: Connection) -> None:
        if self._turns is not None and self._writer == threading.get_ident():
            self._turns.take()
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    @contextmanager
    def many_rows(self) -> Iterator[None]:
        """Within the block connections keep at least as many pages as a change of many rows wants.

        What a statement would take back if it failed lies in a file meanwhile: it is every page that was touched, and
        20,000 new addresses touch as many leaves of an index. After the block the system has the memory again.
        """
        before, self._has_many_rows = self._has_many_rows, True
        try:
            yield
        finally:
            self._has_many_rows = before
        if self.is_sqlite:
            self._take_connection().close()  # the one used last: it is fitted when it is taken
        give_memory_back()

    def _fit(self, connection: Any, record: ConnectionPoolEntry, _fairy: object) -> None:
        """Let a connection that is taken from the pool keep what it may now; what is more is freed."""
        had, has = record.info.get("many"), self._has_many_rows
        if had == has:
            return
        record.info["many"] = has
        connection.execute(f"PRAGMA cache_size = -{max(self._pages, MANY_PAGES) if has else self._pages}")
        connection.execute(f"PRAGMA temp_store = {'FILE' if has else 'MEMORY'}")
        if had:
            connection.execute("PRAGMA shrink_memory")

    def close(self) -> None:
        """Close every pooled connection."""
        while self._looking:
            self._looking.pop().close()
        self.engine.dispose()
        if self._turns is not None:
            self._turns.close()


def _server_engine(url: str, pool_size: int) -> Engine:
    return create_engine(
        url, pool_size=pool_size, max_overflow=8, pool_pre_ping=True, pool_recycle=1800, hide_parameters=True
    )  # fmt: skip


@event.listens_for(Engine, "do_connect")
def _read_threshold(_dialect: Any, _record: Any, _words: Any, named: dict[str, Any]) -> None:
    """Read `?prepare_threshold=none` (or a number) of an address, which psycopg takes as no text.

    A pool between us and PostgreSQL that knows no prepared statements, and hands a connection on after each
    transaction, needs `none`: they would be looked for on another connection. By default the fifth use prepares.
    """
    if isinstance(word := named.get("prepare_threshold"), str):
        named["prepare_threshold"] = int(word) if word.isdecimal() else None


def _sqlite_engine(url: str) -> Engine:
    patience = {"timeout": BUSY_MILLISECONDS / 1000, "check_same_thread": False}
    # The connection that was used last knows most pages, so it is taken first.
    # What a statement was given (texts of people, hashes, sealed secrets) stays out of its error, and so out of logs.
    engine = create_engine(url, connect_args=patience, pool_size=POOLED, pool_use_lifo=True, hide_parameters=True)
    event.listen(engine, "connect", _set_pragmas)
    return engine


def _set_pragmas(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # we say BEGIN ourselves
    cursor = connection.cursor()
    for pragma in (
        "journal_mode = WAL",
        "synchronous = FULL",  # a power cut must not take a claim back: its mails may be out; costs little in WAL
        f"busy_timeout = {BUSY_MILLISECONDS}",
        "foreign_keys = ON",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _sqlite_readers(writers: Engine) -> Engine:
    """The same connections without the event that takes the write lock; without any event each look is quicker."""
    return create_engine(writers.url, pool=writers.pool, hide_parameters=True)
