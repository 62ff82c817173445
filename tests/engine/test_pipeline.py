"""While a batch is sent the next one is claimed: never lost, never sent when it may not be, never held for long."""

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from sqlalchemy.exc import SQLAlchemyError

from app.engine import dispatch, ledger, lifecycle, pipeline, plans
from app.engine.machine import Machine
from app.infra import logs
from app.infra.clock import monotonic
from app.models.messages import Message
from app.providers.base import Account, Envelope, Watch
from tests.engine import runners, story
from tests.engine.runners import DEAD, DOWN, FULL, WRONG, Runner, runner

__all__ = ["runner"]
BATCH = 5
_OPEN = "SELECT pk, size FROM batches WHERE message_pk = :pk AND state = 'open' ORDER BY pk"
_TRIED = "SELECT attempts FROM deliveries WHERE message_pk = :pk AND attempts > 0"


@pytest.fixture(autouse=True)
def _small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plans, "FIRST_BATCH", BATCH)
    monkeypatch.setattr(dispatch, "MOST_BATCH", BATCH)
    monkeypatch.setattr(dispatch, "SLICE", 60.0)  # no machine is so slow


def _open(machine: Machine, message_pk: int) -> list[int]:
    """The sizes of the batches that somebody holds."""
    return [row.size for row in story.rows(machine, _OPEN, pk=message_pk)]


def _wait_for(is_true: Callable[[], bool], seconds: float = 20.0) -> bool:
    end = time.monotonic() + seconds
    while not (found := is_true()) and time.monotonic() < end:
        time.sleep(0.005)
    return found


def _pause(machine: Machine, message_pk: int) -> None:
    with machine.database.begin() as session:
        message = lifecycle.lock(session, message_pk)
        assert message is not None
        lifecycle.pause(session, message, machine.clock.now(), by="Otis")


def test_the_next_batch_is_held_while_one_is_being_sent(any_machine: Machine, runner: Runner) -> None:
    runners.connect(any_machine, 1)
    pk = runners.start(any_machine, 2 * BATCH)
    seen: list[bool] = []
    runner.meanwhile = lambda: seen.append(_wait_for(lambda: _open(any_machine, pk) == [BATCH, BATCH]))
    assert dispatch.drain(any_machine, pk) == 2 * BATCH
    assert seen == [True]
    assert story.counts(any_machine, pk) == {"sent": 2 * BATCH}
    assert _open(any_machine, pk) == []


def test_no_more_than_one_batch_is_taken_ahead(any_machine: Machine, runner: Runner) -> None:
    runners.connect(any_machine, 1)
    pk = runners.start(any_machine, 4 * BATCH)
    most: list[int] = []

    def look() -> None:
        most.append(len(_open(any_machine, pk)))
        runner.meanwhile = look

    runner.meanwhile = look
    dispatch.drain(any_machine, pk)
    assert len(most) == 4
    assert max(most) <= 3  # the one that is sent, the one behind it, and the one that is being recorded
    assert story.counts(any_machine, pk) == {"sent": 4 * BATCH}


def test_nothing_is_taken_ahead_of_a_message_that_one_batch_holds(machine: Machine, runner: Runner) -> None:
    runners.connect(machine, 1)
    pk = runners.start(machine, BATCH - 1)
    asked: list[bool] = []
    runner.meanwhile = lambda: asked.append(machine._aside is not None)
    assert dispatch.drain(machine, pk) == BATCH - 1
    assert asked == [False]


def test_what_was_taken_ahead_goes_back_untouched_after_a_pause(any_machine: Machine, runner: Runner) -> None:
    runners.connect(any_machine, 1)
    pk = runners.start(any_machine, 3 * BATCH)

    def meanwhile() -> None:
        _wait_for(lambda: len(_open(any_machine, pk)) == 2)
        _pause(any_machine, pk)

    runner.meanwhile = meanwhile
    assert dispatch.drain(any_machine, pk) == BATCH
    assert len(runner.sent) == BATCH
    assert story.counts(any_machine, pk) == {"sent": BATCH, "queued": 2 * BATCH}
    assert len(story.rows(any_machine, _TRIED, pk=pk)) == BATCH
    assert _open(any_machine, pk) == []


@pytest.mark.parametrize("answer", [DOWN, WRONG])
def test_what_was_taken_ahead_is_not_sent_to_a_provider_that_just_failed(
    any_machine: Machine, runner: Runner, monkeypatch: pytest.MonkeyPatch, answer: Any
) -> None:
    monkeypatch.setattr(plans, "FIRST_BATCH", 20)
    monkeypatch.setattr(dispatch, "MOST_BATCH", 20)
    (first,) = runners.connect(any_machine, 1)
    runner.moods[first] = answer
    pk = runners.start(any_machine, 60)
    runner.meanwhile = lambda: assert_held(any_machine, pk, 2)
    dispatch.drain(any_machine, pk)
    assert runner.visits()[first] == 20
    assert story.counts(any_machine, pk) == {"queued": 60}
    assert _open(any_machine, pk) == []


