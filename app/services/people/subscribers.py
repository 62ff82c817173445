"""Subscribers: the addresses in a topic; every change keeps the topic's totals."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from secrets import token_bytes
from typing import Any

from sqlalchemy import ColumnElement, and_, bindparam, func, insert, select

from app.domain.channels import Channel
from app.domain.errors import Conflict, Invalid, NotFound
from app.domain.ids import CUSTOM_ID_RULE, is_custom_id, unique
from app.domain.permissions import OWN_ACCOUNT
from app.infra.prepared import Prepared
from app.models.base import to_milliseconds
from app.models.contacts import Contact
from app.models.providers import Provider
from app.models.suppressions import Suppression
from app.models.targets import Target
from app.models.topics import Subscriber, Topic
from app.services.lists.listing import Cursor, Page, page_of
from app.services.people import topic_totals
from app.services.people.records import Dated, Named, SubscriberRecord, TargetRecord
from app.services.people.suppressions import LAST_SIGN
from app.services.people.targets import search_key
from app.services.people.topics import find_topic, refuse_stranger
from app.services.work import Work, missing

MOST_PASTED = 1_000
MOST_FOUND = 20
FEW = 2_000  # rows that may be named one by one in a statement
SEPARATORS = str.maketrans({",": "\n", ";": "\n", "\t": "\n"})


@dataclass(frozen=True, slots=True)
class SubscriberLine:
    """A subscriber as a list shows it."""

    pk: int
    id: str
    channel: str
    address: str
    contact_id: str
    contact_name: str
    created_at: datetime
    is_expired: bool
    suppressed_reason: str


@dataclass(frozen=True, slots=True)
class Choice:
    """An address that could be added to a topic."""

    target_id: str
    channel: str
    address: str
    contact_name: str
    is_subscribed: bool


@dataclass(slots=True)
class Pasted:
    """What became of pasted addresses."""

    added: int = 0
    already: int = 0
    unknown: list[str] = field(default_factory=list)


def list_subscribers(
    work: Work, topic: Topic, cursor: Cursor, *, search: str = "", channel: str = ""
) -> Page[SubscriberLine]:
    """Who is in a topic, newest first; `search` is the beginning of an address."""
    work.require("topics.read")
    query: Any = (
        select(
            Subscriber.pk, Subscriber.id, Target.channel, Target.address, Contact.id, Contact.name,
            Subscriber.created_at, Target.expired_at.is_not(None), func.coalesce(Suppression.reason, ""),
        )
        .join(Target, Target.pk == Subscriber.target_pk)
        .join(Contact, Contact.pk == Target.contact_pk)
        .outerjoin(
            Suppression,
            (Suppression.project_pk == Target.project_pk)
            & (Suppression.channel == Target.channel)
            & (Suppression.address_key == Target.address_key),
        )
        .where(Subscriber.topic_pk == topic.pk)
    )  # fmt: skip
    if search.strip() or channel:
        query = query.where(*_fitting(work, topic, search, channel))
    page = page_of(work.session, query, Subscriber.pk, cursor)
    return Page([SubscriberLine(*row) for row in page.items], page.older, page.newer)


def _fitting(work: Work, topic: Topic, search: str, channel: str) -> list[ColumnElement[bool]]:
    """The conditions on targets; as a list of rows when few fit, so that a large topic need not be walked through."""
    key = search_key(search)
    conditions: list[ColumnElement[bool]] = [
        Target.project_pk == work.project_pk, Target.channel.in_([channel] if channel else list(Channel))
    ]  # fmt: skip
    if key:
        conditions += [Target.address_key >= key, Target.address_key < key + LAST_SIGN]
    pks = list(work.session.scalars(select(Target.pk).where(*conditions).limit(FEW + 1)))
    if len(pks) > FEW:
        return conditions
    mine = select(Subscriber.pk).where(Subscriber.topic_pk == topic.pk, Subscriber.target_pk.in_(pks))
    return [Subscriber.pk.in_(list(work.session.scalars(mine)))]


def find_choices(work: Work, topic: Topic, search: str) -> list[Choice]:
    """Addresses that begin with what was typed, or whose contact's name does; at most 20."""
    work.require("topics.read")
    if not search.strip():
        return []
    names = search.strip().casefold()
    key = search_key(search)
    subscribed = (
        select(Subscriber.pk)
        .where(Subscriber.topic_pk == topic.pk, Subscriber.target_pk == Target.pk)
        .correlate(Target)
        .exists()
    )
    base = (
        select(Target.id, Target.channel, Target.address, Contact.name, subscribed)
        .join(Contact, Contact.pk == Target.contact_pk)
        .where(Target.project_pk == work.project_pk)
    )
    by_name = base.where(
        Contact.project_pk == work.project_pk, Contact.name_key >= names, Contact.name_key < names + LAST_SIGN
    ).order_by(Contact.name_key, Contact.pk)
    by_address = base.where(
        Target.channel.in_(list(Channel)), Target.address_key >= key, Target.address_key < key + LAST_SIGN
    )
    rows = [*work.session.execute(by_name.limit(MOST_FOUND)), *work.session.execute(by_address.limit(MOST_FOUND))]
    return list(dict.fromkeys(Choice(*row) for row in rows))[:MOST_FOUND]


