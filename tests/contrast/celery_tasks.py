"""A Celery task per recipient, with Valkey as its broker: with Celery's defaults, or with late acknowledgement."""

import json
from pathlib import Path
from random import Random

import redis

from app.infra.settings import Settings
from app.infra.valkey import Valkey
from tests import needs, peers
from tests.contrast.kept import Kept, kill, kill_one
from tests.contrast.sender import WORKERS, Account, Sender, address_of
from tests.faults.storm import TREE, WORKER
from tests.faults.tree import Sink, wait_for
from tests.faults.wall_clock import WallClock

MAIN, BROKER = "main process", "Valkey"
PAUSE = 0.1  # seconds until a worker is started again: what systemd waits
HOUR = 3700  # seconds; longer than a task may stay unacknowledged by default
QUEUE, UNACKNOWLEDGED = "celery", "unacked"
RESULT_OF = "celery-task-meta-"


class CeleryTasks(Sender):
    """One worker with two processes. The broker is the Valkey that Carillon embeds, with the same persistence."""

    name = f"Celery {peers.version('celery')}, its defaults"
    kinds = (WORKER, MAIN, BROKER, TREE)
    wires = 1
    is_safe = False

    def __init__(self, sink: Sink, folder: Path) -> None:
        if not needs.find_libfaketime():
            raise peers.PeerMissingError(f"There is no libfaketime here; {needs.NEEDS['libfaketime'].advice}")
        super().__init__(sink)
        self._folder = folder
        self._again = folder / "again"
        self._valkey = Valkey(Settings(data_dir=folder / "broker"))
        self._valkey.start()
        self._client = redis.Redis(unix_socket_path=str(self._valkey.socket))
        self._surroundings = peers.surroundings(
            BROKER=f"redis+socket://{self._valkey.socket}", SMTP_PORT=str(sink.port), HANDED_OUT_AGAIN=str(self._again),
            IS_SAFE="yes" if self.is_safe else "",
        )  # fmt: skip
        self._kept = self._worker(self._surroundings)
        self._is_later = False

    def _worker(self, surroundings: dict[str, str]) -> Kept:
        words = [peers.python(), "-m", "celery", "-A", "letters", "worker", f"--concurrency={WORKERS}"]
        return Kept(words, surroundings, self._folder / "celery.log", pause=PAUSE)

    def queue(self, people: int) -> None:
        self._queued = {address_of(number) for number in range(1, people + 1)}
        peers.run("queue_letters", str(people), environment=self._surroundings)

    def start(self) -> None:
        self._kept.start()

    def strike(self, victim: str, chance: Random) -> int:
        if victim == BROKER:
            self._end_broker()
            return 0
        if victim == TREE:
            killed = len(self._kept.workers())
            self._kept.kill_all()
            self._end_broker()
            return killed
        kill_one(self._kept.workers if victim == WORKER else self._kept.main, victim, chance)
        return int(victim == WORKER)

    def _end_broker(self) -> None:
        kill(self._valkey.pid)
        wait_for(lambda: not self._valkey.is_running(), "the broker is gone", 10)
        self._valkey.start()

    def is_sending(self) -> bool:
        """Something waits, or is held and would come back within seconds."""
        is_back_soon = self.is_safe or self._is_later
        return bool(self._client.llen(QUEUE) or (is_back_soon and self._client.hlen(UNACKNOWLEDGED)))

    def let_time_pass(self) -> bool:
        """What a dead worker held comes back after an hour by default: start it again with a clock that is later."""
        if self._is_later or not self._client.hlen(UNACKNOWLEDGED):
            return False
        self._is_later = True
        self._kept.stop()
        clock = WallClock(self._folder / "clock")
        clock.set_off(HOUR)
        paths = f"{peers.INSIDE}:{clock.environment['PYTHONPATH']}"
        self._kept = self._worker(self._surroundings | clock.environment | {"PYTHONPATH": paths})
        self._kept.start()
        return True

    def end_by_hand(self) -> None:
        self._kept.kill_all()

    def account(self) -> Account:
        """Unsent is what has no result or a bad one; doubted what was handed out with the mark that it is again."""
        results = [json.loads(found) for found in self._client.mget(self._client.keys(f"{RESULT_OF}*"))]
        told = {result["task_id"]: result["status"] for result in results}
        failed = {name for name, status in told.items() if status != "SUCCESS"}
        again = set(self._again.read_text().split()) if self._again.exists() else set()
        return Account(unsent=self._queued - (told.keys() - failed), doubted=failed | again)

    def close(self) -> None:
        self._kept.stop()
        self._client.close()
        self._valkey.stop()


class SafeCeleryTasks(CeleryTasks):
    """Acknowledged when done, rejected when the process was lost, back in the queue after ten seconds."""

    name = f"Celery {peers.version('celery')}, late acknowledgement"
    is_safe = True
