"""Messages with what became of them, as programs see them."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import Integer, bindparam, select

from app.infra.prepared import Prepared
from app.models.messages import Message
from app.services.tracking import deliveries
from app.services.work import Work, missing

MOST_ERRORS = 100


class MessageRecord(NamedTuple):
    """A message with what became of it: how many it reached, and (address, reason code) of those it did not.

    `message` is a Message or a row of what answers draw of one. `had_nobody`: it was unfolded, and there was no
    recipient at all.
    """

    message: Any
    reached: int = 0
    tried: int = 0
    errors: Sequence[tuple[str, str]] = ()
    had_nobody: bool = False


_DRAWN = (
    Message.pk, Message.id, Message.created_at, Message.updated_at, Message.channel, Message.content, Message.audience,
    Message.status, Message.scheduled_at, Message.settled_at, Message.fanned_out_at,
)  # fmt: skip
_MESSAGES = deliveries.with_reach(select(*_DRAWN)).where(Message.project_pk == bindparam("project"))
_MESSAGE = Prepared(_MESSAGES.where(Message.id == bindparam("id")))


def of_messages(work: Work, messages: Sequence[Message]) -> list[MessageRecord]:
    """These messages in this order."""
    reaches = deliveries.reaches_of(work, [message.pk for message in messages])
    return [_of_message(work, message, reaches.get(message.pk)) for message in messages]


def find_message(work: Work, message_id: str) -> MessageRecord:
    """The message with that id; NotFound when there is none."""
    work.require("messages.read")
    row = work.row(_MESSAGE, project=work.project_pk, id=message_id)
    if row is None:
        raise missing("message", "message_not_found")
    return _of_row(work, row)


def list_messages(work: Work, page: Prepared, limit: int, offset: int) -> list[MessageRecord]:
    """One page of the project's messages; `page` is made by `page_of_messages`."""
    return [_of_row(work, row) for row in work.rows(page, project=work.project_pk, limit=limit, offset=offset)]


def page_of_messages(order: Sequence[Any]) -> Prepared:
    """The statement of a page of all messages in that order, with what became of them."""
    limit, offset = bindparam("limit", type_=Integer), bindparam("offset", type_=Integer)
    return Prepared(_MESSAGES.order_by(*order).limit(limit).offset(offset))


def _of_row(work: Work, row: Any) -> MessageRecord:
    reach = None if row.recipients is None else deliveries.Reach(row.recipients, row.reached, row.lost)
    return _of_message(work, row, reach)


def _of_message(work: Work, message: Any, reach: deliveries.Reach | None) -> MessageRecord:
    if reach is None:
        return MessageRecord(message)
    errors = deliveries.errors_of(work, message.pk, MOST_ERRORS) if reach.lost else ()
    had_nobody = message.fanned_out_at is not None and reach.audience == 0
    return MessageRecord(message, reach.reached, reach.reached + reach.lost, errors, had_nobody)