# Statements of a call that programs make a million times. The first tells all of a topic and a target.
_JOINING = Prepared(
    select(
        Topic.pk.label("topic_pk"), Topic.id.label("topic_id"), Topic.name.label("topic_name"), Topic.subscribe,
        Target.pk.label("target_pk"), Target.contact_pk, Target.id, Target.created_at, Target.updated_at, Target.name,
        Target.channel, Target.address, Target.expired_at, Contact.id.label("contact_id"),
        Contact.name.label("contact_name"), Provider.id.label("provider_id"), Subscriber.pk.label("subscriber_pk"),
    )
    .select_from(Topic)
    .outerjoin(Target, and_(Target.project_pk == Topic.project_pk, Target.id == bindparam("target")))
    .outerjoin(Contact, Contact.pk == Target.contact_pk)
    .outerjoin(Provider, Provider.pk == Target.provider_pk)
    .outerjoin(Subscriber, and_(Subscriber.topic_pk == Topic.pk, Subscriber.target_pk == Target.pk))
    .where(Topic.project_pk == bindparam("project"), Topic.id == bindparam("topic"))
)  # fmt: skip
_TAKEN = Prepared(
    select(Subscriber.pk).where(Subscriber.project_pk == bindparam("project"), Subscriber.id == bindparam("id"))
)
_JOINED = Prepared(
    insert(Subscriber.__table__).inline(),  # type: ignore[arg-type] # a table, whatever its type says
    "id", "project_pk", "topic_pk", "target_pk", "created_at", "updated_at",
)  # fmt: skip


def subscribe(work: Work, topic_id: str, target_id: str, *, subscriber_id: str = "") -> SubscriberRecord:
    """Add an address to a topic. Conflict when it is there already, NotFound when either is missing.

    A contact adds its own addresses only, and only to a topic that one of its roles may subscribe to.
    """
    found = _joining(work, topic_id, target_id)
    if subscriber_id and not is_custom_id(subscriber_id):
        raise Invalid({"id": [f"Subscriber id cannot be that. {CUSTOM_ID_RULE}"]})
    if found.subscriber_pk is not None:
        raise Conflict(f"{found.address} is in {found.topic_name} already.", type="subscriber_already_exists")
    if subscriber_id and work.row(_TAKEN, project=work.project_pk, id=subscriber_id) is not None:
        sentence = f"A subscriber with the id {subscriber_id} exists already; choose another id."
        raise Conflict(sentence, type="subscriber_already_exists", fields={"id": [sentence]})
    made = Dated(subscriber_id or work.unique_id(), work.now, work.now)
    work.change(
        _JOINED, project_pk=work.project_pk, topic_pk=found.topic_pk, target_pk=found.target_pk, **made._asdict()
    )
    topic_totals.shift(work, {(found.topic_pk, found.channel): 1})
    work.audit(
        "subscriber.create", f"subscriber/{made.id}", topic=found.topic_id, target=found.id, channel=found.channel
    )
    owner = Named(found.contact_id, found.contact_name)
    return SubscriberRecord(made, TargetRecord(found, owner, found.provider_id), found.topic_id)


def _joining(work: Work, topic_id: str, target_id: str) -> Any:
    """The row of `_JOINING` for a topic and a target that may come together."""
    _require_writing(work)
    found = work.row(_JOINING, project=work.project_pk, topic=topic_id, target=target_id)
    if found is None:
        raise missing("topic", "topic_not_found")
    refuse_stranger(work, found.subscribe)
    if found.target_pk is None:
        raise missing("target", "user_target_not_found")
    if not work.actor.is_privileged and found.contact_pk != work.actor.pk:
        raise NotFound("This target does not exist, or is another user's.", type="user_target_not_found")
    return found


def find_subscriber(work: Work, topic_id: str, subscriber_id: str) -> Subscriber:
    """The subscriber of that topic; NotFound when either is missing, or it is in another topic."""
    work.require("topics.read")
    topic = find_topic(work, topic_id)
    wanted = select(Subscriber).where(Subscriber.topic_pk == topic.pk, Subscriber.id == subscriber_id)
    found = work.session.scalar(wanted.where(*visible(work)))
    if found is None:
        raise NotFound("This subscriber does not exist in this topic.", type="subscriber_not_found")
    return found


