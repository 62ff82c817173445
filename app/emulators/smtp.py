"""A mail server that delivers nowhere: takes everything, keeps it in the outbox, fails as the dial says."""

import asyncio
import itertools
import logging
import re
import ssl
from argparse import Namespace
from collections.abc import Mapping
from dataclasses import dataclass
from email import policy
from email.parser import BytesHeaderParser
from typing import Any, ClassVar, Self

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from app.emulators.faults import FAULTS, Fault, Faults, played_by
from app.emulators.outbox import Arrival, Names, Outbox
from app.emulators.returns import PLAYED, STAGES, Posted, Returns

KIND = "smtp"
BOUNCE_DOMAIN = "bounces.invalid"  # what comes back to the Sandbox needs no DNS
SIZE = 26_214_400  # bytes of one message, as announced

_DSN = re.compile(r"\s(RET|ENVID|NOTIFY|ORCPT)=(\S+)", re.IGNORECASE)  # RFC 3461
_MESSAGE_ID = re.compile(rb"^Message-ID:\s*<([^@>\s]{1,200})@", re.IGNORECASE | re.MULTILINE)
_HEADERS = BytesHeaderParser(policy=policy.default)
_numbers = itertools.count(1)


@dataclass(frozen=True, slots=True)
class SmtpOptions:
    """How the server presents itself. `tls` offers STARTTLS; `implicit_tls` speaks TLS from the first byte.

    `bounces_to` is the host and port that takes what goes back to senders, over SMTP or LMTP; None: nothing goes back.
    """

    tls: ssl.SSLContext | None = None
    implicit_tls: ssl.SSLContext | None = None
    size: int = SIZE
    takes_utf8: bool = True
    bounces_to: tuple[str, int] | None = None
    bounces_protocol: str = "smtp"


class SmtpEmulator:
    """The listening server. Start it inside a running asyncio loop."""

    kind: ClassVar[str] = KIND
    channel: ClassVar[str] = "email"
    values: ClassVar[Mapping[str, Any]] = {
        "host": "sandbox.invalid", "port": 25, "encryption": "none", "autoTLS": False, "username": "{account}",
        "password": "sandbox",
    }  # fmt: skip

    def __init__(self, outbox: Outbox, faults: Faults, options: SmtpOptions | None = None) -> None:
        self._outbox = outbox
        self._faults = faults
        self._options = options or SmtpOptions()
        self._server: asyncio.Server | None = None
        self._open: set[_Connection] = set()
        self._address = ("", 0)
        self._returns = Returns(faults, self._options.bounces_to, self._options.bounces_protocol)

    @classmethod
    def prepared(cls, outbox: Outbox, faults: Faults, arguments: Namespace) -> Self:
        """As the command line wants it: size, and STARTTLS when there is a certificate."""
        tls = None
        if arguments.smtp_certificate:
            tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            tls.load_cert_chain(arguments.smtp_certificate)
        to, protocol = arguments.bounces_to, arguments.bounces_protocol
        options = SmtpOptions(tls=tls, size=arguments.smtp_size, bounces_to=to, bounces_protocol=protocol)
        return cls(outbox, faults, options)

    def announcement(self) -> dict[str, Any]:
        """Where it listens, and settings to connect with."""
        host, port = self._address
        url = f"smtp://{host}:{port}"
        values = dict(self.values) | ({"bounceDomain": BOUNCE_DOMAIN} if self._returns.are_sent else {})
        back = PLAYED if self._returns.are_sent else frozenset()
        known = played_by(self.channel, over_http=False, tells=self._returns.are_sent)
        faults = [name for name in known if FAULTS[name].stage not in STAGES or name in back]
        return {
            "host": host, "port": port, "url": url, "channel": self.channel, "values": values, "faults": faults,
        }  # fmt: skip

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> tuple[str, int]:
        """Listen; returns the address, with the port that was free when 0 was asked for."""
        logging.getLogger("mail.log").setLevel(logging.CRITICAL)  # it would write every command of every session
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._connect, host, port, ssl=self._options.implicit_tls)
        address = self._server.sockets[0].getsockname()
        self._address = (str(address[0]), int(address[1]))
        return self._address

    async def stop(self) -> None:
        """Stop listening and hang up."""
        if self._server is not None:
            self._server.close()
        for connection in list(self._open):
            connection.hang_up()
        await self._returns.close()
        await asyncio.sleep(0.05)  # the loop needs a turn to close what was hung up

    def _connect(self) -> "_Connection":
        return _Connection(
            _Reception(self._outbox, self._faults, self._returns), self._faults, self._options, self._open
        )


