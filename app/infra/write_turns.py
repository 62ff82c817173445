"""Whose turn it is to write into a SQLite database, between processes: nobody is passed over twice by the same one.

SQLite's own wait for its lock sleeps up to a tenth of a second and looks again, whoever came first, so a process that
lets go and begins anew at once nearly always wins. Here two bytes of one file beside the database are locked, as at a
turnstile: a process takes the gate, then the place, and lets the gate go. Whoever waits for the place stands in the
gate, so whoever leaves the place and comes again is behind it. The locks are POSIX's (fcntl(2), "Advisory record
locking"): they end with the process, however it ends, and a fork does not have its parent's.

SQLite's lock stays the truth. Who takes no part, a folder that takes no file, a process that is stopped in the gate:
each costs the others SQLite's own waiting, no more.
"""

import fcntl
import os
from contextlib import suppress
from pathlib import Path

from app.infra.clock import SystemClock, monotonic

NAME = "write.turns"  # one for the folder, whatever the database is called: a restore makes it under another name
PATIENCE = 1.0  # seconds for gate and place together; far more than a transaction of ours takes
WITHOUT = 10.0  # seconds in which nobody is waited for after that
FIRST_LOOK, LAST_LOOK = 0.000_1, 0.001  # seconds between two looks, growing; a look costs some 10 µs
_GATE, _PLACE = 0, 1  # bytes of the file; nothing is ever written there

_sleep = SystemClock().sleep  # another process is waited for, and its time is the machine's


class WriteTurns:
    """The turns of one process, used by one of its threads at a time; never raises and never waits for long.

    A second one for the same folder in the same process is no competitor: POSIX's locks belong to processes.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / NAME
        self._file = -1
        self._has_place = False
        self._without_until = 0.0

    def take(self) -> bool:
        """Wait for the turn, a second at most; whether it came. Whoever has it already keeps it."""
        if self._has_place or self._without_until > monotonic():
            return self._has_place
        try:
            if self._file < 0:
                self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
            self._has_place = self._pass_gate()
        except OSError:  # a folder that may only be read, a full disk, a file system without locks
            self._has_place = False
        if not self._has_place:
            self._without_until = monotonic() + WITHOUT
        return self._has_place

    def give(self) -> None:
        """End the turn, if there is one."""
        if self._has_place:
            self._has_place = False
            with suppress(OSError):
                self._let_go(_PLACE)

    def close(self) -> None:
        """Close the file. It stays where it is: another process may have it open."""
        if self._file >= 0:
            self._has_place = False
            os.close(self._file)
            self._file = -1

    def _pass_gate(self) -> bool:
        end = monotonic() + PATIENCE
        if not self._wait_for(_GATE, end):
            return False
        try:
            return self._wait_for(_PLACE, end)
        finally:
            self._let_go(_GATE)

    def _wait_for(self, byte: int, end: float) -> bool:
        """Lock it; False when it is still another's at that moment of the monotonic clock."""
        pause = FIRST_LOOK
        while not self._lock(byte):
            if monotonic() >= end:
                return False
            _sleep(pause)
            pause = min(pause * 1.5, LAST_LOOK)
        return True

    def _lock(self, byte: int) -> bool:
        try:
            fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, byte)
        except (BlockingIOError, PermissionError):  # POSIX allows either for "another has it"
            return False
        return True

    def _let_go(self, byte: int) -> None:
        fcntl.lockf(self._file, fcntl.LOCK_UN, 1, byte)