def visible(work: Work) -> list[ColumnElement[bool]]:
    """Conditions on Subscriber: a contact sees its own, everybody else who may read topics sees all."""
    if work.actor.is_privileged:
        return []
    return [Subscriber.target_pk.in_(select(Target.pk).where(Target.contact_pk == work.actor.pk))]


def _require_writing(work: Work) -> None:
    """Members and keys need the topic's permission; a contact its own, and the roles of the topic besides."""
    work.require("topics.write" if work.actor.is_privileged else OWN_ACCOUNT)


def find_anywhere(work: Work, subscriber_id: str) -> Subscriber:
    """The subscriber with that id in whichever topic; a contact finds its own alone."""
    work.require("topics.read")
    wanted = select(Subscriber).where(Subscriber.project_pk == work.project_pk, Subscriber.id == subscriber_id)
    found = work.session.scalar(wanted.where(*visible(work)))
    if found is None:
        raise NotFound("This subscriber does not exist, or was taken out.", type="subscriber_not_found")
    return found


def unsubscribe(work: Work, topic_id: str, subscriber_id: str) -> str:
    """Take a subscriber out of a topic (a contact only its own); the address that was taken out."""
    _require_writing(work)
    topic = find_topic(work, topic_id)
    row = work.session.execute(
        select(Subscriber, Target)
        .join(Target, Target.pk == Subscriber.target_pk)
        .where(Subscriber.topic_pk == topic.pk, Subscriber.id == subscriber_id, *visible(work))
        .with_for_update(of=Subscriber)  # of two at one moment, the second finds nobody: totals count it once
    ).first()
    if row is None:
        raise NotFound("This subscriber was taken out already.", type="subscriber_not_found")
    subscriber, target = row
    work.session.delete(subscriber)
    work.session.flush()
    topic_totals.leave(work, {(topic.pk, target.channel): [target.pk]})
    work.audit(
        "subscriber.delete", f"subscriber/{subscriber.id}", topic=topic.id, target=target.id, channel=target.channel
    )
    return str(target.address)


def subscribe_addresses(work: Work, topic_id: str, text: str) -> Pasted:
    """Add pasted addresses (one per line, or parted by comma, semicolon or tab) that belong to contacts already.

    Those that belong to nobody come back as unknown. Invalid when there is none, or more than 1,000.
    """
    work.require("topics.write")
    topic = find_topic(work, topic_id)
    typed = list(dict.fromkeys(part.strip() for part in text.translate(SEPARATORS).splitlines() if part.strip()))
    if not typed:
        raise Invalid({"addresses": ["Addresses need at least one, like name@example.org or +49 170 1234567."]})
    if len(typed) > MOST_PASTED:
        sentence = f"Addresses are {len(typed):,}; paste at most {MOST_PASTED:,}, or import a file."
        raise Invalid({"addresses": [sentence]})
    by_key = {search_key(address): address for address in typed}
    rows = work.session.execute(
        select(Target.pk, Target.channel, Target.address_key).where(
            Target.project_pk == work.project_pk,
            Target.channel.in_(list(Channel)),
            Target.address_key.in_([*by_key, *typed]),
        )
    ).all()
    added = add_missing(work, topic, {row.pk: row.channel for row in rows})
    known = {row.address_key for row in rows}
    unknown = [address for key, address in by_key.items() if key not in known and address not in known]
    return Pasted(added, len(rows) - added, unknown)


def add_missing(work: Work, topic: Topic, channels: dict[int, str]) -> int:
    """Subscribe those of these targets (pk to channel) that are not yet in the topic; how many that were."""
    there = set(
        work.session.scalars(
            select(Subscriber.target_pk).where(
                Subscriber.topic_pk == topic.pk, Subscriber.target_pk.in_(list(channels))
            )
        )
    )
    missing = [pk for pk in channels if pk not in there]
    if missing:
        milliseconds = to_milliseconds(work.now)
        rows = [
            {
                "id": unique(milliseconds, token_bytes(5)), "project_pk": work.project_pk, "topic_pk": topic.pk,
                "target_pk": pk, **work.stamp(),
            }
            for pk in missing
        ]  # fmt: skip
        work.session.execute(insert(Subscriber), rows)
        topic_totals.shift(work, Counter((topic.pk, channels[pk]) for pk in missing))
        work.audit("subscriber.create", f"topic/{topic.id}", added=len(missing))
    return len(missing)
