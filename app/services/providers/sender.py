"""Who carries a message: the provider that would be used now, and what people see as its sender."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import select

from app.domain.content import EmailContent, content_of
from app.domain.errors import NotFound
from app.engine import breaker, routing
from app.infra.asked_once import once
from app.models.messages import Message
from app.models.providers import Provider
from app.providers import get
from app.services.work import Work


@dataclass(frozen=True, slots=True)
class Way:
    """One of several providers that carry a message side by side, and to whom: a push goes by the kind of device."""

    provider_name: str
    is_emulated: bool
    to: str


@dataclass(frozen=True, slots=True)
class Sender:
    """The provider that would carry a message now. `trouble` says why it failed lately; empty when all is well.

    `waits`: because of that it takes nothing now, and the message would wait for it; else it is tried again with a few.
    `usual` is the provider's own, where the message has another name or address. `ways` are all who carry a part of
    it, where this one does not carry all.
    """

    provider_id: str
    provider_name: str
    is_emulated: bool
    name: str
    address: str
    reply_to: str
    trouble: str = ""
    waits: bool = False
    usual: "Sender | None" = None
    ways: tuple[Way, ...] = ()

    @property
    def label(self) -> str:
        """Name and address as an inbox shows them."""
        return f"{self.name} <{self.address}>" if self.name else self.address


def provider_of(work: Work, message: Message) -> Provider | None:
    """Who would carry this message now to those who are bound to nobody, by the very rule that sends it.

    None when nobody whom it allows is switched on.
    """
    key = ("first provider", message, message.version)
    return once(work.session, key, lambda: routing.first_of(work.session, message, work.now))


def candidates(work: Work, channel: str, pinned: int | None = None) -> list[Provider]:
    """Who may come to carry a message, in failover order: all that are switched on, or the pinned one alone."""
    every = everyone(work, channel)
    return [provider for provider in every if provider.enabled and (pinned is None or provider.pk == pinned)]


def everyone(work: Work, channel: str) -> Sequence[Provider]:
    """Every provider of a channel in failover order, those that are switched off too."""
    return routing.in_order(work.session, work.project_pk, channel)


def sender_for(work: Work, message: Message) -> Sender | None:
    """Who would carry this message now; an email's own sender and reply-to stand before the provider's."""
    provider, content = provider_of(work, message), content_of(message.channel, message.content)
    if provider is None:
        return None
    found = _as_it_is(provider, work.now)
    if not isinstance(content, EmailContent):
        return replace(found, ways=_ways(work, message))
    return replace(
        found, name=content.from_name or found.name, address=content.from_address or found.address,
        reply_to=content.reply_to or found.reply_to, usual=found,
    )  # fmt: skip


def _as_it_is(provider: Provider, now: datetime) -> Sender:
    """The provider's own sender, and how it stands."""
    options = provider.options
    return Sender(
        provider.id, provider.name, provider.is_emulated, str(options.get("fromName") or ""),
        str(options.get("fromEmail") or options.get("from") or ""), str(options.get("replyToEmail") or ""),
        (provider.blocked_detail or "It takes no messages at the moment.") if provider.blocked_at else "",
        waits=breaker.is_blocked(provider, now),
    )  # fmt: skip


def _ways(work: Work, message: Message) -> tuple[Way, ...]:
    """Who carries which part of it by the shape of addresses; nothing where one carries all."""
    owners = {shape: each for shape, each in routing.owners_by_shape(work.session, message).items() if each.enabled}
    if len(owners) < 2:
        return ()
    ordered = sorted(owners, key=lambda shape: not shape)  # whoever takes the rest comes last
    words = {shape: get(owners[shape].kind).spec.address_words if shape else "all others" for shape in ordered}
    return tuple(Way(owners[shape].name, owners[shape].is_emulated, words[shape]) for shape in ordered)


def provider_for(work: Work, message: Message, address: str) -> Provider | None:
    """Who would carry this message now to an address that is bound to nobody; None when nothing is switched on."""
    shapes = routing.owners_by_shape(work.session, message)
    fitting = [each for shape, each in shapes.items() if shape and re.fullmatch(shape, address)]
    owner = next(iter(fitting), shapes.get(""))
    if owner is not None and owner.enabled:
        return owner
    return provider_of(work, message)


def find_provider(work: Work, provider_id: str) -> Provider:
    """The provider with that id; NotFound when there is none."""
    found = work.session.scalar(
        select(Provider).where(Provider.project_pk == work.project_pk, Provider.id == provider_id)
    )
    if found is None:
        raise NotFound("This provider does not exist, or was deleted.", type="provider_not_found")
    return found
