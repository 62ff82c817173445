"""The ledger's commands for deliveries that wait in the queue: skip them, hurry them, send them another way.

Like `engine.ledger` these are the only writers of what they write; the caller commits.
"""

from collections.abc import Collection, Mapping
from datetime import datetime

from sqlalchemy import ColumnElement, Select, TextClause, select, text, update
from sqlalchemy.orm import Session

from app.domain.delivery_states import RETRYABLE, DeliveryState
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
# SQLAlchemy knows no difference of two moments that both databases have; they are milliseconds, as the columns are.
_WAIT_FROM_NOW = (
    update(Delivery)
    .values(
        next_attempt_at=text(
            ":now + CASE WHEN next_attempt_at > updated_at THEN next_attempt_at - updated_at ELSE 0 END"
        ),
        updated_at=text(":now"),
    )
    .execution_options(synchronize_session=False)
)


def skip_queued(session: Session, message_pk: int, size: int, now: datetime) -> int:
    """Skip up to `size` queued deliveries of a cancelled message; how many."""
    some = _held(Delivery.message_pk == message_pk, Delivery.state == DeliveryState.QUEUED.value).limit(size)
    done = session.execute(
        update(Delivery)
        .where(Delivery.pk.in_(some), Delivery.state == DeliveryState.QUEUED.value)
        .values(state=DeliveryState.SKIPPED.value, reason=Reason.CANCELLED.value, updated_at=now)
        .execution_options(synchronize_session=False)
    ).rowcount  # type: ignore[attr-defined]
    add_to_tally(session, message_pk, {"queued": -done, "skipped": done}, now)
    return int(done)


def requeue(
    session: Session,
    message_pk: int,
    numbers: Collection[int],
    now: datetime,
    *still: ColumnElement[bool] | TextClause,
) -> int:
    """Give these failed or uncertain deliveries another try, now, with full patience and every provider open to them.

    How many: those of the `numbers` that still are failed or uncertain, and for which all of `still` holds. Whoever had
    dismissed one finds it here again should it end badly once more.
    """
    total = 0
    for state in sorted(RETRYABLE):
        chosen = [Delivery.message_pk == message_pk, Delivery.state == state.value, Delivery.pk.in_(numbers), *still]
        values = {
            "state": DeliveryState.QUEUED.value, "next_attempt_at": now, "first_tried_at": None, "updated_at": now,
            "wish_pk": text(_ORIGINAL_WISH), "dismissal_pk": None,
        }  # fmt: skip
        done = session.execute(
            update(Delivery)
            .where(Delivery.pk.in_(_held(*chosen)))
            .values(values)
            .execution_options(synchronize_session=False)
        ).rowcount  # type: ignore[attr-defined]
        add_to_tally(session, message_pk, {state.value: -done, "queued": done}, now)
        total += done
    return total


def hurry(session: Session, message_pk: int, now: datetime) -> None:
    """Let every queued delivery of a message be due now, because what they waited for was repaired."""
    waiting = _held(
        Delivery.message_pk == message_pk,
        Delivery.state == DeliveryState.QUEUED.value,
        Delivery.next_attempt_at > now,
    )
    session.execute(
        update(Delivery)
        .where(Delivery.pk.in_(waiting))
        .values(next_attempt_at=now)
        .execution_options(synchronize_session=False)
    )


def forget_future(session: Session, message_pk: int, now: datetime, beyond: datetime) -> None:
    """Let queued deliveries that were written at a moment that lies in the future wait from now on, as long as meant.

    The clock was set back since. `beyond` is from when on a moment counts as one of the future.
    """
    written = _held(
        Delivery.message_pk == message_pk,
        Delivery.state == DeliveryState.QUEUED.value,
        Delivery.next_attempt_at > now,
        Delivery.updated_at > beyond,
    )
    session.execute(_WAIT_FROM_NOW.where(Delivery.pk.in_(written)), {"now": to_milliseconds(now)})


def send_on(session: Session, wish_pk: int, dues: Mapping[int, datetime | None]) -> None:
    """Put queued deliveries, by number, into another lane of their message; due then, or (None) when they were."""
    session.execute(
        _SEND_ON,
        [
            {"pk": pk, "wish": wish_pk, "due": None if due is None else to_milliseconds(due)}
            for pk, due in sorted(dues.items())
        ],
    )


def _held(*chosen: ColumnElement[bool] | TextClause) -> Select[int]:
    """The numbers of these deliveries, locked by number as everybody does it: an UPDATE alone locks as it finds them.

    SQLite, which has one writer at a time, leaves the lock out.
    """
    return select(Delivery.pk).where(*chosen).order_by(Delivery.pk).with_for_update()
