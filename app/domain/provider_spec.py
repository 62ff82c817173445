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


@dataclass(frozen=True, slots=True)
class Field:
    """One setting of a provider.

    `name` is the wire name of the REST API (camelCase). A `secret` field is stored encrypted, is write-only and is
    never drawn again. `section` says where it is kept: `credentials` or `options`. `needed` blocks enabling.
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


@dataclass(frozen=True, slots=True)
class ProviderSpec:
    """One kind of provider: its label, channel, limits and fields in the order they are asked for."""

    kind: str
    label: str
    channel: Channel
    summary: str
    fields: tuple[Field, ...]
    max_batch: int = 1
    idempotent: bool = False
    uncertain_policy: str = "retry"  # what a new provider does with uncertain deliveries: retry or hold

    def field(self, name: str) -> Field:
        """The field of that wire name; KeyError when there is none."""
        for field in self.fields:
            if field.name == name:
                return field
        raise KeyError(name)

    def missing(self, values: Mapping[str, Any]) -> list[Field]:
        """The needed fields that have no value yet."""
        return [field for field in self.fields if field.needed and values.get(field.name) in (None, "")]


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
