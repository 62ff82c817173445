"""Contacts: people in the audience; add, edit, show and delete them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select

from app.domain.contact_fields import (
    MAX_ATTRIBUTES,
    parse_attributes,
    say_value,
    wrong_attribute_name,
    wrong_attribute_value,
    wrong_name,
)
from app.domain.errors import AppError, Conflict, Invalid
from app.domain.ids import CUSTOM_ID_RULE, is_custom_id
from app.models.contacts import Contact
from app.models.opt_outs import OptOut
from app.models.targets import Target
from app.models.topics import Subscriber, Topic
from app.services.people import targets, topic_totals
from app.services.work import Work

MAX_NAME_KEY = 128


@dataclass(frozen=True, slots=True)
class Subscription:
    """One address of a contact in one topic."""

    id: str
    topic_id: str
    topic_name: str
    channel: str
    address: str


@dataclass(frozen=True, slots=True)
class LeftTopic:
    """A topic that one address of a contact left of its own wish, and when."""

    topic_id: str
    topic_name: str
    channel: str
    address: str
    at: datetime


@dataclass(frozen=True, slots=True)
class DeletionCost:
    """What goes with a contact when it is deleted."""

    targets: int
    subscriptions: int


def name_key(name: str) -> str:
    """How names are compared and ordered: case does not matter."""
    return name.strip().casefold()[:MAX_NAME_KEY]


def find_contact(work: Work, contact_id: str) -> Contact:
    """The contact with that id; NotFound when there is none."""
    work.require("contacts.read")
    contact: Contact = work.find(Contact, contact_id, noun="contact", type="user_not_found")
    return contact


def create_contact(
    work: Work, *, name: str = "", attributes: Mapping[str, Any] | str = "",
    addresses: Mapping[str, str] | None = None, contact_id: str = "",
) -> Contact:  # fmt: skip
    """Add a contact with an address for each channel given (empty ones are left out).

    `attributes` are values by name, or lines of `name=value` as a form has them.
    Raises Invalid by field (`name`, `attributes`, `id`, and the channel for an address), Conflict for an id in use.
    """
    work.require("contacts.write")
    problems: dict[str, list[str]] = {}
    cleaned = _check(problems, name, _parse(problems, attributes))
    wanted = _read_addresses(work, addresses or {}, problems)
    if contact_id and not is_custom_id(contact_id):
        problems["id"] = [f"Contact id cannot be that. {CUSTOM_ID_RULE}"]
    if problems:
        raise Invalid(problems)
    if contact_id and _exists(work, contact_id):
        sentence = f"A contact with the id {contact_id} exists already; choose another id."
        raise Conflict(sentence, type="user_already_exists", fields={"id": [sentence]})
    contact = Contact(
        id=contact_id or work.unique_id(), project_pk=work.project_pk, name=name.strip(), name_key=name_key(name),
        attributes=cleaned, **work.stamp(),
    )  # fmt: skip
    work.session.add(contact)
    work.session.flush()
    for address in wanted:
        targets.add_target(work, contact, address, is_audited=False)
    work.audit("contact.create", f"contact/{contact.id}", targets=len(wanted))
    return contact


def _read_addresses(work: Work, addresses: Mapping[str, str], problems: dict[str, list[str]]) -> list[targets.Address]:
    """The addresses that can be; what cannot, or is somebody else's, becomes a problem of its channel."""
    wanted: list[targets.Address] = []
    for channel, text in addresses.items():
        if not text.strip():
            continue
        try:
            address = targets.read_address(channel, text)
            targets.refuse_taken(work, address)
        except AppError as error:
            problems[channel] = error.fields.get("address", [error.message])
        else:
            wanted.append(address)
    return wanted


def update_contact(work: Work, contact_id: str, *, name: str, attributes: Mapping[str, Any] | str) -> Contact:
    """Change name and attributes (all of them: what is not there goes). Raises Invalid by field.

    A value that reads as before keeps its type, so that a number set by a program stays a number.
    """
    work.require("contacts.write")
    contact = find_contact(work, contact_id)
    problems: dict[str, list[str]] = {}
    typed = _parse(problems, attributes)
    kept = {key: old for key, old in contact.attributes.items() if typed.get(key) == say_value(old)}
    cleaned = _check(problems, name, {**typed, **kept})
    if problems:
        raise Invalid(problems)
    contact.name, contact.name_key = name.strip(), name_key(name)
    contact.attributes = cleaned
    contact.updated_at = work.now
    work.audit("contact.update", f"contact/{contact.id}")
    return contact


