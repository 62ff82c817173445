"""Messages that go through a provider with limits, over a real socket."""

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.domain.message_states import MessageEvent
from app.domain.outcomes import Outcome, OutcomeKind, Reason
from app.engine import dispatch, fanout, lifecycle, pace, ticker
from app.engine.machine import Machine
from app.engine.pace import LONGEST_WAIT, limits_of
from app.infra.broker import Broker
from app.models.messages import Message
from app.models.providers import Provider
from tests import factories
from tests.conftest import FakeClock
from tests.engine import runners, story
from tests.engine.conftest import MailServer
from tests.engine.runners import Runner, runner
from tests.engine.test_pacing import most_in_a_window

__all__ = ["runner"]  # the fixture


@pytest.fixture(autouse=True)
def remembering(broker_of: Broker) -> None:
    """The queue's server remembers from before the providers on, as it does once a ticker runs."""


@pytest.fixture
def broker_of(any_machine: Machine) -> Broker:
    any_machine.pacing.due()
    return any_machine.broker


def limit(machine: Machine, provider_pk: int, **columns: Any) -> None:
    with machine.database.begin() as session:
        provider = session.get_one(Provider, provider_pk)
        for name, value in columns.items():
            setattr(provider, name, value)


def another(machine: Machine, message_pk: int) -> int:
    """A further message to the same people, started."""
    with machine.database.begin() as session:
        audience = session.get_one(Message, message_pk).audience
        message = factories.make_message(session, audience=audience)
        lifecycle.start(session, message, MessageEvent.SEND, machine.clock.now())
    fanout.expand(machine, message.pk)
    return int(message.pk)


def usage(machine: Machine, provider_pk: int) -> Any:
    with machine.database.read() as session:
        return machine.pacing.read(limits_of(session.get_one(Provider, provider_pk)))


def rung(machine: Machine) -> int:
    return sum(machine.broker.waiting().values())


def test_a_window_carries_as_many_as_the_limit_says_and_the_rest_waits_untouched(
    any_machine: Machine, mail: MailServer, moving: FakeClock
) -> None:
    provider = story.connect(any_machine, mail)
    limit(any_machine, provider, rate_count=10, rate_seconds=2)
    pk = story.start(any_machine, people=25)
    sent = []
    for _ in range(4):
        story.drain(any_machine, pk)
        sent.append(len(mail.recipients()))
        moving.move(2.1)
    assert sent == [10, 20, 25, 25]
    assert story.counts(any_machine, pk) == {"sent": 25}
    tries = story.rows(any_machine, "SELECT attempts FROM deliveries WHERE message_pk = :pk", pk=pk)
    assert {row.attempts for row in tries} == {1}


def test_a_message_that_waits_for_a_limit_is_rung_at_the_moment_and_not_before(
    any_machine: Machine, mail: MailServer, moving: FakeClock
) -> None:
    provider = story.connect(any_machine, mail)
    limit(any_machine, provider, rate_count=1, rate_seconds=2)
    pk = story.start(any_machine, people=2)
    story.drain(any_machine, pk)
    any_machine.broker.redis.delete("rq:queue:urgent", *any_machine.broker.redis.keys("carillon:bell:*"))
    following = ticker.wake(any_machine)
    assert following is not None
    assert 1.9 < following < 2.1
    ticker.sweep(any_machine)
    assert rung(any_machine) == 0
    moving.move(following + 0.01)
    assert ticker.wake(any_machine) is None
    assert rung(any_machine) == 1
    assert dispatch.drain(any_machine, pk) == 1


def test_a_long_wait_is_explained_and_a_short_one_is_not(
    any_machine: Machine, mail: MailServer, moving: FakeClock
) -> None:
    provider = story.connect(any_machine, mail)
    limit(any_machine, provider, rate_count=2, rate_seconds=600)
    pk = story.start(any_machine, people=4)
    story.drain(any_machine, pk)
    assert "gets no more messages for now, by its limit. Sending goes on at 09:10:01 UTC." in (
        story.message(any_machine, pk).waiting_reason
    )
    assert ticker.wake(any_machine) == LONGEST_WAIT
    moving.move(601)
    story.drain(any_machine, pk)
    assert story.message(any_machine, pk).waiting_reason == ""
    assert story.counts(any_machine, pk) == {"sent": 4}
    limit(any_machine, provider, rate_seconds=2)
    moving.move(601)
    short = another(any_machine, pk)
    story.drain(any_machine, short)
    assert story.message(any_machine, short).waiting_reason == ""


def test_a_throttle_stops_every_message_of_the_provider_until_its_moment(
    any_machine: Machine, mail: MailServer, moving: FakeClock
) -> None:
    provider = story.connect(any_machine, mail)
    first = story.start(any_machine, people=3)
    second = another(any_machine, first)
    mail.turn("throttled")  # 421 4.7.0 Rate limit, try again in 5 seconds
    story.drain(any_machine, first)
    mail.heal()
    reading = usage(any_machine, provider)
    assert 4.5 < reading.held <= 5
    assert reading.learned is not None
    assert dispatch.drain(any_machine, second) == 0
    assert mail.recipients() == []
    assert "asked us to wait. Sending goes on at 09:00:05 UTC." in story.message(any_machine, second).waiting_reason
    for _ in range(40):
        moving.move(1)
        story.drain(any_machine, first)
        story.drain(any_machine, second)
    assert story.counts(any_machine, first) == story.counts(any_machine, second) == {"sent": 3}


