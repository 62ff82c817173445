"""Who carries a message: the provider that would be used now, and what people see as its sender."""

from dataclasses import dataclass

from sqlalchemy import select

from app.domain.errors import NotFound
from app.models.messages import Message
from app.models.providers import Provider
from app.services.work import Work


@dataclass(frozen=True, slots=True)
class Sender:
    """The provider that would carry a message now. `trouble` says why it would wait; empty when all is well."""

    provider_id: str
    provider_name: str
    is_emulated: bool
    name: str
    address: str
    reply_to: str
    trouble: str = ""

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
    ready = list(
        work.session.scalars(
            select(Provider)
            .where(Provider.project_pk == work.project_pk, Provider.channel == channel, Provider.enabled.is_(True))
            .order_by(Provider.rank, Provider.pk)
        )
    )
    if pinned is not None:
        return next((provider for provider in ready if provider.pk == pinned), None)
    return next((provider for provider in ready if provider.blocked_at is None), ready[0] if ready else None)


def sender_for(work: Work, message: Message) -> Sender | None:
    """Who would carry this message now."""
    return sender_of(work, message.channel, message.provider_pk)


def find_provider(work: Work, provider_id: str) -> Provider:
    """The provider with that id; NotFound when there is none."""
    found = work.session.scalar(
        select(Provider).where(Provider.project_pk == work.project_pk, Provider.id == provider_id)
    )
    if found is None:
        raise NotFound("This provider does not exist, or was deleted.", type="provider_not_found")
    return found
