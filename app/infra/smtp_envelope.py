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


def refuse_addresses(letter: Letter) -> Outcome | None:
    """The outcome of a letter whose addresses no server could take; None when they look right."""
    if _path(letter.sender) is None:
        return Outcome(OutcomeKind.CONFIG_PERMANENT, Reason.SENDER_REFUSED, "The sender address cannot be used in SMTP")
    if _path(letter.recipient) is None:
        return Outcome(OutcomeKind.RECIPIENT_PERMANENT, Reason.INVALID_ADDRESS, "The address cannot be used in SMTP")
    return None


def open_envelope(letter: Letter, content: bytes, offers: Mapping[str, str]) -> tuple[bytes, bytes] | Outcome:
    """The MAIL and RCPT command lines for this letter on a server with these offers, or the outcome without.

    The addresses have passed `refuse_addresses`. A server that offers DSN (RFC 3461) is asked to report failure and
    delay, with the letter's name and only the headers of the mail.
    """
    limit = size_limit_of(offers)
    if limit is not None and limit < len(content):
        said = f"The message has {len(content):,} bytes; the server takes {limit:,}."
        return Outcome(OutcomeKind.MESSAGE_PERMANENT, Reason.TOO_LARGE, said, size_limit=limit)
    sender, recipient = _path(letter.sender) or b"", _path(letter.recipient) or b""
    parameters = b" SIZE=%d" % len(content) if "SIZE" in offers else b""
    if not (sender.isascii() and recipient.isascii() and content.isascii()):
        if not ("SMTPUTF8" in offers and "8BITMIME" in offers):
            return _needs_utf8(letter)
        parameters += b" BODY=8BITMIME SMTPUTF8"
    wishes = b""
    if "DSN" in offers and letter.name:
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


@lru_cache(maxsize=64)  # the sender comes again with every letter
def _path(address: str) -> bytes | None:
    if ADDRESS.fullmatch(address) is None:
        return None
    if address.isascii():
        return address.encode()
    local, _, domain = address.rpartition("@")
    known = domain if domain.isascii() else ascii_domain(domain)
    return f"{local}@{known}".encode() if known else None
