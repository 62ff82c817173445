"""Every list that programs can ask for: what is in it, and what it can be filtered, ordered and searched by."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Boolean, String, cast, func, null, select

from app.domain.list_query import ListQuery
from app.models.contacts import Contact
from app.models.files import Bucket, File, FileReader
from app.models.messages import Message
from app.models.providers import Provider
from app.models.targets import Target
from app.models.topics import Subscriber, Topic
from app.services import deliveries, records, subscribers
from app.services.buckets import enter_bucket, lets_in, shut_out
from app.services.queries import Found, Shelf, find_page
from app.services.work import Work

_NOT_KNOWN = cast(null(), Boolean)  # an attribute that programs may ask for, and that nobody here has


@dataclass(frozen=True, slots=True)
class Wish:
    """What a program asks of a list."""

    query: ListQuery
    search: str = ""
    wants_total: bool = True


def _page(work: Work, shelf: Shelf, wish: Wish) -> Found:
    return find_page(work, shelf, wish.query, search=wish.search, wants_total=wish.wants_total)


def list_topics(work: Work, wish: Wish) -> Found:
    """The topics of the project."""
    work.require("topics.read")
    mine = [Topic.project_pk == work.project_pk]
    return _page(work, Shelf("topic", Topic, mine, {}, (Topic.id, Topic.name, Topic.description)), wish)


def list_providers(work: Work, wish: Wish) -> Found:
    """The providers of the project."""
    work.require("providers.read")
    mine = [Provider.project_pk == work.project_pk]
    searched = (Provider.id, Provider.name, Provider.kind, Provider.channel)
    return _page(work, Shelf("provider", Provider, mine, {}, searched), wish)


def list_subscribers(work: Work, topic: Topic, wish: Wish) -> Found:
    """The subscribers of a topic, as SubscriberRecord; a contact sees its own."""
    work.require("topics.read")
    owner = select(Contact.id).join(Target, Target.contact_pk == Contact.pk)
    columns = {
        "target_id": _of_target(Target.id), "channel": _of_target(Target.channel), "topic_id": _topic_id(),
        "user_id": owner.where(Target.pk == Subscriber.target_pk).correlate(Subscriber).scalar_subquery(),
    }  # fmt: skip
    searched = (Subscriber.id, columns["target_id"], columns["user_id"], columns["channel"])
    conditions = [Subscriber.topic_pk == topic.pk, *subscribers.visible(work)]
    shelf = Shelf("subscriber", Subscriber, conditions, columns, searched)
    found = _page(work, shelf, wish)
    return replace(found, rows=records.of_subscribers(work, found.rows))


def _of_target(column: Any) -> Any:
    return select(column).where(Target.pk == Subscriber.target_pk).correlate(Subscriber).scalar_subquery()


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
        "user", Contact, [Contact.project_pk == work.project_pk], columns,
        (Contact.id, Contact.name, columns["email"], columns["phone"]), frozenset({"labels"}),
    )  # fmt: skip
    found = _page(work, shelf, wish)
    return replace(found, rows=records.of_contacts(work, found.rows))


def _first_address(channel: str) -> Any:
    first = select(Target.address).where(Target.contact_pk == Contact.pk, Target.channel == channel)
    return func.coalesce(first.order_by(Target.pk).limit(1).correlate(Contact).scalar_subquery(), "")


def list_messages(work: Work, wish: Wish) -> Found:
    """The messages of the project, as MessageRecord."""
    work.require("messages.read")
    columns = {
        "reached": deliveries.reached_total(), "users": Message.audience["contacts"].as_string(),
        "targets": Message.audience["targets"].as_string(),
    }  # fmt: skip
    searched = (Message.id, Message.status, Message.title_key, Message.channel)
    mine = [Message.project_pk == work.project_pk]
    shelf = Shelf("message", Message, mine, columns, searched, frozenset({"users", "targets"}))
    found = _page(work, shelf, wish)
    return replace(found, rows=records.of_messages(work, found.rows))


def list_buckets(work: Work, wish: Wish) -> Found:
    """The buckets of the project."""
    work.require("files.read")
    mine = [Bucket.project_pk == work.project_pk]
    return _page(work, Shelf("bucket", Bucket, mine, {}, (Bucket.id, Bucket.name)), wish)


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
    return _page(work, Shelf("file", File, limits, {}, (File.id, File.name)), wish)
