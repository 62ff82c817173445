"""Both state machines, exhaustively: every state with every event."""

from itertools import product

import pytest

from app.domain.delivery_states import TRANSITIONS as DELIVERY_TRANSITIONS
from app.domain.delivery_states import DeliveryEvent, DeliveryState, event_of, next_state
from app.domain.errors import Conflict
from app.domain.message_states import TRANSITIONS, MessageEvent, MessageStatus, Phase, next_status
from app.domain.outcomes import OutcomeKind


@pytest.mark.parametrize(("status", "event"), list(product(MessageStatus, MessageEvent)))
def test_a_message_goes_where_the_table_says_or_refuses_in_words(status: MessageStatus, event: MessageEvent) -> None:
    if (status, event) in TRANSITIONS:
        assert next_status(status, event) is TRANSITIONS[status, event]
        return
    with pytest.raises(Conflict) as refusal:
        next_status(status, event)
    assert refusal.value.message.endswith(".")
    assert refusal.value.type == "general_argument_invalid" or refusal.value.type.startswith("message_already_")


def test_only_a_draft_or_a_scheduled_message_can_be_started() -> None:
    starts = {status for (status, event), after in TRANSITIONS.items() if event is MessageEvent.SEND and after}
    assert starts == {MessageStatus.DRAFT, MessageStatus.SCHEDULED}


@pytest.mark.parametrize(
    ("status", "paused", "cancelled", "word"),
    [
        (MessageStatus.DRAFT, False, False, "draft"),
        (MessageStatus.PROCESSING, False, False, "sending"),
        (MessageStatus.PROCESSING, True, False, "paused"),
        (MessageStatus.PROCESSING, False, True, "cancelled"),
        (MessageStatus.FAILED, False, True, "cancelled"),
        (MessageStatus.SENT, False, False, "sent"),
    ],
)
def test_people_see_one_word_for_a_message(status: MessageStatus, paused: bool, cancelled: bool, word: str) -> None:
    assert Phase.of(status, paused=paused, cancelled=cancelled).word == word


@pytest.mark.parametrize(("state", "event"), list(product(DeliveryState, DeliveryEvent)))
def test_a_delivery_goes_where_the_table_says_or_stays(state: DeliveryState, event: DeliveryEvent) -> None:
    assert next_state(state, event) is DELIVERY_TRANSITIONS.get((state, event))


@pytest.mark.parametrize(("kind", "exhausted", "hold"), list(product(OutcomeKind, [True, False], [True, False])))
def test_every_outcome_leads_a_sending_delivery_somewhere(kind: OutcomeKind, exhausted: bool, hold: bool) -> None:
    event = event_of(kind, exhausted=exhausted, hold_uncertain=hold)
    assert next_state(DeliveryState.SENDING, event) is not None


@pytest.mark.parametrize(
    ("kind", "exhausted", "hold", "state"),
    [
        (OutcomeKind.ACCEPTED, True, True, DeliveryState.SENT),
        (OutcomeKind.RECIPIENT_PERMANENT, False, False, DeliveryState.FAILED),
        (OutcomeKind.RECIPIENT_OPTED_OUT, False, False, DeliveryState.FAILED),
        (OutcomeKind.MESSAGE_PERMANENT, False, False, DeliveryState.FAILED),
        (OutcomeKind.CONFIG_PERMANENT, True, True, DeliveryState.QUEUED),
        (OutcomeKind.THROTTLED, False, False, DeliveryState.QUEUED),
        (OutcomeKind.TRANSIENT, False, False, DeliveryState.QUEUED),
        (OutcomeKind.TRANSIENT, True, False, DeliveryState.FAILED),
        (OutcomeKind.UNCERTAIN, False, False, DeliveryState.QUEUED),
        (OutcomeKind.UNCERTAIN, False, True, DeliveryState.UNCERTAIN),
        (OutcomeKind.UNCERTAIN, True, False, DeliveryState.UNCERTAIN),
    ],
)
def test_what_an_outcome_makes_of_a_delivery(
    kind: OutcomeKind, exhausted: bool, hold: bool, state: DeliveryState
) -> None:
    event = event_of(kind, exhausted=exhausted, hold_uncertain=hold)
    assert next_state(DeliveryState.SENDING, event) is state


@pytest.mark.parametrize("kind", [OutcomeKind.RECIPIENT_PERMANENT, OutcomeKind.MESSAGE_PERMANENT])
def test_what_may_leave_its_provider_is_tried_again_while_there_is_time(kind: OutcomeKind) -> None:
    for exhausted, event in ((False, DeliveryEvent.TRY_LATER), (True, DeliveryEvent.REJECTED)):
        assert event_of(kind, exhausted=exhausted, hold_uncertain=True, may_leave=True) is event


def test_a_receipt_heals_what_was_uncertain_or_failed() -> None:
    for state in (DeliveryState.UNCERTAIN, DeliveryState.FAILED):
        assert next_state(state, DeliveryEvent.RECEIPT_DELIVERED) is DeliveryState.DELIVERED


def test_a_late_bounce_overrides_delivered() -> None:
    assert next_state(DeliveryState.DELIVERED, DeliveryEvent.RECEIPT_BOUNCED) is DeliveryState.BOUNCED
