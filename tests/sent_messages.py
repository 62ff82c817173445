"""Messages that were sent, with their deliveries, attempts and numbers, written straight into the tables."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from app.models.deliveries import Attempt, Delivery, Tally
from app.models.messages import Message, MessageEvent
from app.models.providers import Provider
from tests.conftest import START
from tests.factories import make_message

REASONS = {
    "failed": "mailbox_unknown", "bounced": "mailbox_unknown", "skipped": "suppressed", "uncertain": "connection_lost",
    "sent": "accepted", "delivered": "accepted",
}  # fmt: skip
STATES = ("queued", "sending", "sent", "delivered", "bounced", "failed", "skipped", "uncertain")
OUTCOMES = {"failed": "recipient_permanent", "uncertain": "uncertain", "sent": "accepted", "delivered": "accepted"}


def make_sent(
    session: Session, states: dict[str, int], *, provider: Provider | None = None, at: datetime = START, **columns: Any
) -> Message:
    """A message with that many deliveries in each state: sent-0@example.org, failed-0@example.org and so on."""
    is_open = bool(states.get("queued") or states.get("sending"))
    went_wrong = states.get("failed") or states.get("bounced") or states.get("uncertain")
    status = "processing" if is_open else "failed" if went_wrong else "sent"
    values: dict[str, Any] = {
        "status": status,
        "started_at": at,
        "fanned_out_at": at,
        "settled_at": None if is_open else at,
    }
    message = make_message(session, **(values | columns))
    for state, count in states.items():
        for index in range(count):
            add_delivery(session, message, state, f"{state}-{index}@example.org", provider=provider, at=at)
    numbers = {state: states.get(state, 0) for state in STATES}
    session.add(Tally(message_pk=message.pk, audience=sum(states.values()), updated_at=at, **numbers))
    session.add(MessageEvent(message_pk=message.pk, at=at, event="started", actor_name="Ed", details={}))
    session.flush()
    return message


def add_delivery(
    session: Session, message: Message, state: str, address: str, *, provider: Provider | None = None,
    at: datetime = START, reason: str | None = None,
) -> Delivery:  # fmt: skip
    """One delivery of a message, with its attempt when it was tried."""
    outcome = OUTCOMES.get(state)
    delivery = Delivery(
        project_pk=message.project_pk, message_pk=message.pk, address=address, channel=message.channel, state=state,
        reason=REASONS.get(state, "") if reason is None else reason, attempts=1 if outcome else 0,
        provider_pk=provider.pk if provider and outcome else None, next_attempt_at=at, created_at=at, updated_at=at,
    )  # fmt: skip
    session.add(delivery)
    session.flush()
    if outcome:
        session.add(
            Attempt(
                delivery_pk=delivery.pk, message_pk=message.pk, provider_pk=delivery.provider_pk, number=1,
                started_at=at, ended_at=at + timedelta(milliseconds=120), outcome=outcome, reason=delivery.reason,
                code="550 5.1.1" if state == "failed" else "250",
                detail="5.1.1 No such mailbox" if state == "failed" else "",
            )
        )  # fmt: skip
        session.flush()
    return delivery
