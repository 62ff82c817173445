"""Claim, lease, record, reap: what two workers may do to one message, on each sort of database."""

from datetime import timedelta

import pytest

from app.domain.outcomes import Outcome, OutcomeKind, Reason, accepted
from app.domain.permissions import system
from app.engine import dispatch, journal, ledger, lifecycle, reaper, ticker
from app.engine.ledger import Holder, Lane, Lease, LeaseLost
from app.engine.machine import Machine
from app.engine.results import results_of
from app.models.messages import Message
from tests import factories
from tests.conftest import FakeClock
from tests.engine import story

LEASE = timedelta(seconds=60)


def _claim(machine: Machine, pk: int, size: int = 10, worker: str = "") -> Lease | None:
    with machine.database.begin() as session:
        message = session.get_one(Message, pk)
        return ledger.claim(session, message, Lane(1), size, Holder(worker or machine.name, LEASE), machine.clock.now())


def _record(machine: Machine, lease: Lease, answers: dict[int, Outcome], started: set[int] | None = None) -> None:
    known = journal.Story(started or set(answers), answers)
    results = results_of(lease, known, machine.clock.now(), hold_uncertain=True)
    with machine.database.begin() as session:
        ledger.record(session, lease, results, machine.clock.now())


def test_claim_skips_deliveries_held_by_another_worker(any_machine: Machine) -> None:
    pk = story.start(any_machine, people=10)
    first, second = _claim(any_machine, pk, 6), _claim(any_machine, pk, 6)
    assert first is not None
    assert second is not None
    held = [delivery.pk for delivery in (*first.deliveries, *second.deliveries)]
    assert len(held) == len(set(held)) == 10
    assert story.counts(any_machine, pk) == {"sending": 10}


def test_claim_gives_nothing_when_nothing_is_due(any_machine: Machine) -> None:
    pk = story.start(any_machine, people=2)
    assert _claim(any_machine, pk) is not None
    assert _claim(any_machine, pk) is None
    assert len(story.rows(any_machine, "SELECT pk FROM batches")) == 1


def test_what_was_never_started_goes_back_untouched(any_machine: Machine) -> None:
    pk = story.start(any_machine, people=2)
    _record(any_machine, _claim(any_machine, pk), {})
    assert story.counts(any_machine, pk) == {"queued": 2}
    rows = story.rows(any_machine, "SELECT attempts, batch_pk FROM deliveries")
    assert [tuple(row) for row in rows] == [(0, None), (0, None)]
    assert story.rows(any_machine, "SELECT pk FROM attempts") == []


def test_a_batch_is_recorded_once(any_machine: Machine) -> None:
    pk = story.start(any_machine, people=2)
    lease = _claim(any_machine, pk)
    _record(any_machine, lease, {0: accepted("a"), 1: accepted("b")})
    with pytest.raises(LeaseLost):
        _record(any_machine, lease, {0: accepted("a"), 1: accepted("b")})
    assert story.counts(any_machine, pk) == {"sent": 2}
    assert len(story.rows(any_machine, "SELECT pk FROM attempts")) == 2


def test_a_worker_that_slept_past_its_lease_may_neither_renew_nor_record(
    any_machine: Machine, moving: FakeClock
) -> None:
    pk = story.start(any_machine, people=2)
    lease = _claim(any_machine, pk)
    moving.move(LEASE.total_seconds() + 1)
    assert reaper.reap(any_machine) == 1
    with any_machine.database.begin() as session:
        assert not ledger.renew(session, lease, moving.now())
    with pytest.raises(LeaseLost):
        _record(any_machine, lease, {0: accepted("late")})
    assert story.counts(any_machine, pk) == {"queued": 2}


def test_the_reaper_believes_the_journal(any_machine: Machine, moving: FakeClock) -> None:
    pk = story.start(any_machine, people=3)
    with story.workshop_of(any_machine).open(system(1)) as work:
        factories.make_provider(work).uncertain_policy = "hold"
    lease = _claim(any_machine, pk)
    book = journal.Journal(any_machine.journal_dir, lease)
    book.started([0, 1])
    book.answered(0, accepted("queue-id"))
    book.close()
    moving.move(LEASE.total_seconds() + 1)
    reaper.reap(any_machine)
    assert story.counts(any_machine, pk) == {"sent": 1, "uncertain": 1, "queued": 1}
    assert not book.path.exists()


