"""The receiver of bounces: a small mail server for what other mail servers say of our mail (RFC 5321, LMTP: RFC 2033).

It takes mail for signed return paths and for nobody else, relays nothing and answers nothing by mail. What it has said
250 to is on disk. What nobody signed gets its 250 too and is dropped, so that the other side stops trying; what cannot
be kept just now gets 451, and comes again.
"""

import asyncio
import logging
import signal
import ssl
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import structlog
from aiosmtpd.lmtp import LMTP
from aiosmtpd.smtp import SMTP, Envelope, Session

from app.domain.errors import Unavailable
from app.domain.networks import network_of
from app.domain.return_paths import is_return_path
from app.infra.clock import monotonic
from app.infra.processes import set_title
from app.infra.settings import Settings
from app.services.tracking import bounces
from app.services.work import Workshop

NOBODY = "<>"  # as aiosmtpd hands over the sender of reports
LARGEST = 4 * 1024 * 1024  # bytes of a mail; some servers send ours back whole, and only its beginning is read
LONGEST_LINE = 65_536  # bytes: copies of mails hold longer lines than a server should send
MOST_LINES = 100_000  # of a mail; twice what the largest has in base64, and each costs some microseconds
MOST_RECIPIENTS = 20  # of one mail; a report goes to one
MOST_COMMANDS = 1000  # of each kind in one session
MOST_OTHERS = 20  # of those that no report needs
COMMAND_WITHIN = 120.0  # seconds, also for a whole text
SESSION_WITHIN = 900.0  # seconds
MOST_SESSIONS, MOST_SESSIONS_OF_ONE = 64, 16
MOST_IN_MINUTE = 3000  # mails from one address
THREADS = 4  # that read and keep at the same time
STOP_WITHIN = 2.0  # seconds for what is being kept when it shall stop

log = structlog.get_logger(__name__)


class ReceiverError(Exception):
    """The receiver cannot start; the sentence says why and what would be right."""


