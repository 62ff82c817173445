"""When to try again: a schedule for each class of trouble, jitter, what the provider asks for, and when to give up."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from app.domain.outcomes import Outcome, OutcomeKind, Reason

GIVE_UP_AFTER = timedelta(hours=24)
_MINUTE, _HOUR = 60.0, 3600.0  # seconds


@dataclass(frozen=True, slots=True)
class Backoff:
    """The wait before the second try and the longest one, in seconds; in between each is twice the one before."""

    first: float
    longest: float

    def after(self, attempts: int) -> float:
        """How long to wait after so many tries (at least 1)."""
        return min(self.first * 2.0 ** min(attempts - 1, 20), self.longest)

    def after_waiting(self, seconds: float) -> float:
        """How long to wait when the first try was so long ago: as long again. For what counts no tries."""
        return min(max(seconds, self.first), self.longest)


_BY_KIND = {
    OutcomeKind.TRANSIENT: Backoff(15.0, _HOUR),
    OutcomeKind.THROTTLED: Backoff(30.0, 5 * _MINUTE),  # beside it the whole provider is held for a while
    OutcomeKind.UNCERTAIN: Backoff(5.0, _HOUR),
    OutcomeKind.CONFIG_PERMANENT: Backoff(_MINUTE, _HOUR),
}
_BY_REASON = {
    # Servers that greylist want to see the same letter again after one to fifteen minutes, as most do after five; a
    # sign-in code should not wait longer than it must (RFC 6647 section 2.6).
    Reason.GREYLISTED: Backoff(_MINUTE, _HOUR / 2),
    Reason.MAILBOX_FULL: Backoff(_HOUR / 2, 4 * _HOUR),  # somebody has to tidy up
    Reason.TOO_MANY_RECIPIENTS: Backoff(5.0, 5 * _MINUTE),  # of one transaction: the next one takes it
    # A restart is over in seconds; an outage is looked at by the breaker's probes, so nobody need knock often.
    Reason.UNREACHABLE: Backoff(5.0, _HOUR / 4),
    Reason.CONNECTION_LOST: Backoff(5.0, _HOUR / 4),
    Reason.WORKER_LOST: Backoff(5.0, _HOUR),
    Reason.POISON: Backoff(30.0, _HOUR),
    Reason.TLS_FAILED: Backoff(30.0, _HOUR),  # certificates are not mended in seconds
}


@dataclass(frozen=True, slots=True)
class RetryRule:
    """How patient we are, the same for all channels."""

    give_up_after: timedelta = GIVE_UP_AFTER

    def is_exhausted(self, first_tried_at: datetime, now: datetime) -> bool:
        """Whether no further try is allowed: the first one, or the one a person asked for, is too long ago."""
        return now - first_tried_at >= self.give_up_after


def backoff_of(outcome: Outcome) -> Backoff:
    """The schedule for this class of trouble: its reason's where it has one of its own, else its kind's."""
    return _BY_REASON.get(outcome.reason) or _BY_KIND.get(outcome.kind) or _BY_KIND[OutcomeKind.TRANSIENT]


def next_attempt_at(
    outcome: Outcome, attempts: int, now: datetime, chance: float, first_tried_at: datetime | None = None
) -> datetime:
    """When to try again after this outcome.

    `attempts` tries were made so far (at least 1). A throttle is no try, so its waits grow with the time since
    `first_tried_at`. `chance` in [0, 1) spreads the tries by up to a quarter. What the provider asked for
    (`retry_after`) wins over our own schedule, spread only towards later.
    """
    if outcome.retry_after is not None:
        return now + outcome.retry_after * (1 + chance / 10)
    backoff = backoff_of(outcome)
    if outcome.kind is OutcomeKind.THROTTLED and first_tried_at is not None:
        delay = backoff.after_waiting((now - first_tried_at).total_seconds())
    else:
        delay = backoff.after(attempts)
    return now + timedelta(seconds=delay * (0.75 + chance / 2))
