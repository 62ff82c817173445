"""Threads that write at the same time: each gets its turn, and whoever waits too long hears it from the database."""

import shutil
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from app.infra import db
from app.infra.db import Database
from app.services.work import Workshop

_COUNT = text("UPDATE projects SET updated_at = updated_at + 1")
_READ = text("SELECT updated_at FROM projects")


def count_up(database: Database) -> None:
    with database.begin() as session:
        session.execute(_COUNT)


def counted(database: Database) -> int:
    with database.read() as session:
        return int(session.scalar(_READ) or 0)


def test_threads_that_write_at_once_all_get_through(any_workshop: Workshop) -> None:
    database = any_workshop.database
    before = counted(database)
    with ThreadPoolExecutor(12) as threads:
        for future in [threads.submit(count_up, database) for _ in range(120)]:
            future.result(timeout=30)
    assert counted(database) == before + 120


def test_a_turn_ends_with_an_error_too(workshop: Workshop) -> None:
    for _ in range(3):
        with pytest.raises(ZeroDivisionError), workshop.database.begin():
            raise ZeroDivisionError
        with pytest.raises(ZeroDivisionError), workshop.database.connect():
            raise ZeroDivisionError
    count_up(workshop.database)


def test_whoever_waited_too_long_is_told_by_sqlite(
    empty_database: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(db, "BUSY_MILLISECONDS", 50)
    shutil.copy(empty_database, tmp_path / "carillon.sqlite3")
    database = Database(f"sqlite:///{tmp_path / 'carillon.sqlite3'}")
    is_held, may_end = threading.Event(), threading.Event()

    def hold() -> None:
        with database.begin() as session:
            session.execute(_COUNT)
            is_held.set()
            may_end.wait(10)

    holder = threading.Thread(target=hold)
    holder.start()
    is_held.wait(10)
    with pytest.raises(OperationalError, match="locked"):
        count_up(database)
    assert counted(database) == 0  # readers wait for nobody
    may_end.set()
    holder.join()
    count_up(database)
    database.close()
