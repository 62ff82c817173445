"""What an outcome means for the other providers: one row for each of the eight classes."""

import pytest

from app.domain.failover import Move, count_as, is_services_failure, move_after
from app.domain.outcomes import Outcome, OutcomeKind, Reason


@pytest.mark.parametrize(
    ("kind", "reason", "move", "word"),
    [
        (OutcomeKind.ACCEPTED, Reason.ACCEPTED, Move.AS_BEFORE, "accepted"),
        (OutcomeKind.RECIPIENT_PERMANENT, Reason.MAILBOX_UNKNOWN, Move.AS_BEFORE, "refused"),
        (OutcomeKind.RECIPIENT_OPTED_OUT, Reason.OPTED_OUT, Move.AS_BEFORE, "refused"),
        (OutcomeKind.MESSAGE_PERMANENT, Reason.CONTENT_REJECTED, Move.AS_BEFORE, "refused"),
        (OutcomeKind.MESSAGE_PERMANENT, Reason.TOO_LARGE, Move.ELSEWHERE, "refused"),
        (OutcomeKind.MESSAGE_PERMANENT, Reason.NOT_CONFIGURED, Move.ELSEWHERE, "refused"),
        (OutcomeKind.MESSAGE_PERMANENT, Reason.SENDER_REFUSED, Move.AS_BEFORE, "refused"),
        (OutcomeKind.RECIPIENT_PERMANENT, Reason.ADDRESS_NEEDS_SMTPUTF8, Move.ELSEWHERE, "refused"),
        (OutcomeKind.CONFIG_PERMANENT, Reason.NOT_CONFIGURED, Move.AS_BEFORE, "failed"),
        (OutcomeKind.CONFIG_PERMANENT, Reason.AUTHENTICATION_FAILED, Move.AS_BEFORE, "failed"),
        (OutcomeKind.THROTTLED, Reason.RATE_LIMITED, Move.ON_IF_ROOM, "throttled"),
        (OutcomeKind.THROTTLED, Reason.GREYLISTED, Move.AS_BEFORE, "throttled"),
        (OutcomeKind.TRANSIENT, Reason.UNREACHABLE, Move.ON, "failed"),
        (OutcomeKind.TRANSIENT, Reason.SERVER_ERROR, Move.ON, "failed"),
        (OutcomeKind.TRANSIENT, Reason.MAILBOX_FULL, Move.AS_BEFORE, "refused"),
        (OutcomeKind.UNCERTAIN, Reason.CONNECTION_LOST, Move.STAY, "uncertain"),
    ],
)
def test_where_a_delivery_goes_and_how_a_try_is_counted(
    kind: OutcomeKind, reason: Reason, move: Move, word: str
) -> None:
    outcome = Outcome(kind, reason)
    assert move_after(outcome) is move
    assert count_as(outcome) == word
    assert is_services_failure(outcome) == (word in {"failed", "uncertain"})


def test_an_uncertain_delivery_never_goes_to_somebody_else_whatever_the_reason() -> None:
    assert {move_after(Outcome(OutcomeKind.UNCERTAIN, reason)) for reason in Reason} == {Move.STAY}
