"""Letters for a real server, and the way they go there: as the SMTP provider sends, ten connections at once."""

import asyncio
from collections.abc import Sequence

from app.infra.smtp import SmtpPool
from app.infra.smtp_hosts import Encryption, Host
from app.infra.smtp_intake import Letter
from app.infra.smtp_opening import SmtpRoute
from tests.mta.relays import DOMAIN, Relay
from tests.providers.smtp_script import Record

SENDER = "news@example.net"


def text_of(to: str, subject: str = "Autumn news") -> bytes:
    """A text that nobody else gets, with dots where SMTP minds them (RFC 5321, 4.5.2)."""
    head = (
        f"From: {SENDER}",
        f"To: {to}",
        f"Subject: {subject}",
        "Date: Sat, 21 Nov 2026 09:00:00 +0000",
        f"Message-ID: <{to.replace('@', '.')}.letter@example.net>",
    )
    return "\r\n".join([*head, "", f"Hello {to}", ".", "..", "", ".hidden", "", ""]).encode()


def letter(index: int, local: str, sender: str = SENDER, text: bytes = b"", subject: str = "Autumn news") -> Letter:
    """One letter to a mailbox of the server's domain."""
    to = f"{local}@{DOMAIN}"
    written = text or text_of(to, subject)
    return Letter(index, sender, to, lambda: written, f"{index}.letter")


def letters(count: int, prefix: str) -> list[Letter]:
    """That many, to prefix0 and so on."""
    return [letter(index, f"{prefix}{index}") for index in range(count)]


def route_to(relay: Relay, encryption: Encryption = Encryption.NONE, **changes: object) -> SmtpRoute:
    """Plain, unless said otherwise, and with the connections that the provider opens by itself."""
    host = Host("localhost" if encryption is not Encryption.NONE else "127.0.0.1", relay.port, encryption, False)
    known: dict[str, object] = {"patience": 30.0, "text_patience": 60.0, "allow_private_hosts": True, **changes}
    return SmtpRoute(relay.name, (host,), **known)  # type: ignore[arg-type]


def deliver(route: SmtpRoute, each: Sequence[Letter], record: Record | None = None) -> Record:
    """Deliver them in a loop of its own; what the listener was told."""
    told = record or Record()

    async def run() -> None:
        pool = SmtpPool()
        try:
            await pool.deliver(route, iter(each), told, len(each))
        finally:
            await pool.close()

    asyncio.run(run())
    return told


def arrived(relay: Relay, prefix: str) -> dict[str, bytes]:
    """The text that lies there for each recipient whose address begins so; fails when one of them has two."""
    found = [each for each in relay.arrivals() if each.recipient.startswith(prefix)]
    texts = {each.recipient: each.text for each in found}
    assert len(texts) == len(found), "somebody was sent two"
    return texts


def kept(text: bytes) -> bytes:
    """A text as a mail server keeps it: with line feeds, the last line ended."""
    plain = text.replace(b"\r\n", b"\n")
    return plain if plain.endswith(b"\n") else plain + b"\n"