class Receiver:
    """Who is connected, how much they sent, and what is asked at each stage (aiosmtpd's hooks)."""

    def __init__(self, shop: Workshop) -> None:
        self._shop = shop
        self._settings = shop.settings
        self._tls = _tls_of(self._settings.bounces_certificate)
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="bounce")
        self._kept: set[asyncio.Future[int]] = set()
        self._sent: Counter[str] = Counter()
        self._minute = 0
        self.open: dict[_Session, str] = {}
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Listen where the settings say. Raises ReceiverError."""
        logging.getLogger("mail.log").setLevel(logging.CRITICAL)  # it would write every command, with its addresses
        host, port = self._settings.bounces_host, self._settings.bounces_port
        kind = _LocalSession if self._settings.bounces_protocol == "lmtp" else _Session
        make: Callable[[], asyncio.Protocol] = partial(kind, self, self._tls)
        try:
            self._server = await asyncio.get_running_loop().create_server(make, host or None, port)
        except (OSError, OverflowError) as error:
            raise ReceiverError(
                f"Bounces cannot be received at {host} port {port}: {error}. Set CARILLON_BOUNCES_HOST to an address "
                "of this machine and CARILLON_BOUNCES_PORT to a free port; those below 1024 need a privilege."
            ) from error
        log.info("Bounces are received", host=host, port=port, protocol=self._settings.bounces_protocol)

    async def stop(self) -> None:
        """Stop listening, let what is being kept be kept and answered, hang up."""
        if self._server is not None:
            self._server.close()
        if self._kept:
            await asyncio.wait(self._kept, timeout=STOP_WITHIN)
            await asyncio.sleep(0.05)  # its 250 goes out
        for session in list(self.open):
            session.hang_up()
        self._pool.shutdown(wait=False, cancel_futures=True)

    def refusal_of(self, peer: str) -> str:
        """Why nobody more is let in from that address now; empty when they are welcome."""
        if len(self.open) >= MOST_SESSIONS or list(self.open.values()).count(peer) >= MOST_SESSIONS_OF_ONE:
            return "421 4.7.0 Too many connections; come back later"
        return ""

    def is_too_fast(self, peer: str) -> bool:
        """Count a mail from that address; whether it is one too many in this minute."""
        minute = int(monotonic() // 60)
        if minute != self._minute:
            self._minute, self._sent = minute, Counter()
        self._sent[peer] += 1
        return self._sent[peer] > MOST_IN_MINUTE

    async def handle_EHLO(  # noqa: N802 - aiosmtpd's name
        self, _server: SMTP, session: Session, _envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        """What is offered: no sign-in, which nobody needs here, and what makes senders quick."""
        session.host_name = hostname
        offers = [line for line in responses[:-1] if not line.startswith("250-AUTH")]
        return [*offers, "250-ENHANCEDSTATUSCODES", "250-PIPELINING", responses[-1]]

    async def handle_MAIL(  # noqa: N802
        self, server: "_Session", _session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """The sender: `<>` of a report, and whoever asks."""
        server.received_total = server.lines_total = 0
        if self.is_too_fast(server.peer):
            return "451 4.7.0 Too many mails in this minute; come back later"
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 2.1.0 Sender ok"

    async def handle_RCPT(  # noqa: N802
        self, server: "_Session", _session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """A recipient: of our form, whoever signed it."""
        if not is_return_path(address.rpartition("@")[0]):
            return "550 5.1.1 No such address here, and nothing is passed on"
        if len(envelope.rcpt_tos) >= server.most_recipients:
            return "452 4.5.3 Too many recipients; send the others in another mail"
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 2.1.5 Recipient ok"

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        """The whole mail: kept before it is answered."""
        local_parts = [address.rpartition("@")[0] for address in envelope.rcpt_tos]
        raw = bytes(envelope.original_content or b"")
        keeping = asyncio.get_running_loop().run_in_executor(
            self._pool, partial(bounces.take, self._shop, local_parts, raw, is_from_nobody=envelope.mail_from == NOBODY)
        )
        self._kept.add(keeping)
        keeping.add_done_callback(self._note_end)
        try:
            await asyncio.shield(keeping)
        except Unavailable as error:
            log.warning("A bounce cannot be kept now; its sender will try again", why=str(error))
            return "451 4.3.0 It cannot be kept now; come back later"
        return "250 2.0.0 Ok"

    def _note_end(self, keeping: "asyncio.Future[int]") -> None:
        self._kept.discard(keeping)
        if not keeping.cancelled():
            keeping.exception()  # whoever waited for it may have hung up meanwhile


class _Session(SMTP):
    """One connection, with bounds: commands, bytes, time."""

    line_length_limit = LONGEST_LINE
    most_recipients = MOST_RECIPIENTS

    def __init__(self, receiver: Receiver, tls: ssl.SSLContext | None) -> None:
        self.received_total = self.lines_total = 0  # bytes and lines of this mail, its commands included
        self.peer = ""
        self._receiver = receiver
        self._refusal = ""
        self._end: asyncio.TimerHandle | None = None
        limits = {"MAIL": MOST_COMMANDS, "RCPT": MOST_COMMANDS, "DATA": MOST_COMMANDS, "RSET": MOST_COMMANDS}
        super().__init__(
            receiver, data_size_limit=LARGEST, enable_SMTPUTF8=True, hostname="carillon", ident="bounces",
            tls_context=tls, timeout=COMMAND_WITHIN, auth_exclude_mechanism=["LOGIN", "PLAIN"],
            command_call_limit={**limits, "*": MOST_OTHERS}, loop=asyncio.get_running_loop(),
        )  # fmt: skip

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Someone is there; also called again when TLS begins."""
        if self._end is None:
            name = transport.get_extra_info("peername")
            self.peer = network_of(str(name[0])) if isinstance(name, tuple) else ""
            self._refusal = self._receiver.refusal_of(self.peer)
            self._end = self.loop.call_later(SESSION_WITHIN, self.hang_up)
        self._receiver.open[self] = self.peer
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        """They are gone."""
        self._receiver.open.pop(self, None)
        if self._end is not None:
            self._end.cancel()
        super().connection_lost(error)

    def data_received(self, received: bytes) -> None:
        """Count what comes; one who never ends a line or a mail is hung up on before it fills memory or time."""
        self.received_total += len(received)
        self.lines_total += received.count(b"\n")
        if self.received_total > 2 * LARGEST or self.lines_total > MOST_LINES:
            self.hang_up()
        else:
            super().data_received(received)

    def hang_up(self) -> None:
        """End the connection without another word."""
        if self.transport is not None:
            transport: Any = self.transport
            transport.abort()

    async def handle_exception(self, error: Exception) -> str:
        """A bug of ours: nothing is lost by it, the other side tries again."""
        log.error("A bounce could not be read", exc_info=error)
        return "451 4.3.0 It cannot be read now; come back later"

    async def _handle_client(self) -> None:
        if not self._refusal:
            await super()._handle_client()
            return
        await self.push(self._refusal)
        if self.transport is not None:
            self.transport.close()


class _LocalSession(_Session, LMTP):
    """The same over LMTP, as mail servers hand mail to programs beside them: one recipient, so one answer for each."""

    most_recipients = 1


def run(settings: Settings) -> None:
    """Receive until SIGTERM or SIGINT. Raises ReceiverError; VaultError and database errors as others do."""
    if not settings.bounces_port:
        raise ReceiverError(
            "Bounces are not received: CARILLON_BOUNCES_PORT is not set. Set it for every process of Carillon, the "
            "workers too, to the port on which bounces come in, such as 2525."
        )
    set_title("bounces")
    shop = Workshop.equip(settings)
    try:
        asyncio.run(_receive(shop))
    finally:
        shop.close()


async def _receive(shop: Workshop) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    receiver = Receiver(shop)
    await receiver.start()
    try:
        await stop.wait()
    finally:
        await receiver.stop()


def _tls_of(certificate: Path | None) -> ssl.SSLContext | None:
    if certificate is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(certificate)
    except (OSError, ssl.SSLError) as error:
        raise ReceiverError(
            f"The certificate {certificate} cannot be used: {error}. CARILLON_BOUNCES_CERTIFICATE names a PEM file "
            "with a private key and its certificates."
        ) from error
    return context
