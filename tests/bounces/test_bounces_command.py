"""`carillon up` with the receiver of bounces: started beside the rest, started again when it dies, stopped in order."""

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.infra.processes import end_with_parent
from app.infra.settings import ROOT, Settings
from tests.bounces.conftest import free_port
from tests.bounces.test_bounce_roundtrip import listens, wait_for


def receivers(parent: int) -> list[int]:
    """The living receivers that this process started."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                line = (entry / "cmdline").read_bytes()
                status = (entry / "status").read_text()
            except OSError:
                continue
            if line.startswith(b"carillon bounces") and re.search(rf"^PPid:\s{parent}$", status, re.MULTILINE):
                found.append(int(entry.name))
    return found


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def up(tmp_path: Path, port: int) -> Iterator[subprocess.Popen[bytes]]:
    settings = Settings(data_dir=tmp_path / "up", port=free_port(), workers=1, bounces_port=port)
    process = subprocess.Popen(
        [sys.executable, "-m", "app.cli", "up"], cwd=ROOT, env=settings.environment(), stdin=subprocess.DEVNULL,
        preexec_fn=end_with_parent,  # noqa: PLW1509 - one system call that takes no lock
    )  # fmt: skip
    yield process
    process.terminate()
    process.wait(30)


@pytest.mark.faults
@pytest.mark.skipif(sys.platform != "linux", reason="processes are looked up in /proc")
def test_the_receiver_is_started_again_when_it_dies_and_ends_with_the_rest(
    up: subprocess.Popen[bytes], port: int
) -> None:
    wait_for(lambda: listens(port), "bounces are received")
    (first,) = receivers(up.pid)
    os.kill(first, signal.SIGKILL)
    wait_for(lambda: listens(port) and receivers(up.pid) not in ([], [first]), "they are received again")
    up.terminate()
    assert up.wait(30) == 0
    assert not listens(port)


def say(*words: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """What the command says, in a process of its own: it takes the signals of the one it runs in."""
    quiet = {name: value for name, value in os.environ.items() if not name.startswith("CARILLON_")}
    return subprocess.run(
        [sys.executable, "-m", "app.cli", *words], cwd=ROOT, env=quiet | settings, text=True, capture_output=True,
        timeout=60, check=False,
    )  # fmt: skip


def test_without_its_setting_the_command_says_what_to_set(tmp_path: Path) -> None:
    said = say("bounces", "--data-dir", str(tmp_path))
    assert said.returncode == 2
    assert "CARILLON_BOUNCES_PORT is not set" in said.stderr


def test_a_port_that_is_taken_is_named_before_anything_starts(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        said = say("up", "--data-dir", str(tmp_path), "--port", str(free_port()), CARILLON_BOUNCES_PORT=port)
    assert said.returncode == 2
    assert "is taken by another program; use another with CARILLON_BOUNCES_PORT" in said.stderr
