"""What a service says of its limit with an answer that is good holds for all workers, and no longer than it is said."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.outcomes import Allowance
from app.infra.broker import Broker
from app.infra.pacing import Pacing, Stated, Why
from tests.conftest import FakeClock
from tests.engine.test_pacing import IN_FIXTURE, broker, limits, most_in_a_window, pacing

__all__ = ["broker", "pacing"]  # fixtures


def said(limit: int | None, left: int | None, seconds: float) -> Allowance:
    return Allowance(limit, left, timedelta(seconds=seconds))


def test_nobody_starts_before_the_reset_when_nothing_is_left(pacing: Pacing, clock: FakeClock) -> None:
    for limit in (limits(100), limits()):
        pacing.hear(limit, Stated(said(None, 0, 7), 1))
        refused = pacing.start(limit, "b", 1)
        assert (refused.count, refused.why) == (0, Why.HELD)
        clock.move(6.9)
        assert pacing.start(limit, "b", 1).count == 0
        clock.move(0.2)
        assert pacing.start(limit, "b", 1).count in (1, None)


def test_what_is_left_is_shared_by_all_workers(pacing: Pacing, clock: FakeClock) -> None:
    limit = limits()
    pacing.hear(limit, Stated(said(10, 3, 5), 1))
    assert [pacing.start(limit, worker, 1).count for worker in "abcd"] == [1, 1, 1, 0]
    wait = pacing.start(limit, "a", 1).wait
    assert 5 <= wait < 5.1
    clock.move(wait)
    assert pacing.start(limit, "a", 1).count == 1


def test_a_stated_limit_counts_requests_and_not_messages(pacing: Pacing) -> None:
    limit = limits()
    pacing.hear(limit, Stated(said(2, 2, 1), 100))
    assert pacing.enter(limit, "a", 500, 1).count == 200
    assert pacing.enter(limit, "b", 500, 1).count == 0
    assert pacing.start(limit, "a", 100).count == 100
    assert pacing.start(limit, "a", 1).count == 1
    assert pacing.start(limit, "a", 1).count == 0


def test_a_limit_is_gone_some_time_after_it_was_last_stated(pacing: Pacing, clock: FakeClock) -> None:
    limit = limits()
    pacing.hear(limit, Stated(said(1, 1, 1), 1))
    clock.move(59)
    pacing.hear(limit, Stated(said(1, 1, 1), 1))
    clock.move(59)
    assert pacing.start(limit, "a", 5).count == 1
    clock.move(2)
    assert pacing.start(limit, "a", 5).count is None


def test_a_limit_that_was_raised_holds_as_it_is_now(pacing: Pacing) -> None:
    limit = limits()
    pacing.hear(limit, Stated(said(2, 0, 0), 1))
    pacing.hear(limit, Stated(said(50, 40, 1), 1))
    assert pacing.start(limit, "a", 100).count == 40


def test_the_persons_own_limit_holds_beside_the_stated_one(pacing: Pacing) -> None:
    limit = limits(3)
    pacing.hear(limit, Stated(said(50, 50, 1), 1))
    assert pacing.start(limit, "a", 1).count == 1
    assert pacing.start(limit, "a", 100).count == 2
    reading = pacing.read(limit)
    assert reading is not None
    assert (reading.used, reading.learned) == (3, None)


@IN_FIXTURE
@given(
    most=st.integers(1, 20),
    seconds=st.integers(1, 30),
    asks=st.lists(st.tuples(st.floats(0, 1.2), st.sampled_from("abc"), st.booleans()), max_size=60),
)
def test_no_window_holds_more_requests_than_the_service_states(
    pacing: Pacing, clock: FakeClock, most: int, seconds: int, asks: list[tuple[float, str, bool]]
) -> None:
    """Each answer is the service's, which counts in windows that begin with the first request after the last one."""
    limit, starts, begun, count = limits(), list[float](), 0.0, 0
    pacing.hear(limit, Stated(said(most, most, seconds), 1))
    for share, worker, is_told in asks:
        clock.move(share * seconds / 4)
        now = clock.now().timestamp()
        if pacing.start(limit, worker, 1).count:
            starts.append(now)
            begun, count = (begun, count + 1) if now < begun + seconds else (now, 1)
            assert count <= most, "the service would refuse it"
            if is_told:
                pacing.hear(limit, Stated(said(most, most - count, begun + seconds - now), 1))
    assert most_in_a_window(starts, seconds) <= most


@pytest.mark.parametrize("left", [None, 1])
def test_without_the_server_nothing_is_learned_and_nothing_fails(left: int | None, clock: FakeClock) -> None:
    away = Pacing(Broker("redis://127.0.0.1:1/0"), clock)
    away.hear(limits(), Stated(said(5, left, 1), 1))
    assert away.start(limits(), "a", 1).count is None
