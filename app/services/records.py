"""Rows with what belongs to them, as programs see them: a target with its user, a message with its numbers."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Integer, bindparam, select

from app.infra.prepared import Prepared
from app.models.contacts import Contact
from app.models.messages import Message
from app.models.providers import Provider
from app.models.targets import Target
from app.models.topics import Subscriber, Topic
from app.services import deliveries
from app.services.work import Work, missing

MOST_ERRORS = 100


@dataclass(frozen=True, slots=True)
class TargetRecord:
    """A target with whom it belongs to and the public id of the provider it is bound to.

    They are objects of the models, or rows with what answers draw of them.
    """

    target: Any
    contact: Any
    provider_id: str | None = None


@dataclass(frozen=True, slots=True)
class ContactRecord:
    """A contact with its targets."""

    contact: Contact
    targets: list[TargetRecord]


@dataclass(frozen=True, slots=True)
class SubscriberRecord:
    """A subscriber with its target and topic; `subscriber` is one, or a Dated."""

    subscriber: Any
    target: TargetRecord
    topic_id: str

    @property
    def id(self) -> str:
        """The subscriber's public id."""
        return str(self.subscriber.id)


class Named(NamedTuple):
    """What answers say of somebody else."""

    id: str
    name: str


class Dated(NamedTuple):
    """What every answer says of a row."""

    id: str
    created_at: datetime
    updated_at: datetime


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


# One statement each, made once: most answers of the API draw targets.
_WITH_OWNERS = (
    select(Target, Contact, Provider.id)
    .join(Contact, Contact.pk == Target.contact_pk)
    .outerjoin(Provider, Provider.pk == Target.provider_pk)
    .where(Target.pk.in_(bindparam("pks", expanding=True)))
)
_TOPIC_IDS = select(Topic.pk, Topic.id).where(Topic.pk.in_(bindparam("pks", expanding=True)))

_DRAWN = (
    Message.pk, Message.id, Message.created_at, Message.updated_at, Message.channel, Message.content, Message.audience,
    Message.status, Message.scheduled_at, Message.settled_at, Message.fanned_out_at,
)  # fmt: skip
_MESSAGES = deliveries.with_reach(select(*_DRAWN)).where(Message.project_pk == bindparam("project"))
_MESSAGE = Prepared(_MESSAGES.where(Message.id == bindparam("id")))


def of_targets(work: Work, targets: Sequence[Target]) -> list[TargetRecord]:
    """These targets in this order."""
    records = _by_pk(work, {target.pk for target in targets})
    return [records[target.pk] for target in targets]


def _by_pk(work: Work, pks: set[int]) -> dict[int, TargetRecord]:
    if not pks:
        return {}
    rows = work.session.execute(_WITH_OWNERS, {"pks": list(pks)})
    return {target.pk: TargetRecord(target, contact, provider_id) for target, contact, provider_id in rows}


def of_contacts(work: Work, contacts: Sequence[Contact]) -> list[ContactRecord]:
    """These contacts in this order, each with its targets, the oldest first."""
    wanted = select(Target).where(Target.contact_pk.in_([contact.pk for contact in contacts])).order_by(Target.pk)
    mine: dict[int, list[TargetRecord]] = {}
    for record in of_targets(work, list(work.session.scalars(wanted)) if contacts else []):
        mine.setdefault(record.contact.pk, []).append(record)
    return [ContactRecord(contact, mine.get(contact.pk, [])) for contact in contacts]


def of_subscribers(work: Work, subscribers: Sequence[Subscriber]) -> list[SubscriberRecord]:
    """These subscribers in this order."""
    targets = _by_pk(work, {subscriber.target_pk for subscriber in subscribers})
    topic_pks = list({subscriber.topic_pk for subscriber in subscribers})
    topics = dict(work.session.execute(_TOPIC_IDS, {"pks": topic_pks}).all()) if topic_pks else {}
    return [
        SubscriberRecord(subscriber, targets[subscriber.target_pk], topics[subscriber.topic_pk])
        for subscriber in subscribers
    ]


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
