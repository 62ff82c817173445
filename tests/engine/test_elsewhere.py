"""What one service alone cannot carry goes to another for good: by its answers, whatever happens in between."""

from datetime import timedelta

import pytest

from app.domain.outcomes import Outcome, OutcomeKind, Reason
from app.engine import journal, ledger, reaper
from app.engine.machine import Machine
from tests.conftest import FakeClock
from tests.engine import runners, story
from tests.engine.runners import CUT, DOWN, LARGE, REFUSED, Runner, runner

__all__ = ["runner"]  # the fixture

FOREIGN = Outcome(OutcomeKind.RECIPIENT_PERMANENT, Reason.ADDRESS_NEEDS_SMTPUTF8, "Only ASCII")
REGION = Outcome(OutcomeKind.MESSAGE_PERMANENT, Reason.NOT_CONFIGURED, "Not to that country", "21408")


@pytest.mark.parametrize("answer", [LARGE, FOREIGN, REGION])
def test_what_this_service_alone_cannot_carry_goes_to_another_for_good(
    any_machine: Machine, runner: Runner, answer: Outcome
) -> None:
    first, second = runners.connect(any_machine, 0, 1)
    runner.moods[first] = answer
    pk = runners.start(any_machine, 3)
    story.drain(any_machine, pk)
    assert story.counts(any_machine, pk) == {"sent": 3}
    assert runner.visits() == {first: 3, second: 3}
    assert runners.provider(any_machine, first).streak == 0, "nor is anything wrong with the first one"
    assert story.rows(any_machine, "SELECT 1 FROM suppressions") == []


def test_it_goes_back_to_nobody_who_cannot_carry_it_however_many_rounds_it_takes(
    any_machine: Machine, runner: Runner, moving: FakeClock
) -> None:
    first, second, third = runners.connect(any_machine, 0, 1, 2)
    runner.moods = {first: LARGE, second: DOWN, third: LARGE}
    pk = runners.start(any_machine)
    for _ in range(4):
        story.drain(any_machine, pk)
        moving.move(60 * 60)
    assert (runner.visits()[first], runner.visits()[third]) == (1, 1)
    assert runner.visits()[second] >= 4
    assert story.counts(any_machine, pk) == {"queued": 1}
    runner.moods[second] = REFUSED
    story.drain(any_machine, pk)
    assert story.counts(any_machine, pk) == {"failed": 1}


def test_when_everybody_has_said_so_it_has_failed(machine: Machine, runner: Runner) -> None:
    first, second = runners.connect(machine, 0, 1)
    runner.moods = {first: LARGE, second: LARGE}
    pk = runners.start(machine, 2)
    story.drain(machine, pk)
    assert story.counts(machine, pk) == {"failed": 2}
    assert runner.visits() == {first: 2, second: 2}
    runner.moods.clear()
    story.retry(machine, pk)
    story.drain(machine, pk)
    assert runner.visits()[first] == 4, "a person opens every way again"
    assert story.counts(machine, pk) == {"sent": 2}


def test_it_waits_while_the_other_one_rests_and_says_so(
    any_machine: Machine, runner: Runner, moving: FakeClock
) -> None:
    first, second = runners.connect(any_machine, 0, 1)
    runners.change(any_machine, second, blocked_at=moving.now(), blocked_detail="no route", retry_at=None)
    runner.moods[first] = LARGE
    pk = runners.start(any_machine)
    story.drain(any_machine, pk)
    assert runner.visits() == {first: 1}
    assert story.counts(any_machine, pk) == {"queued": 1}
    assert story.message(any_machine, pk).waiting_reason == "Runner B cannot be used: no route"
    runners.change(any_machine, second, blocked_at=None)
    story.drain(any_machine, pk)
    assert runner.visits() == {first: 1, second: 1}
    assert story.counts(any_machine, pk) == {"sent": 1}


def test_it_waits_for_nobody_who_is_switched_off(any_machine: Machine, runner: Runner, moving: FakeClock) -> None:
    first, second = runners.connect(any_machine, 0, 1)
    runner.moods = {first: LARGE, second: DOWN}
    pk = runners.start(any_machine)
    story.drain(any_machine, pk)
    runners.change(any_machine, second, enabled=False)
    moving.move(60 * 60)
    story.drain(any_machine, pk)
    assert story.counts(any_machine, pk) == {"failed": 1}
    (row,) = story.rows(any_machine, "SELECT reason, detail FROM attempts ORDER BY pk DESC LIMIT 1")
    assert row.reason == "no_provider"
    assert row.detail.startswith("No provider is left for it: Runner A could not carry it.")


def test_with_other_settings_a_provider_is_asked_again(any_machine: Machine, runner: Runner, moving: FakeClock) -> None:
    first, second = runners.connect(any_machine, 0, 1)
    runner.moods = {first: LARGE, second: DOWN}
    pk = runners.start(any_machine)
    story.drain(any_machine, pk)
    runners.change(any_machine, first, version=2)
    runner.moods = {second: DOWN}
    moving.move(60 * 60)
    story.drain(any_machine, pk)
    assert story.counts(any_machine, pk) == {"sent": 1}
    assert runner.visits()[first] == 2


def test_an_uncertain_delivery_goes_to_nobody_else_whatever_the_next_answer_is(
    machine: Machine, runner: Runner, moving: FakeClock
) -> None:
    first, _ = runners.connect(machine, 0, 1)
    runner.moods[first] = CUT
    pk = runners.start(machine)
    story.drain(machine, pk)
    runner.moods[first] = LARGE
    moving.move(120)
    story.drain(machine, pk)
    assert runner.visits() == {first: 2}
    assert story.counts(machine, pk) == {"failed": 1}


def test_a_worker_that_dies_behind_such_an_answer_leaves_it_to_the_other(
    any_machine: Machine, runner: Runner, moving: FakeClock
) -> None:
    first, second = runners.connect(any_machine, 0, 1)
    pk = runners.start(any_machine, 3)
    with any_machine.database.begin() as session:
        message = story.message(any_machine, pk)
        holder = ledger.Holder(any_machine.name, timedelta(seconds=60))
        lease = ledger.claim(session, message, ledger.Lane(first), 10, holder, any_machine.clock.now())
    assert lease is not None
    book = journal.Journal(any_machine.journal_dir, lease)
    book.started([0, 1])
    book.answered(0, LARGE)
    book.answered(1, REFUSED)
    book.close()
    moving.move(61)
    reaper.reap(any_machine)
    story.drain(any_machine, pk)
    assert story.counts(any_machine, pk) == {"sent": 2, "failed": 1}
    assert (second, lease.deliveries[0].address) in runner.sent
    assert (first, lease.deliveries[2].address) in runner.sent
