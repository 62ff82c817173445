"""A command that is kept running: started again whenever it ends, as cron, systemd or a container's keeper would."""

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from random import Random

from app.infra.processes import end_with_parent
from tests.faults.tree import wait_for


class Kept:
    """Each start gets a session of its own, by which its processes are known even when their parent is gone."""

    def __init__(self, words: Sequence[str], environment: Mapping[str, str], log: Path, *, pause: float) -> None:
        self._words, self._environment, self._log, self._pause = words, environment, log, pause
        self._sessions: set[int] = set()
        self._process: subprocess.Popen[bytes] | None = None
        self._over = threading.Event()
        self._keeper = threading.Thread(target=self._keep, daemon=True)

    def start(self) -> None:
        self._keeper.start()

    def _keep(self) -> None:
        """In a thread of its own; `pause` seconds lie between an end and the next start."""
        while not self._over.is_set():
            with self._log.open("ab") as output:
                self._process = subprocess.Popen(
                    self._words, env=self._environment, stdin=subprocess.DEVNULL, stdout=output,
                    stderr=subprocess.STDOUT, start_new_session=True,
                    preexec_fn=end_with_parent,  # noqa: PLW1509 - one system call that takes no lock
                )  # fmt: skip
            self._sessions.add(self._process.pid)
            self._process.wait()
            self._over.wait(self._pause)

    def main(self) -> list[int]:
        """The process that was started last, while it runs; else nothing."""
        return [self._process.pid] if self._process is not None and self._process.poll() is None else []

    def workers(self) -> list[int]:
        """The children of that process."""
        main = self.main()
        return sorted(pid for pid, parent in self.family().items() if parent in main)

    def family(self) -> dict[int, int]:
        """Every process of it that lives, orphans too, and its parent."""
        return {pid: parent for pid, parent, session in _processes() if session in self._sessions}

    def kill_all(self) -> None:
        """SIGKILL to every process of it, until none is left; what is started again meanwhile is left alone."""
        sessions = set(self._sessions)
        while left := [pid for pid, _, session in _processes() if session in sessions]:
            for pid in left:
                kill(pid)
            time.sleep(0.01)

    def stop(self, patience: float = 20) -> None:
        """End it in order, and start it no more; by force what is left after `patience` seconds."""
        self._over.set()
        for pid in self.main():
            kill(pid, signal.SIGTERM)
        if self._keeper.is_alive():
            self._keeper.join(patience)
        self.kill_all()


def kill_one(find: Callable[[], Sequence[int]], what: str, chance: Random) -> None:
    """SIGKILL to one of those that are found, as soon as there are some: what lives for a batch only is often away."""
    found: list[int] = []

    def is_there() -> bool:
        found[:] = find()
        return bool(found)

    wait_for(is_there, f"there is a {what}", 300, step=0.005)
    kill(chance.choice(found))


def kill(pid: int, number: signal.Signals = signal.SIGKILL) -> None:
    """Send that signal to a process that may be gone by now."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


def _processes() -> Iterator[tuple[int, int, int]]:
    """Number, parent and session of every process that is no zombie; proc(5), /proc/pid/stat."""
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it has just ended
        if fields[0] != "Z":
            yield int(folder.name), int(fields[1]), int(fields[3])
