"""A PostgreSQL of our own for the tests: made in a temporary folder, run as an unprivileged user, thrown away."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from time import monotonic, sleep

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
            connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        return name


def find(program: str) -> str | None:
    """The newest of Debian's, else whatever is on the path."""
    debian = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{program}"), key=lambda path: int(path.parts[4]))
    return str(debian[-1]) if debian else shutil.which(program)


@contextmanager
def server() -> Iterator[Server]:
    """A server for the time of the block. PostgreSQL refuses to run as root: then it runs as nobody."""
    folder = Path(tempfile.mkdtemp(prefix="carillon-pg-"))
    user = {"user": "nobody"} if os.getuid() == 0 else {}
    if user:
        shutil.chown(folder, "nobody")
    initdb, postgres = find("initdb"), find("postgres")
    if initdb is None or postgres is None:
        raise FileNotFoundError("There is no PostgreSQL server here; `make test` says how to install it.")
    run = {"cwd": folder, "stdout": subprocess.DEVNULL, "stderr": subprocess.STDOUT, **user}
    subprocess.run([initdb, "-D", folder / "data", "-A", "trust", "-U", "carillon", "--no-sync"], check=True, **run)
    options = ["-k", str(folder), "-c", "listen_addresses=", "-c", "fsync=off", "-c", "max_connections=60"]
    process = subprocess.Popen([postgres, "-D", folder / "data", *options], **run)
    try:
        _wait(folder)
        yield Server(folder)
    finally:
        process.terminate()
        process.wait(20)
        shutil.rmtree(folder, ignore_errors=True)


def _wait(folder: Path) -> None:
    for _ in range(200):
        try:
            psycopg.connect(f"host={folder} user=carillon dbname=postgres").close()
        except psycopg.OperationalError:
            subprocess.run(["sleep", "0.05"], check=True)
        else:
            return
    raise TimeoutError("PostgreSQL did not start within ten seconds.")


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
