"""A message to a million gives way to one that is to start now, and goes on afterwards."""

import time

import pytest

from app.engine import dispatch, fanout, plans
from app.engine.machine import Machine
from tests.engine import runners, story
from tests.engine.runners import Runner, runner

__all__ = ["runner"]
PEOPLE = plans.FIRST_BATCH + 100  # more than one batch


@pytest.mark.parametrize(
    ("is_urgent", "small", "sent"), [(True, 100, plans.FIRST_BATCH), (False, 100, PEOPLE), (True, PEOPLE, PEOPLE)]
)
def test_a_long_job_ends_after_half_a_second_when_something_more_urgent_waits(
    machine: Machine, runner: Runner, monkeypatch: pytest.MonkeyPatch, is_urgent: bool, small: int, sent: int
) -> None:
    monkeypatch.setattr(fanout, "BATCHES_PER_BELL", small)
    runners.connect(machine, 1)
    pk = runners.start(machine, PEOPLE)
    machine.broker.redis.flushdb()

    def meanwhile() -> None:
        time.sleep(dispatch.PATIENCE)
        if is_urgent:
            machine.broker.ring("fan_out", 99, queue="urgent")

    runner.meanwhile = meanwhile
    assert dispatch.drain(machine, pk) == sent
    machine.broker.redis.flushdb()
    assert dispatch.drain(machine, pk) == PEOPLE - sent
    assert story.counts(machine, pk) == {"sent": PEOPLE}
