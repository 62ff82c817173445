"""The ticker: what is due starts, what the queue forgot is rung again, what has ended settles."""

from datetime import timedelta

from app.engine import dispatch, scheduler, ticker
from app.engine.machine import Machine
from tests import factories
from tests.conftest import START, FakeClock
from tests.engine import story
from tests.engine.conftest import MailServer


def _schedule(machine: Machine, seconds: float) -> int:
    with machine.database.begin() as session:
        topic = factories.make_audience(session, 2)
        at = START + timedelta(seconds=seconds)
        message = factories.make_message(
            session, audience={"topics": [topic.id]}, status="scheduled", scheduled_at=at, scheduled_zone="UTC"
        )
    return int(message.pk)


def test_a_scheduled_message_starts_at_its_time_and_not_before(any_machine: Machine, moving: FakeClock) -> None:
    pk = _schedule(any_machine, 10)
    assert scheduler.start_due(any_machine) == 0
    moving.move(10)
    assert scheduler.start_due(any_machine) == 1
    assert story.message(any_machine, pk).status == "processing"
    assert any_machine.broker.waiting()["urgent"] == 1


def test_two_tickers_start_it_once(any_machine: Machine, moving: FakeClock) -> None:
    _schedule(any_machine, 1)
    moving.move(2)
    assert [scheduler.start_due(any_machine), scheduler.start_due(any_machine)] == [1, 0]


def test_a_message_taken_back_does_not_start(machine: Machine, moving: FakeClock) -> None:
    pk = _schedule(machine, 1)
    with machine.database.begin() as session:
        dispatch.lifecycle.lock(session, pk).status = "draft"
    moving.move(5)
    assert scheduler.start_due(machine) == 0


def test_a_queue_that_was_wiped_is_rung_again_from_the_database(machine: Machine, mail: MailServer) -> None:
    story.connect(machine, mail)
    pk = story.start(machine, people=3)
    machine.broker.redis.flushdb()
    assert sum(machine.broker.waiting().values()) == 0
    ticker.sweep(machine)
    assert sum(machine.broker.waiting().values()) == 1
    dispatch.drain(machine, pk)
    assert story.counts(machine, pk) == {"sent": 3}


def test_a_fan_out_whose_bell_was_lost_is_rung_again(machine: Machine, moving: FakeClock) -> None:
    _schedule(machine, 0)
    scheduler.start_due(machine)
    machine.broker.redis.flushdb()
    ticker.sweep(machine)
    assert machine.broker.waiting()["urgent"] == 1


def test_a_paused_message_is_not_rung(machine: Machine) -> None:
    pk = story.start(machine, people=3)
    with machine.database.begin() as session:
        dispatch.lifecycle.pause(session, dispatch.lifecycle.lock(session, pk), START, by="Otis")
    machine.broker.redis.flushdb()
    ticker.sweep(machine)
    assert sum(machine.broker.waiting().values()) == 0


def test_what_has_ended_settles_even_when_its_worker_died_before(machine: Machine, mail: MailServer) -> None:
    story.connect(machine, mail)
    pk = story.start(machine, people=2)
    dispatch.drain(machine, pk)
    with machine.database.begin() as session:
        message = dispatch.lifecycle.lock(session, pk)
        message.status, message.settled_at = "processing", None
    ticker.sweep(machine)
    assert story.message(machine, pk).status == "sent"