EMULATOR = SmtpEmulator


class _Reception:
    """What is asked at each stage of the dialogue (aiosmtpd's hooks)."""

    def __init__(self, outbox: Outbox, faults: Faults, returns: Returns) -> None:
        self._outbox = outbox
        self._faults = faults
        self._returns = returns
        self._connection = f"smtp-{next(_numbers)}"

    async def handle_EHLO(  # noqa: N802 - aiosmtpd's name
        self, server: "_Connection", session: Session, _: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        """What is offered: aiosmtpd's own, and what makes clients fast."""
        session.host_name = hostname
        struck = self._faults.strike("ehlo", account_of(session), kind=KIND)
        server.forgets_early_input = struck is not None and struck[0].act == "garble"
        extra = ["250-ENHANCEDSTATUSCODES", "250-DSN"]
        server.command_size_limits["MAIL"] += 105  # as much as DSN may add (RFC 3461, 5)
        server.command_size_limits["RCPT"] += 500
        if struck is None or struck[0].act != "lack":
            extra.append("250-PIPELINING")
        return [*responses[:-1], *extra, responses[-1]]

    async def handle_MAIL(  # noqa: N802
        self, server: "_Connection", session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """The sender."""
        struck = self._faults.strike("mail", account_of(session), kind=KIND)
        if struck is not None:
            return server.play(struck[0])
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 2.1.0 Sender ok"

    async def handle_RCPT(  # noqa: N802
        self, server: "_Connection", session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """One recipient."""
        struck = self._faults.strike("rcpt", account_of(session), [address], KIND)
        if struck is not None:
            fault, amount = struck
            if fault.name != "too-many-recipients" or len(envelope.rcpt_tos) >= amount:
                return server.play(fault)
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 2.1.5 Recipient ok"

    async def handle_DATA(self, server: "_Connection", session: Session, envelope: Envelope) -> str:  # noqa: N802
        """The whole message."""
        struck = self._faults.strike("text", account_of(session), envelope.rcpt_tos, KIND)
        if struck is None:
            return self._keep(server, session, envelope)
        fault, amount = struck
        if fault.act == "wait":
            await asyncio.sleep(amount)
            return self._keep(server, session, envelope)
        if fault.act == "keep":
            self._keep(server, session, envelope)
        if fault.act == "reply":
            return server.play(fault)
        server.hang_up()
        await asyncio.Event().wait()  # the lost connection ends this session
        return ""

    def _keep(self, server: "_Connection", session: Session, envelope: Envelope) -> str:
        raw = envelope.original_content or b""
        arrival = Arrival(
            "smtp", account_of(session), envelope.mail_from or "", list(envelope.rcpt_tos), subject_of(raw), raw,
            self._connection, session.ssl is not None, names=Names(reference_of(raw)),
        )  # fmt: skip
        number = self._outbox.keep(arrival)
        posted = Posted(arrival.account, arrival.sender, arrival.recipients, raw, dict(server.wishes))
        self._returns.tell(posted, KIND)
        return f"250 2.0.0 Ok: queued as {number:08X}"


class _Connection(SMTP):
    """One session: aiosmtpd's, plus the failures it has no hook for."""

    def __init__(
        self, reception: _Reception, faults: Faults, options: SmtpOptions, open_ones: "set[_Connection]"
    ) -> None:
        self.forgets_early_input = False
        self.wishes: dict[str, str] = {}  # what DSN asks of this mail's reports
        self._faults = faults
        self._open_ones = open_ones
        self._closes_after_reply = False
        super().__init__(
            reception, hostname="emulator.invalid", ident="Carillon emulator", data_size_limit=options.size,
            enable_SMTPUTF8=options.takes_utf8, tls_context=options.tls, auth_require_tls=False,
            authenticator=self._admit, loop=asyncio.get_running_loop(),
        )  # fmt: skip

    def play(self, fault: Fault) -> str:
        """The reply of a fault; when it also hangs up, that follows the reply."""
        self._closes_after_reply = fault.act == "close"
        return fault.text

    def hang_up(self) -> None:
        """End the connection without another word."""
        if self.transport is not None:
            transport: Any = self.transport
            transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Someone is there."""
        self._open_ones.add(self)
        super().connection_made(transport)
        if transport.get_extra_info("ssl_object") is not None and self.session is not None:
            self.session.ssl = {"ssl_object": transport.get_extra_info("ssl_object")}

    def connection_lost(self, error: Exception | None) -> None:
        """They are gone."""
        self._open_ones.discard(self)
        super().connection_lost(error)

    async def push(self, status: Any) -> None:
        """Write a reply; then forget what came too early, or hang up, when that is the fault."""
        await super().push(status)
        if self.forgets_early_input and str(status)[3:4] != "-":
            early: Any = self._reader
            early._buffer.clear()  # as aiosmtpd itself does it after STARTTLS
        if self._closes_after_reply and self.transport is not None:
            self.transport.close()

    async def _handle_client(self) -> None:
        struck = self._faults.strike("banner", "")
        if struck is None:
            await super()._handle_client()
            return
        await self.push(self.play(struck[0]))

    async def smtp_MAIL(self, arg: str | None) -> None:  # noqa: N802
        """MAIL, with the wishes of DSN, which aiosmtpd does not know."""
        self.wishes.clear()
        await super().smtp_MAIL(self._note_wishes(arg))

    async def smtp_RCPT(self, arg: str | None) -> None:  # noqa: N802
        """RCPT, likewise."""
        await super().smtp_RCPT(self._note_wishes(arg))

    def _note_wishes(self, arg: str | None) -> str | None:
        if not arg:
            return arg
        self.wishes.update((name.upper(), value) for name, value in _DSN.findall(arg))
        return _DSN.sub("", arg)

    async def smtp_DATA(self, arg: str) -> None:  # noqa: N802 - aiosmtpd's name
        """DATA, unless the fault is to hang up here."""
        recipients = self.envelope.rcpt_tos if self.envelope is not None else []
        account = account_of(self.session)
        struck = self._faults.strike("data", account, recipients, KIND) if recipients else None
        if struck is None:
            await super().smtp_DATA(arg)
        else:
            self.hang_up()

    def _admit(self, _: SMTP, __: Session, ___: Envelope, ____: str, credentials: Any) -> AuthResult:
        """Every name and password will do, unless the dial of that name says otherwise."""
        struck = self._faults.strike("auth", name_of(credentials), kind=KIND)
        if struck is not None:
            return AuthResult(success=False, handled=False, message=struck[0].text)
        return AuthResult(success=True, auth_data=credentials)


def account_of(session: Session | None) -> str:
    """Who signed in; empty when nobody did."""
    return name_of(session.auth_data) if session is not None else ""


def name_of(credentials: object) -> str:
    """The username of what somebody signed in with."""
    return credentials.login.decode("utf-8", "replace") if isinstance(credentials, LoginPassword) else ""


def reference_of(raw: bytes) -> str:
    """What stands before the @ of a message's Message-ID (RFC 5322 3.6.4); empty when it has none."""
    found = _MESSAGE_ID.search(raw.partition(b"\r\n\r\n")[0])
    return found[1].decode("utf-8", "replace") if found else ""


def subject_of(raw: bytes) -> str:
    """The decoded subject of a message; empty when it has none that can be read."""
    head = raw.partition(b"\r\n\r\n")[0]
    return str(_HEADERS.parsebytes(head + b"\r\n\r\n").get("subject", ""))[:500]
