"""State machine 1: what may happen to a message, and when."""

from dataclasses import dataclass
from enum import StrEnum

from app.domain.errors import Conflict


class MessageStatus(StrEnum):
    """The five states of the wire and no other."""

    DRAFT = "draft"
    SCHEDULED = "scheduled"
    PROCESSING = "processing"
    SENT = "sent"
    FAILED = "failed"


class MessageEvent(StrEnum):
    """What somebody, or time, does to a message."""

    SCHEDULE = "schedule"
    UNSCHEDULE = "unschedule"
    RESCHEDULE = "reschedule"
    SEND = "send"
    FALL_DUE = "fall_due"
    SETTLE_CLEAN = "settle_clean"
    SETTLE_WITH_FAILURES = "settle_with_failures"
    RETRY_FAILED = "retry_failed"


_D, _SC, _P, _S, _F = MessageStatus
_E = MessageEvent

TRANSITIONS: dict[tuple[MessageStatus, MessageEvent], MessageStatus] = {
    (_D, _E.SCHEDULE): _SC,
    (_D, _E.SEND): _P,
    (_SC, _E.UNSCHEDULE): _D,
    (_SC, _E.RESCHEDULE): _SC,
    (_SC, _E.SEND): _P,
    (_SC, _E.FALL_DUE): _P,
    (_P, _E.SETTLE_CLEAN): _S,
    (_P, _E.SETTLE_WITH_FAILURES): _F,
    (_F, _E.RETRY_FAILED): _P,
    (_S, _E.RETRY_FAILED): _P,  # uncertain ones that a person decides to send again
}

_REFUSALS = {
    _D: ("general_argument_invalid", "This message is a draft; nothing was sent yet."),
    _SC: ("message_already_scheduled", "This message is scheduled; take it back to draft first."),
    _P: ("message_already_processing", "This message is being sent; pause or cancel it instead."),
    _S: ("message_already_sent", "This message was sent already."),
    _F: ("message_already_failed", "This message was sent already, with failures; the failed ones can be tried again."),
}


def next_status(status: MessageStatus, event: MessageEvent) -> MessageStatus:
    """Where the event leads; Conflict, in words, when it may not happen now."""
    try:
        return TRANSITIONS[status, event]
    except KeyError:
        wire_type, sentence = _REFUSALS[status]
        raise Conflict(sentence, type=wire_type) from None


EDITABLE = frozenset({MessageStatus.DRAFT, MessageStatus.SCHEDULED})


@dataclass(frozen=True, slots=True)
class Phase:
    """What people see: the wire's state, refined by the facts inside *processing*."""

    word: str

    @staticmethod
    def of(
        status: MessageStatus, *, paused: bool, cancelled: bool, late: bool = False, stopped: bool = False
    ) -> "Phase":
        """The word for a message: draft, scheduled, late, sending, stopped, paused, cancelled, sent or failed.

        *late* is a scheduled one that waits for a person; *stopped* one that all sending of its project holds.
        """
        if cancelled:
            return Phase("cancelled")
        if status is MessageStatus.SCHEDULED and late:
            return Phase("late")
        if status is MessageStatus.PROCESSING:
            return Phase("paused" if paused else "stopped" if stopped else "sending")
        return Phase(status.value)
