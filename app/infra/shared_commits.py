"""Pieces of work in one transaction of SQLite's: each is written whole or not at all, and one commit keeps them all.

A piece has a savepoint of its own, and a session only if it asks for one.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress

from sqlalchemy import Connection, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from app.infra.prepared import Prepared, Statements

_BEGIN, _KEEP, _UNDO = (Prepared(text(f"{word} piece")) for word in ("SAVEPOINT", "RELEASE", "ROLLBACK TO"))


class Piece:
    """What one piece of work writes with, while it lasts."""

    __slots__ = ("_connection", "_session", "statements")

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._session: Session | None = None
        self.statements = Statements(connection.connection.driver_connection, connection.dialect)

    @property
    def session(self) -> Session:
        """A session that writes within the piece, made when it is first asked for."""
        if self._session is None:
            self._session = Session(
                self._connection, expire_on_commit=False, join_transaction_mode="create_savepoint"
            )  # fmt: skip
        return self._session

    def finish(self) -> None:
        """Write what the session holds."""
        if self._session is not None:
            self._session.commit()  # releases its own savepoint, no more
            self._session.close()

    def undo(self) -> None:
        """Write nothing of it."""
        if self._session is not None:
            with suppress(SQLAlchemyError):  # the transaction may be gone, and its savepoints with it
                self._session.close()
        if is_open(self._connection):
            try:
                self.statements.change(_UNDO)
                self.statements.change(_KEEP)
            except SQLAlchemyError:  # half of it may still stand: then the others must not be kept with it
                self._connection.connection.rollback()
                raise


@contextmanager
def piece_of(connection: Connection) -> Iterator[Piece]:
    """A piece of this connection's transaction: undone when the block raises, and then the others still stand.

    But where `is_open` says no afterwards, SQLite has undone the whole transaction (a full disk, a broken one).
    """
    piece = Piece(connection)
    piece.statements.change(_BEGIN)
    try:
        yield piece
        piece.finish()
    except BaseException:
        piece.undo()
        raise
    piece.statements.change(_KEEP)


def is_open(connection: Connection) -> bool:
    """Whether SQLite's transaction is still there."""
    driver = connection.connection.driver_connection
    return driver is not None and bool(driver.in_transaction)
