"""When an address is given up that exists and cannot be reached, again and again."""

from datetime import timedelta

from app.domain.outcomes import Reason

ENOUGH = 3  # messages that came to nothing, each after all its tries
WITHIN = timedelta(hours=72)
SUPPRESSED_AS = "soft_bounce"
WHY = f"{ENOUGH} messages in {WITHIN.total_seconds() / 3600:.0f} hours did not get there"


def is_soft_bounce(reason: Reason, *, was_taken: bool) -> bool:
    """Whether a delivery that failed for this reason says something of its address: a full inbox, or no way to it.

    That there is no way (5.4.x of RFC 3463) counts only when a service told it after it `was_taken`: before that it may
    be the service itself that cannot be reached, and then nobody's address is to blame.
    """
    return reason is Reason.MAILBOX_FULL or (was_taken and reason is Reason.UNREACHABLE)
