"""What the stories are told with: every emulator as a process of its own, and the front that leads SDKs to them."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from app.emulators.faults import Dial, Faults
from app.emulators.outbox import Outbox, outbox_path
from app.infra.settings import ROOT
from tests.vendor.front import Front

PATIENCE = 20.0  # seconds for the emulators to start
# Whoever signs in under this name is told that the credentials are wrong. SES wants access keys of word signs only.
REFUSED = ("plays-wrong-password", "AKIAPLAYSWRONG")


@dataclass(frozen=True)
class Street:
    """The running emulators: what they announced, the front before them, what they received."""

    announced: dict[str, dict[str, Any]]
    front: Front
    outbox: Outbox

    def last(self) -> int:
        """The number of what arrived last."""
        return next((row.id for row in self.outbox.newest(1)), 0)

    def arrived_since(self, number: int) -> set[str]:
        """At which kinds of emulators something arrived after that."""
        return {row.protocol for row in self.outbox.newest(500) if row.id > number}

    def stage(self) -> str:
        """What a story is given, as JSON."""
        ports = {"proxy_port": self.front.port, "apple_port": self.front.apple_port}
        return json.dumps({"spots": self.announced, **ports})


@pytest.fixture(scope="package")
def street(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Street]:
    folder = tmp_path_factory.mktemp("vendor")
    faults, outbox = Faults(outbox_path(folder)), Outbox(outbox_path(folder))
    for name in REFUSED:
        faults.turn(Dial(name, "wrong-password"))
    emulators = subprocess.Popen([sys.executable, "-m", "app.emulators", "--data-dir", str(folder)], cwd=ROOT)
    try:
        announced = _announced(folder / "run" / "emulators.json", emulators)
        front = Front({kind: (each["host"], each["port"]) for kind, each in announced.items()}, folder)
        try:
            yield Street(announced, front, outbox)
        finally:
            front.close()
    finally:
        emulators.terminate()
        emulators.wait(PATIENCE)
        outbox.close()
        faults.close()


def _announced(path: Path, emulators: subprocess.Popen[bytes]) -> dict[str, dict[str, Any]]:
    end = time.monotonic() + PATIENCE
    while not path.exists():
        assert emulators.poll() is None, "the emulators ended"
        assert time.monotonic() < end, "the emulators do not start"
        time.sleep(0.05)
    return dict(json.loads(path.read_text()))
