"""Everything that can be killed, killed in any order at any moment of one send, all of it by a seed."""

import os
import signal
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from random import Random

from sqlalchemy.exc import SQLAlchemyError

from app.infra.processes import end_with_parent
from app.infra.settings import ROOT
from tests import postgres
from tests.faults import auditor
from tests.faults.story import CONNECTIONS, IN_FLIGHT, Office, Truth
from tests.faults.tree import Sink, wait_for

TREE, DATABASE, WORKER = "whole tree", "PostgreSQL", "worker"
HEAD = """| seed | people | killed | never sent | sent twice | in flight at most | of these not marked \
| attempts of unknown end | samples out of balance | time |
| --- | --: | --- | --: | --: | --: | --: | --: | --: | --: |
"""
PARTS = {WORKER: "worker", "ticker": "carillon ticker", "web": "carillon web", "Valkey": "valkey-server"}


class Strikes(ABC):
    """Kills that come over one send: `strikes` of them, at moments and to victims that `seed` chooses.

    Each of the `kinds` of victims is met at least once when there are strikes enough.
    """

    def __init__(self, sink: Sink, seed: int, kinds: Sequence[str], *, people: int, strikes: int) -> None:
        self._sink = sink
        self._chance = Random(seed)
        shuffled = [*kinds]
        self._chance.shuffle(shuffled)
        self.victims = (shuffled + self._chance.choices(shuffled, k=strikes))[:strikes]
        # The first falls into the fan-out or the first letters, the others anywhere before the last tenth.
        self.moments = [0, *sorted(self._chance.randrange(1, people * 9 // 10) for _ in range(strikes - 1))]

    def rage(self) -> None:
        """Strike after strike; returns after the last one, with everything started again."""
        for moment, victim in zip(self.moments, self.victims, strict=True):
            self._reach(moment)
            time.sleep(self._chance.random() / 2)
            self._strike(victim)

    def _reach(self, total: int) -> None:
        wait_for(lambda: self._sink.total() >= total, f"{total} mails came", 400, step=0.005)

    @abstractmethod
    def _strike(self, victim: str) -> None:
        """Kill one of that kind with SIGKILL, and start again what nobody else starts."""


class Storm(Strikes):
    """Strikes at a whole tree. With a database server that one is among the victims.

    It is started again at once as its supervisor would.
    """

    def __init__(
        self, office: Office, seed: int, *, people: int, strikes: int, server: postgres.Server | None = None
    ) -> None:
        kinds = [*PARTS, TREE, *([DATABASE] if server is not None else [])]
        super().__init__(office.sink, seed, kinds, people=people, strikes=strikes)
        self._office, self._server = office, server
        self.workers_killed = 0

    @property
    def in_flight(self) -> int:
        """How many letters may have been on the wire of what was killed, at most."""
        return self.workers_killed * IN_FLIGHT

    def _strike(self, victim: str) -> None:
        if victim == TREE:
            self.workers_killed += len(self._office.tree.pids(PARTS[WORKER]))
            self._office.tree.kill_all()
            self._office.tree.start()
        elif victim == DATABASE:
            assert self._server is not None
            self._server.kill()
            self._server.start()
        else:
            self._kill(victim)

    def _kill(self, part: str) -> None:
        wait_for(lambda: self._office.tree.pids(PARTS[part]), f"{part} runs", 30)
        victims = self._office.tree.pids(PARTS[part])
        if part == WORKER:
            self.workers_killed += 1
            victims = self._senders() or victims
        self._office.tree.signal(self._chance.choice(victims), signal.SIGKILL)

    def _senders(self) -> list[int]:
        """Rather a worker that is sending; any of them while the database does not say."""
        try:
            return self._office.senders()
        except SQLAlchemyError:
            return []


class Auditor:
    """The process that looks at the balance each second, for the time of a block."""

    def __init__(self, office: Office, message_id: str, file: Path) -> None:
        self.file = file
        # By the environment, because a tree that is killed ends whatever names its folder on its command line.
        watched = {"AUDITED": office.tree.settings.sqlalchemy_url, "MESSAGE": str(office.message(message_id).pk)}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.auditor", str(file)], env=os.environ | watched, cwd=ROOT,
            preexec_fn=end_with_parent,  # noqa: PLW1509 - one system call that takes no lock
        )  # fmt: skip

    def __enter__(self) -> "Auditor":
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()

    def samples(self) -> list[auditor.Sample]:
        """What it saw so far, without the looks at which the database was away."""
        return auditor.samples(self.file)


def delay_for(office: Office, people: int, seconds: float) -> float:
    """How long the sink must take for a mail, that so many people take that many seconds without any kill."""
    return CONNECTIONS * office.tree.settings.workers * seconds / people


def report(storm: Storm, truth: Truth, seen: list[auditor.Sample], *, name: str, seconds: float) -> None:
    """Print a run, and add its row to the table that CARILLON_FAULT_REPORT names."""
    killed = ", ".join(
        f"{total}× {victim}" if total > 1 else victim for victim, total in Counter(storm.victims).items()
    )
    wrong = sum(not sample.is_balanced for sample in seen)
    figures = [
        name, f"{truth.audience:,}", killed, truth.never, truth.twice, storm.in_flight, truth.unmarked, truth.uncertain,
        f"{wrong} of {len(seen)}", f"{seconds:.0f} s",
    ]  # fmt: skip
    row = f"| {' | '.join(map(str, figures))} |\n"
    print(f"\n{row}", end="")
    if named := os.environ.get("CARILLON_FAULT_REPORT"):
        table = Path(named)
        table.parent.mkdir(exist_ok=True)
        with table.open("a") as file:
            file.write((HEAD if not file.tell() else "") + row)
