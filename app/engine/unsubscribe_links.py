"""Unsubscribe links of a message: one for each recipient, made of what a batch knows already, without a question."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from app.domain.addresses import email_key
from app.domain.rendered import FillPlainly, Frame, Plain, Prepared, Recipient, Rendered
from app.domain.unsubscribing import PATH, PREFERENCES, VARIABLES, Ticket, list_headers
from app.engine.audience import topic_pks
from app.engine.enclosures import Household
from app.infra.sealing import Sealer
from app.infra.vault import Vault
from app.models.base import to_milliseconds
from app.models.messages import Message
from app.models.projects import Project
from app.rendering import Compiled, PreparedEmail

_PURPOSE = "unsubscribe"


def sealer_of(vault: Vault) -> Sealer:
    """What seals and opens unsubscribe links."""
    return Sealer(vault.signing_keys(_PURPOSE))


def address_for(house: Household, *, is_emulated: bool) -> str:
    """Where links lead: the public address that the operator set; for the Sandbox, which is read here, our own.

    Empty when nobody could open a link there.
    """
    settings = house.settings
    return settings.address + PATH if settings.public_url or is_emulated else ""


@dataclass(frozen=True, slots=True)
class UnsubscribeLinks:
    """What the links of one message are made of. `mailbox` is the project's for such wishes, empty for none."""

    sealer: Sealer
    ticket: Ticket
    has_headers: bool
    mailbox: str = ""


def linked(
    house: Household, prepared: Prepared[Any], links: UnsubscribeLinks | None, *, is_emulated: bool
) -> Prepared[Any]:
    """The same message, each copy with the links of its recipient; as it was when it has none to carry."""
    address = address_for(house, is_emulated=is_emulated)
    if links is None or not address:
        return prepared
    return _Linked(prepared, links, address + "/", is_one_click=is_emulated or address.startswith("https://"))


class _Linked:
    """A compiled message whose recipients get their links before it is filled in for them (`domain.rendered`)."""

    __slots__ = ("_address", "_is_one_click", "_links", "_prepared", "_start")

    def __init__(self, prepared: Prepared[Any], links: UnsubscribeLinks, address: str, *, is_one_click: bool) -> None:
        self._prepared, self._links, self._address = prepared, links, address
        self._is_one_click = is_one_click
        self._start = links.ticket.start()

    def render(self, recipient: Recipient) -> Rendered:
        """What this recipient gets, links and header fields included."""
        found: Rendered = self._prepared.render(self._with_links(recipient))
        return found

    def within(self, frame: Frame) -> FillPlainly | None:
        """The quick way to the same (`domain.rendered.Plain`)."""
        fill = self._prepared.within(frame) if isinstance(self._prepared, Plain) else None
        return None if fill is None else lambda recipient: fill(self._with_links(recipient))

    def _with_links(self, recipient: Recipient) -> Recipient:
        """The recipient with links among the variables and header fields."""
        links = self._links
        key = email_key(recipient.address) if "@" in recipient.address else recipient.address
        url = self._address + links.sealer.seal(self._start + key.encode())
        variables = {**recipient.variables, VARIABLES[0]: url, VARIABLES[1]: url + PREFERENCES}
        headers = list_headers(url, mailbox=links.mailbox, is_one_click=self._is_one_click) if links.has_headers else ()
        return Recipient(recipient.address, recipient.name, variables, headers)


def links_of(
    house: Household, session: Session, message: Message, compiled: Compiled, *, is_sample: bool = False
) -> UnsubscribeLinks | None:
    """The links of this message; None when it has no use for any.

    An email to topics carries them in its header, whatever it says. Elsewhere they stand where the author put them.
    Samples look the same and do nothing: for previews and tests.
    """
    is_bulk = bool(message.audience.get("topics"))
    has_headers = is_bulk and isinstance(compiled, PreparedEmail)
    if not has_headers and compiled.placeholders.keys().isdisjoint(VARIABLES):
        return None
    topics = tuple(sorted(topic_pks(session, message.project_pk, message.audience)))
    ticket = Ticket(
        message.project_pk, message.pk or 0, issued_at(message), message.channel, "", topics, is_bulk, is_sample
    )
    project = session.get(Project, message.project_pk)
    mailbox = project.unsubscribe_mailbox if project is not None else ""
    return UnsubscribeLinks(sealer_of(house.vault), ticket, has_headers, mailbox)


def issued_at(message: Message) -> int:
    """When the links of a message were issued (`Ticket.issued`): the same for every try of every delivery."""
    return to_milliseconds(message.started_at or message.created_at) // 1000
