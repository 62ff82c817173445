"""What rendering hands to a provider: one recipient, and what this recipient will see."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Recipient:
    """One address and what may be said about its person.

    `address` is normalised (`domain.addresses`). `name` is the contact's display name, empty when unknown.
    `variables` are the values that {{placeholders}} may use, already text (name, email, attributes of the contact).
    """

    address: str
    name: str = ""
    variables: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RenderedEmail:
    """One email as one person sees it, before it is put into MIME.

    `subject` holds no control characters; `html` is empty for a text-only email; lines end with a bare line feed.
    `headers` are additional header fields (name, value), already checked. `missing` names the placeholders that had
    neither a value nor a fallback.
    """

    subject: str
    text: str
    html: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    missing: tuple[str, ...] = ()


class Prepared(Protocol):
    """A message compiled once, to be filled in for each recipient."""

    def render(self, recipient: Recipient) -> RenderedEmail:
        """What this recipient gets. Pure and quick: microseconds, no input or output."""
