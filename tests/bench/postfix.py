"""The yardstick for email: Postfix' smtp-sink to send to, and its smtp-source to send with."""

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager

from tests.bench.ports import free_port, wait_until_open
from tests.needs import find_program

SESSIONS, LENGTH = 10, 2048


@contextmanager
def running_sink() -> Iterator[int]:
    """A smtp-sink that takes everything and keeps nothing; its port."""
    port = free_port()
    process = subprocess.Popen([_program("smtp-sink"), "-u", "nobody", f"127.0.0.1:{port}", "1000"])
    try:
        wait_until_open(port)
        yield port
    finally:
        process.terminate()
        process.wait()


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
