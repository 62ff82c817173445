"""Whole processes for the house tests: a real Valkey, real workers, and a wait that ends."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from app.infra.settings import Settings
from app.infra.valkey import Valkey

ROOT = Path(__file__).resolve().parents[2]


def wait_for(is_true: Callable[[], object], what: str, seconds: float = 15.0) -> None:
    """Wait until it is true; fail with what was waited for."""
    end = time.monotonic() + seconds
    while not is_true():
        if time.monotonic() > end:
            pytest.fail(f"Waited {seconds:g} s in vain: {what}")
        time.sleep(0.05)


def is_alive(pid: int) -> bool:
    """Whether this process runs; one that ended and is not yet collected does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """The settings of a data dir that nobody uses."""
    return Settings(data_dir=tmp_path / "data", workers=1)


@pytest.fixture
def valkey(settings: Settings) -> Iterator[Valkey]:
    """An embedded Valkey that runs."""
    server = Valkey(settings)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def start_python(tmp_path: Path) -> Iterator[Callable[[str], subprocess.Popen[str]]]:
    """Start a Python process with this program; whatever still runs in the end is killed."""
    started: list[subprocess.Popen[str]] = []

    def start(program: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-c", program], cwd=ROOT, text=True, stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{tmp_path}"},
        )  # fmt: skip
        started.append(process)
        return process

    yield start
    for process in started:
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
        process.communicate()
