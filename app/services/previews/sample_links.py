"""Unsubscribe links as previews and tests show them: where the real ones would lead, and without effect."""

from typing import Any

from app.domain.rendered import Prepared
from app.engine.unsubscribe_links import address_for, linked, links_of
from app.infra.asked_once import once
from app.models.messages import Message
from app.rendering import Compiled
from app.services.providers import sender
from app.services.work import Work


def linked_as_sample(work: Work, message: Message, compiled: Compiled) -> Prepared[Any]:
    """The message as the engine would send it to somebody, but for links that change nothing."""
    key = ("linked", message, message.version, id(compiled))  # what is kept holds `compiled`: no other gets its id
    return once(work.session, key, lambda: _linked(work, message, compiled))


def _linked(work: Work, message: Message, compiled: Compiled) -> Prepared[Any]:
    links = links_of(work, work.session, message, compiled, is_sample=True)
    if links is None:
        return compiled
    return linked(work, compiled, links, is_emulated=_is_emulated(work, message))


def address_of(work: Work, message: Message) -> str:
    """Where the links of this message would lead; empty when nobody knows an address that people could open."""
    return address_for(work, is_emulated=_is_emulated(work, message))


def _is_emulated(work: Work, message: Message) -> bool:
    provider = sender.provider_of(work, message)
    return provider is not None and provider.is_emulated