def assert_held(machine: Machine, message_pk: int, batches: int) -> None:
    assert _wait_for(lambda: len(_open(machine, message_pk)) == batches)


@pytest.mark.parametrize("answer", [DEAD, FULL])
def test_what_was_taken_ahead_is_sent_although_mailboxes_refused(
    any_machine: Machine, runner: Runner, answer: Any
) -> None:
    (first,) = runners.connect(any_machine, 1)
    runner.moods[first] = answer
    pk = runners.start(any_machine, 2 * BATCH)
    assert dispatch.drain(any_machine, pk) == 2 * BATCH
    assert runner.visits()[first] == 2 * BATCH


@pytest.mark.parametrize("limit", [{"rate_count": 1000, "rate_seconds": 1}, {"most_in_flight": 4}])
def test_nothing_is_taken_ahead_where_a_limit_holds(
    any_machine: Machine, runner: Runner, limit: dict[str, int]
) -> None:
    any_machine.pacing.due()  # the queue's server remembers from before the provider on
    runners.connect(any_machine, 1, **limit)
    pk = runners.start(any_machine, 2 * BATCH)
    held: list[list[int]] = []

    def look() -> None:
        any_machine.aside.submit(int).result()  # what the ledger's thread was asked before is done
        held.append(_open(any_machine, pk))

    runner.meanwhile = look
    story.drain(any_machine, pk)
    assert held == [[BATCH]]
    assert story.counts(any_machine, pk) == {"sent": 2 * BATCH}


def test_what_was_taken_ahead_goes_back_when_the_time_of_the_job_is_over(
    any_machine: Machine, runner: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    runners.connect(any_machine, 1)
    pk = runners.start(any_machine, 2 * BATCH)

    def meanwhile() -> None:
        assert_held(any_machine, pk, 2)
        monkeypatch.setattr(dispatch, "monotonic", lambda: monotonic() + dispatch.SLICE)

    runner.meanwhile = meanwhile
    dispatch.drain(any_machine, pk)
    assert len(runner.sent) == BATCH
    assert story.counts(any_machine, pk) == {"sent": BATCH, "queued": BATCH}
    assert len(story.rows(any_machine, _TRIED, pk=pk)) == BATCH
    monkeypatch.setattr(dispatch, "monotonic", monotonic)
    story.drain(any_machine, pk)
    assert story.counts(any_machine, pk) == {"sent": 2 * BATCH}
    assert len({address for _, address in runner.sent}) == len(runner.sent) == 2 * BATCH


def test_what_was_taken_ahead_goes_back_while_a_server_takes_its_time(
    any_machine: Machine, runner: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    patience = pipeline.Pipeline._patience_of
    monkeypatch.setattr(pipeline.Pipeline, "_patience_of", lambda *given: patience(*given) - any_half(any_machine))
    runners.connect(any_machine, 1)
    pk = runners.start(any_machine, 2 * BATCH)
    sizes: list[list[int]] = []
    send = runner.send

    async def slow(account: Account, prepared: Any, envelopes: Sequence[Envelope], watch: Watch) -> None:
        await send(account, prepared, envelopes, watch)
        if len(runner.sent) == BATCH:
            end = time.monotonic() + 20
            while _open(any_machine, pk) != [BATCH] or not sizes:
                sizes.append(_open(any_machine, pk))
                assert time.monotonic() < end, sizes
                await asyncio.sleep(0.01)

    monkeypatch.setattr(runner, "send", slow)
    story.drain(any_machine, pk)
    assert story.counts(any_machine, pk) == {"sent": 2 * BATCH}
    assert len(runner.sent) == 2 * BATCH


def any_half(machine: Machine) -> float:
    """All but a tenth of a second of the time that a batch may wait here."""
    return min(dispatch.SLICE, machine.lease.total_seconds() / 2) - 0.1


def test_what_the_ledgers_thread_says_is_about_the_same_job(machine: Machine) -> None:
    about = {"job": "dispatch", "message": "news"}
    logs.begin_context(**about)
    try:
        assert pipeline.Pipeline(machine, 0.0)._beside(logs.context).result() == about
    finally:
        logs.begin_context()


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
    assert _open(machine, pk) == [BATCH]  # the one whose end is in the journal alone
    with machine.database.read() as session:
        assert session.get_one(Message, pk).status == "processing"
