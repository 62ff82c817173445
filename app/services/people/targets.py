"""Targets: the addresses of a contact on each channel; one address belongs to one contact."""

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import func, select

from app.domain.addresses import (
    EMAIL_RULE,
    MAX_TOKEN,
    PHONE_RULE,
    email_key,
    has_control_characters,
    normalise_email,
    normalise_token,
)
from app.domain.channels import Channel
from app.domain.errors import Conflict, Invalid, NotFound
from app.domain.ids import CUSTOM_ID_RULE, is_custom_id
from app.infra.phone_numbers import PhoneFacts, describe_phone, read_phone
from app.models.contacts import Contact
from app.models.providers import Provider
from app.models.suppressions import Suppression
from app.models.targets import Target
from app.models.topics import Subscriber
from app.services.people import topic_totals
from app.services.work import Work

LONGEST_NAME = 128


@dataclass(frozen=True, slots=True)
class Address:
    """An address that can be sent to: as it is stored, and what makes two of them the same."""

    channel: str
    text: str
    key: str


@dataclass(frozen=True, slots=True)
class TargetCard:
    """A target as its contact's page shows it."""

    id: str
    channel: str
    address: str
    name: str
    is_expired: bool
    subscriptions: int
    suppressed_reason: str
    suppression_id: str
    phone: PhoneFacts | None


def _read_email(text: str) -> tuple[str | None, str]:
    return normalise_email(text), f"Email {EMAIL_RULE}."


def _read_phone(text: str) -> tuple[str | None, str]:
    number, wrong = read_phone(text)
    return number, f"Phone number {wrong + '; it ' if wrong else ''}{PHONE_RULE}."


def _read_token(text: str) -> tuple[str | None, str]:
    rule = f"Push token needs 1 to {MAX_TOKEN:,} visible ASCII characters, without spaces."
    return normalise_token(text), rule


_READERS: dict[str, Callable[[str], tuple[str | None, str]]] = {
    Channel.EMAIL: _read_email,
    Channel.SMS: _read_phone,
    Channel.PUSH: _read_token,
}
_WRONG: dict[str, str] = {Channel.EMAIL: "general_invalid_email", Channel.SMS: "general_invalid_phone"}
_KEYS: dict[str, Callable[[str], str]] = {Channel.EMAIL: email_key}  # on other channels the address is its own key
VERIFICATION: dict[str, str] = {Channel.EMAIL: "email_verified", Channel.SMS: "phone_verified"}
_FACTS: dict[str, Callable[[str], PhoneFacts]] = {Channel.SMS: describe_phone}


def read_address(channel: str, text: str) -> Address:
    """What was typed as an address of that channel; Invalid (field `address`) with what is wrong and what is right."""
    read = _READERS.get(channel)
    if read is None:
        raise Invalid({"channel": [f"Channel is one of {', '.join(Channel)}."]})
    address, sentence = read(text)
    if address is None:
        raise Invalid({"address": [sentence]}, type=_WRONG.get(channel))
    return Address(channel, address, _KEYS.get(channel, str)(address))


def search_key(text: str) -> str:
    """How what somebody types into a search box compares with address keys of any channel."""
    typed = text.strip()
    if typed.startswith(("+", "00")) and typed.strip("+0123456789 ()/.-") == "":
        digits = "".join(sign for sign in typed if sign.isdigit())
        return "+" + (digits[2:] if typed.startswith("00") else digits)
    return typed.lower()


def owner_of(work: Work, address: Address) -> tuple[Target, Contact] | None:
    """The target with that address in this project and its contact."""
    row = work.session.execute(
        select(Target, Contact)
        .join(Contact, Contact.pk == Target.contact_pk)
        .where(
            Target.project_pk == work.project_pk, Target.channel == address.channel, Target.address_key == address.key
        )
    ).first()
    return (row[0], row[1]) if row else None


def refuse_taken(work: Work, address: Address, *, mine: int | None = None) -> None:
    """Conflict when the address belongs to another target than `mine`; contacts and guests do not learn whose it is."""
    found = owner_of(work, address)
    if found is None or found[0].pk == mine:
        return
    name = f"“{found[1].name}”" if found[1].name else f"the contact {found[1].id}"
    name = name if work.actor.is_privileged else "somebody else"
    raise Conflict(
        f"{address.text} belongs to {name} already. An address can belong to one contact only.",
        type="user_target_already_exists", fields={"address": [f"{address.text} belongs to {name} already."]},
    )  # fmt: skip


def _check_name(name: str) -> str:
    name = name.strip()
    if len(name) > LONGEST_NAME or has_control_characters(name):
        raise Invalid({"name": [f"Name can have at most {LONGEST_NAME} characters and no line breaks."]})
    return name


