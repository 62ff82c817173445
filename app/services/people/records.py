"""Rows with what belongs to them, as programs see them: a target with its user, a user with its targets."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import bindparam, select

from app.models.contacts import Contact
from app.models.providers import Provider
from app.models.targets import Target
from app.models.topics import Subscriber, Topic
from app.services.work import Work


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
