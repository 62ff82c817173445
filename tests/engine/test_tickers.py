"""Several tickers at once, as threads and as processes: each message starts once, and not before its time."""

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta

from app.engine import scheduler
from app.engine.machine import Machine
from app.infra.broker import Broker
from app.infra.clock import SystemClock
from app.infra.db import Database
from app.infra.processes import end_with_parent
from app.infra.settings import ROOT
from tests import factories
from tests.conftest import START, FakeClock
from tests.engine import story

MANY = 300


def _schedule_many(machine: Machine, *, since: float, over: float) -> dict[int, float]:
    """Messages whose moments lie evenly in that many seconds from `since` (seconds since 1970); moment by number."""
    clock_start = START.timestamp()
    with machine.database.begin() as session:
        moments = [since + over * place / MANY for place in range(MANY)]
        return {
            factories.make_message(
                session, status="scheduled", scheduled_at=START + timedelta(seconds=moment - clock_start)
            ).pk: moment
            for moment in moments
        }  # fmt: skip


def _starts(machine: Machine) -> list[int]:
    """The message of each line `started` of all timelines."""
    return [
        row.message_pk for row in story.rows(machine, "SELECT message_pk FROM message_events WHERE event='started'")
    ]


def test_four_tickers_at_one_moment_start_each_of_many_messages_once(any_machine: Machine, moving: FakeClock) -> None:
    wanted = _schedule_many(any_machine, since=START.timestamp(), over=1)
    moving.move(1)
    told, gate = list[int](), threading.Barrier(4)

    def tick(url: str) -> None:
        database = Database(url)  # of its own, as another process has one
        machine = Machine(any_machine.settings, database, Broker(any_machine.broker.url), moving, any_machine.vault)
        gate.wait()
        for _ in range(MANY):
            told.append(scheduler.start_due(machine))
            if sum(told) >= MANY:
                break
        database.close()

    url = any_machine.settings.sqlalchemy_url
    threads = [threading.Thread(target=tick, args=(url,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sum(told) == MANY
    assert sorted(_starts(any_machine)) == sorted(wanted)


@contextmanager
def _ticker(machine: Machine) -> Iterator[subprocess.Popen[bytes]]:
    """`carillon ticker` beside this process."""
    settings = machine.settings.but({"secret_keys": "0123456789" * 4})
    process = subprocess.Popen(
        [sys.executable, "-m", "app.cli", "ticker"], cwd=ROOT, env=settings.environment(),
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        preexec_fn=end_with_parent,  # noqa: PLW1509 - one system call that takes no lock
    )  # fmt: skip
    try:
        yield process
    finally:
        process.kill()
        process.wait(10)


def test_three_ticker_processes_start_each_message_once_and_none_before_its_time(any_machine: Machine) -> None:
    now = SystemClock().now
    with ExitStack() as stack:
        for _ in range(3):
            stack.enter_context(_ticker(any_machine))
        end = time.monotonic() + 30
        while len(any_machine.broker.alive("ticker")) < 3:
            assert time.monotonic() < end, "three tickers run"
            time.sleep(0.05)
        first = now().timestamp() + 2
        wanted = _schedule_many(any_machine, since=first, over=3)
        while len(_starts(any_machine)) < MANY and now().timestamp() < first + 60:
            time.sleep(0.1)
        time.sleep(0.5)  # for a second start, if there could be one
    assert sorted(_starts(any_machine)) == sorted(wanted)
    rows = story.rows(any_machine, "SELECT pk, started_at FROM messages")
    late = sorted(row.started_at / 1000 - wanted[row.pk] for row in rows)
    print(f"\n{MANY} starts: p50 {late[MANY // 2] * 1000:.0f} ms, p99 {late[MANY * 99 // 100] * 1000:.0f} ms late")
    assert late[0] >= -0.001  # never before its time; moments are kept in milliseconds
