"""What engine tests may ask for: a machine on each sort of database, and a real mail server to send to."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.emulators.faults import Dial, Faults
from app.emulators.outbox import Outbox, outbox_path
from app.engine.machine import Machine
from app.services.work import Workshop
from tests.conftest import FakeClock


class MailServer:
    """The SMTP emulator as a process of its own, with its outbox and its dials."""

    def __init__(self, folder: Path, *options: str) -> None:
        command = [sys.executable, "-m", "app.emulators", "--data-dir", str(folder), *options]
        self.process = subprocess.Popen(command)
        addresses = folder / "run" / "emulators.json"
        end = time.monotonic() + 15
        while not addresses.exists() and time.monotonic() < end:
            time.sleep(0.02)
        self.port: int = json.loads(addresses.read_text())["smtp"]["port"]
        self.outbox = Outbox(outbox_path(folder))
        self.faults = Faults(outbox_path(folder))

    def recipients(self) -> list[str]:
        """Everybody who got a mail, once for each."""
        return sorted(row.recipient for row in self.outbox.newest(limit=10_000))

    def turn(self, fault: str, *, share: int = 100, remaining: int | None = None) -> None:
        """Let everything fail in that way."""
        self.faults.turn(Dial("*", fault, share, remaining))

    def heal(self) -> None:
        """No more faults."""
        self.faults.turn_off("*")

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(10)
        self.outbox.close()
        self.faults.close()


@pytest.fixture(scope="module")
def running_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MailServer]:
    server = MailServer(tmp_path_factory.mktemp("mail"))
    yield server
    server.stop()


@pytest.fixture
def mail(running_server: MailServer) -> MailServer:
    """A mail server with an empty outbox and no fault."""
    running_server.heal()
    running_server.outbox.clear()
    return running_server


@pytest.fixture
def machine(workshop: Workshop) -> Iterator[Machine]:
    yield from _machine_of(workshop)


@pytest.fixture
def any_machine(any_workshop: Workshop) -> Iterator[Machine]:
    """A machine on each sort of database."""
    yield from _machine_of(any_workshop)


def _machine_of(shop: Workshop) -> Iterator[Machine]:
    machine = Machine(shop.settings, shop.database, shop.broker, shop.clock, shop.vault)
    yield machine
    machine.close()


@pytest.fixture
def moving(clock: FakeClock) -> FakeClock:
    """The clock that the machine reads, to be moved by hand."""
    return clock
