"""What the system knows of a process of ours: its title, its end with its parent, its memory, the sign to stop."""

import ctypes
import os
import select
import signal
import sys
from types import TracebackType
from typing import Self

from setproctitle import setproctitle

_PR_SET_PDEATHSIG = 1  # prctl(2)
_LIBC = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


def set_title(part: str) -> None:
    """Let the command line say what this process is: `carillon web`, `carillon worker`."""
    setproctitle(f"carillon {part}")


def end_with_parent() -> None:
    """Get SIGTERM when the parent ends in whatever way. Survives exec, so it may run between fork and exec.

    Only Linux knows this; elsewhere an orphan ends when it finds its work taken away.
    """
    if _LIBC is not None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)


def end_with_this_parent(parent: int) -> None:
    """As `end_with_parent`, and leave at once when that parent ended before we could say so."""
    end_with_parent()
    if os.getppid() != parent:
        raise SystemExit(0)


def give_memory_back() -> None:
    """Let the system have what was freed: every page of the heap on which nothing lies. Only glibc knows how.

    By itself it gives back what lies on top. After work that took much (pages of SQLite, rows of a file) that is next
    to nothing, and what comes then, such as libraries, does not fit into the holes.
    """
    trim = getattr(_LIBC, "malloc_trim", None)
    if trim is not None:
        trim(0)


class StopSign:
    """Says that the process shall stop; a signal handler may raise it, also while this very thread waits for it.

    A threading.Event must not be used for that: its lock is held for moments of every wait, and a handler that runs in
    such a moment waits for the lock for ever, in the thread that holds it. Writing to a pipe takes no lock.
    """

    def __init__(self) -> None:
        self.is_up = False
        self._read, self._write = os.pipe()

    def raise_up(self) -> None:
        """Stop whoever waits, now and from now on."""
        if not self.is_up:
            self.is_up = True
            os.write(self._write, b"!")

    def wait(self, seconds: float) -> bool:
        """Wait that long, or until the sign is up; whether it is."""
        select.select([self._read], [], [], seconds)  # nobody reads: the pipe stays readable for every waiter
        return self.is_up

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._read)
        os.close(self._write)
