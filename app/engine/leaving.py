"""What an address's leaving means for messages that are on their way to it."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.delivery_states import DeliveryState
from app.domain.outcomes import Reason
from app.engine import ledger
from app.engine.audience import chosen_targets
from app.models.deliveries import Delivery
from app.models.messages import Message
from app.models.targets import Target


def skip_unwanted(session: Session, target: Target, now: datetime) -> int:
    """Skip what is queued for this target in messages whose audience does not name it any more; how many.

    Call it when the target's subscriptions are gone. A message that names the person besides its topics still goes to
    it, and what a worker holds already is sent.
    """
    waiting = session.execute(
        select(Delivery.pk, Message)
        .join(Message, Message.pk == Delivery.message_pk)
        .where(
            Delivery.project_pk == target.project_pk, Delivery.address == target.address_key,
            Delivery.channel == target.channel, Delivery.state == DeliveryState.QUEUED.value,
            Delivery.target_pk == target.pk,
        )
        .order_by(Delivery.pk)
        .with_for_update(of=Delivery)
    ).all()  # fmt: skip
    unwanted = [(pk, message) for pk, message in waiting if not _is_named(session, message, target)]
    _skip(session, unwanted, now)
    return len(unwanted)


def _is_named(session: Session, message: Message, target: Target) -> bool:
    everyone = chosen_targets(session, message.project_pk, message.channel, message.audience).subquery()
    named = select(everyone.c.target_pk).where(everyone.c.target_pk == target.pk)
    return session.scalar(named) is not None


def _skip(session: Session, unwanted: Sequence[tuple[int, Message]], now: datetime) -> None:
    before, after = DeliveryState.QUEUED.value, DeliveryState.SKIPPED.value
    ledger.move_held(session, [(pk, after, Reason.OPTED_OUT.value, "") for pk, _ in unwanted], now)
    counts = Counter(message.pk for _, message in unwanted)
    for message_pk, count in sorted(counts.items()):  # by number, as everybody takes tallies
        ledger.add_to_tally(session, message_pk, {before: -count, after: count}, now)
