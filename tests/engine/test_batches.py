"""One batch from its claim to its record, the next one claimed with it; and a ledger that cannot be written."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy.exc import SQLAlchemyError

from app.engine import batches, dispatch, ledger, pace, plans, turns
from app.engine.batches import Opening
from app.engine.machine import Machine
from app.engine.plans import Plan
from app.infra.clock import monotonic
from app.models.messages import Message
from tests.engine import runners, story
from tests.engine.runners import Runner, runner

__all__ = ["runner"]
BATCH = 5


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plans, "FIRST_BATCH", BATCH)


def carry_one(machine: Machine, pk: int, *, may_claim: Callable[[], bool] = lambda: True) -> tuple[int, Opening | None]:
    """One batch of a message, recorded; how many were tried, and what was claimed with the record."""
    (plan,) = plans.plans_of(machine, pk)
    assert isinstance(plan, Plan)
    batch = batches.take(machine, plan, {})
    assert batch is not None
    return batches.record(machine, batches.send(machine, batch, monotonic() + 10), may_claim)


def in_flight(machine: Machine, provider_pk: int) -> int:
    usage = machine.pacing.read(pace.limits_of(runners.provider(machine, provider_pk)))
    assert usage is not None
    return usage.in_flight


def test_the_next_batch_is_claimed_with_the_record_of_the_last_one(any_machine: Machine, runner: Runner) -> None:
    runners.connect(any_machine, 1)
    pk = runners.start(any_machine, 2 * BATCH)
    tried, following = carry_one(any_machine, pk)
    assert tried == BATCH
    if not any_machine.database.is_sqlite:  # there it would keep the tally's row from the other workers
        assert following is None
        assert story.counts(any_machine, pk) == {"sent": BATCH, "queued": BATCH}
        return
    assert following is not None
    assert story.counts(any_machine, pk) == {"sent": BATCH, "sending": BATCH}
    before, batch = {address for _, address in runner.sent}, following.batch()
    assert batch is not None
    assert before.isdisjoint(envelope.recipient.address for envelope in batch.envelopes)
    sent = batches.send(any_machine, batch, monotonic() + 10)
    assert batches.record(any_machine, sent, lambda: True) == (BATCH, None)  # nobody is left
    assert story.counts(any_machine, pk) == {"sent": 2 * BATCH}
    assert len(set(runner.sent)) == len(runner.sent) == 2 * BATCH


def test_all_batches_of_a_job_go_out_once(any_machine: Machine, runner: Runner) -> None:
    runners.connect(any_machine, 1)
    pk = runners.start(any_machine, 20 * BATCH)
    story.drain(any_machine, pk)
    assert story.counts(any_machine, pk) == {"sent": 20 * BATCH}
    assert len(set(runner.sent)) == len(runner.sent) == 20 * BATCH
    assert not list(any_machine.journal_dir.glob("*.journal"))


@pytest.mark.parametrize("mood", [runners.DOWN, runners.BUSY, runners.REFUSED, runners.CUT], ids=lambda each: each.kind)
def test_where_somebody_was_not_accepted_nothing_is_claimed_before_that_is_known(
    machine: Machine, runner: Runner, mood: Any
) -> None:
    (provider,) = runners.connect(machine, 1)
    runner.moods[provider] = mood
    pk = runners.start(machine, 2 * BATCH)
    _, following = carry_one(machine, pk)
    assert following is None
    assert story.counts(machine, pk).get("sending", 0) == 0


def test_nothing_is_claimed_with_the_record_when_the_job_is_over(machine: Machine, runner: Runner) -> None:
    runners.connect(machine, 1)
    pk = runners.start(machine, 2 * BATCH)
    assert carry_one(machine, pk, may_claim=lambda: False) == (BATCH, None)
    assert story.counts(machine, pk) == {"sent": BATCH, "queued": BATCH}


def test_a_pause_that_came_meanwhile_holds_for_the_next_batch(machine: Machine, runner: Runner) -> None:
    runners.connect(machine, 1)
    pk = runners.start(machine, 2 * BATCH)

    def pause() -> None:
        with machine.database.begin() as session:
            session.get_one(Message, pk).paused_at = machine.clock.now()

    runner.meanwhile = pause
    assert carry_one(machine, pk) == (BATCH, None)
    assert story.counts(machine, pk) == {"sent": BATCH, "queued": BATCH}


def test_a_provider_that_is_full_carries_no_next_batch(machine: Machine, runner: Runner) -> None:
    runners.connect(machine, 1, rate_count=BATCH)
    pk = runners.start(machine, 2 * BATCH)
    assert carry_one(machine, pk) == (BATCH, None)
    assert story.counts(machine, pk) == {"sent": BATCH, "queued": BATCH}


def test_a_claim_that_fails_takes_the_record_back_and_its_promises_too(
    machine: Machine, runner: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    (provider,) = runners.connect(machine, 1, most_in_flight=2)
    pk = runners.start(machine, 2 * BATCH)
    claim = turns.claim

    def fail_the_second_time(*given: Any) -> Any:
        monkeypatch.setattr(turns, "claim", fail)
        return claim(*given)

    def fail(*given: Any) -> Any:
        raise SQLAlchemyError("The disk is full")

    monkeypatch.setattr(turns, "claim", fail_the_second_time)
    with pytest.raises(SQLAlchemyError, match="full"):
        carry_one(machine, pk)
    assert story.counts(machine, pk) == {"sending": BATCH, "queued": BATCH}
    assert in_flight(machine, provider) == 0
    (left,) = machine.journal_dir.glob("*.journal")
    assert left.read_text().count("a ") == BATCH  # whoever takes it over knows that they were sent


def test_a_ledger_that_cannot_be_written_ends_the_job_and_leaves_the_journal(
    machine: Machine, runner: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    runners.connect(machine, 1)
    pk = runners.start(machine, 3 * BATCH)
    record = ledger.record

    def fail_once(*given: Any) -> None:
        monkeypatch.setattr(ledger, "record", record)
        raise SQLAlchemyError("The disk is full")

    monkeypatch.setattr(ledger, "record", fail_once)
    with pytest.raises(SQLAlchemyError, match="full"):
        dispatch.drain(machine, pk)
    (left,) = machine.journal_dir.glob("*.journal")
    assert left.read_text().count("a ") == BATCH
    held = story.rows(machine, "SELECT size FROM batches WHERE message_pk = :pk AND state = 'open'", pk=pk)
    assert [row.size for row in held] == [BATCH]  # whose end is in the journal alone
    with machine.database.read() as session:
        assert session.get_one(Message, pk).status == "processing"
