"""A PostgreSQL of our own for the tests: made in a temporary folder, run as an unprivileged user, thrown away."""

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import psycopg
from sqlalchemy import text

from app.infra.db import Database
from app.migrations import upgrade


@dataclass
class Server:
    """A running server that listens on a unix socket only."""

    folder: Path
    numbers: Iterator[int] = field(default_factory=count)
    template: str = ""
    is_durable: bool = False
    is_vacuumed: bool = True
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    def start(self) -> None:
        """Start it, or start it again as its supervisor would: one that was killed refuses while its children end."""
        fsync = f"fsync={'on' if self.is_durable else 'off'}"
        vacuum = f"autovacuum={'on' if self.is_vacuumed else 'off'}"
        options = ["-k", str(self.folder)]
        for setting in ("listen_addresses=", fsync, vacuum, "max_connections=60"):
            options += ["-c", setting]
        command = [_found("postgres"), "-D", str(self.folder / "data"), *options]
        end = monotonic() + 90
        while monotonic() < end:
            self.process = subprocess.Popen(command, **_as_nobody(self.folder))
            if self._answers():
                return
        raise TimeoutError("PostgreSQL did not start.")

    def kill(self) -> None:
        """SIGKILL to the server's first process; its children see that, and end. Nothing is tidied up."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        """End it in order, or by force when it does not."""
        assert self.process is not None
        self.process.send_signal(signal.SIGINT)  # ends who is still connected, where SIGTERM would wait for them
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.kill()

    def family(self) -> list[int]:
        """Its processes, the first one first."""
        assert self.process is not None
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return [self.process.pid, *map(int, children)]

    def _answers(self) -> bool:
        """Wait until it takes connections; False when it ended instead."""
        assert self.process is not None
        while self.process.poll() is None:
            try:
                psycopg.connect(f"host={self.folder} user=carillon dbname=postgres").close()
            except psycopg.OperationalError:
                sleep(0.05)
            else:
                return True
        return False

    def url(self, name: str) -> str:
        return f"postgresql+psycopg://carillon@/{name}?host={self.folder}"

    def new_database(self) -> str:
        """The address of a fresh, migrated database."""
        name = f"test_{os.getpid()}_{next(self.numbers)}"
        if not self.template:
            self.template = self._create("template_carillon", "template0")
            upgrade(self.url(self.template))
        return self.url(self._create(name, self.template))

    def _create(self, name: str, template: str) -> str:
        with psycopg.connect(f"host={self.folder} user=carillon dbname=postgres", autocommit=True) as connection:
            # Page by page through the log is PostgreSQL's way since 15, and costs a third more than copying its files.
            strategy = "STRATEGY file_copy" if connection.info.server_version >= 150_000 else ""
            connection.execute(f"CREATE DATABASE {name} TEMPLATE {template} {strategy}")
        return name


def find(program: str) -> str | None:
    """The newest of Debian's, else whatever is on the path."""
    debian = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{program}"), key=lambda path: int(path.parts[4]))
    return str(debian[-1]) if debian else shutil.which(program)


@contextmanager
def server(*, is_durable: bool = False, is_vacuumed: bool = True) -> Iterator[Server]:
    """A server for the time of the block; one that `is_durable` syncs what it writes.

    One that is to hold hundreds of databases is better not vacuumed: it would look after each of them every minute.
    PostgreSQL refuses to run as root: then it runs as nobody.
    """
    folder = Path(tempfile.mkdtemp(prefix="carillon-pg-"))
    if os.getuid() == 0:
        shutil.chown(folder, "nobody")
    command = [_found("initdb"), "-D", folder / "data", "-A", "trust", "-U", "carillon", "--no-sync"]
    subprocess.run(command, check=True, **_as_nobody(folder))
    running = Server(folder, is_durable=is_durable, is_vacuumed=is_vacuumed)
    try:
        running.start()
        yield running
    finally:
        if running.process is not None:
            running.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _as_nobody(folder: Path) -> dict[str, Any]:
    user = {"user": "nobody"} if os.getuid() == 0 else {}
    return {"cwd": folder, "stdout": subprocess.DEVNULL, "stderr": subprocess.STDOUT, **user}


def _found(program: str) -> str:
    path = find(program)
    if path is None:
        raise FileNotFoundError("There is no PostgreSQL server here; `make test` says how to install it.")
    return path


def wait_for_a_lock(database: Database) -> None:
    """Return once a transaction of that database waits for another one; AssertionError when none ever does."""
    waits = text("SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'")
    end = monotonic() + 10
    while monotonic() < end:
        with database.read() as session:
            if session.scalar(waits):
                return
        sleep(0.01)
    raise AssertionError("Nobody waits.")
