"""Every list that programs can ask for: what is in it, and what it can be filtered, ordered and searched by."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    Boolean,
    ColumnElement,
    String,
    and_,
    bindparam,
    cast,
    false,
    func,
    null,
    or_,
    select,
    true,
    union_all,
)  # fmt: skip
from sqlalchemy.orm import aliased

from app.domain.addresses import email_key
from app.domain.channels import Channel
from app.domain.list_query import ListQuery
from app.domain.message_states import MessageStatus
from app.domain.words import MOST_WORDS_ASKED, read_search
from app.infra.prepared import Prepared
from app.models.contacts import Contact
from app.models.files import Bucket, File, FileReader
from app.models.messages import Message
from app.models.providers import Provider
from app.models.suppressions import Suppression
from app.models.targets import Target
from app.models.topics import Subscriber, Topic
from app.services.lists.queries import FARTHEST, Found, Shelf, counted, find_page, order_of
from app.services.people import records, subscribers
from app.services.people.contacts import name_key
from app.services.programs import message_records
from app.services.storage.buckets import enter_bucket, lets_in, shut_out
from app.services.tracking import deliveries
from app.services.work import Work

_NOT_KNOWN = cast(null(), Boolean)  # an attribute that programs may ask for, and that nobody here has


@dataclass(frozen=True, slots=True)
class Wish:
    """What a program asks of a list."""

    query: ListQuery
    search: str = ""
    wants_total: bool = True

    @property
    def is_plain(self) -> bool:
        """Whether it is simply a page by number, of everything there is."""
        query = self.query
        return not (self.search or query.conditions or query.cursor or query.is_random)


def _page(work: Work, shelf: Shelf, wish: Wish) -> Found:
    return find_page(work, shelf, wish.query, search=wish.search, wants_total=wish.wants_total)


def list_topics(work: Work, wish: Wish) -> Found:
    """The topics of the project."""
    work.require("topics.read")
    mine = [Topic.project_pk == work.project_pk]
    return _page(work, Shelf("topic", Topic, mine), wish)


def list_providers(work: Work, wish: Wish) -> Found:
    """The providers of the project."""
    work.require("providers.read")
    mine = [Provider.project_pk == work.project_pk]
    return _page(work, Shelf("provider", Provider, mine), wish)


def list_subscribers(work: Work, topic: Topic, wish: Wish) -> Found:
    """The subscribers of a topic, as SubscriberRecord; a contact sees its own."""
    work.require("topics.read")
    owner = select(Contact.id).join(Target, Target.contact_pk == Contact.pk)
    columns = {
        "target_id": _of_target(Target.id), "channel": _of_target(Target.channel), "topic_id": _topic_id(),
        "user_id": owner.where(Target.pk == Subscriber.target_pk).correlate(Subscriber).scalar_subquery(),
        "updated_at": Subscriber.created_at,  # a subscriber never changes
    }  # fmt: skip
    conditions = [Subscriber.project_pk == work.project_pk, Subscriber.topic_pk == topic.pk, *subscribers.visible(work)]
    shelf = Shelf(
        "subscriber", Subscriber, conditions, columns,
        lookups={
            "target_id": lambda ids: Subscriber.target_pk.in_(_targets_named(work, Target.id.in_(ids))),
            "user_id": lambda ids: Subscriber.target_pk.in_(_targets_named(work, Contact.id.in_(ids))),
            "channel": lambda channels: _has_any(topic, channels),
        },
        find=lambda search: _find_subscribers(work, topic, search),
    )  # fmt: skip
    found = _page(work, shelf, wish)
    return replace(found, rows=records.of_subscribers(work, found.rows))


def _of_target(column: Any) -> Any:
    return select(column).where(Target.pk == Subscriber.target_pk).correlate(Subscriber).scalar_subquery()


def _targets_named(work: Work, named: ColumnElement[bool]) -> Any:
    wanted = select(Target.pk).join(Contact, Contact.pk == Target.contact_pk)
    return wanted.where(Target.project_pk == work.project_pk, Contact.project_pk == work.project_pk, named)


def _has_any(topic: Topic, channels: Sequence[str]) -> ColumnElement[bool]:
    """Spares looking through a large topic for a channel that nobody in it has."""
    return true() if any(getattr(topic, f"{channel}_total", 0) for channel in channels) else false()


def _find_subscribers(work: Work, topic: Topic, search: str) -> ColumnElement[bool]:
    """Each term is the whole id of the subscriber, its target or its contact, or the channel: all of it indexed."""
    found: list[ColumnElement[bool]] = []
    for term in search.replace('"', " ").split()[:MOST_WORDS_ASKED]:
        if term.lower() in set(Channel):
            found.append(_has_any(topic, [term.lower()]))
            found.append(_of_target(Target.channel) == term.lower())
            continue
        one = aliased(Subscriber)
        mine = select(one.pk).where(one.topic_pk == topic.pk)
        named = (Target.id == term, Contact.id == term)
        ways = [mine.where(one.project_pk == work.project_pk, one.id == term)]
        ways += [mine.where(one.target_pk.in_(_targets_named(work, each))) for each in named]
        found.append(Subscriber.pk.in_(union_all(*ways)))
    return and_(*found)


def _topic_id() -> Any:
    return select(Topic.id).where(Topic.pk == Subscriber.topic_pk).correlate(Subscriber).scalar_subquery()


def list_targets_of_contact(work: Work, contact: Contact, wish: Wish) -> Found:
    """The targets of a contact, as TargetRecord."""
    return _list_targets(work, [Target.contact_pk == contact.pk], wish)


def list_targets_of_message(work: Work, message: Message, wish: Wish) -> Found:
    """The targets that a message names one by one, as TargetRecord; topics and contacts are not unfolded."""
    named: Sequence[str] = message.audience.get("targets", ())
    return _list_targets(work, [Target.project_pk == work.project_pk, Target.id.in_(named)], wish)


def _list_targets(work: Work, conditions: list[Any], wish: Wish) -> Found:
    work.require("contacts.read")
    columns = {
        "user_id": select(Contact.id).where(Contact.pk == Target.contact_pk).correlate(Target).scalar_subquery(),
        "provider_id": select(Provider.id).where(Provider.pk == Target.provider_pk).correlate(Target).scalar_subquery(),
    }
    found = _page(work, Shelf("target", Target, conditions, columns), wish)
    return replace(found, rows=records.of_targets(work, found.rows))


def list_contacts(work: Work, wish: Wish) -> Found:
    """The contacts of the project, as ContactRecord."""
    work.require("contacts.read")
    columns = {
        "email": _first_address("email"), "phone": _first_address("sms"), "labels": cast(Contact.labels, String),
        "impersonator": _NOT_KNOWN, "password_pwned": _NOT_KNOWN,
    }  # fmt: skip
    shelf = Shelf(
        "user", Contact, [Contact.project_pk == work.project_pk], columns, frozenset({"labels"}),
        orders={"name": Contact.name_key},
        lookups={
            "email": lambda texts: _reached_at(work, "email", texts, [email_key(text) for text in texts]),
            "phone": lambda texts: _reached_at(work, "sms", texts, texts),
            "name": lambda texts: Contact.name_key.in_([name_key(text) for text in texts]),
        },
    )  # fmt: skip
    found = _page(work, shelf, wish)
    return replace(found, rows=records.of_contacts(work, found.rows))


def _reached_at(work: Work, channel: str, texts: Sequence[str], keys: Sequence[str]) -> ColumnElement[bool]:
    """Who has one of these addresses; anybody, where nobody's having one is asked for."""
    owners = select(Target.contact_pk).where(Target.project_pk == work.project_pk, Target.channel == channel)
    return true() if "" in texts else Contact.pk.in_(owners.where(Target.address_key.in_(keys)))


