"""What one try at one provider means for the other providers, and for what we think of this one."""

from enum import StrEnum

from app.domain.outcomes import Outcome, OutcomeKind, Reason

# Another service would hear the same: these lie with the recipient's server, not with whoever carries the message.
_OF_THE_RECIPIENT = frozenset({Reason.MAILBOX_FULL, Reason.GREYLISTED, Reason.TOO_MANY_RECIPIENTS})
# This service cannot carry it and never will, while another one may: its limit of size, letters that it cannot spell in
# an address, a country that it does not send to. Not a sender that it refuses: who may write in a domain's name is for
# a person to say, and a wrong one should not be tried at every service there is.
_OF_THE_SERVICE = frozenset({Reason.TOO_LARGE, Reason.ADDRESS_NEEDS_SMTPUTF8, Reason.NOT_CONFIGURED})
_OURS = frozenset({Reason.POISON, Reason.WORKER_LOST})  # whoever carries the message has no part in it


class Move(StrEnum):
    """Where a delivery goes after a try that did not settle it."""

    ON = "on"  # to the next provider, at once
    ON_IF_ROOM = "on_if_room"  # to the next provider that is not throttled itself, else it waits
    STAY = "stay"  # to this provider and to no other: only this one may know whether it arrived
    ELSEWHERE = "elsewhere"  # to another provider and never again to this one; without another it has failed
    AS_BEFORE = "as_before"  # where it would have gone anyway, after the usual time


def move_after(outcome: Outcome) -> Move:
    """Where a delivery goes after this outcome, if it is tried again at all."""
    match outcome.kind:
        case OutcomeKind.TRANSIENT:
            return Move.AS_BEFORE if outcome.reason in _OF_THE_RECIPIENT | {Reason.WORKER_LOST} else Move.ON
        case OutcomeKind.THROTTLED:
            return Move.AS_BEFORE if outcome.reason in _OF_THE_RECIPIENT else Move.ON_IF_ROOM
        case OutcomeKind.UNCERTAIN:
            return Move.STAY
        case OutcomeKind.RECIPIENT_PERMANENT | OutcomeKind.MESSAGE_PERMANENT:
            return Move.ELSEWHERE if outcome.reason in _OF_THE_SERVICE else Move.AS_BEFORE
        case OutcomeKind.ACCEPTED | OutcomeKind.RECIPIENT_OPTED_OUT | OutcomeKind.CONFIG_PERMANENT:
            return Move.AS_BEFORE


def count_as(outcome: Outcome) -> str:
    """The word under which a try is counted in a provider's history.

    accepted; refused (because of the recipient or the message); throttled; failed (the service or its settings);
    uncertain.
    """
    match outcome.kind:
        case OutcomeKind.ACCEPTED:
            return "accepted"
        case OutcomeKind.RECIPIENT_PERMANENT | OutcomeKind.RECIPIENT_OPTED_OUT | OutcomeKind.MESSAGE_PERMANENT:
            return "refused"
        case OutcomeKind.THROTTLED:
            return "throttled"
        case OutcomeKind.UNCERTAIN:
            return "uncertain"
        case OutcomeKind.TRANSIENT:
            return "refused" if outcome.reason in _OF_THE_RECIPIENT | _OURS else "failed"
        case OutcomeKind.CONFIG_PERMANENT:
            return "failed"


def is_services_failure(outcome: Outcome) -> bool:
    """Whether the service itself failed, so that it may fail the next one as well; not for a fault of our own."""
    return outcome.reason is not Reason.POISON and count_as(outcome) in {"failed", "uncertain"}
