"""What a service says afterwards about something it took: the value, and what each event does to a delivery."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from app.domain.delivery_states import DeliveryEvent, DeliveryState, next_state
from app.domain.outcomes import OutcomeKind, Reason
from app.domain.smtp_replies import Reply, Stage, judge


class ReceiptEvent(StrEnum):
    """What may have happened, whatever a service calls it."""

    ACCEPTED = "accepted"  # the service queued it
    SENT = "sent"  # handed to the next hop
    DEFERRED = "deferred"  # the next hop asked to come back later
    DELIVERED = "delivered"
    BOUNCED = "bounced"  # the address is dead
    FAILED = "failed"  # not delivered, and the address may be fine
    EXPIRED = "expired"  # not delivered in time
    OPENED = "opened"
    CLICKED = "clicked"
    UNSUBSCRIBED = "unsubscribed"
    COMPLAINED = "complained"
    UNKNOWN = "unknown"  # a word of the service that we have none for; kept as it came


@dataclass(frozen=True, slots=True)
class Receipt:
    """One event of one delivery, translated.

    `event_id` is the service's own, the same for each time it tells the event. `at` is when it happened (aware), None
    when the service does not say. A delivery is known by `delivery_key`, our own that came back, else by
    `provider_message_id` together with `address`. `detail` is the service's answer in one line, `code` its code, `raw`
    what came over the wire. One that is not `proven` came without a signature: it changes the state of a delivery that
    we know, and nothing beyond that.
    """

    event: ReceiptEvent
    event_id: str
    at: datetime | None = None
    delivery_key: str = ""
    provider_message_id: str = ""
    address: str = ""
    reason: Reason | None = None
    code: str = ""
    detail: str = ""
    raw: str = field(default="", repr=False)
    is_proven: bool = True


@dataclass(frozen=True, slots=True)
class HookRequest:
    """What came in at the address for receipts, and when (aware): names of headers in lower case, the exact bytes.

    `evidence` is what was fetched from the service to prove it, where the kind asked for that.
    """

    at: datetime
    body: bytes = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    query: str = ""
    evidence: bytes = field(default=b"", repr=False)


class NotProven(Exception):
    """Nothing proves that the service said this; the sentence says what is missing, and quotes no secret."""


class NotUnderstood(Exception):
    """The service said this, and not in a form that it is known to use."""


# What an event does to a delivery. Deferred ones, and what people do with a message, change no state.
_DOES: dict[ReceiptEvent, DeliveryEvent] = {
    ReceiptEvent.ACCEPTED: DeliveryEvent.RECEIPT_TAKEN,
    ReceiptEvent.SENT: DeliveryEvent.RECEIPT_TAKEN,
    ReceiptEvent.DEFERRED: DeliveryEvent.RECEIPT_TAKEN,
    ReceiptEvent.DELIVERED: DeliveryEvent.RECEIPT_DELIVERED,
    ReceiptEvent.BOUNCED: DeliveryEvent.RECEIPT_BOUNCED,
    ReceiptEvent.FAILED: DeliveryEvent.RECEIPT_FAILED,
    ReceiptEvent.EXPIRED: DeliveryEvent.RECEIPT_FAILED,
    ReceiptEvent.OPENED: DeliveryEvent.RECEIPT_TAKEN,
    ReceiptEvent.CLICKED: DeliveryEvent.RECEIPT_TAKEN,
    ReceiptEvent.UNSUBSCRIBED: DeliveryEvent.RECEIPT_TAKEN,
    ReceiptEvent.COMPLAINED: DeliveryEvent.RECEIPT_TAKEN,
}
_REASONS: dict[ReceiptEvent, Reason] = {
    ReceiptEvent.BOUNCED: Reason.MAILBOX_UNKNOWN,
    ReceiptEvent.FAILED: Reason.UNDELIVERED,
    ReceiptEvent.EXPIRED: Reason.EXPIRED,
}
_SUPPRESSES: dict[ReceiptEvent, str] = {
    ReceiptEvent.BOUNCED: "hard_bounce",
    ReceiptEvent.COMPLAINED: "complaint",
    ReceiptEvent.UNSUBSCRIBED: "unsubscribed",
}


def state_after(state: DeliveryState, event: ReceiptEvent, *, was_uncertain: bool) -> DeliveryState | None:
    """Where the event leads a delivery; None when it changes nothing.

    The result of several events does not depend on their order: bounced wins over delivered, delivered over failed. One
    that is queued is moved only when an earlier try was `was_uncertain`: then the receipt tells of that try.
    """
    if event not in _DOES or (state is DeliveryState.QUEUED and not was_uncertain):
        return None
    return next_state(state, _DOES[event])


def reason_of(receipt: Receipt) -> Reason:
    """Why the delivery is where the receipt puts it."""
    if receipt.event in _REASONS:
        return receipt.reason or _REASONS[receipt.event]
    return Reason.ACCEPTED


def suppression_of(receipt: Receipt) -> str:
    """Why nobody may write to that address any more; empty when they may, and for what nobody has signed."""
    if not receipt.is_proven:
        return ""
    if receipt.event is ReceiptEvent.FAILED and receipt.reason is Reason.OPTED_OUT:
        return "unsubscribed"
    return _SUPPRESSES.get(receipt.event, "")


def judge_bounce(code: int, text: str) -> tuple[ReceiptEvent, Reason]:
    """What a mail server's last word about a recipient means: its basic code, and its text, enhanced code first.

    Only a dead address is a bounce; a refusal by policy, or a mailbox that is full, leaves the address alone.
    """
    if not 500 <= code <= 599:
        return ReceiptEvent.BOUNCED, Reason.MAILBOX_UNKNOWN
    outcome = judge(Stage.RCPT, Reply(code, text))
    is_dead = outcome.kind is OutcomeKind.RECIPIENT_PERMANENT and outcome.reason is not Reason.ADDRESS_NEEDS_SMTPUTF8
    return (ReceiptEvent.BOUNCED if is_dead else ReceiptEvent.FAILED), outcome.reason
