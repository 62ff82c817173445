"""Child processes of `carillon up`: started, looked after, started again with growing pauses, stopped."""

import os
import signal
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType

import structlog

from app.infra.clock import SystemClock, monotonic
from app.infra.processes import end_with_parent
from app.infra.settings import ROOT

PAUSES = (0.0, 0.5, 1.0, 2.0, 4.0, 8.0, 15.0)  # seconds before it is started again: quick first, then patient
STEADY_AFTER = 30.0  # seconds of life after which an earlier death is forgiven
_STEP = 0.02

log = structlog.get_logger(__name__)


class Child:
    """One process that shall always run. Not safe to share between threads."""

    def __init__(self, name: str, command: Sequence[str], environment: Mapping[str, str]) -> None:
        self.name = name
        self.command = list(command)
        self.environment = MappingProxyType(dict(environment))
        self.deaths = 0
        self._process: subprocess.Popen[bytes] | None = None
        self._started_at = 0.0
        self._start_at: float | None = None

    @property
    def pid(self) -> int:
        """The process; 0 while there is none."""
        return self._process.pid if self._process is not None else 0

    def start(self) -> None:
        """Start the process; it gets SIGTERM when we end in whatever way, and no interrupts from the keyboard."""
        self._start_at = None
        self._started_at = monotonic()
        self._process = subprocess.Popen(  # noqa: S603 - our own commands
            self.command, cwd=ROOT, env=dict(self.environment), stdin=subprocess.DEVNULL, start_new_session=True,
            preexec_fn=end_with_parent,  # noqa: PLW1509 - one system call that takes no lock
        )  # fmt: skip

    def start_later(self, seconds: float) -> None:
        """Let `look_after` start the process when that time is over."""
        self._start_at = monotonic() + seconds

    def hurry(self) -> None:
        """Let `look_after` start now what it would start later."""
        if self._start_at is not None:
            self._start_at = monotonic()

    def look_after(self) -> None:
        """Start the process again when it died and its pause is over."""
        if self._process is not None and self._process.poll() is not None:
            self._note_death(self._process)
            self._process = None
        if self._start_at is not None and monotonic() >= self._start_at:
            self.start()

    def is_running(self) -> bool:
        """Whether the process lives now."""
        return self._process is not None and self._process.poll() is None

    def send(self, number: signal.Signals) -> None:
        """Send a signal to the process; when it is SIGKILL, to all that it started too."""
        self._start_at = None
        if self._process is None or self._process.poll() is not None:
            return
        if number is signal.SIGKILL:
            os.killpg(self._process.pid, number)  # it leads a session of its own
        else:
            self._process.send_signal(number)

    def _note_death(self, process: subprocess.Popen[bytes]) -> None:
        now = monotonic()
        self.deaths = 1 if now - self._started_at > STEADY_AFTER else self.deaths + 1
        pause = PAUSES[min(self.deaths, len(PAUSES)) - 1]
        self._start_at = now + pause
        log.warning(
            "A process ended and is started again", part=self.name, how=_ending(process.returncode),
            pid=process.pid, pause=pause, deaths=self.deaths,
        )  # fmt: skip


def stop_children(children: Iterable[Child], patience: float) -> None:
    """Ask all of them to end, wait so many seconds together, end by force what is left."""
    family = list(children)
    end = monotonic() + max(0.1, patience)
    for child in family:
        child.send(signal.SIGTERM)
    while any(child.is_running() for child in family) and monotonic() < end:
        SystemClock().sleep(_STEP)
    for child in family:
        if child.is_running():
            log.warning("A process did not end in time and is ended by force", part=child.name, pid=child.pid)
            child.send(signal.SIGKILL)
    while any(child.is_running() for child in family):
        SystemClock().sleep(_STEP)


def _ending(code: int) -> str:
    return f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
