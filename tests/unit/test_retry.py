"""When to try again."""

from datetime import UTC, datetime, timedelta

import pytest

from app.domain.outcomes import Outcome, OutcomeKind, Reason
from app.domain.retry import LONGEST_DELAY, RetryRule, next_attempt_at

NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)


def _delay(attempts: int, chance: float = 0.5, **values: timedelta) -> float:
    outcome = Outcome(OutcomeKind.TRANSIENT, Reason.SERVER_ERROR, **values)  # type: ignore[arg-type]
    return (next_attempt_at(outcome, attempts, NOW, chance) - NOW).total_seconds()


@pytest.mark.parametrize(("attempts", "seconds"), [(1, 15), (2, 30), (3, 60), (5, 240)])
def test_each_try_waits_twice_as_long(attempts: int, seconds: float) -> None:
    assert _delay(attempts) == seconds


@pytest.mark.parametrize("attempts", [12, 30, 500])
def test_no_try_waits_much_longer_than_an_hour(attempts: int) -> None:
    assert _delay(attempts, chance=0.999) <= LONGEST_DELAY * 1.25


def test_tries_are_spread_by_a_quarter_to_each_side() -> None:
    assert _delay(1, chance=0.0) == 15 * 0.75
    assert _delay(1, chance=0.999) < 15 * 1.25


def test_what_the_provider_asked_for_wins_and_is_never_cut_short() -> None:
    assert 300 <= _delay(1, chance=0.0, retry_after=timedelta(minutes=5)) <= 330


@pytest.mark.parametrize(("hours", "exhausted"), [(0, False), (23, False), (24, True), (90, True)])
def test_patience_ends_a_day_after_the_first_try(hours: int, exhausted: bool) -> None:
    assert RetryRule().is_exhausted(NOW - timedelta(hours=hours), NOW) is exhausted
