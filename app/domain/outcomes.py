"""What one try at one recipient came to."""

import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from app.domain.storable import is_storable, storable_text


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
    POISON = "poison"  # our own code fails at it
    # the provider
    AUTHENTICATION_FAILED = "authentication_failed"
    SENDER_REFUSED = "sender_refused"
    TLS_FAILED = "tls_failed"
    HOST_REFUSED = "host_refused"
    NOT_CONFIGURED = "not_configured"
    NO_PROVIDER = "no_provider"
    MASS_DEATH = "mass_death"  # it calls so many device tokens dead that rather its settings are wrong
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


_GOES_ON = re.compile(r"[\w.]")  # then it is another, longer code


@dataclass(frozen=True, slots=True)
class Allowance:
    """What a service says, with an answer, that it takes: `limit` requests in a window, of which `left` more may come.

    `reset` from the answer on the window ends and all of them may come anew. None where the service does not say.
    """

    limit: int | None
    left: int | None
    reset: timedelta

    @property
    def is_used_up(self) -> bool:
        """Whether nothing more is taken before the reset."""
        return self.left == 0 and self.reset > timedelta()


@dataclass(frozen=True, slots=True)
class Outcome:
    """A value, never a string to search and never an exception.

    `detail` is the provider's own answer, one line, without secrets; `code` its own code ("550 5.1.1");
    `retry_after` is how long the provider asked to wait, when it said so. `dead_since` is when the address died, as
    the provider tells it (aware): whoever registered again later is alive. `allowance` came with the same answer; of
    the outcomes of one request one carries it. `size_limit` is how many bytes of one message the service takes at most,
    where it told that with this answer.
    """

    kind: OutcomeKind
    reason: Reason
    detail: str = ""
    code: str = ""
    provider_message_id: str = ""
    retry_after: timedelta | None = None
    dead_since: datetime | None = None
    allowance: Allowance | None = field(default=None, compare=False)
    size_limit: int | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        """Keep what the provider said as any database can: JSON can hold half a character, and what cuts texts does."""
        said = f"{self.detail}{self.code}{self.provider_message_id}"
        if said.isprintable() or is_storable(said):  # almost everything is printable, which is told more quickly
            return
        for name in ("detail", "code", "provider_message_id"):
            object.__setattr__(self, name, storable_text(getattr(self, name)))

    @property
    def answer(self) -> str:
        """What the provider said, as `answer_line` has it."""
        return answer_line(self.code, self.detail)


def answer_line(code: str, detail: str) -> str:
    """What a service said, in one line: its code in front, once, though many services repeat it or its end.

    `answer_line("554 5.7.1", "5.7.1 Refused as spam")` is "554 5.7.1 Refused as spam".
    """
    words = code.split()
    for place in range(len(words)):
        repeated = " ".join(words[place:])
        if detail.startswith(repeated) and not _GOES_ON.match(detail, len(repeated)):
            return " ".join([*words[:place], detail])
    return f"{code} {detail}".strip()


def accepted(provider_message_id: str = "", detail: str = "", code: str = "") -> Outcome:
    """The provider took the message over."""
    return Outcome(OutcomeKind.ACCEPTED, Reason.ACCEPTED, detail, code, provider_message_id)
