"""`python -m tests.engine.starters`: a worker that starts as much as it may, so that several can do so at once.

It takes the server's address, the limit as JSON, and how many seconds to go on; it says `ready`, waits for a line, and
tells as JSON when it began, when it ended and when it started what, on the clock that all processes of the machine
share. `holds` takes slots instead, says how many it got, and waits to be killed; `throttles` says "too fast" after half
a second, and tells when it had.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from itertools import count

from app.infra.broker import Broker
from app.infra.clock import SystemClock
from app.infra.pacing import Limits, Pacing, Throttled


class Starter:
    """Such a process."""

    def __init__(self, url: str, limit: Limits, seconds: float, act: str = "starts") -> None:
        facts = json.dumps(asdict(limit) | {"since": limit.since.isoformat()})
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.engine.starters", act, url, facts, str(seconds)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip

    def read(self) -> str:
        """The next line that it says."""
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def go(self) -> None:
        """Let it begin."""
        assert self.process.stdin is not None
        self.process.stdin.write("go\n")
        self.process.stdin.flush()

    def end(self) -> None:
        """Wait for its end, and let go of it."""
        self.process.communicate(timeout=30)


def together(starters: Sequence[Starter]) -> list[list[float]]:
    """Let them all begin at once, and when each of them started what; they did run beside each other."""
    assert [each.read() for each in starters] == ["ready"] * len(starters)
    for each in starters:
        each.go()
    told = [json.loads(each.read()) for each in starters]
    for each in starters:
        each.end()
    assert max(began for began, _, _ in told) < min(ended for _, ended, _ in told)
    return [starts for _, _, starts in told]


def _start(pacing: Pacing, limit: Limits, end: float) -> list[float]:
    starts, worker = list[float](), f"w{os.getpid()}"
    for turn in count(1):
        if time.monotonic() >= end:
            break
        wanted = 1 + turn * 7 % 5
        permit = pacing.start(limit, worker, wanted)
        granted = wanted if permit.count is None else permit.count
        starts += [time.monotonic()] * granted
        time.sleep(0.001 if granted else min(permit.wait, 0.003 * (1 + turn % 3)))
    return starts


def main(act: str, url: str, facts: str, seconds: str) -> None:
    """Do it."""
    values = json.loads(facts)
    limit = Limits(**values | {"since": datetime.fromisoformat(values["since"])})
    pacing = Pacing(Broker(url), SystemClock())
    if act == "holds":
        print(pacing.enter(limit, f"w{os.getpid()}", 10, 3).at_once, flush=True)
        sys.stdin.readline()
        return
    print("ready", flush=True)
    sys.stdin.readline()
    began = time.monotonic()
    if act == "throttles":
        time.sleep(0.5)
        pacing.hear(limit, Throttled(timedelta(seconds=float(seconds)), timedelta(), 40.0))
        starts = [time.monotonic()]
    else:
        starts = _start(pacing, limit, began + float(seconds))
    print(json.dumps([began, time.monotonic(), starts]), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
