"""What the headers of an answer say of the account's limit, and that a batch waits for a reset that is near."""

import time
from datetime import timedelta

import pytest

from app.domain.outcomes import Allowance, Outcome, OutcomeKind, Reason, accepted
from app.infra.clock import SystemClock
from app.infra.http_outcomes import allowance_of, with_allowance


def named(prefix: str, limit: str, left: str, reset: str) -> dict[str, str]:
    return {f"{prefix}-limit": limit, f"{prefix}-remaining": left, f"{prefix}-reset": reset}


@pytest.mark.parametrize(
    ("headers", "found"),
    [
        (named("ratelimit", "2", "0", "1"), (2, 0, 1)),
        (named("x-ratelimit", "600", "599", "42"), (600, 599, 42)),
        (named("x-rate-limit", "100, 100;w=60", "7", "0.5"), (100, 7, 0.5)),
        ({"ratelimit-remaining": "0", "ratelimit-reset": "3"}, (None, 0, 3)),
        ({"ratelimit-limit": "5", "ratelimit-reset": "3"}, (5, None, 3)),
        (named("ratelimit", "0", "4", "3"), (None, 4, 3)),
        (named("ratelimit", "many", "0", "3"), (None, 0, 3)),
    ],
)
def test_seconds_are_read_whatever_the_headers_are_called(
    headers: dict[str, str], found: tuple[int | None, int | None, float]
) -> None:
    limit, left, seconds = found
    assert allowance_of(headers) == Allowance(limit, left, timedelta(seconds=seconds))


def test_a_moment_is_read_as_the_time_until_it_and_one_that_has_passed_as_none() -> None:
    now = int(SystemClock().now().timestamp())
    ahead = allowance_of(named("x-ratelimit", "600", "0", str(now + 30)))
    assert ahead is not None
    assert 28 < ahead.reset.total_seconds() <= 30
    assert ahead.is_used_up
    passed = allowance_of(named("x-ratelimit", "600", "0", str(now - 30)))
    assert passed == Allowance(600, 0, timedelta())
    assert not passed.is_used_up


@pytest.mark.parametrize("reset", ["-1", "nan", "inf", "soon", "", "1e300", "99999", "4102444800", "9" * 400])
def test_a_reset_that_cannot_be_is_not_believed(reset: str) -> None:
    assert allowance_of(named("ratelimit", "2", "0", reset)) is None


@pytest.mark.parametrize("count", ["-1", "nan", "1.5", "", "many", "9" * 40, "0x10"])
def test_counts_that_cannot_be_are_not_believed(count: str) -> None:
    assert allowance_of(named("ratelimit", count, count, "3")) is None


def test_one_outcome_of_a_request_carries_it_and_one_that_was_too_fast_none() -> None:
    headers = named("ratelimit", "2", "1", "1")
    refused = Outcome(OutcomeKind.MESSAGE_PERMANENT, Reason.CONTENT_REJECTED)
    told = with_allowance([refused, accepted("a"), accepted("b")], headers)
    assert [each.allowance is not None for each in told] == [False, True, False]
    assert with_allowance([refused], headers)[0].allowance == Allowance(2, 1, timedelta(seconds=1))
    throttled = [Outcome(OutcomeKind.THROTTLED, Reason.RATE_LIMITED)]
    assert with_allowance(throttled, headers) is throttled


def test_without_such_headers_nothing_is_copied_and_hardly_any_time_goes_by() -> None:
    outcomes, headers = [accepted("a")], {f"x-{number}": "1" for number in range(20)}
    began = time.perf_counter()
    for _ in range(1000):
        assert with_allowance(outcomes, headers) is outcomes
    assert (time.perf_counter() - began) / 1000 < 20e-6
