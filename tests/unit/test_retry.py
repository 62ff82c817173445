"""When to try again, class by class; `python -m tests.unit.test_retry` writes the table of docs/faults.md anew."""

from datetime import UTC, datetime, timedelta

import pytest

from app.domain.outcomes import Outcome, OutcomeKind, Reason
from app.domain.retry import GIVE_UP_AFTER, RetryRule, backoff_of, next_attempt_at
from app.infra.settings import ROOT
from tests.doc_tables import drawn, parts_of, rewrite

NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
THROTTLED, TRANSIENT, UNCERTAIN = OutcomeKind.THROTTLED, OutcomeKind.TRANSIENT, OutcomeKind.UNCERTAIN

PAGE, TABLE = ROOT / "docs" / "faults.md", "when it is tried again"

# What a server says, and after how many seconds it is tried again, as long as it says the same. Nothing is spread here.
SCHEDULES = [
    (TRANSIENT, Reason.SERVER_ERROR, [15, 30, 60, 120, 240, 480, 960, 1920, 3600, 3600]),
    (TRANSIENT, Reason.UNREACHABLE, [5, 10, 20, 40, 80, 160, 320, 640, 900, 900]),
    (TRANSIENT, Reason.CONNECTION_LOST, [5, 10, 20, 40, 80, 160, 320, 640, 900, 900]),
    (TRANSIENT, Reason.TLS_FAILED, [30, 60, 120, 240, 480, 960, 1920, 3600, 3600]),
    (TRANSIENT, Reason.MAILBOX_FULL, [1800, 3600, 7200, 14400, 14400]),
    (TRANSIENT, Reason.TOO_MANY_RECIPIENTS, [5, 10, 20, 40, 80, 160, 300, 300]),
    (UNCERTAIN, Reason.TIMED_OUT, [5, 10, 20, 40, 80, 160, 320, 640, 1280, 2560, 3600, 3600]),
    (UNCERTAIN, Reason.WORKER_LOST, [5, 10, 20, 40, 80, 160, 320, 640, 1280, 2560, 3600, 3600]),
    (THROTTLED, Reason.GREYLISTED, [60, 60, 120, 240, 480, 960, 1800, 1800]),
    (THROTTLED, Reason.RATE_LIMITED, [30, 30, 60, 120, 240, 300, 300]),
]


def _waits(kind: OutcomeKind, reason: Reason, chance: float = 0.5) -> list[float]:
    """Every wait until patience ends, in seconds; a throttle does not count as a try."""
    now, attempts, found = NOW, 1, []
    while not RetryRule().is_exhausted(NOW, now):
        again = next_attempt_at(Outcome(kind, reason), attempts, now, chance, NOW)
        found.append((again - now).total_seconds())
        now, attempts = again, attempts + (kind is not THROTTLED)
    return found


def _table() -> str:
    """Each class with its waits until they grow no more."""
    rows = []
    for kind, reason, seconds in SCHEDULES:
        growing = list(dict.fromkeys(seconds))
        waits = f"{', '.join(map(_written, growing[:-1]))}, then every {_written(growing[-1])}"
        rows.append([reason.value, kind.value, waits])
    return drawn(["what happened", "kind", "tried again after"], ["---", "---", "---"], rows)


def _written(seconds: float) -> str:
    for unit, name in ((3600, "h"), (60, "min")):
        if seconds >= unit:
            return f"{round(seconds / unit, 1):g} {name}"
    return f"{seconds:g} s"


def _delay(attempts: int, chance: float = 0.5, **values: timedelta) -> float:
    outcome = Outcome(TRANSIENT, Reason.SERVER_ERROR, **values)  # type: ignore[arg-type]
    return (next_attempt_at(outcome, attempts, NOW, chance) - NOW).total_seconds()


@pytest.mark.parametrize(("kind", "reason", "seconds"), SCHEDULES)
def test_each_class_of_trouble_has_its_own_schedule(kind: OutcomeKind, reason: Reason, seconds: list[float]) -> None:
    assert _waits(kind, reason)[: len(seconds)] == seconds


@pytest.mark.parametrize(("kind", "reason", "_"), SCHEDULES)
def test_each_class_is_tried_for_a_day_and_not_more_than_some_hundred_times(
    kind: OutcomeKind, reason: Reason, _: list[float]
) -> None:
    waits = _waits(kind, reason)
    assert sum(waits) >= GIVE_UP_AFTER.total_seconds()
    assert 5 <= len(waits) <= 300


@pytest.mark.parametrize("reason", list(Reason))
def test_no_wait_is_shorter_than_five_seconds_or_longer_than_four_hours(reason: Reason) -> None:
    for kind in (TRANSIENT, THROTTLED, UNCERTAIN, OutcomeKind.CONFIG_PERMANENT):
        backoff = backoff_of(Outcome(kind, reason))
        assert 5 <= backoff.first <= backoff.longest <= 4 * 3600


def test_a_number_of_tries_that_nobody_makes_breaks_nothing() -> None:
    assert _delay(32_000) == 3600


def test_tries_are_spread_by_a_quarter_to_each_side() -> None:
    assert _delay(1, chance=0.0) == 15 * 0.75
    assert _delay(1, chance=0.999) < 15 * 1.25


def test_what_the_provider_asked_for_wins_and_is_never_cut_short() -> None:
    assert 300 <= _delay(1, chance=0.0, retry_after=timedelta(minutes=5)) <= 330


@pytest.mark.parametrize(("hours", "exhausted"), [(0, False), (23, False), (24, True), (90, True)])
def test_patience_ends_a_day_after_the_first_try(hours: int, exhausted: bool) -> None:
    assert RetryRule().is_exhausted(NOW - timedelta(hours=hours), NOW) is exhausted


def test_the_document_says_what_is_done() -> None:
    assert parts_of(PAGE, TABLE)[1] == _table(), "run: python -m tests.unit.test_retry"


if __name__ == "__main__":
    rewrite(PAGE, TABLE, _table())