def _parse(problems: dict[str, list[str]], attributes: Mapping[str, Any] | str) -> Mapping[str, Any]:
    if not isinstance(attributes, str):
        return attributes
    found, sentences = parse_attributes(attributes)
    if sentences:
        problems["attributes"] = sentences[:10]
    return found


def _check(problems: dict[str, list[str]], name: str, attributes: Mapping[str, Any]) -> dict[str, Any]:
    wrong = wrong_name(name.strip())
    if wrong:
        problems["name"] = [f"Name {wrong}."]
    sentences = [f"Attributes: “{key[:64]}” {why}." for key in attributes if (why := wrong_attribute_name(key))]
    sentences += [
        f"Attributes: the value of {key} {why}."
        for key, value in attributes.items()
        if (why := wrong_attribute_value(say_value(value)))
    ]
    if len(attributes) > MAX_ATTRIBUTES:
        sentences.append(f"Attributes are {len(attributes):,}; a contact has at most {MAX_ATTRIBUTES}.")
    if sentences:
        problems["attributes"] = sentences[:10]
    return dict(attributes)


def _exists(work: Work, contact_id: str) -> bool:
    found = select(Contact.pk).where(Contact.project_pk == work.project_pk, Contact.id == contact_id)
    return work.session.scalar(found) is not None


def deletion_cost(work: Work, contact_id: str) -> DeletionCost:
    """What deleting the contact would take along."""
    contact = find_contact(work, contact_id)
    mine = select(Target.pk).where(Target.contact_pk == contact.pk)
    count_targets = select(func.count()).select_from(Target).where(Target.contact_pk == contact.pk)
    count_links = select(func.count()).select_from(Subscriber).where(Subscriber.target_pk.in_(mine))
    return DeletionCost(work.session.scalar(count_targets) or 0, work.session.scalar(count_links) or 0)


def delete_contact(work: Work, contact_id: str) -> Contact:
    """Delete a contact with its addresses and subscriptions; what was delivered stays in the log."""
    work.require("contacts.write")
    contact = find_contact(work, contact_id)
    cost = deletion_cost(work, contact_id)
    topic_totals.take_out(work, Target.contact_pk == contact.pk)
    work.session.delete(contact)
    work.session.flush()
    work.audit("contact.delete", f"contact/{contact.id}", targets=cost.targets, subscriptions=cost.subscriptions)
    return contact


def subscriptions_of(work: Work, contact: Contact) -> list[Subscription]:
    """The topics that the contact's addresses are in, by the topic's name."""
    work.require("contacts.read")
    rows = work.session.execute(
        select(Subscriber.id, Topic.id, Topic.name, Target.channel, Target.address)
        .join(Target, Target.pk == Subscriber.target_pk)
        .join(Topic, Topic.pk == Subscriber.topic_pk)
        .where(Target.contact_pk == contact.pk)
        .order_by(Topic.name, Topic.pk, Target.channel)
    )
    return [Subscription(*row) for row in rows]


def left_topics_of(work: Work, contact: Contact) -> list[LeftTopic]:
    """The topics that the contact's addresses left through an unsubscribe link and are not in again, the last first."""
    work.require("contacts.read")
    is_back = select(Subscriber.pk).where(Subscriber.topic_pk == Topic.pk, Subscriber.target_pk == Target.pk)
    rows = work.session.execute(
        select(Topic.id, Topic.name, Target.channel, Target.address, OptOut.at)
        .join(Topic, Topic.pk == OptOut.topic_pk)
        .join(Target, Target.pk == OptOut.target_pk)
        .where(Target.contact_pk == contact.pk, ~is_back.exists())
        .order_by(OptOut.at.desc(), OptOut.pk.desc())
    )
    return [LeftTopic(*row) for row in rows]
