"""A delivery that may have arrived and then failed for sure."""

from app.engine.machine import Machine
from tests.conftest import FakeClock
from tests.engine import runners, story
from tests.engine.runners import CUT, DOWN, Runner, runner

__all__ = ["runner"]


def test_what_may_have_arrived_is_not_called_failed_when_patience_ends(
    machine: Machine, runner: Runner, moving: FakeClock
) -> None:
    first, _ = runners.connect(machine, 0, 1)
    runner.moods[first] = CUT
    pk = runners.start(machine)
    story.drain(machine, pk)
    runner.moods[first] = DOWN
    for _ in range(60):
        moving.move(3600)
        story.drain(machine, pk)
    assert story.counts(machine, pk) == {"uncertain": 1}
