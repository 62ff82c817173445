"""Clocks that are wrong, or set while batches are held: nobody loses what it holds, nobody waits for the clock."""

from datetime import timedelta

import pytest

from app.domain.outcomes import Outcome, OutcomeKind, Reason
from app.domain.permissions import system
from app.engine import ledger, reaper
from app.engine.clock_steps import ClockSteps
from app.engine.ledger import Holder, Lane, Lease, OpenLease
from app.engine.machine import Machine
from app.engine.overdue import Overdue
from app.engine.results import results_of
from app.infra.clock import monotonic
from app.models.messages import Message
from app.models.providers import Provider
from tests import factories
from tests.conftest import START, FakeClock
from tests.engine import story

SHORT = timedelta(milliseconds=200)
TWO_HOURS = 7200.0


def _claim(machine: Machine, pk: int) -> Lease:
    with machine.database.begin() as session:
        message = session.get_one(Message, pk)
        lease = ledger.claim(session, message, Lane(1), 10, Holder(machine.name, SHORT), machine.clock.now())
    assert lease is not None
    return lease


def _renew(machine: Machine, lease: Lease) -> None:
    with machine.database.begin() as session:
        assert ledger.renew(session, lease, machine.clock.now())


def _pass(seconds: float) -> None:
    end = monotonic() + seconds
    while monotonic() < end:
        pass


@pytest.mark.parametrize("step", [TWO_HOURS, -TWO_HOURS])
def test_a_clock_that_is_set_takes_no_batch_from_who_renews_it(
    any_machine: Machine, moving: FakeClock, step: float
) -> None:
    overdue, pk = Overdue(SHORT), story.start(any_machine)
    lease = _claim(any_machine, pk)
    assert reaper.reap(any_machine, overdue) == 0
    moving.move(step)
    assert reaper.reap(any_machine, overdue) == 0
    for _ in range(4):
        _pass(SHORT.total_seconds() * 0.6)
        moving.move(1)
        _renew(any_machine, lease)
        assert reaper.reap(any_machine, overdue) == 0


@pytest.mark.parametrize("step", [TWO_HOURS, -TWO_HOURS])
def test_a_batch_that_nobody_renews_is_taken_over_whatever_the_clock_says(
    any_machine: Machine, moving: FakeClock, step: float
) -> None:
    overdue, pk = Overdue(SHORT), story.start(any_machine)
    _claim(any_machine, pk)
    assert reaper.reap(any_machine, overdue) == 0
    moving.move(step)
    _pass(SHORT.total_seconds())
    assert reaper.reap(any_machine, overdue) == 1
    assert story.counts(any_machine, pk) == {"queued": 3}


def test_a_batch_that_is_renewed_after_it_was_seen_is_left_alone(any_machine: Machine, moving: FakeClock) -> None:
    lease = _claim(any_machine, story.start(any_machine))
    with any_machine.database.read() as session:
        [seen] = ledger.open_leases(session)
    moving.move(1)
    _renew(any_machine, lease)
    with any_machine.database.begin() as session:
        assert ledger.take_over(session, seen, moving.now()) is None


def test_a_lease_is_counted_from_when_it_was_seen_first() -> None:
    overdue, lease = Overdue(SHORT), OpenLease(1, START, "here:1")
    assert overdue.among([lease]) == {}
    _pass(SHORT.total_seconds())
    assert list(overdue.among([lease])) == [lease]
    assert overdue.among([]) == {}
    assert overdue.among([lease]) == {}, "one that was away is another one"


def test_what_was_planned_before_the_clock_was_set_back_is_due_at_once(any_machine: Machine, moving: FakeClock) -> None:
    steps, pk = ClockSteps(), story.start(any_machine)
    assert steps.look(any_machine), "who begins knows of no step, and looks once"
    moving.move(-TWO_HOURS)
    with any_machine.database.read() as session:
        assert not ledger.has_due(session, pk, moving.now())
    assert steps.look(any_machine)
    with any_machine.database.read() as session:
        assert ledger.has_due(session, pk, moving.now())


def test_a_wait_lasts_as_long_as_it_was_meant_to(any_machine: Machine, moving: FakeClock) -> None:
    steps, pk = ClockSteps(), story.start(any_machine, people=1)
    steps.look(any_machine)
    lease = _claim(any_machine, pk)
    wait = Outcome(OutcomeKind.TRANSIENT, Reason.SERVER_ERROR, retry_after=timedelta(seconds=600))
    results = results_of(lease, reaper.journal.Story({0}, {0: wait}), moving.now(), hold_uncertain=False)
    with any_machine.database.begin() as session:
        ledger.record(session, lease, results, moving.now())
    moving.move(-TWO_HOURS)
    steps.look(any_machine)
    moving.move(599)
    with any_machine.database.read() as session:
        assert not ledger.has_due(session, pk, moving.now())
    moving.move(62)  # a tenth is jitter
    with any_machine.database.read() as session:
        assert ledger.has_due(session, pk, moving.now())


def test_a_provider_does_not_rest_for_the_hours_by_which_the_clock_was_set_back(
    any_machine: Machine, moving: FakeClock
) -> None:
    steps = ClockSteps()
    with story.workshop_of(any_machine).open(system(1)) as work:
        provider = factories.make_provider(work)
        provider.blocked_at, provider.retry_at = moving.now(), moving.now() + timedelta(seconds=30)
    steps.look(any_machine)
    moving.move(-TWO_HOURS)
    steps.look(any_machine)
    with any_machine.database.read() as session:
        assert session.get_one(Provider, provider.pk).retry_at == moving.now()


def test_a_clock_that_runs_or_is_set_forward_mends_nothing(any_machine: Machine, moving: FakeClock) -> None:
    steps = ClockSteps()
    steps.look(any_machine)
    moving.move(1)
    assert not steps.look(any_machine)
    moving.move(TWO_HOURS)
    assert not steps.look(any_machine)