def test_a_throttle_is_no_try_of_the_delivery_and_its_attempt_stays(
    any_machine: Machine, mail: MailServer, moving: FakeClock
) -> None:
    story.connect(any_machine, mail)
    pk = story.start(any_machine, people=1)
    mail.turn("throttled", remaining=3)
    for _ in range(60):
        story.drain(any_machine, pk)
        moving.move(10)
    assert story.counts(any_machine, pk) == {"sent": 1}
    assert [row.attempts for row in story.rows(any_machine, "SELECT attempts FROM deliveries")] == [1]
    tries = story.rows(any_machine, "SELECT number, outcome FROM attempts ORDER BY pk")
    assert [tuple(row) for row in tries] == [(1, "throttled")] * 3 + [(1, "accepted")]


def test_requests_at_once_are_no_more_than_the_slots_that_all_workers_share(
    any_machine: Machine, mail: MailServer
) -> None:
    provider = story.connect(any_machine, mail)
    limit(any_machine, provider, most_in_flight=2)
    pk = story.start(any_machine, people=60)
    story.drain(any_machine, pk)
    assert len({row.connection for row in mail.outbox.newest(limit=100)}) <= 2
    assert story.counts(any_machine, pk) == {"sent": 60}
    assert usage(any_machine, provider).in_flight == 0


def test_a_worker_that_finds_no_slot_takes_nothing_and_comes_again(any_machine: Machine, mail: MailServer) -> None:
    provider = story.connect(any_machine, mail)
    limit(any_machine, provider, most_in_flight=1)
    with any_machine.database.read() as session:
        limits = limits_of(session.get_one(Provider, provider))
    any_machine.pacing.enter(limits, "another worker", 100, 1)
    pk = story.start(any_machine, people=5)
    assert dispatch.drain(any_machine, pk) == 0
    assert story.counts(any_machine, pk) == {"queued": 5}
    assert ticker.wake(any_machine) == pytest.approx(0.25)
    any_machine.pacing.leave(limits, "another worker", 0)
    assert dispatch.drain(any_machine, pk) == 5


def test_while_the_queues_server_is_away_a_limited_provider_gets_nothing_and_another_goes_on(
    any_machine: Machine, mail: MailServer
) -> None:
    provider = story.connect(any_machine, mail)
    limited = story.start(any_machine, people=2)
    free = another(any_machine, limited)
    any_machine.broker.close()
    any_machine.broker.url = "redis://127.0.0.1:1/0"
    limit(any_machine, provider, rate_count=100)
    assert dispatch.drain(any_machine, limited) == 0
    assert "cannot be counted: the queue's server does not answer" in (
        story.message(any_machine, limited).waiting_reason
    )
    limit(any_machine, provider, rate_count=None)
    assert dispatch.drain(any_machine, free) == 2


def test_where_one_is_full_its_neighbour_carries_the_message(any_machine: Machine, runner: Runner) -> None:
    first, second = runners.connect(any_machine, 0, 0)
    limit(any_machine, first, rate_count=3, rate_seconds=600)
    pk = runners.start(any_machine, 20)
    story.drain(any_machine, pk)
    visits = runner.visits()
    assert visits[first] == 3
    assert visits[second] == 17


def test_two_real_workers_with_one_limit_hand_over_no_more_than_it_allows(
    any_machine: Machine, mail: MailServer, moving: FakeClock
) -> None:
    moving.moment = datetime.now(UTC)  # that of the workers
    provider = story.connect(any_machine, mail)
    limit(any_machine, provider, rate_count=8)
    first = story.start(any_machine, people=30)
    pks = [first, another(any_machine, first)]
    told = any_machine.settings
    facts = {
        "data_dir": str(told.data_dir), "database_url": told.database_url, "redis_url": told.redis_url,
        "allow_private_hosts": True,
    }  # fmt: skip
    command = [sys.executable, "-m", "tests.engine.workers", json.dumps(facts), json.dumps(pks), "6"]
    workers = [subprocess.Popen(command) for _ in range(2)]
    assert [worker.wait(60) for worker in workers] == [0, 0]
    arrivals = [row.received_at.timestamp() for row in mail.outbox.newest(limit=1000)]
    assert len(arrivals) >= 16, "it did not go on in the next window"
    assert most_in_a_window(arrivals, 0.9) <= 8 + 1  # a tenth of a second for the way from our start to their clock


def test_what_one_recipient_or_device_is_told_is_no_lesson_for_the_whole_account(any_machine: Machine) -> None:
    greylisted = Outcome(OutcomeKind.THROTTLED, Reason.GREYLISTED, "Come back", retry_after=timedelta(seconds=60))
    provider = runners.connect(any_machine, 0)[0]
    with any_machine.database.read() as session:
        found = pace.Pace(any_machine.pacing, session.get_one(Provider, provider), "t")
    now = any_machine.clock.now()
    found.throttled(greylisted, now, now)
    assert usage(any_machine, provider).held == 0
