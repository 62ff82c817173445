"""A real `carillon up` to be killed in parts or whole, and the sink that tells what really arrived."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from app.infra.processes import end_with_parent
from app.infra.settings import ROOT, Settings

LEASE_SECONDS = 3


def wait_for(is_true: Callable[[], object], what: str, seconds: float = 60.0, *, step: float = 0.02) -> None:
    """Wait until it is true; fail with what was waited for."""
    end = time.monotonic() + seconds
    while not is_true():
        if time.monotonic() > end:
            pytest.fail(f"Waited {seconds:g} s in vain: {what}")
        time.sleep(step)


class Sink:
    """The recording mail server, in a process of its own."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self._folder = folder
        self.port = 0
        self._read, self._counted = 0, 0
        self.start()

    def start(self) -> None:
        """Listen; once it was stopped, again on the port that it had."""
        told = self._folder / "port"
        told.unlink(missing_ok=True)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.sink", str(self._folder), str(self.port)], cwd=ROOT,
            preexec_fn=end_with_parent,  # noqa: PLW1509 - one system call that takes no lock
        )  # fmt: skip
        wait_for(told.exists, "the sink listens", 15)
        self.port = int(told.read_text())

    def slow_down(self, seconds: float) -> None:
        """Wait so long before each 250; takes effect at once, as far as anybody can tell."""
        (self._folder / "delay").write_text(str(seconds))
        time.sleep(0.1)

    def change_password(self, password: str) -> None:
        """From now on nobody may send without it; every session ends before its next mail."""
        (self._folder / "password").write_text(password)
        time.sleep(0.1)

    def refuse(self, greeting: str) -> None:
        """From now on greet with this, and take nothing; with no words, take everything again."""
        file = self._folder / "busy"
        if greeting:
            file.write_text(greeting)
        else:
            file.unlink(missing_ok=True)
        time.sleep(0.1)

    def total(self) -> int:
        """How many mails were accepted, doubles included."""
        with (self._folder / "accepted").open("rb") as file:
            file.seek(self._read)
            fresh = file.read()
        self._read += len(fresh)
        self._counted += fresh.count(b"\n")
        return self._counted

    def moments(self) -> list[float]:
        """When each mail was accepted, on the monotonic clock, in seconds."""
        return [int(line.split(b" ", 1)[0]) / 1e9 for line in self._lines()]

    def arrivals(self) -> dict[str, float]:
        """When each recipient's last mail was accepted, on the monotonic clock, in seconds."""
        words = (line.split(b" ") for line in self._lines())
        return {recipient.decode(): int(moment) / 1e9 for moment, recipient, _ in words}

    def recipients(self) -> Counter[str]:
        """How often each recipient was written to."""
        return Counter(line.split(b" ")[1].decode() for line in self._lines())

    def identifiers(self) -> dict[str, set[str]]:
        """The Message-IDs each recipient got: one, however often it was sent."""
        found: dict[str, set[str]] = {}
        for line in self._lines():
            _, recipient, identifier = line.decode().split(" ")
            found.setdefault(recipient, set()).add(identifier)
        return found

    def _lines(self) -> list[bytes]:
        return (self._folder / "accepted").read_bytes().splitlines()

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()


class Tree:
    """One installation that may be started, killed and started again on the same data dir."""

    def __init__(self, folder: Path, **settings: object) -> None:
        given = {"workers": 2, "allow_private_hosts": True, "lease_seconds": LEASE_SECONDS, "port": 0, **settings}
        self.folder = folder
        self.environment: dict[str, str] = {}  # what all of it gets beside its settings
        self.settings = Settings(data_dir=folder, **given)
        self._seen: set[int] = set()
        self._log = folder.parent / f"{folder.name}.log"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def said(self) -> str:
        """Everything all its processes ever wrote."""
        return self._log.read_text(errors="replace")

    @property
    def address(self) -> str:
        return str(json.loads((self.folder / "run" / "up.lock").read_text())["address"])

    def start(self) -> "Tree":
        """Start, or start again, and wait until all of it is ready."""
        with self._log.open("ab") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "app.cli", "up"], cwd=ROOT, env=self.settings.environment() | self.environment,
                stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
            )  # fmt: skip
        try:
            wait_for(self.is_ready, "/readyz answers 200", 90)
        except BaseException:
            print(self.said)
            self.kill_all()
            raise
        return self

    def run(self, *words: str) -> str:
        """One command of `carillon` beside it; the last line it printed."""
        done = subprocess.run(
            [sys.executable, "-m", "app.cli", *words], cwd=ROOT, env=self.settings.environment(),
            capture_output=True, text=True, check=True, timeout=60,
        )  # fmt: skip
        return done.stdout.strip().splitlines()[-1]

    def is_ready(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self.said
        try:
            with urllib.request.urlopen(f"{self.address}/readyz", timeout=5) as answer:
                return bool(answer.status == 200)
        except (OSError, ValueError, urllib.error.HTTPError):
            return False

    def family(self) -> dict[int, str]:
        """Every living process of it, orphans too once they were seen, with its command line."""
        assert self._process is not None
        lines = dict(_processes())
        self._seen |= {pid for pid, line in lines.items() if str(self.folder) in line}  # Valkey names its socket
        self._seen |= {self._process.pid} | _descendants(self._process.pid)
        return {pid: line for pid, line in lines.items() if pid in self._seen}

    def pids(self, word: str) -> list[int]:
        """The processes whose command line holds this word: worker, web, ticker, valkey-server."""
        return sorted(pid for pid, line in self.family().items() if word in line)

    def signal(self, pid: int, number: signal.Signals = signal.SIGKILL) -> None:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            self._seen.discard(pid)

    def kill_all(self) -> None:
        """SIGKILL to every process of it, the supervisor first, until none is left."""
        assert self._process is not None
        self.family()
        self._process.kill()
        self._process.wait()
        end = time.monotonic() + 10
        while (left := self.family()) and time.monotonic() < end:
            for pid in left:
                self.signal(pid)
            time.sleep(0.01)
        assert not left, left

    def stop(self) -> int:
        """Stop in order; the exit code."""
        assert self._process is not None
        self._process.terminate()
        return self._process.wait(15)


def _processes() -> Iterator[tuple[int, str]]:
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            if (folder / "stat").read_text().rpartition(")")[2].split()[0] == "Z":
                continue
            yield int(folder.name), (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue


def _descendants(pid: int) -> set[int]:
    found: set[int] = set()
    for tasks in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            found |= {int(word) for word in tasks.read_text().split()}
        except OSError:
            continue
    return found.union(*(_descendants(child) for child in found)) if found else found
