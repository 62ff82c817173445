"""The exact request of any provider for one recipient of a message: made by the adapter that sends, and not sent."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from app.domain.exact_request import ExactRequest, varying
from app.domain.rendered import NO_EXTRAS, Extras, Recipient, Rendered, RenderedEmail
from app.engine import enclosures
from app.engine.accounts import account_of
from app.engine.own_senders import account_for
from app.engine.routing import owns_addresses, wish_of_target
from app.infra.vault import VaultError
from app.models.messages import Message
from app.models.providers import Provider
from app.models.targets import Target
from app.providers import get
from app.providers.base import Envelope
from app.services.providers import sender
from app.services.work import Work

if TYPE_CHECKING:
    from app.services.previews.preview import Preview

# Stands for the key that each delivery has of its own. Nothing in the ledger has the number 0.
KEY = "0.key-of-the-delivery"
_OTHER_KEY = "0.another-delivery"


@dataclass(frozen=True, slots=True)
class Asked:
    """What one provider would be told. `request` is None when nothing can be written; then `trouble` says why.

    `carries`: the preview's person is reached through it, and through no other of these. `varies` are the places that
    differ from delivery to delivery, beside the recipient (`domain.exact_request`).
    """

    provider_id: str
    provider_name: str
    service: str
    is_emulated: bool
    request: ExactRequest | None
    varies: tuple[str, ...] = ()
    trouble: str = ""
    carries: bool = False


class _Ready:
    """A message that is rendered already, with what every copy carries."""

    def __init__(self, rendered: Rendered, extras: Extras) -> None:
        self._rendered = rendered
        if isinstance(rendered, RenderedEmail) and rendered.extras is NO_EXTRAS:
            self._rendered = rendered._replace(extras=extras)

    def render(self, recipient: Recipient) -> Any:  # noqa: ARG002 - it was rendered for this one
        """The same for whoever asks."""
        return self._rendered


def ask(work: Work, message: Message, preview: "Preview", provider: Provider) -> Asked:
    """What this provider would be told for the preview's recipient, without secrets, or why it cannot be written."""
    work.require("messages.read")
    adapter = get(provider.kind)
    asked = Asked(provider.id, provider.name, adapter.spec.label, provider.is_emulated, None)
    try:
        extras = enclosures.extras_of(work, message, work.session)
        account = account_for(account_of(work.vault, work.settings, provider), extras)
        ready, recipient = _Ready(preview.rendered, extras), preview.sample.recipient
        first, second = (adapter.request_of(account, ready, Envelope(key, recipient)) for key in (KEY, _OTHER_KEY))
    except (enclosures.Refused, enclosures.Unreadable, VaultError, ValueError) as error:
        return replace(asked, trouble=str(error))
    except (LookupError, TypeError, AttributeError):
        return replace(asked, trouble=f"The settings of {provider.name} are not complete: it could not send this.")
    return replace(asked, request=first, varies=varying(first, second))


def ask_all(work: Work, message: Message, preview: "Preview") -> Sequence[Asked]:
    """What each provider would be told that may come to carry this message; the one that carries this person first."""
    candidates = sender.candidates(work, message.channel, message.provider_pk)
    carrier = _carrier(work, message, preview)
    if carrier is None:
        return [ask(work, message, preview, each) for each in candidates]
    others = [each for each in candidates if each.pk != carrier.pk]
    first = replace(ask(work, message, preview, carrier), carries=True)
    return [first, *(ask(work, message, preview, each) for each in others)]


def _carrier(work: Work, message: Message, preview: "Preview") -> Provider | None:
    """Who would carry it to the preview's person: the one that the address belongs to, else whoever comes first."""
    mine = select(wish_of_target(work.session, message)).where(
        Target.project_pk == work.project_pk, Target.channel == message.channel, Target.id == preview.sample.id
    )
    wish = work.session.scalar(mine) if preview.sample.id else None
    wished = work.session.get(Provider, wish) if wish else None
    if wished is not None and owns_addresses(wished):
        return wished
    return sender.provider_of(work, message)
