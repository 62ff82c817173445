"""What one try at one recipient came to."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum


class OutcomeKind(StrEnum):
    """The eight classes an adapter must tell apart; each leads to another state of the delivery."""

    ACCEPTED = "accepted"  # the provider took it over
    RECIPIENT_PERMANENT = "recipient_permanent"  # the address is dead: never again, suppress it
    RECIPIENT_OPTED_OUT = "recipient_opted_out"  # the person said no: never again, suppress it
    MESSAGE_PERMANENT = "message_permanent"  # these bytes fail again; the address is fine
    CONFIG_PERMANENT = "config_permanent"  # nothing goes through until somebody repairs the provider
    THROTTLED = "throttled"  # too fast: later, after the stated delay
    TRANSIENT = "transient"  # not now: later, with backoff
    UNCERTAIN = "uncertain"  # cut off after the request was written: it may have arrived


class Reason(StrEnum):
    """A short stable code why; the words people read are made from it in one place (`web/wording.py`)."""

    ACCEPTED = "accepted"
    # the recipient
    INVALID_ADDRESS = "invalid_address"
    MAILBOX_UNKNOWN = "mailbox_unknown"
    MAILBOX_DISABLED = "mailbox_disabled"
    MAILBOX_FULL = "mailbox_full"
    DOMAIN_UNKNOWN = "domain_unknown"
    TOKEN_RETIRED = "token_retired"  # noqa: S105 - a device's address, not a password
    TOKEN_FOREIGN = "token_foreign"  # noqa: S105 - of another app, project or environment
    OPTED_OUT = "opted_out"
    SUPPRESSED = "suppressed"
    TARGET_EXPIRED = "target_expired"
    DUPLICATE = "duplicate"
    # the message
    TOO_LARGE = "too_large"
    CONTENT_REJECTED = "content_rejected"
    ATTACHMENT_MISSING = "attachment_missing"
    MISSING_VARIABLE = "missing_variable"
    ADDRESS_NEEDS_SMTPUTF8 = "address_needs_smtputf8"
    # the provider
    AUTHENTICATION_FAILED = "authentication_failed"
    SENDER_REFUSED = "sender_refused"
    TLS_FAILED = "tls_failed"
    HOST_REFUSED = "host_refused"
    NOT_CONFIGURED = "not_configured"
    NO_PROVIDER = "no_provider"
    # the moment
    RATE_LIMITED = "rate_limited"
    GREYLISTED = "greylisted"
    TOO_MANY_RECIPIENTS = "too_many_recipients"
    UNREACHABLE = "unreachable"
    SERVER_ERROR = "server_error"
    CONNECTION_LOST = "connection_lost"
    TIMED_OUT = "timed_out"
    WORKER_LOST = "worker_lost"
    EXHAUSTED = "exhausted"
    EXPIRED = "expired"
    UNDELIVERED = "undelivered"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Outcome:
    """A value, never a string to search and never an exception.

    `detail` is the provider's own answer, one line, without secrets; `code` its own code ("550 5.1.1");
    `retry_after` is how long the provider asked to wait, when it said so. `dead_since` is when the address died, as
    the provider tells it (aware): whoever registered again later is alive.
    """

    kind: OutcomeKind
    reason: Reason
    detail: str = ""
    code: str = ""
    provider_message_id: str = ""
    retry_after: timedelta | None = None
    dead_since: datetime | None = None

    @property
    def answer(self) -> str:
        """What the provider said, in one line, its code in front once."""
        basic = self.code.partition(" ")[0]
        return self.detail if self.detail.startswith(basic) else f"{basic} {self.detail}".strip()


def accepted(provider_message_id: str = "", detail: str = "", code: str = "") -> Outcome:
    """The provider took the message over."""
    return Outcome(OutcomeKind.ACCEPTED, Reason.ACCEPTED, detail, code, provider_message_id)
