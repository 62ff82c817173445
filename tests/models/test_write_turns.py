"""Processes that write into one SQLite database: who waits is let in, who ends frees the turn, who cannot goes on."""

import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest
from sqlalchemy import TextClause, text
from sqlalchemy.exc import OperationalError

from app.infra import write_turns
from app.infra.db import Database
from app.infra.settings import ROOT
from app.infra.write_turns import NAME, WriteTurns

_COUNT = text("UPDATE projects SET updated_at = updated_at + 1")
_READ = text("SELECT updated_at FROM projects")
_TAKE = """
import sys
from pathlib import Path
from app.infra.write_turns import WriteTurns
turns = WriteTurns(Path(sys.argv[1]))
print(turns.take(), flush=True)
sys.stdin.read()
"""
_WRITE = """
import sys, time
from sqlalchemy import text
from app.infra import write_turns
from app.infra.db import Database
write_turns.PATIENCE = 60
database, count = Database(sys.argv[1]), text("UPDATE projects SET updated_at = updated_at + 1")
print(True, flush=True)
while True:  # lets go and begins anew at once
    with database.begin() as session:
        session.execute(count)
        time.sleep(0.005)
"""


@contextmanager
def another(script: str, argument: object) -> Iterator[subprocess.Popen[str]]:
    """Another process that runs this, once it has said its first word; killed when the block ends."""
    command = [sys.executable, "-c", script, str(argument)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "True\n"
            yield process
        finally:
            process.kill()


@pytest.fixture
def address(empty_database: Path, tmp_path: Path) -> str:
    """A database with one row that counts."""
    shutil.copy(empty_database, tmp_path / "carillon.sqlite3")
    address = f"sqlite:///{tmp_path / 'carillon.sqlite3'}"
    with closing(Database(address)) as database, database.engine.begin() as connection:
        connection.execute(
            text("INSERT INTO projects (id, name, time_zone, created_at, updated_at) VALUES ('a', 'A', 'UTC', 0, 0)")
        )
    return address


def counted(database: Database) -> int:
    with database.read() as session:
        return int(session.scalar(_READ) or 0)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Nobody waits for long; the pauses between looks."""
    pauses: list[float] = []
    sleep = write_turns._sleep

    def noted(seconds: float) -> None:
        pauses.append(seconds)
        sleep(seconds)

    monkeypatch.setattr(write_turns, "PATIENCE", 0.02)
    monkeypatch.setattr(write_turns, "_sleep", noted)
    return pauses


def test_a_process_that_begins_anew_at_once_goes_behind_the_one_that_waits(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Counted from the moment when the gate is shut behind us: the other one ends what it has begun, no more."""
    seen, passed = [], []
    wait_for = WriteTurns._wait_for

    def noted(turns: WriteTurns, byte: int, end: float) -> bool:
        if byte == write_turns._PLACE:
            seen.append(counted(database))
        return wait_for(turns, byte, end)

    monkeypatch.setattr(WriteTurns, "_wait_for", noted)
    monkeypatch.setattr(write_turns, "PATIENCE", 60)
    with another(_WRITE, address), closing(Database(address)) as database:
        for number in range(21):
            with database.begin() as session:
                passed.append(int(session.scalar(_READ) or 0) - seen[number])
    assert set(passed) <= {0, 1}, passed
    assert 1 in passed  # it was there and wrote


@pytest.mark.parametrize("ends", [signal.SIGKILL, signal.SIGTERM])
def test_the_turn_of_a_process_that_ends_is_free(tmp_path: Path, ends: signal.Signals) -> None:
    with another(_TAKE, tmp_path) as holder, closing(WriteTurns(tmp_path)) as turns:
        holder.send_signal(ends)
        holder.wait(10)
        assert turns.take()


def test_a_process_that_keeps_its_turn_is_waited_for_once_and_then_left_to_sqlite(
    address: str, tmp_path: Path, impatient: list[float]
) -> None:
    with another(_TAKE, tmp_path), closing(WriteTurns(tmp_path)) as turns, closing(Database(address)) as database:
        assert not turns.take()
        looks = len(impatient)
        assert looks > 3
        assert not turns.take()
        assert len(impatient) == looks
        for _ in range(5):
            with database.begin() as session:
                session.execute(_COUNT)
        assert counted(database) == 5
        assert len(impatient) < 3 * looks  # that one waited once too, not five times


@pytest.mark.parametrize("statement", [_COUNT, text("UPDATE nothing SET a = 1")])
def test_a_turn_ends_with_its_transaction_well_or_not(address: str, tmp_path: Path, statement: TextClause) -> None:
    with closing(Database(address)) as database:
        for opened in (database.begin, database.connect):
            with suppress(OperationalError), opened() as session:
                session.execute(statement)
            with another(_TAKE, tmp_path):  # has it, or it would not say so
                pass


def test_where_no_file_can_be_made_sqlite_alone_says_who_writes(address: str, tmp_path: Path) -> None:
    (tmp_path / NAME).symlink_to(tmp_path / "elsewhere")  # nor is anything followed out of the folder
    with closing(Database(address)) as database:
        with database.begin() as session:
            session.execute(_COUNT)
        assert counted(database) == 1
    assert not (tmp_path / "elsewhere").exists()


def test_the_file_is_empty_and_private_and_made_by_the_first_who_writes(address: str, tmp_path: Path) -> None:
    file = tmp_path / NAME
    with closing(Database(address)) as database:
        assert counted(database) == 0
        assert not file.exists()
        with database.begin() as session:
            session.execute(_COUNT)
    assert (file.stat().st_size, file.stat().st_mode & 0o777) == (0, 0o600)
