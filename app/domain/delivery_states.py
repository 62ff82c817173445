"""State machine 2: what may happen to one delivery, and the merge rule for late receipts."""

from enum import StrEnum

from app.domain.outcomes import OutcomeKind


class DeliveryState(StrEnum):
    """Where one delivery stands; the balance of a message is made of exactly these."""

    QUEUED = "queued"
    SENDING = "sending"
    SENT = "sent"
    DELIVERED = "delivered"
    BOUNCED = "bounced"
    FAILED = "failed"
    SKIPPED = "skipped"
    UNCERTAIN = "uncertain"


RETRYABLE = frozenset({DeliveryState.FAILED, DeliveryState.UNCERTAIN})


class DeliveryEvent(StrEnum):
    """What happens to a delivery."""

    CLAIMED = "claimed"
    CANCELLED = "cancelled"
    SUPPRESSED = "suppressed"  # since the fan-out, noticed when it was claimed
    RELEASED = "released"  # never started: back untouched
    ACCEPTED = "accepted"
    TRY_LATER = "try_later"
    REJECTED = "rejected"
    LEFT_UNCERTAIN = "left_uncertain"
    RETRIED = "retried"  # a person asks for another try
    GIVEN_UP = "given_up"  # a person decides an uncertain one failed
    RECEIPT_TAKEN = "receipt_taken"  # the service has it, so an earlier try went through
    RECEIPT_DELIVERED = "receipt_delivered"
    RECEIPT_BOUNCED = "receipt_bounced"
    RECEIPT_FAILED = "receipt_failed"


_S = DeliveryState
_E = DeliveryEvent

TRANSITIONS: dict[tuple[DeliveryState, DeliveryEvent], DeliveryState] = {
    (_S.QUEUED, _E.CLAIMED): _S.SENDING,
    (_S.QUEUED, _E.CANCELLED): _S.SKIPPED,
    (_S.QUEUED, _E.SUPPRESSED): _S.SKIPPED,
    (_S.QUEUED, _E.REJECTED): _S.FAILED,  # no provider left, given up before another try
    (_S.SENDING, _E.RELEASED): _S.QUEUED,
    (_S.SENDING, _E.ACCEPTED): _S.SENT,
    (_S.SENDING, _E.TRY_LATER): _S.QUEUED,
    (_S.SENDING, _E.REJECTED): _S.FAILED,
    (_S.SENDING, _E.LEFT_UNCERTAIN): _S.UNCERTAIN,
    (_S.UNCERTAIN, _E.RETRIED): _S.QUEUED,
    (_S.UNCERTAIN, _E.GIVEN_UP): _S.FAILED,
    (_S.FAILED, _E.RETRIED): _S.QUEUED,
    # Receipts come in any order: bounced wins over delivered, delivered over failed, and any of them over a doubt.
    (_S.QUEUED, _E.RECEIPT_TAKEN): _S.SENT,
    (_S.QUEUED, _E.RECEIPT_DELIVERED): _S.DELIVERED,
    (_S.QUEUED, _E.RECEIPT_BOUNCED): _S.BOUNCED,
    (_S.QUEUED, _E.RECEIPT_FAILED): _S.FAILED,
    (_S.UNCERTAIN, _E.RECEIPT_TAKEN): _S.SENT,
    (_S.UNCERTAIN, _E.RECEIPT_DELIVERED): _S.DELIVERED,
    (_S.UNCERTAIN, _E.RECEIPT_BOUNCED): _S.BOUNCED,
    (_S.UNCERTAIN, _E.RECEIPT_FAILED): _S.FAILED,
    (_S.SENT, _E.RECEIPT_DELIVERED): _S.DELIVERED,
    (_S.SENT, _E.RECEIPT_BOUNCED): _S.BOUNCED,
    (_S.SENT, _E.RECEIPT_FAILED): _S.FAILED,
    (_S.FAILED, _E.RECEIPT_DELIVERED): _S.DELIVERED,
    (_S.FAILED, _E.RECEIPT_BOUNCED): _S.BOUNCED,
    (_S.DELIVERED, _E.RECEIPT_BOUNCED): _S.BOUNCED,
}


def next_state(state: DeliveryState, event: DeliveryEvent) -> DeliveryState | None:
    """Where the event leads; None when it changes nothing (late or repeated receipts)."""
    return TRANSITIONS.get((state, event))


def event_of(
    kind: OutcomeKind, *, exhausted: bool, hold_uncertain: bool, may_leave: bool = False, in_doubt: bool = False
) -> DeliveryEvent:
    """What an outcome means for a delivery that is being sent.

    `exhausted`: no further try is allowed. `hold_uncertain`: the provider's policy waits for a person. `may_leave`: it
    is this provider alone that cannot carry it, and another one may. `in_doubt`: an earlier try may have arrived, which
    no later one without an answer about the recipient can disprove.
    """
    match kind:
        case OutcomeKind.ACCEPTED:
            return DeliveryEvent.ACCEPTED
        case OutcomeKind.RECIPIENT_PERMANENT | OutcomeKind.RECIPIENT_OPTED_OUT | OutcomeKind.MESSAGE_PERMANENT:
            return DeliveryEvent.TRY_LATER if may_leave and not exhausted else DeliveryEvent.REJECTED
        case OutcomeKind.CONFIG_PERMANENT:
            return DeliveryEvent.TRY_LATER  # the provider is at fault, never the recipient: it waits for the repair
        case OutcomeKind.THROTTLED | OutcomeKind.TRANSIENT:
            if not exhausted:
                return DeliveryEvent.TRY_LATER
            return DeliveryEvent.LEFT_UNCERTAIN if in_doubt else DeliveryEvent.REJECTED
        case OutcomeKind.UNCERTAIN:
            return DeliveryEvent.LEFT_UNCERTAIN if hold_uncertain or exhausted else DeliveryEvent.TRY_LATER
