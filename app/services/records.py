"""Rows with what belongs to them, as programs see them: a target with its user, a message with its numbers."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select

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


def of_targets(work: Work, targets: Sequence[Target]) -> list[TargetRecord]:
    """These targets in this order."""
    contacts = _by_pk(work, Contact, {target.contact_pk for target in targets})
    bound = {target.provider_pk for target in targets} - {None}
    providers = _by_pk(work, Provider, {pk for pk in bound if pk is not None})
    records = []
    for target in targets:
        provider = providers.get(target.provider_pk) if target.provider_pk is not None else None
        records.append(TargetRecord(target, contacts[target.contact_pk], provider.id if provider else None))
    return records


def of_contacts(work: Work, contacts: Sequence[Contact]) -> list[ContactRecord]:
    """These contacts in this order, each with its targets, the oldest first."""
    wanted = select(Target).where(Target.contact_pk.in_([contact.pk for contact in contacts])).order_by(Target.pk)
    mine: dict[int, list[TargetRecord]] = {}
    for record in of_targets(work, list(work.session.scalars(wanted)) if contacts else []):
        mine.setdefault(record.contact.pk, []).append(record)
    return [ContactRecord(contact, mine.get(contact.pk, [])) for contact in contacts]


def of_subscribers(work: Work, subscribers: Sequence[Subscriber]) -> list[SubscriberRecord]:
    """These subscribers in this order."""
    targets = _by_pk(work, Target, {subscriber.target_pk for subscriber in subscribers})
    topics = _by_pk(work, Topic, {subscriber.topic_pk for subscriber in subscribers})
    records = of_targets(work, [targets[subscriber.target_pk] for subscriber in subscribers])
    return [
        SubscriberRecord(subscriber, record, topics[subscriber.topic_pk].id)
        for subscriber, record in zip(subscribers, records, strict=True)
    ]


def of_messages(work: Work, messages: Sequence[Message]) -> list[MessageRecord]:
    """These messages in this order."""
    tallies = deliveries.tallies_of(work, [message.pk for message in messages])
    records = []
    for message in messages:
        tally = tallies.get(message.pk)
        if tally is None:
            records.append(MessageRecord(message))
            continue
        reached = tally.sent + tally.delivered
        lost = tally.failed + tally.bounced + tally.uncertain
        errors = deliveries.errors_of(work, message, MOST_ERRORS) if lost else []
        had_nobody = message.fanned_out_at is not None and tally.audience == 0
        records.append(MessageRecord(message, reached, reached + lost, errors, had_nobody))
    return records


def _by_pk(work: Work, table: Any, pks: set[int]) -> dict[int, Any]:
    if not pks:
        return {}
    return {row.pk: row for row in work.session.scalars(select(table).where(table.pk.in_(pks)))}
