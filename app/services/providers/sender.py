"""Who carries a message: the provider that would be used now, and what people see as its sender."""

from dataclasses import dataclass, replace

from sqlalchemy import select

from app.domain.content import EmailContent, content_of
from app.domain.errors import NotFound
from app.models.messages import Message
from app.models.providers import Provider
from app.services.work import Work


@dataclass(frozen=True, slots=True)
class Sender:
    """The provider that would carry a message now. `trouble` says why it would wait; empty when all is well.

    `usual` is the provider's own, where the message has another name or address.
    """

    provider_id: str
    provider_name: str
    is_emulated: bool
    name: str
    address: str
    reply_to: str
    trouble: str = ""
    usual: "Sender | None" = None

    @property
    def label(self) -> str:
        """Name and address as an inbox shows them."""
        return f"{self.name} <{self.address}>" if self.name else self.address


def sender_of(work: Work, channel: str, pinned: int | None = None) -> Sender | None:
    """Who would carry a message of that channel; None when no provider is connected and switched on."""
    provider = provider_of(work, channel, pinned)
    if provider is None:
        return None
    options = provider.options
    return Sender(
        provider.id, provider.name, provider.is_emulated, str(options.get("fromName") or ""),
        str(options.get("fromEmail") or options.get("from") or ""), str(options.get("replyToEmail") or ""),
        (provider.blocked_detail or "It takes no messages at the moment.") if provider.blocked_at else "",
    )  # fmt: skip


def provider_of(work: Work, channel: str, pinned: int | None = None) -> Provider | None:
    """The pinned provider while it is switched on, else the first one in failover order that is not blocked."""
    ready = candidates(work, channel, pinned)
    return next((provider for provider in ready if provider.blocked_at is None), ready[0] if ready else None)


def candidates(work: Work, channel: str, pinned: int | None = None) -> list[Provider]:
    """Who may come to carry a message, in failover order: all that are switched on, or the pinned one alone."""
    ready = work.session.scalars(
        select(Provider)
        .where(Provider.project_pk == work.project_pk, Provider.channel == channel, Provider.enabled.is_(True))
        .order_by(Provider.rank, Provider.pk)
    )
    return [provider for provider in ready if pinned is None or provider.pk == pinned]


def sender_for(work: Work, message: Message) -> Sender | None:
    """Who would carry this message now; an email's own sender and reply-to stand before the provider's."""
    found, content = sender_of(work, message.channel, message.provider_pk), content_of(message.channel, message.content)
    if found is None or not isinstance(content, EmailContent):
        return found
    return replace(
        found, name=content.from_name or found.name, address=content.from_address or found.address,
        reply_to=content.reply_to or found.reply_to, usual=found,
    )  # fmt: skip


def find_provider(work: Work, provider_id: str) -> Provider:
    """The provider with that id; NotFound when there is none."""
    found = work.session.scalar(
        select(Provider).where(Provider.project_pk == work.project_pk, Provider.id == provider_id)
    )
    if found is None:
        raise NotFound("This provider does not exist, or was deleted.", type="provider_not_found")
    return found
