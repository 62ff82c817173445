"""A real mail server for the tests: started on a free port of the loopback, in a folder of its own, and thrown away."""

import os
import shutil
import signal
import subprocess
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, NamedTuple

from tests.bench.ports import free_port, wait_until_open

DOMAIN = "example.org"  # whose mail it takes: all local parts but those that begin with one of these
UNKNOWN, LATER = "nobody", "later"  # 550 and, where it can say so, 450 to RCPT
TOO_LARGE = "huge@example.net"  # the sender whose MAIL it answers with 552, where it can
FORBIDDEN = "forbidden"  # a subject with this is refused when the text has come, where it can
LARGEST = 2 * 1024 * 1024  # bytes of one mail
USERNAME, PASSWORD = "post", "secret of the relay"


class Arrival(NamedTuple):
    """One mail that the server took: its envelope, and its text with LF line ends without what the server added."""

    sender: str
    recipient: str
    text: bytes


@dataclass(frozen=True)
class Limits:
    """How many connections at once, and how many mails over one of them (or in all); 0: as the server is delivered."""

    connections: int = 0
    letters: int = 0


class Relay(ABC):
    """One server; `start` may follow `kill`, then its queue is the one it had."""

    name: ClassVar[str]
    pipelines: ClassVar[bool]  # whether it offers PIPELINING
    takes_utf8: ClassVar[bool]  # whether it offers SMTPUTF8
    speaks_tls: ClassVar[bool]  # whether the STARTTLS that it offers works
    signs_in: ClassVar[bool]  # whether it knows USERNAME and PASSWORD
    limits_by_connection: ClassVar[bool]  # whether its limit of mails is one for each connection
    limits_connections: ClassVar[bool]  # whether it has a limit of connections at once

    def __init__(self, folder: Path, certificate: bytes, limits: Limits) -> None:
        self.folder, self.certificate, self.limits = folder, certificate, limits
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self.furnish()

    @abstractmethod
    def furnish(self) -> None:
        """Write its files into `folder`."""

    @abstractmethod
    def command(self) -> list[str]:
        """What starts it so that it stays in the foreground and in its process group."""

    @abstractmethod
    def arrivals(self) -> list[Arrival]:
        """Every mail that it took so far, once it lies where it stays."""

    def start(self) -> None:
        """Start it and wait until it listens."""
        with (self.folder / "output").open("ab") as output:
            self._process = subprocess.Popen(
                self.command(), stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
            )
        try:
            wait_until_open(self.port, 20)
        except SystemExit as error:
            said = (self.folder / "output").read_text("utf-8", "replace")
            raise RuntimeError(f"{self.name} does not listen. It said: {said[-2000:]}") from error

    def kill(self) -> None:
        """SIGKILL to it and to all that it started."""
        if self._process is not None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None


@contextmanager
def running(kind: type[Relay], certificate: bytes, limits: Limits = Limits()) -> Iterator[Relay]:
    """A server of this kind. `certificate` is its key and certificates, as PEM."""
    folder = Path(tempfile.mkdtemp(prefix=f"carillon-{kind.name.lower()}-"))
    folder.chmod(0o755)  # the server's own users look into it
    relay = None
    try:
        relay = kind(folder, certificate, limits)
        relay.start()
        yield relay
    finally:
        if relay is not None:
            relay.kill()
        shutil.rmtree(folder, ignore_errors=True)


def without_first_fields(text: bytes, *names: bytes) -> bytes:
    """The mail without the header fields of these names at its top, which the server wrote there."""
    lines = text.split(b"\n")
    first = 0
    while lines[first].partition(b":")[0].lower() in names:
        first += 1
        while lines[first][:1] in (b" ", b"\t"):
            first += 1
    return b"\n".join(lines[first:])