def test_a_batch_of_another_machine_whose_journal_is_out_of_reach_is_uncertain(
    any_machine: Machine, moving: FakeClock
) -> None:
    pk = story.start(any_machine, people=2)
    _claim(any_machine, pk, worker="elsewhere:42")
    moving.move((LEASE + reaper.GRACE).total_seconds() + 1)
    reaper.reap(any_machine)
    rows = story.rows(any_machine, "SELECT was_uncertain FROM deliveries")
    assert [bool(row.was_uncertain) for row in rows] == [True, True]


def test_renewing_keeps_the_reaper_away(any_machine: Machine, moving: FakeClock) -> None:
    pk = story.start(any_machine, people=2)
    lease = _claim(any_machine, pk)
    moving.move(40)
    with any_machine.database.begin() as session:
        assert ledger.renew(session, lease, moving.now())
    moving.move(40)
    assert reaper.reap(any_machine) == 0


def test_renewing_says_no_once_somebody_paused(any_machine: Machine) -> None:
    pk = story.start(any_machine, people=2)
    lease = _claim(any_machine, pk)
    with any_machine.database.begin() as session:
        lifecycle.pause(session, lifecycle.lock(session, pk), any_machine.clock.now(), by="Otis")
    with any_machine.database.begin() as session:
        assert not ledger.renew(session, lease, any_machine.clock.now())


def test_cancel_skips_what_is_queued_and_settles_when_the_rest_has_ended(any_machine: Machine) -> None:
    pk = story.start(any_machine, people=5)
    lease = _claim(any_machine, pk, 2)
    with any_machine.database.begin() as session:
        left = lifecycle.cancel(session, lifecycle.lock(session, pk), any_machine.clock.now(), by="Otis")
    assert left == 3
    ticker.skip_rest(any_machine, pk)
    assert story.counts(any_machine, pk) == {"sending": 2, "skipped": 3}
    _record(any_machine, lease, {0: accepted(), 1: accepted()})
    ticker.sweep(any_machine)
    assert story.counts(any_machine, pk) == {"sent": 2, "skipped": 3}
    assert story.message(any_machine, pk).status == "failed"


def test_retry_gives_only_the_failed_ones_another_try(any_machine: Machine) -> None:
    pk = story.start(any_machine, people=3)
    bad = Outcome(OutcomeKind.MESSAGE_PERMANENT, Reason.CONTENT_REJECTED, "spam")
    _record(any_machine, _claim(any_machine, pk), {0: accepted(), 1: bad, 2: accepted()})
    with any_machine.database.begin() as session:
        lifecycle.settle(session, lifecycle.lock(session, pk), any_machine.clock.now())
    assert story.retry(any_machine, pk) == 1
    assert story.counts(any_machine, pk) == {"sent": 2, "queued": 1}
    assert story.message(any_machine, pk).status == "processing"


def test_patience_ends_a_day_after_the_first_try(any_machine: Machine, moving: FakeClock) -> None:
    busy = Outcome(OutcomeKind.TRANSIENT, Reason.SERVER_ERROR, "busy", "451")
    pk = story.start(any_machine, people=1)
    _record(any_machine, _claim(any_machine, pk), {0: busy})
    assert story.counts(any_machine, pk) == {"queued": 1}
    moving.move(timedelta(hours=25).total_seconds())
    _record(any_machine, _claim(any_machine, pk), {0: busy})
    assert story.counts(any_machine, pk) == {"failed": 1}


def test_somebody_suppressed_since_the_fan_out_is_skipped_at_the_next_claim(any_machine: Machine) -> None:
    pk = story.start(any_machine, people=3)
    with any_machine.database.begin() as session:
        factories.make_suppression(session, "person1@example.org")
    lease = _claim(any_machine, pk)
    assert [delivery.address for delivery in lease.deliveries] == ["person0@example.org", "person2@example.org"]
    assert story.counts(any_machine, pk) == {"sending": 2, "skipped": 1}
    _record(any_machine, lease, {0: accepted(), 1: accepted()})
    assert story.counts(any_machine, pk) == {"sent": 2, "skipped": 1}


def test_when_everybody_left_is_suppressed_the_message_still_settles(any_machine: Machine) -> None:
    with story.workshop_of(any_machine).open(system(1)) as work:
        factories.make_provider(work)
    pk = story.start(any_machine, people=1)
    with any_machine.database.begin() as session:
        factories.make_suppression(session, "person0@example.org")
    dispatch.drain(any_machine, pk)
    assert story.counts(any_machine, pk) == {"skipped": 1}
    assert story.message(any_machine, pk).status == "sent"
