"""What rendering hands to a provider: one recipient, and what this recipient will see."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import NamedTuple, Protocol, TypeVar, runtime_checkable

LINE_LENGTH = 998  # octets of a line of an email without its end (RFC 5322 2.1.1)


class Recipient(NamedTuple):
    """One address and what may be said about its person.

    `address` is normalised (`domain.addresses`). `name` is the contact's display name, empty when unknown.
    `variables` are the values that {{placeholders}} may use, already text (name, email, attributes of the contact).
    `headers` are fields (name, value) that an email to this person alone carries.
    """

    address: str
    name: str = ""
    variables: Mapping[str, str] = MappingProxyType({})
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Attachment:
    """One file that travels with an email, decoded and whole; `content_id` is set for an inline image (RFC 2392)."""

    name: str
    mime_type: str
    content: bytes = field(repr=False)
    content_id: str = ""


@dataclass(frozen=True, slots=True)
class Extras:
    """What every copy of one email carries beside its words; an empty sender or reply-to means the provider's own.

    `cc` are the addresses that stand in the Cc header. Nobody is reached by it: people in copy have deliveries of
    their own, so that nobody gets a second one for each recipient.
    """

    reply_to: str = ""
    reply_to_name: str = ""
    cc: tuple[str, ...] = ()
    attachments: tuple[Attachment, ...] = ()
    from_name: str = ""
    from_address: str = ""


NO_EXTRAS = Extras()


class RenderedEmail(NamedTuple):
    """One email as one person sees it, before it is put into MIME.

    `subject` holds no control characters; `html` is empty for a text-only email; lines end with a bare line feed.
    `headers` are additional header fields (name, value), already checked. `missing` names the placeholders that had
    neither a value nor a fallback. `extras` is the same object for every recipient of a message.
    """

    subject: str
    text: str
    html: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    missing: tuple[str, ...] = ()
    extras: Extras = NO_EXTRAS


class PlainEmail(NamedTuple):
    """One email as one person gets it, where nothing in its words needs an encoding.

    `body` is all that follows the email's own fields: ASCII, its lines ended by CRLF and at most LINE_LENGTH long. The
    rest is as in `RenderedEmail`.
    """

    subject: str
    body: str
    headers: tuple[tuple[str, str], ...] = ()
    extras: Extras = NO_EXTRAS


class Frame(NamedTuple):
    """What MIME writes around the texts of a plain email: in front of one that is alone, or around text and page."""

    alone: str
    before: str
    between: str
    after: str


@dataclass(frozen=True, slots=True)
class RenderedSms:
    """One text message as one person sees it."""

    text: str
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RenderedPush:
    """One push notification as one person sees it, before it is put into a platform's fields.

    Empty texts are absent fields. `data` is the author's own object. `image` is an address that the device can open.
    `badge` is None when it is left alone. `priority` is "high" or "normal".
    """

    title: str = ""
    body: str = ""
    data: Mapping[str, object] = field(default_factory=dict)
    action: str = ""
    image: str = ""
    icon: str = ""
    sound: str = ""
    color: str = ""
    tag: str = ""
    badge: int | None = None
    content_available: bool = False
    critical: bool = False
    priority: str = "high"
    channel_id: str = ""
    missing: tuple[str, ...] = ()


Rendered = RenderedEmail | RenderedSms | RenderedPush
R_co = TypeVar("R_co", bound=Rendered, covariant=True)


class Prepared(Protocol[R_co]):
    """A message compiled once, to be filled in for each recipient."""

    def render(self, recipient: Recipient) -> R_co:
        """What this recipient gets. Pure and quick: microseconds, no input or output."""


FillPlainly = Callable[[Recipient], PlainEmail | None]


@runtime_checkable
class Plain(Protocol):
    """An email that tells once for all people whether its words need an encoding: then only values are looked at.

    It is the quick way to what `Prepared.render` gives, never to anything else.
    """

    def within(self, frame: Frame) -> FillPlainly | None:
        """What fills the email in for a person, or gives None when this person's values need an encoding.

        None when the words need one already, whoever gets them, or when files are attached.
        """
