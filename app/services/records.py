"""Rows with what belongs to them, as programs see them: a target with its user, a message with its numbers."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import bindparam, select

from app.models.contacts import Contact
from app.models.messages import Message
from app.models.providers import Provider
from app.models.targets import Target
from app.models.topics import Subscriber, Topic
from app.services import deliveries
from app.services.work import Work

MOST_ERRORS = 100


@dataclass(frozen=True, slots=True)
class TargetRecord:
    """A target with the public ids of whom it belongs to and of the provider it is bound to."""

    target: Target
    contact: Contact
    provider_id: str | None = None


@dataclass(frozen=True, slots=True)
class ContactRecord:
    """A contact with its targets."""

    contact: Contact
    targets: list[TargetRecord]


@dataclass(frozen=True, slots=True)
class SubscriberRecord:
    """A subscriber with its target and topic."""

    subscriber: Subscriber
    target: TargetRecord
    topic_id: str


@dataclass(frozen=True, slots=True)
class MessageRecord:
    """A message with what became of it: how many it reached, and (address, reason code) of those it did not.

    `had_nobody`: it was unfolded, and there was no recipient at all.
    """

    message: Message
    reached: int = 0
    tried: int = 0
    errors: list[tuple[str, str]] = field(default_factory=list)
    had_nobody: bool = False


# One statement each, made once: most answers of the API draw targets.
_WITH_OWNERS = (
    select(Target, Contact, Provider.id)
    .join(Contact, Contact.pk == Target.contact_pk)
    .outerjoin(Provider, Provider.pk == Target.provider_pk)
    .where(Target.pk.in_(bindparam("pks", expanding=True)))
)
_TOPIC_IDS = select(Topic.pk, Topic.id).where(Topic.pk.in_(bindparam("pks", expanding=True)))


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
    records = []
    for message in messages:
        reach = reaches.get(message.pk)
        if reach is None:
            records.append(MessageRecord(message))
            continue
        errors = deliveries.errors_of(work, message, MOST_ERRORS) if reach.lost else []
        had_nobody = message.fanned_out_at is not None and reach.audience == 0
        records.append(MessageRecord(message, reach.reached, reach.reached + reach.lost, errors, had_nobody))
    return records
