"""SQLite without locks of its own: told before the first connection, and threads go on as ever with one each."""

import subprocess
import sys

_SCRIPT = """
import sqlite3, sys, threading
from app.infra.sqlite_library import leave_out_locks

assert leave_out_locks() is (sys.platform == "linux")
path = sys.argv[1]
with sqlite3.connect(path) as first:
    first.execute("PRAGMA journal_mode = WAL")
    first.execute("CREATE TABLE seen (number INTEGER PRIMARY KEY, said TEXT)")

def write(worker):
    connection = sqlite3.connect(path, timeout=60)
    for number in range(200):
        with connection:
            connection.execute("INSERT INTO seen VALUES (?, ?)", (worker * 1000 + number, "x" * number))
        assert connection.execute("SELECT count(*) FROM seen").fetchone()[0] > number
    connection.close()

threads = [threading.Thread(target=write, args=(worker,)) for worker in range(4)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(first.execute("SELECT count(*), sum(length(said)) FROM seen").fetchone())
print(first.execute("PRAGMA integrity_check").fetchone()[0])
"""


def test_threads_with_a_connection_each_write_and_read_as_before(tmp_path: object) -> None:
    asked = [sys.executable, "-c", _SCRIPT, f"{tmp_path}/seen.db"]
    told = subprocess.run(asked, capture_output=True, text=True, timeout=60, check=False)
    assert told.returncode == 0, told.stderr
    assert told.stdout.split("\n")[:2] == [f"(800, {4 * sum(range(200))})", "ok"]
