"""What may be done to a message on its way: start, set aside, pause, resume, cancel, try again, settle.

Each function takes a session whose transaction the caller commits, and is safe to run twice.
"""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import ColumnElement, TextClause, select
from sqlalchemy.orm import Session

from app.domain.errors import Conflict
from app.domain.message_states import MessageEvent, MessageStatus, next_status
from app.engine import gate, ledger, queued, timeline
from app.models.messages import Message

CANCELLED = "This message was cancelled, so nothing of it is sent again. Duplicate it to write to these people."


def lock(session: Session, message_pk: int) -> Message | None:
    """The message, held against every other writer until the transaction ends."""
    return session.scalar(
        select(Message).where(Message.pk == message_pk).with_for_update().execution_options(populate_existing=True)
    )


def start(session: Session, message: Message, event: MessageEvent, now: datetime, *, by: str = "") -> None:
    """Begin to send. Raises Conflict when the message is not a draft or scheduled any more, or all is stopped."""
    gate.require_open(session)
    message.status = next_status(MessageStatus(message.status), event).value
    message.started_at = now
    message.late_at = None
    message.updated_at = now
    ledger.open_tally(session, message.pk, now)
    timeline.note(session, message.pk, "started", now, by=by)


def set_aside(session: Session, message: Message, now: datetime) -> None:
    """A scheduled message came later than it may start: it waits for a person, who sends, moves or takes it back."""
    message.late_at = message.updated_at = now
    timeline.note(session, message.pk, "late", now)


def pause(session: Session, message: Message, now: datetime, *, by: str) -> None:
    """Stop between two recipients. Raises Conflict when nothing is being sent."""
    _require_processing(message, "paused")
    if message.paused_at is None:
        message.paused_at = message.updated_at = now
        timeline.note(session, message.pk, "paused", now, by=by)


def resume(session: Session, message: Message, now: datetime, *, by: str) -> None:
    """Go on after a pause."""
    _require_processing(message, "resumed")
    if message.paused_at is not None:
        message.paused_at = None
        message.updated_at = now
        timeline.note(session, message.pk, "resumed", now, by=by)


def cancel(session: Session, message: Message, now: datetime, *, by: str) -> int:
    """Stop for good: whoever was not written to yet is skipped; how many those are right now."""
    _require_processing(message, "cancelled")
    tally = ledger.tally_of(session, message.pk)
    left = tally.queued if tally is not None else 0
    if message.cancelled_at is None:
        message.cancelled_at = message.updated_at = now
        message.paused_at = None
        message.fanned_out_at = message.fanned_out_at or now
        message.waiting_reason = ""
        timeline.note(session, message.pk, "cancelled", now, by=by, left=left)
    return left


def replay(
    session: Session,
    message: Message,
    numbers: Collection[int],
    now: datetime,
    *still: ColumnElement[bool] | TextClause,
) -> int:
    """Give these deliveries of the message another try, by their numbers, where `still` holds; how many those are.

    Conflict when the message was cancelled: whoever stopped it for good is not overruled by whoever clears up after.
    The caller notes it on the timeline, once for all pages of a large replay.
    """
    if message.cancelled_at is not None:
        raise Conflict(CANCELLED)
    status = MessageStatus(message.status)
    after = status if status is MessageStatus.PROCESSING else next_status(status, MessageEvent.RETRY_FAILED)
    total = queued.requeue(session, message.pk, numbers, now, *still)
    if total:
        message.status, message.settled_at, message.updated_at = after.value, None, now
    return total


def settle(session: Session, message: Message, now: datetime) -> bool:
    """Decide whether the message is finished, and how; true when it ended now."""
    tally = ledger.tally_of(session, message.pk)
    if message.status != MessageStatus.PROCESSING.value or message.fanned_out_at is None or tally is None:
        return False
    if tally.queued or tally.sending:
        return False
    # Whoever sends to nobody is told so, as the REST contract has it (15.2).
    is_clean = tally.audience > 0 and not (tally.failed or tally.bounced or tally.uncertain or message.cancelled_at)
    event = MessageEvent.SETTLE_CLEAN if is_clean else MessageEvent.SETTLE_WITH_FAILURES
    message.status = next_status(MessageStatus.PROCESSING, event).value
    message.settled_at = message.updated_at = now
    message.paused_at = None
    message.waiting_reason = ""
    timeline.note(
        session, message.pk, "settled", now, sent=tally.sent + tally.delivered, failed=tally.failed + tally.bounced
    )
    return True


def _require_processing(message: Message, word: str) -> None:
    if message.status != MessageStatus.PROCESSING.value:
        raise Conflict(f"Only a message that is being sent can be {word}; this one is {message.status}.")