def add_target(
    work: Work, contact: Contact, address: Address, *, name: str = "", target_id: str = "", is_audited: bool = True
) -> Target:
    """Give a contact one more address. Invalid by field; Conflict when the address is somebody's."""
    work.require("contacts.write")
    if target_id and not is_custom_id(target_id):
        raise Invalid({"id": [f"Target id cannot be that. {CUSTOM_ID_RULE}"]})
    taken = select(Target.pk).where(Target.project_pk == work.project_pk, Target.id == target_id)
    if target_id and work.session.scalar(taken) is not None:
        sentence = f"A target with the id {target_id} exists already; choose another id."
        raise Conflict(sentence, type="user_target_already_exists", fields={"id": [sentence]})
    refuse_taken(work, address)
    target = Target(
        id=target_id or work.unique_id(), project_pk=work.project_pk, contact_pk=contact.pk, channel=address.channel,
        address=address.text, address_key=address.key, name=_check_name(name), **work.stamp(),
    )  # fmt: skip
    work.session.add(target)
    work.session.flush()
    if is_audited:
        work.audit("target.create", f"target/{target.id}", contact=contact.id, channel=target.channel)
    return target


def find_target(work: Work, target_id: str) -> Target:
    """The target with that id; NotFound when there is none."""
    work.require("contacts.read")
    target: Target = work.find(Target, target_id, noun="target", type="user_target_not_found")
    return target


def update_target(work: Work, target_id: str, text: str, *, name: str = "") -> Target:
    """Correct an address in place; its subscriptions stay, and an expired one is current again."""
    work.require("contacts.write")
    target = find_target(work, target_id)
    address = read_address(target.channel, text)
    refuse_taken(work, address, mine=target.pk)
    target.name = _check_name(name)
    if target.address != address.text:
        target.address, target.address_key, target.expired_at = address.text, address.key, None
        forget_verification(work, target.contact_pk, target.channel)
    target.updated_at = work.now
    work.audit("target.update", f"target/{target.id}", channel=target.channel)
    return target


def bind_target(work: Work, target: Target, provider_id: str, *, is_lenient: bool = False) -> None:
    """Let a target be reached through that provider only; NotFound, or Invalid when it is of another channel.

    `is_lenient`: an unknown provider binds the target to none.
    """
    work.require("contacts.write")
    wanted = select(Provider).where(Provider.project_pk == work.project_pk, Provider.id == provider_id)
    provider = work.session.scalar(wanted)
    if provider is None and not is_lenient:
        raise NotFound(f"There is no provider {provider_id!r} in this project.", type="provider_not_found")
    if provider is not None and provider.channel != target.channel:
        sentence = f"Provider {provider_id} sends {provider.channel}, this target takes {target.channel}."
        raise Invalid({"provider": [sentence]}, type="provider_incorrect_type")
    target.provider_pk = provider.pk if provider is not None else None


def remove_target(work: Work, target_id: str) -> Target:
    """Take an address away, with its subscriptions; the totals of its topics follow."""
    work.require("contacts.write")
    target = find_target(work, target_id)
    topic_totals.take_out(work, Target.pk == target.pk)
    forget_verification(work, target.contact_pk, target.channel)
    work.session.delete(target)
    work.session.flush()
    work.audit("target.delete", f"target/{target.id}", channel=target.channel)
    return target


def forget_verification(work: Work, contact_pk: int, channel: str) -> None:
    """Whether an address is the contact's own was known of the old one: of another nothing is known."""
    contact = work.session.get(Contact, contact_pk)
    column = VERIFICATION.get(channel)
    if contact is not None and column is not None:
        setattr(contact, column, False)


def targets_of(work: Work, contact: Contact) -> list[TargetCard]:
    """The addresses of a contact, by channel, each with its subscriptions and why it may be suppressed."""
    work.require("contacts.read")
    count = select(func.count()).where(Subscriber.target_pk == Target.pk).correlate(Target).scalar_subquery()
    rows = work.session.execute(
        select(Target, count, Suppression.reason, Suppression.id)
        .outerjoin(
            Suppression,
            (Suppression.project_pk == Target.project_pk)
            & (Suppression.channel == Target.channel)
            & (Suppression.address_key == Target.address_key),
        )
        .where(Target.contact_pk == contact.pk)
        .order_by(Target.channel, Target.pk)
    ).all()
    return [
        TargetCard(
            target.id, target.channel, target.address, target.name, target.expired_at is not None, subscriptions,
            reason or "", suppression_id or "",
            _FACTS[target.channel](target.address) if target.channel in _FACTS else None,
        )
        for target, subscriptions, reason, suppression_id in rows
    ]  # fmt: skip
