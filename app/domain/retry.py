"""When to try again: backoff with jitter, Retry-After, and the give-up rule."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from app.domain.outcomes import Outcome, OutcomeKind

FIRST_DELAYS = {
    OutcomeKind.TRANSIENT: 15.0,
    OutcomeKind.THROTTLED: 30.0,
    OutcomeKind.UNCERTAIN: 5.0,
    OutcomeKind.CONFIG_PERMANENT: 60.0,
}  # seconds
LONGEST_DELAY = 3600.0
GIVE_UP_AFTER = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class RetryRule:
    """How patient we are; the defaults are for email."""

    give_up_after: timedelta = GIVE_UP_AFTER

    def is_exhausted(self, first_tried_at: datetime, now: datetime) -> bool:
        """Whether no further try is allowed: the first one, or the one a person asked for, is too long ago."""
        return now - first_tried_at >= self.give_up_after


def next_attempt_at(outcome: Outcome, attempts: int, now: datetime, chance: float) -> datetime:
    """When to try again after this outcome.

    `attempts` tries were made so far (at least 1); `chance` in [0, 1) spreads the tries by up to a quarter.
    What the provider asked for (`retry_after`) wins over our own backoff, spread only towards later.
    """
    if outcome.retry_after is not None:
        return now + outcome.retry_after * (1 + chance / 10)
    first = FIRST_DELAYS.get(outcome.kind, FIRST_DELAYS[OutcomeKind.TRANSIENT])
    delay = min(first * 2.0 ** min(attempts - 1, 20), LONGEST_DELAY)
    return now + timedelta(seconds=delay * (0.75 + chance / 2))
