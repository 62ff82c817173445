"""Limits that all workers share: exact in every window, taught by throttles, and free again when a worker dies."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import count

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.infra.broker import Broker
from app.infra.clock import SystemClock
from app.infra.pacing import GUARD, LOOK_EVERY, Limits, Pacing, Permit, Throttled, Why
from app.infra.pacing_script import LEASE
from tests.conftest import START, FakeClock
from tests.engine.starters import Starter, together

HELD = 0.8  # seconds that a throttle asks for, between real processes
_NUMBERS = count()
IN_FIXTURE = settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])


def limits(
    messages: int | None = None, seconds: int = 1, at_once: int | None = None, since: datetime = START
) -> Limits:
    return Limits(f"test.{next(_NUMBERS)}", messages, seconds, at_once, since)


@pytest.fixture
def broker(valkey: str) -> Broker:
    broker = Broker(valkey)
    broker.redis.flushdb()
    return broker


@pytest.fixture
def pacing(broker: Broker, clock: FakeClock) -> Pacing:
    """One that reads a clock which the test moves."""
    pacing = Pacing(broker, clock)
    pacing.due()  # as the first ticker does: from here on the server remembers
    return pacing


def most_in_a_window(starts: Sequence[float], seconds: float) -> int:
    """The largest number of starts in any window that is open at its end."""
    moments, most, first = sorted(starts), 0, 0
    for last, moment in enumerate(moments):
        while moments[first] <= moment - seconds:
            first += 1
        most = max(most, last - first + 1)
    return most


@IN_FIXTURE
@given(
    messages=st.integers(1, 40),
    seconds=st.integers(1, 60),
    asks=st.lists(
        st.tuples(st.floats(0, 1.3), st.integers(1, 30), st.sampled_from(["a", "b", "c"]), st.booleans()), max_size=60
    ),
)
def test_no_window_ever_holds_more_than_the_limit(
    pacing: Pacing, clock: FakeClock, messages: int, seconds: int, asks: list[tuple[float, int, str, bool]]
) -> None:
    limit, starts = limits(messages, seconds), list[float]()
    for share, wanted, worker, begins in asks:
        clock.move(share * seconds)
        if begins:
            pacing.enter(limit, worker, wanted, 1)
        permit = pacing.start(limit, worker, wanted)
        assert permit.count is not None
        assert 0 <= permit.count <= wanted
        starts += [clock.now().timestamp()] * permit.count
    assert most_in_a_window(starts, seconds) <= messages


@IN_FIXTURE
@given(messages=st.integers(1, 40), seconds=st.integers(1, 60), wanted=st.integers(1, 100))
def test_after_the_wait_that_was_named_more_may_start(
    pacing: Pacing, clock: FakeClock, messages: int, seconds: int, wanted: int
) -> None:
    limit = limits(messages, seconds)
    assert pacing.start(limit, "a", messages).count == messages
    refused = pacing.start(limit, "a", wanted)
    assert (refused.count, refused.why) == (0, Why.RATE)
    clock.move(refused.wait - 0.001)
    assert pacing.start(limit, "a", wanted).count == 0
    clock.move(0.002)
    assert pacing.start(limit, "a", wanted).count == min(wanted, messages)


def test_what_was_promised_to_one_batch_is_not_promised_to_another(pacing: Pacing) -> None:
    limit = limits(100)
    assert pacing.enter(limit, "a", 70, 1).count == 70
    assert pacing.enter(limit, "b", 70, 1).count == 30
    assert pacing.start(limit, "b", 70).count == 30
    assert pacing.start(limit, "a", 70).count == 70
    assert pacing.enter(limit, "c", 1, 1).count == 0


def test_what_a_batch_did_not_use_is_there_for_the_next(pacing: Pacing) -> None:
    limit = limits(100)
    pacing.enter(limit, "a", 100, 1)
    pacing.start(limit, "a", 40)
    pacing.leave(limit, "a", 40)
    assert pacing.enter(limit, "b", 100, 1).count == 60


def test_a_clock_that_is_set_back_frees_nothing_early_and_holds_nobody_for_long(
    pacing: Pacing, clock: FakeClock
) -> None:
    limit = limits(10, 2)
    clock.move(3600)
    assert pacing.start(limit, "a", 10).count == 10
    clock.move(-3600)
    assert pacing.start(limit, "a", 1).count == 0
    clock.move(2 + 2 * GUARD)
    assert pacing.start(limit, "a", 10).count == 10


def test_a_server_that_lost_its_memory_counts_the_window_as_full(broker: Broker, clock: FakeClock) -> None:
    pacing, limit = Pacing(broker, clock), limits(10, 30)
    assert pacing.start(limit, "a", 10).count == 10
    broker.redis.flushdb()
    clock.move(5)
    refused = pacing.start(limit, "a", 1)
    assert refused.count == 0
    clock.move(refused.wait)
    assert pacing.start(limit, "a", 10).count == 10


def test_a_server_that_is_slow_to_answer_costs_permits_at_first_and_is_reckoned_with_then(broker: Broker) -> None:
    pacing, limit = Pacing(broker, SystemClock()), limits(3, 600, since=datetime.now(UTC) + timedelta(minutes=1))
    broker.redis.client_pause(100, all=True)
    assert pacing.start(limit, "a", 1).count == 1  # the first one came too late, and counts as started
    assert pacing.start(limit, "a", 3).count == 1
    assert pacing.start(limit, "a", 1).wait > 600.2  # the guard is four times what the answer took


def test_without_the_server_nothing_starts_where_there_is_a_limit_and_all_goes_on_where_there_is_none() -> None:
    away = Pacing(Broker("redis://127.0.0.1:1/0"), SystemClock())
    assert away.start(limits(10), "a", 1) == Permit(0, wait=1.0, why=Why.AWAY)
    assert away.start(limits(at_once=2), "a", 1).why is Why.AWAY
    assert away.start(limits(), "a", 1) == Permit()
    assert away.read(limits(10)) is None


# requests under way


def test_no_more_slots_are_given_than_there_are(pacing: Pacing) -> None:
    limit = limits(at_once=5)
    assert pacing.enter(limit, "a", 100, 3).at_once == 3
    assert pacing.enter(limit, "b", 100, 3).at_once == 2
    refused = pacing.enter(limit, "c", 100, 3)
    assert (refused.count, refused.why) == (0, Why.SLOTS)
    pacing.leave(limit, "a", 0)
    assert pacing.enter(limit, "c", 100, 9).at_once == 3


def test_slots_without_a_sign_of_life_are_given_to_others_and_their_old_holder_starts_nothing(
    pacing: Pacing, clock: FakeClock
) -> None:
    limit = limits(at_once=1)
    pacing.enter(limit, "a", 100, 1)
    clock.move(LEASE - 1)
    assert pacing.renew(limit, "a")
    clock.move(LEASE - 1)
    assert pacing.enter(limit, "b", 100, 1).count == 0
    clock.move(2)
    assert pacing.enter(limit, "b", 100, 1).at_once == 1
    assert not pacing.renew(limit, "a")
    assert pacing.start(limit, "a", 1).count == 0


# what throttles teach


def test_nobody_starts_before_the_moment_that_the_service_named(pacing: Pacing, clock: FakeClock) -> None:
    for limit in (limits(100), limits()):
        pacing.hear(limit, Throttled(timedelta(seconds=7), timedelta(), 50.0))
        refused = pacing.start(limit, "b", 1)
        assert (refused.count, refused.why) == (0, Why.HELD)
        clock.move(6.9)
        assert pacing.start(limit, "b", 1).count == 0
        clock.move(0.2)
        assert pacing.start(limit, "b", 1).count == 1


def test_each_further_throttle_halves_the_rate(pacing: Pacing, clock: FakeClock) -> None:
    limit, seen = limits(100), list[int | None]()
    for _ in range(4):
        pacing.hear(limit, Throttled(timedelta(seconds=1), timedelta(), 3.0))
        clock.move(2)
        seen.append(pacing.start(limit, "a", 100).count)
        clock.move(2)
    assert seen == [50, 25, 12, 6]


def test_answers_to_requests_from_before_the_cut_do_not_cut_again(pacing: Pacing, clock: FakeClock) -> None:
    limit = limits(100)
    clock.move(5)
    for _ in range(20):
        pacing.hear(limit, Throttled(timedelta(seconds=1), timedelta(seconds=2), 3.0))
    reading = pacing.read(limit)
    assert reading is not None
    assert reading.learned == 50


def test_of_one_burst_the_worker_that_sent_most_says_how_fast_it_was(pacing: Pacing, clock: FakeClock) -> None:
    limit = limits()
    learned: list[float | None] = []
    for seen, age in ((1.0, 0), (400.0, 2), (30.0, 2), (400.0, 0)):
        pacing.hear(limit, Throttled(timedelta(seconds=1), timedelta(seconds=age), seen))
        reading = pacing.read(limit)
        learned.append(reading.learned if reading is not None else None)
        clock.move(1)
    assert learned == [0.5, 200, 200, 100]


def test_a_service_that_names_no_moment_is_left_alone_for_longer_each_time(pacing: Pacing, clock: FakeClock) -> None:
    limit, waits = limits(100), list[int]()
    for _ in range(8):
        pacing.hear(limit, Throttled(None, timedelta(), 3.0))
        waits.append(round(pacing.start(limit, "a", 1).wait))
        clock.move(100)
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60]


def test_what_goes_well_restores_the_rate_up_to_the_limit_and_not_at_once(pacing: Pacing, clock: FakeClock) -> None:
    limit, rates = limits(100), list[float]()
    pacing.hear(limit, Throttled(timedelta(seconds=1), timedelta(), 3.0))
    clock.move(2)
    while (reading := pacing.read(limit)) is not None and reading.learned is not None and len(rates) < 1000:
        rates.append(reading.learned)
        started = pacing.start(limit, "a", 100).count
        assert started is not None
        assert started <= reading.learned
        pacing.leave(limit, "a", started)
        clock.move(1.1)
    assert rates == sorted(rates)
    assert 30 < len(rates) < 90  # seconds
    assert pacing.start(limit, "a", 100).count == 100


def test_a_lesson_fades_where_there_is_no_limit(pacing: Pacing, clock: FakeClock) -> None:
    limit = limits()
    pacing.hear(limit, Throttled(timedelta(seconds=1), timedelta(), 8.0))
    clock.move(2)
    assert pacing.start(limit, "a", 100).count == 4
    clock.move(901)
    assert pacing.start(limit, "a", 100) == Permit()


# messages that wait


def test_a_message_is_told_once_when_its_moment_is_there(pacing: Pacing, clock: FakeClock) -> None:
    pacing.wake_at("7", 2.0)
    pacing.wake_at("7", 3.0)
    pacing.wake_at("8", 5.0)
    assert pacing.due() == ([], 2.0)
    assert pacing.waiting() == {"7", "8"}
    clock.move(2)
    assert pacing.due() == (["7"], 3.0)
    assert pacing.due() == ([], 3.0)


# several processes at once, in real time


@pytest.mark.parametrize(("messages", "seconds"), [(20, 1), (3, 2)])
def test_several_processes_together_never_start_more_than_the_limit(
    broker: Broker, messages: int, seconds: int
) -> None:
    Pacing(broker, SystemClock()).due()
    limit = limits(messages, seconds, since=datetime.now(UTC))
    seen = together([Starter(broker.url, limit, 0.5 + 2 * seconds) for _ in range(4)])
    starts = [moment for each in seen for moment in each]
    assert most_in_a_window(starts, seconds) <= messages + 1
    assert len(starts) > messages, "they did not go on in the next window"


@pytest.mark.parametrize("messages", [50, None])
def test_a_throttle_at_one_worker_stops_all_of_them(broker: Broker, messages: int | None) -> None:
    Pacing(broker, SystemClock()).due()
    limit = limits(messages, since=datetime.now(UTC))
    starters = [Starter(broker.url, limit, 2.0) for _ in range(2)]
    *seen, told = together([*starters, Starter(broker.url, limit, HELD, "throttles")])
    starts, moment = [each for mine in seen for each in mine], told[0]
    noticed = moment + (0.0 if messages else 3 * LOOK_EVERY)  # without a limit not every start asks
    assert not [each for each in starts if noticed < each < moment + HELD - 0.05]
    assert any(each < moment for each in starts)
    assert any(each > moment + HELD - 0.05 for each in starts)


def test_a_killed_worker_leaks_no_slots(broker: Broker, clock: FakeClock) -> None:
    clock.moment = datetime.now(UTC)  # that of the server, by which the worker counts; from here on it is ours
    pacing = Pacing(broker, clock)
    pacing.due()
    limit = limits(at_once=3, since=datetime.now(UTC))
    worker = Starter(broker.url, limit, 0.0, "holds")
    assert worker.read() == "3"
    worker.process.kill()
    worker.end()
    clock.move(LEASE / 2)
    assert pacing.enter(limit, "next", 10, 3).count == 0
    clock.moment = datetime.now(UTC) + timedelta(seconds=LEASE + 0.2)
    assert pacing.enter(limit, "next", 10, 3).at_once == 3
