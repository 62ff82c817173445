"""A service that states its limit with every answer is never asked faster by all workers together."""

import json
import subprocess
import sys
from datetime import UTC, datetime

import pytest

from tests.conftest import FakeClock
from tests.emulators.stage import Stage, announced, faults, outbox, running, sandbox, stage
from tests.engine.story import counts, rows
from tests.engine.test_pacing import most_in_a_window

__all__ = ["announced", "faults", "outbox", "running", "sandbox", "stage"]  # fixtures

WORKERS, SECONDS, MESSAGES = 3, 4.0, 12
A_SECOND = 2  # requests that Resend takes


def run(stage: Stage, pks: list[int], workers: int, seconds: float) -> list[int]:
    """Let that many workers send these messages side by side; how they ended."""
    told = stage.machine.settings
    facts = {"data_dir": str(told.data_dir), "database_url": told.database_url, "redis_url": told.redis_url}
    command = [sys.executable, "-m", "tests.engine.workers", json.dumps(facts), json.dumps(pks), str(seconds)]
    processes = [subprocess.Popen(command) for _ in range(workers)]
    return [each.wait(60) for each in processes]


@pytest.mark.parametrize("kind", ["resend"])
def test_several_workers_together_are_never_too_fast_for_what_resend_states(kind: str, stage: Stage) -> None:
    """Each for itself they would ask six times a second, and be refused."""
    assert isinstance(stage.clock, FakeClock)
    stage.clock.moment = datetime.now(UTC)  # that of the workers
    first = stage.write("first@example.com")
    pks = [stage.write(f"p{number}@example.com") for number in range(MESSAGES)]
    stage.machine.pacing.due()
    assert run(stage, [first], 1, 0.8) == [0]
    assert run(stage, pks, WORKERS, SECONDS) == [0] * WORKERS
    tries = rows(stage.machine, "SELECT outcome, worker, started_at FROM attempts ORDER BY pk")
    assert {row.outcome for row in tries} == {"accepted"}, "the service refused one as too fast"
    assert len({row.worker for row in tries}) > 2, "they did not send beside each other"
    assert most_in_a_window([row.started_at / 1000 for row in tries], 0.95) <= A_SECOND
    assert len(tries) >= 1 + A_SECOND * (SECONDS - 3), "they did not go on in the next window"


@pytest.mark.parametrize("kind", ["resend"])
def test_what_one_answer_states_holds_for_every_message_of_the_provider(kind: str, stage: Stage) -> None:
    assert isinstance(stage.clock, FakeClock)
    stage.machine.pacing.due()
    pks = [stage.write(f"q{number}@example.com") for number in range(3)]
    for pk in pks:
        stage.drain(pk)
    assert [counts(stage.machine, pk) for pk in pks] == [{"sent": 1}, {"sent": 1}, {"queued": 1}]
    stage.clock.move(1.1)
    stage.drain(pks[2])
    assert counts(stage.machine, pks[2]) == {"sent": 1}
