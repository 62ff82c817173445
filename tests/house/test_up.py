"""`carillon up` as a whole: ready, watched over, stopped in order, alone on its data dir, never leaving orphans."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.house.conftest import ROOT, is_alive, wait_for

pytestmark = pytest.mark.faults


class Up:
    """One `carillon up` on a data dir of its own."""

    def __init__(self, folder: Path, port: int = 0) -> None:
        self.folder = folder
        self.seen: set[int] = set()
        self.output = folder.parent / f"{folder.name}-{time.monotonic_ns()}.log"
        with self.output.open("w") as file:
            self.process = subprocess.Popen(
                [*CARILLON, "up", "--data-dir", str(folder), "--port", str(port), "--workers", "2"],
                cwd=ROOT, stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT,
            )  # fmt: skip

    @property
    def said(self) -> str:
        return self.output.read_text()

    @property
    def address(self) -> str:
        return str(json.loads((self.folder / "run" / "up.lock").read_text())["address"])

    def ask(self, path: str) -> tuple[int, dict[str, Any]]:
        """The status and JSON of a page; status 0 while nobody listens."""
        try:
            with urllib.request.urlopen(self.address + path, timeout=5) as answer:
                return answer.status, json.loads(answer.read())
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.loads(error.read())
        except (OSError, ValueError):
            return 0, {}

    def is_ready(self) -> bool:
        return self.ask("/readyz")[0] == 200

    def wait_until_ready(self) -> "Up":
        try:
            wait_for(lambda: self.is_ready() or self.process.poll() is not None, "/readyz answers 200", 40)
        except BaseException:
            print(self.said)
            raise
        assert self.process.poll() is None, self.said
        return self

    def family(self) -> dict[int, str]:
        """Every living process that came from this one, with its command line; orphans too, once they were seen."""
        self.seen |= {pid for pid, line in _processes() if os.fsencode(self.folder) in line}  # Valkey names its socket
        self.seen |= _descendants(self.process.pid)
        return {pid: _words(line) for pid, line in _processes() if pid in self.seen}

    def pids(self, word: str) -> set[int]:
        return {pid for pid, line in self.family().items() if word in line}


CARILLON = [sys.executable, "-m", "app.cli"]
Start = Callable[..., Up]


def _processes() -> Iterator[tuple[int, bytes]]:
    """Every living process with its command line."""
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit() and is_alive(int(folder.name)):
            try:
                yield int(folder.name), (folder / "cmdline").read_bytes()
            except OSError:
                continue


def _descendants(pid: int) -> set[int]:
    try:
        children = {int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()}
    except OSError:
        return set()
    return children.union(*(_descendants(child) for child in children)) if children else set()


def _words(line: bytes) -> str:
    return line.replace(b"\0", b" ").decode(errors="replace").strip()


def _end(up: Up) -> None:
    """Kill it, and whatever is left of it."""
    up.process.kill()
    up.process.wait()
    for pid in up.family():
        with suppress(ProcessLookupError):  # it was leaving by itself, now that its parent is gone
            os.kill(pid, signal.SIGKILL)


@pytest.fixture
def start(tmp_path: Path, empty_database: Path) -> Iterator[Start]:
    """Start `carillon up` on an empty database, for making one takes a third of the start; in the end it is killed."""
    started: list[Up] = []

    def begin(folder: Path = tmp_path / "data", port: int = 0) -> Up:
        if not folder.exists():
            folder.mkdir(mode=0o700)
            shutil.copy(empty_database, folder / "carillon.sqlite3")
        started.append(Up(folder, port))
        return started[-1]

    yield begin
    for one in started:
        _end(one)


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    """One that began with nothing and is ready, for the tests that leave it so."""
    one = Up(tmp_path_factory.mktemp("up") / "data")
    try:
        yield one.wait_until_ready()
    finally:
        _end(one)


def test_it_becomes_ready_and_says_where(up: Up) -> None:
    wait_for(lambda: f"Carillon is ready: {up.address}" in up.said, "it greets")
    assert f"{up.address}/start/" in up.said
    wait_for(lambda: len(up.pids("worker")) == 2, "both workers run")
    lines = " | ".join(up.family().values())
    for word in ("carillon web", "worker", "carillon ticker", "valkey-server"):
        assert word in lines


def test_what_it_keeps_is_private(up: Up) -> None:
    assert up.folder.stat().st_mode & 0o777 == 0o700
    assert (up.folder / "secret.key").stat().st_mode & 0o777 == 0o600


def test_the_doctor_finds_a_running_one_well(up: Up) -> None:
    seen = subprocess.run(
        [*CARILLON, "doctor", "--data-dir", str(up.folder)], cwd=ROOT, text=True, capture_output=True, check=False
    )
    assert seen.returncode == 0, seen.stdout
    assert "BAD" not in seen.stdout


@pytest.mark.parametrize("word", ["carillon web", "worker", "carillon ticker", "valkey-server"])
def test_a_part_that_is_killed_is_started_again(up: Up, word: str) -> None:
    before = up.pids(word)
    for pid in before:
        os.kill(pid, signal.SIGKILL)
    wait_for(lambda: len(up.pids(word)) >= len(before) and not up.pids(word) & before, f"{word} runs again")
    wait_for(up.is_ready, "it is ready again")
    assert up.process.poll() is None


def test_sigterm_stops_all_of_it_within_ten_seconds(start: Start) -> None:
    up = start().wait_until_ready()
    began = time.monotonic()
    up.process.terminate()
    assert up.process.wait(15) == 0, up.said
    assert time.monotonic() - began < 10
    assert up.family() == {}
    assert "by force" not in up.said


def test_an_interrupt_stops_it_as_well(start: Start) -> None:
    up = start().wait_until_ready()
    up.process.send_signal(signal.SIGINT)
    assert up.process.wait(10) == 0


def test_a_second_one_on_the_same_data_dir_is_refused_in_words(up: Up) -> None:
    second = Up(up.folder)
    try:
        assert second.process.wait(15) == 2
    finally:
        second.process.kill()
    assert f"runs on {up.folder} already (process {up.process.pid}, {up.address})" in second.said
    assert "Traceback" not in second.said
    assert up.is_ready()


def test_a_port_that_is_taken_is_named_with_the_option(start: Start) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        up = start(port=port)
        assert up.process.wait(15) == 2
    assert f"Port {port} on 127.0.0.1 is taken by another program; use another with --port." in up.said


def test_after_a_kill_no_part_lives_but_valkey_which_the_next_start_attaches_to(start: Start) -> None:
    first = start().wait_until_ready()
    valkey = first.pids("valkey-server")
    first.process.kill()
    first.process.wait()
    wait_for(lambda: set(first.family()) == valkey, "only Valkey is left")
    second = start().wait_until_ready()
    assert second.pids("valkey-server") == valkey
    assert "Attached to the Valkey that was running" in second.said
    second.process.terminate()
    assert second.process.wait(10) == 0
    assert second.family() == {}


def test_without_the_whole_it_says_what_is_missing(up: Up) -> None:
    ticker = up.pids("carillon ticker")
    for pid in ticker:
        os.kill(pid, signal.SIGSTOP)  # hangs, but is not dead: nobody starts it again
    wait_for(lambda: up.ask("/readyz") == (503, {"status": "waiting", "missing": ["ticker"]}), "/readyz says so", 20)
    for pid in ticker:
        os.kill(pid, signal.SIGCONT)
    wait_for(up.is_ready, "it is ready again")


def test_with_a_member_there_the_next_start_offers_no_first_address(start: Start) -> None:
    up = start().wait_until_ready()
    subprocess.run(
        [*CARILLON, "member", "create", "olga@example.org", "--role", "admin", "--password-stdin"],
        cwd=ROOT, input="a long password\n", text=True, check=True,
        env={**os.environ, "CARILLON_DATA_DIR": str(up.folder)},
    )  # fmt: skip
    up.process.terminate()
    assert up.process.wait(10) == 0
    again = start().wait_until_ready()
    wait_for(lambda: "Carillon is ready" in again.said, "it greets")
    assert "/start/" not in again.said


def test_while_nobody_can_sign_in_each_start_says_where_the_first_member_is_made(start: Start) -> None:
    first = start().wait_until_ready()
    first.process.terminate()
    assert first.process.wait(15) == 0
    again = start().wait_until_ready()
    wait_for(lambda: f"{again.address}/start/" in again.said, "it says where")