def _first_address(channel: str) -> Any:
    first = select(Target.address).where(Target.contact_pk == Contact.pk, Target.channel == channel)
    return func.coalesce(first.order_by(Target.pk).limit(1).correlate(Contact).scalar_subquery(), "")


# Expressions stay the same for every list: to make them anew takes longer than to ask the database.
_OF_MESSAGES: Mapping[str, Any] = {
    "reached": deliveries.reached_total(), "users": Message.audience["contacts"].as_string(),
    "targets": Message.audience["targets"].as_string(),
}  # fmt: skip
_STATES = {state.value: Message.status == state.value for state in MessageStatus}


_MESSAGES = Shelf("message", Message, (), _OF_MESSAGES, frozenset({"users", "targets"}), fixed=_STATES)
_MESSAGES_COUNTED = Prepared(counted(select(Message.pk).where(Message.project_pk == bindparam("project"))))


@lru_cache(maxsize=64)  # of some thousands of orders that could be asked for, programs ask for a few
def _messages_in(orders: tuple[tuple[str, bool], ...]) -> Prepared:
    return message_records.page_of_messages(order_of(_MESSAGES, ListQuery(orders=orders)))


def list_messages(work: Work, wish: Wish) -> Found:
    """The messages of the project, as MessageRecord."""
    work.require("messages.read")
    if wish.is_plain:
        page, place = _messages_in(wish.query.orders), min(wish.query.offset, FARTHEST)
        total = work.row(_MESSAGES_COUNTED, project=work.project_pk).total if wish.wants_total else 0
        return Found(message_records.list_messages(work, page, wish.query.limit, place), total)
    found = _page(work, replace(_MESSAGES, conditions=[Message.project_pk == work.project_pk]), wish)
    return replace(found, rows=message_records.of_messages(work, found.rows))


def list_suppressions(work: Work, wish: Wish) -> Found:
    """The addresses of the project that are never written to."""
    work.require("suppressions.read")
    mine = [Suppression.project_pk == work.project_pk]
    return _page(work, Shelf("suppression", Suppression, mine, find=_find_suppressions), wish)


def _find_suppressions(search: str) -> ColumnElement[bool]:
    """Each word stands somewhere in address, channel, reason or id; the engine's rows come without words."""
    asked = read_search(search)
    texts = (Suppression.address_key, Suppression.channel, Suppression.reason, Suppression.id)
    terms = (*asked.words, *asked.phrases, asked.beginning)
    return and_(*(or_(*(text.contains(term, autoescape=True) for text in texts)) for term in terms))


def list_buckets(work: Work, wish: Wish) -> Found:
    """The buckets of the project."""
    work.require("files.read")
    mine = [Bucket.project_pk == work.project_pk]
    return _page(work, Shelf("bucket", Bucket, mine), wish)


def list_files(work: Work, bucket_id: str, wish: Wish) -> Found:
    """The files of a bucket, pending ones too; of those that only some may read, those that the actor may."""
    work.require("files.read")
    bucket = enter_bucket(work, bucket_id)
    limits: list[Any] = [File.bucket_pk == bucket.pk]
    if not lets_in(work, bucket, "read"):
        if not bucket.file_security:
            raise shut_out("read")
        mine = select(FileReader.file_pk).where(FileReader.role.in_(work.actor.roles))
        limits.append(File.pk.in_(mine.where(FileReader.file_pk == File.pk)))
    return _page(work, Shelf("file", File, limits), wish)
