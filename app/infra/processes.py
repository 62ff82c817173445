"""What the system knows of a process of ours: its title, and that it ends when its parent does."""

import ctypes
import os
import signal
import sys

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
