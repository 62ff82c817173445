"""The only file that asks the time."""

import time as _time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """A source of time; tests bring one that stands still."""

    def now(self) -> datetime:
        """This moment, aware, in UTC."""

    def sleep(self, seconds: float) -> None:
        """Wait that long."""


class SystemClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        """This moment, aware, in UTC."""
        return datetime.now(UTC)  # noqa: TID251 - this is the one place

    def sleep(self, seconds: float) -> None:
        """Wait that long."""
        _time.sleep(seconds)  # noqa: TID251 - this is the one place


def monotonic() -> float:
    """Seconds that only ever grow, whatever the wall clock is set to; for leases and time-outs within a process.

    Where the system knows such a clock, also while the machine sleeps: others took over meanwhile what it held.
    """
    return _time.clock_gettime(_GROWING)


_GROWING = getattr(_time, "CLOCK_BOOTTIME", _time.CLOCK_MONOTONIC)
