"""What a kind over HTTP is given for each recipient, and what all of them ask of it before it goes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from app.domain.outcomes import Outcome, OutcomeKind, Reason
from app.domain.rendered import Recipient


@dataclass(slots=True)  # not frozen, which would take three times as long for each
class Item:
    """One envelope, rendered, never changed.

    `index` is its position in the engine's batch, `key` the delivery key to send along.
    """

    index: int
    key: str
    recipient: Recipient
    rendered: Any


class NotAuthorized(Exception):
    """No token could be had; the outcome says what that means for what was to be sent."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome.detail)
        self.outcome = outcome


def batch_key(items: Sequence[Item]) -> str:
    """One key for a request that carries several envelopes: the same for the same ones in the same order."""
    if len(items) == 1:
        return items[0].key
    return sha256("\n".join(item.key for item in items).encode()).hexdigest()[:40]


def in_base64(size: int) -> int:
    """How many characters these bytes take in JSON."""
    return -(-size // 3) * 4


def refuse_large(item: Item, service: str, largest: int, encoded: Callable[[int], int] = in_base64) -> Outcome | None:
    """Why an email is not handed over that has more bytes with its files, as they travel, than the service takes."""
    email = item.rendered
    size = sum(encoded(len(each.content)) for each in email.extras.attachments)
    size += len(email.html.encode()) + len(email.text.encode())
    if size <= largest:
        return None
    words = f"The email has {size / 1e6:,.0f} MB with its files; {service} takes {largest / 1e6:,.0f} MB."
    return Outcome(OutcomeKind.MESSAGE_PERMANENT, Reason.TOO_LARGE, words)


def refuse_beyond_ascii(item: Item, service: str) -> Outcome | None:
    """Why an address is not written to that this service cannot spell (RFC 6531); others may."""
    if item.recipient.address.rpartition("@")[0].isascii():
        return None
    words = f"{service} takes only ASCII before the @ of an address."
    return Outcome(OutcomeKind.RECIPIENT_PERMANENT, Reason.ADDRESS_NEEDS_SMTPUTF8, words)
