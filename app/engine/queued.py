"""The ledger's commands for deliveries that wait in the queue: skip them, hurry them, send them another way.

Like `engine.ledger` these are the only writers of what they write; the caller commits.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from sqlalchemy import select, text, update
from sqlalchemy.orm import Session

from app.domain.delivery_states import DeliveryState
from app.domain.outcomes import Reason
from app.engine.ledger import add_to_tally
from app.models.base import to_milliseconds
from app.models.deliveries import Delivery

# Whoever asks for another try asks for all ways again.
_ORIGINAL_WISH = (
    "CASE WHEN wish_pk < 0 THEN COALESCE((SELECT detours.wish_pk FROM detours WHERE detours.pk = -deliveries.wish_pk),"
    " 0) ELSE wish_pk END"
)

_SEND_ON = text(
    "UPDATE deliveries SET wish_pk = :wish, next_attempt_at = COALESCE(:due, next_attempt_at)"
    " WHERE pk = :pk AND state = 'queued'"
)


def skip_queued(session: Session, message_pk: int, size: int, now: datetime) -> int:
    """Skip up to `size` queued deliveries of a cancelled message; how many."""
    some = (
        select(Delivery.pk)
        .where(Delivery.message_pk == message_pk, Delivery.state == DeliveryState.QUEUED.value)
        .limit(size)
    )
    done = session.execute(
        update(Delivery)
        .where(Delivery.pk.in_(some), Delivery.state == DeliveryState.QUEUED.value)
        .values(state=DeliveryState.SKIPPED.value, reason=Reason.CANCELLED.value, updated_at=now)
        .execution_options(synchronize_session=False)
    ).rowcount  # type: ignore[attr-defined]
    add_to_tally(session, message_pk, {"queued": -done, "skipped": done}, now)
    return int(done)


def requeue(
    session: Session, message_pk: int, states: Iterable[DeliveryState], reasons: Sequence[str], now: datetime
) -> int:
    """Give these deliveries another try, now, with full patience and every provider open to them; how many.

    No reason named means all of them.
    """
    total = 0
    for state in states:
        chosen = [Delivery.message_pk == message_pk, Delivery.state == state.value]
        if reasons:
            chosen.append(Delivery.reason.in_(reasons))
        values = {
            "state": DeliveryState.QUEUED.value, "next_attempt_at": now, "first_tried_at": None, "updated_at": now,
            "wish_pk": text(_ORIGINAL_WISH),
        }  # fmt: skip
        done = session.execute(
            update(Delivery).where(*chosen).values(values).execution_options(synchronize_session=False)
        ).rowcount  # type: ignore[attr-defined]
        add_to_tally(session, message_pk, {state.value: -done, "queued": done}, now)
        total += done
    return total


def hurry(session: Session, message_pk: int, now: datetime) -> None:
    """Let every queued delivery of a message be due now, because what they waited for was repaired."""
    session.execute(
        update(Delivery)
        .where(
            Delivery.message_pk == message_pk,
            Delivery.state == DeliveryState.QUEUED.value,
            Delivery.next_attempt_at > now,
        )
        .values(next_attempt_at=now)
        .execution_options(synchronize_session=False)
    )


def send_on(session: Session, wish_pk: int, dues: Mapping[int, datetime | None]) -> None:
    """Put queued deliveries, by number, into another lane of their message; due then, or (None) when they were."""
    session.execute(
        _SEND_ON,
        [{"pk": pk, "wish": wish_pk, "due": None if due is None else to_milliseconds(due)} for pk, due in dues.items()],
    )
