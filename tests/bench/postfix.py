"""The yardstick for email: Postfix' smtp-sink to send to, and its smtp-source to send with."""

import os
import re
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.bench.ports import free_port, wait_until_open
from tests.needs import find_program

SESSIONS, LENGTH = 10, 2048


@contextmanager
def running_sink(counter: Path | None = None) -> Iterator[int]:
    """A smtp-sink that takes everything and keeps nothing; its port. How many it took, it says in `counter`."""
    port, counts = free_port(), ["-c"] if counter else []
    with open(counter or os.devnull, "wb") as output:
        command = [_program("smtp-sink"), *counts, "-u", "nobody", f"127.0.0.1:{port}", "1000"]
        process = subprocess.Popen(command, stdout=output)
    try:
        wait_until_open(port)
        yield port
    finally:
        process.terminate()
        process.wait()


def accepted_by(counter: Path, *, at_least: int, seconds: float = 10) -> int:
    """How many letters a sink has taken that counts there; waits so long for it to have said as many as expected."""
    end = time.monotonic() + seconds
    while True:
        with counter.open("rb") as file:
            file.seek(max(0, counter.stat().st_size - 4096))
            said = re.findall(rb"mesg=(\d+)", file.read())
        total = int(said[-1]) if said else 0
        if total >= at_least or time.monotonic() > end:
            return total
        time.sleep(0.05)


def source_rate(port: int, total: int, recipient: str = "person@example.org") -> float:
    """Mails a second of smtp-source with ten sessions that are kept open."""
    began = time.perf_counter()
    subprocess.run(
        [_program("smtp-source"), "-d", "-s", str(SESSIONS), "-l", str(LENGTH), "-m", str(total),
         "-f", "news@acme.example", "-t", recipient, f"127.0.0.1:{port}"],
        check=True,
    )  # fmt: skip
    return total / (time.perf_counter() - began)


def _program(name: str) -> str:
    found = find_program(name)
    if found is None:
        raise SystemExit(f"The benchmark needs {name}; on Debian: apt-get install postfix")
    return found
