"""What a kind of provider needs and can do, as data: form, REST endpoints and masking are made from it."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from app.domain.channels import Channel


class FieldKind(StrEnum):
    """How a field is asked for and parsed."""

    TEXT = "text"
    SECRET_TEXT = "password"  # noqa: S105 - the name of a control, not a password
    NUMBER = "number"
    BOOL = "bool"
    CHOICE = "choice"
    EMAIL = "email"
    HOSTS = "hosts"  # `;` separated `[ssl://|tls://]name[:port]`
    PHONE = "phone"  # a sender of text messages: a number, a short code or a name
    MAYBE = "maybe"  # yes, no, or not said yet
    JSON = "json"  # a JSON object, pasted or dropped as a file
    PEM = "pem"  # a key file in PEM, several lines of text


@dataclass(frozen=True, slots=True)
class Field:
    """One setting of a provider.

    `name` is the wire name of the REST API (camelCase). A `secret` field is stored encrypted, is write-only and is
    never drawn again. `section` says where it is kept: `credentials` or `options`. `needed` blocks enabling. An
    `extra` one is ours beside the REST contract's: answers hold it only when it is set. Without one that
    `proves_receipts` no receipt is believed.
    `open_parts` are those of a secret JSON object that are no secret, and may be shown.
    Where the name of a key file holds the value of another field, `name_gives` is that field and the regular expression
    whose first group the value is.
    Where a switch says what a value of another field means, `means` is that field, its value, and the words for it when
    the switch is on and when it is off; the switch itself is then not told.
    """

    name: str
    label: str
    kind: FieldKind = FieldKind.TEXT
    hint: str = ""
    secret: bool = False
    needed: bool = False
    section: str = "credentials"
    default: Any = ""
    choices: tuple[tuple[str, str], ...] = ()
    minimum: int | None = None
    maximum: int | None = None
    advanced: bool = False
    extra: bool = False
    proves_receipts: bool = False
    name_gives: tuple[str, str] = ("", "")
    open_parts: tuple[str, ...] = ()
    means: tuple[str, str, str, str] = ("", "", "", "")


def encoded_size(size: int) -> int:
    """How many bytes that many bytes become in base64 with lines of 76 (RFC 2045, 6.8)."""
    return -(-size // 57) * 78


GENERAL_LIMIT = encoded_size(25 * 1024 * 1024)  # what mail servers commonly take: 25 MiB of files


@dataclass(frozen=True, slots=True)
class ProviderSpec:
    """One kind of provider: its label, channel, limits and fields in the order they are asked for.

    `max_message_bytes` is how much the attachments of one message may be as they travel, in base64. With
    `owns_addresses` an address is of one account's own making (a push token): only that account reaches it, and it
    dies alone, not its person's wish with it. `address_pattern` (a regular expression) is the shape by which such an
    address is known where several kinds share a channel, `address_words` what it belongs to; the kind without one takes
    all others. `reaches` are the platforms (`push_previews.Platform`) that a kind of push notifications gets to; empty
    for all. `largest_body` is how many bytes of one request the service takes; 0 where it is no round number of those.
    `receipts_hint` says how the service is told where to send receipts; empty for one that sends none. `bounces_hint`
    says how mail servers come to tell it, for a kind that they tell by mail. `preview_note` says where what arrives may
    differ from the preview, because the service has a hand in it.
    """

    kind: str
    label: str
    channel: Channel
    summary: str
    fields: tuple[Field, ...]
    max_batch: int = 1
    idempotent: bool = False
    uncertain_policy: str = "retry"  # what a new provider does with uncertain deliveries: retry or hold
    max_message_bytes: int = GENERAL_LIMIT
    owns_addresses: bool = False
    address_pattern: str = ""
    address_words: str = ""
    reaches: frozenset[str] = frozenset()
    largest_body: int = 0
    receipts_hint: str = ""
    bounces_hint: str = ""
    preview_note: str = ""

    def field(self, name: str) -> Field:
        """The field of that wire name; KeyError when there is none."""
        for field in self.fields:
            if field.name == name:
                return field
        raise KeyError(name)

    def missing(self, values: Mapping[str, Any]) -> list[Field]:
        """The needed fields that have no value yet."""
        return [field for field in self.fields if field.needed and values.get(field.name) in (None, "", {})]


EMAIL_SENDER: tuple[Field, ...] = (
    Field("fromName", "Sender name", section="options", hint="What people see as the sender, such as Acme News."),
    Field(
        "fromEmail", "Sender address", FieldKind.EMAIL, section="options", needed=True,
        hint="An address that this service may send from, such as news@example.org.",
    ),
    Field("replyToName", "Reply-to name", section="options", advanced=True),
    Field(
        "replyToEmail", "Reply-to address", FieldKind.EMAIL, section="options", advanced=True,
        hint="Where answers go. Empty: to the sender address.",
    ),
)  # fmt: skip
