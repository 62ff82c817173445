"""The commands that open one letter's transaction, or why this server cannot take it."""

import re
from collections.abc import Mapping
from functools import lru_cache

from app.domain.outcomes import Outcome, OutcomeKind, Reason
from app.infra.smtp_hosts import ascii_domain
from app.infra.smtp_intake import Letter

DATA = b"DATA\r\n"

# One address as it may stand in a command and in a header: nothing that ends the line, the brackets or the phrase.
# RFC 5321 would also allow much of this inside a quoted local part; no mailbox that people write to has one.
_NEVER = r"\x00-\x20\x7f-\xa0\u2028\u2029<>(),;@\"\\"
ADDRESS = re.compile(rf"[^{_NEVER}:\[\]]+@[^{_NEVER}]+")
_XTEXT = bytes(sorted({*range(33, 127)} - {*b"+="}))


Paths = tuple[bytes, bytes]  # a letter's sender and recipient as they stand in its commands


def paths_of(letter: Letter) -> Paths | Outcome:
    """The letter's addresses as they travel, or the outcome of one whose addresses no server could take."""
    sender, recipient = path_of(letter.sender), path_of(letter.recipient)
    if sender is None:
        return Outcome(OutcomeKind.CONFIG_PERMANENT, Reason.SENDER_REFUSED, "The sender address cannot be used in SMTP")
    if recipient is None:
        return Outcome(OutcomeKind.RECIPIENT_PERMANENT, Reason.INVALID_ADDRESS, "The address cannot be used in SMTP")
    return sender, recipient


class Envelopes:
    """The envelopes of letters to one server, whose offers (RFC 5321, 4.1.1.1) are read once for all of them.

    `size_limit` is how many bytes of one message it takes (RFC 1870, 3); None where it does not say.
    """

    def __init__(self, offers: Mapping[str, str]) -> None:
        self.size_limit = size_limit_of(offers)
        self._asks_size = "SIZE" in offers
        self._takes_utf8 = "SMTPUTF8" in offers and "8BITMIME" in offers
        self._reports = "DSN" in offers

    def open(self, letter: Letter, paths: Paths, content: bytes) -> tuple[bytes, bytes] | Outcome:
        """The MAIL and RCPT command lines for this letter, or the outcome of one that this server cannot take.

        A server that offers DSN (RFC 3461) is asked to report failure and delay, with the letter's name and only the
        headers of the mail.
        """
        if self.size_limit is not None and self.size_limit < len(content):
            said = f"The message has {len(content):,} bytes; the server takes {self.size_limit:,}."
            return Outcome(OutcomeKind.MESSAGE_PERMANENT, Reason.TOO_LARGE, said, size_limit=self.size_limit)
        sender, recipient = paths
        parameters, wishes = b" SIZE=%d" % len(content) if self._asks_size else b"", b""
        if not (sender.isascii() and recipient.isascii() and content.isascii()):
            if not self._takes_utf8:
                return _needs_utf8(letter)
            parameters += b" BODY=8BITMIME SMTPUTF8"
        if self._reports and letter.name:
            parameters += b" RET=HDRS ENVID=%b" % _xtext(letter.name.encode())
            wishes = b" NOTIFY=FAILURE,DELAY"
            if recipient.isascii():  # beyond ASCII it is of another type (RFC 6533), which few servers know
                wishes += b" ORCPT=rfc822;%b" % _xtext(recipient)
        return b"MAIL FROM:<%b>%b\r\n" % (sender, parameters), b"RCPT TO:<%b>%b\r\n" % (recipient, wishes)


def size_limit_of(offers: Mapping[str, str]) -> int | None:
    """How many bytes of one message a server with these offers takes (RFC 1870, 3); None where it does not say."""
    size = offers.get("SIZE", "")
    return int(size) or None if size.isascii() and size.isdigit() and len(size) < 20 else None


def _xtext(value: bytes) -> bytes:
    """The value as it may stand in a parameter (RFC 3461, 4); what an address or a key rarely holds is written +XX."""
    if not value.translate(None, _XTEXT):
        return value
    return b"".join(b"%c" % byte if byte in _XTEXT else b"+%02X" % byte for byte in value)


def _needs_utf8(letter: Letter) -> Outcome:
    if letter.sender.rpartition("@")[0].isascii():
        said = "The server does not take addresses with letters beyond ASCII before the @"
        return Outcome(OutcomeKind.RECIPIENT_PERMANENT, Reason.ADDRESS_NEEDS_SMTPUTF8, said)
    said = "The server does not take a sender address with letters beyond ASCII before the @"
    return Outcome(OutcomeKind.CONFIG_PERMANENT, Reason.SENDER_REFUSED, said)


@lru_cache(maxsize=64)  # the sender comes again with every letter, the recipient in its header
def path_of(address: str) -> bytes | None:
    """The address as it travels, its domain in ASCII; None for what no server could take."""
    if ADDRESS.fullmatch(address) is None:
        return None
    if address.isascii():
        return address.encode()
    local, _, domain = address.rpartition("@")
    known = domain if domain.isascii() else ascii_domain(domain)
    return f"{local}@{known}".encode() if known else None
