"""A send meets a changed password, a locked database, a full disk, an emptied queue: it waits, then goes on."""

import os
import resource
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.faults.conftest import Open
from tests.faults.story import Office, Truth
from tests.faults.tree import Sink, wait_for

pytestmark = pytest.mark.faults

PEOPLE = 2_000
DELAY = 0.03
QUOTA = 256 * 1024  # bytes of a file; less than the database's, more than a log's


def _begin(office: Office, *, until: int = PEOPLE // 4) -> tuple[str, int]:
    """A send that stands in its middle; the message, and how many mails the sink had before."""
    office.sink.slow_down(DELAY)
    before, message = office.sink.total(), office.write(PEOPLE)
    office.send(message)
    wait_for(lambda: office.sink.total() >= before + until, "it stands in its middle", step=0.002)
    return message, before


def _check(name: str, truth: Truth) -> None:
    print(f"\n{name}: {truth}")
    assert (truth.audience, truth.never, truth.twice, truth.unmarked) == (PEOPLE, 0, 0, 0)


def test_a_password_that_changes_in_the_middle_makes_the_message_wait_until_it_is_repaired(
    sink: Sink, open_office: Open
) -> None:
    sink.change_password("first")
    office = open_office(username="acme", password="first")
    message, _ = _begin(office)
    sink.change_password("second")
    wait_for(lambda: office.message(message).waiting_reason, "the message says why it waits", 20)
    assert "Username and password not accepted" in office.message(message).waiting_reason
    total = sink.total()
    time.sleep(1)
    assert sink.total() == total < PEOPLE
    office.change_password("second")
    office.wait_until_settled(message)
    assert office.message(message).waiting_reason == ""
    _check("password changed", office.truth(message))


def test_a_database_that_somebody_locks_for_seconds_only_delays(lasting_office: Office) -> None:
    office = lasting_office
    message, _ = _begin(office)
    other = sqlite3.connect(office.tree.folder / "carillon.sqlite3", isolation_level=None)
    other.execute("PRAGMA busy_timeout = 10000")
    other.execute("BEGIN IMMEDIATE")
    time.sleep(4)
    other.execute("ROLLBACK")
    other.close()
    office.wait_until_settled(message)
    _check("database locked for 4 s", office.truth(message))


def test_a_queue_that_is_emptied_is_filled_again_from_the_database(lasting_office: Office) -> None:
    office = lasting_office
    message, _ = _begin(office)
    office.shop.broker.redis.flushall()
    office.wait_until_settled(message)
    _check("queue emptied", office.truth(message))


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own, with little room; needs the right to mount one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(folder)], check=False, capture_output=True, text=True
    )
    if done.returncode:
        pytest.skip("a small disk cannot be mounted here, only root may: run the tests as root to see a disk full")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def _tells(office: Office, *names: str) -> bool:
    """Whether the log names what happened, be it in a line of its own or at the end of a trace."""
    return any(name in office.tree.said for name in names)


def test_a_full_disk_stops_the_send_in_words_and_nobody_is_lost_when_there_is_room_again(
    small_disk: Path, open_office: Open
) -> None:
    office = open_office(small_disk / "tree")
    message, _ = _begin(office)
    ballast = small_disk / "ballast"
    _fill(ballast)
    wait_for(lambda: _tells(office, "disk is full", "SQLITE_FULL", "ENOSPC"), "the log says that the disk is full", 30)
    time.sleep(3)
    assert office.message(message).settled_at is None
    ballast.unlink()
    office.wait_until_settled(message)
    truth = office.truth(message)
    print(f"\ndisk full: {truth}")
    assert (truth.audience, truth.never, truth.unmarked) == (PEOPLE, 0, 0)
    assert truth.twice <= truth.uncertain


def test_files_that_may_not_grow_stop_the_send_and_nobody_is_lost_when_they_may_again(open_office: Open) -> None:
    """As a quota does it: SQLite calls this an I/O error, not a full disk."""
    office = open_office()
    message, _ = _begin(office)
    ours = [pid for word in ("worker", "carillon ticker", "carillon web") for pid in office.tree.pids(word)]
    for pid in ours:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (QUOTA, resource.RLIM_INFINITY))
    wait_for(lambda: _tells(office, "disk I/O error", "SQLITE_IOERR"), "the log says what the database said", 30)
    time.sleep(3)
    assert office.message(message).settled_at is None
    for pid in ours:
        with suppress(ProcessLookupError):
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    office.wait_until_settled(message)
    truth = office.truth(message)
    print(f"\nfiles that may not grow: {truth}")
    assert (truth.audience, truth.never, truth.unmarked) == (PEOPLE, 0, 0)
    assert truth.twice <= truth.uncertain


def _fill(path: Path) -> None:
    """Take all the room there is."""
    file = os.open(path, os.O_WRONLY | os.O_CREAT)
    try:
        for size in (1 << 20, 4096, 1):
            while True:
                try:
                    os.write(file, b"\0" * size)
                except OSError:
                    break
    finally:
        os.close(file)
