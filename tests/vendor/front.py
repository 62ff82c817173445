"""The internet, as far as SDKs see it: a proxy for HTTPS behind which the vendors' hosts are the emulators.

SDKs have their hosts built in, so they are told what every program is told on a network with a proxy: where it is
(CONNECT, RFC 9110, 9.3.6) and whose certificates hold. TLS ends here, with a certificate for the very name that the SDK
asked for; what is inside goes byte by byte to the emulator of that name. There is nothing else: any other host is 502.
"""

import asyncio
import ssl
import threading
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

import trustme

Address = tuple[str, int]
HOSTS = {
    "api.twilio.com": "twilio", "api.sendgrid.com": "sendgrid", "api.resend.com": "resend",
    "api.mailgun.net": "mailgun", "rest.nexmo.com": "vonage", "email.eu-west-1.amazonaws.com": "ses",
    "sns.eu-west-1.amazonaws.com": "ses", "rest-api.telesign.com": "telesign", "rest-ww.telesign.com": "telesign",
    "rest.textmagic.com": "textmagic", "api.msg91.com": "msg91", "fcm.googleapis.com": "fcm",
    "oauth2.googleapis.com": "fcm", "iamcredentials.googleapis.com": "fcm", "api.push.apple.com": "apns",
}  # fmt: skip
APPLE = "api.push.apple.com"
_HTTP2 = (APPLE, "fcm.googleapis.com")
Lead = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
_READ = 1 << 16
_PATIENCE = 10.0  # seconds to start and to stop


class Front:
    """Listens on a loopback port of its own, in a thread of its own, while it is open."""

    def __init__(self, places: Mapping[str, Address], folder: Path) -> None:
        """`places`: where the emulator of each kind listens. `folder` gets the certificates that SDKs shall trust."""
        self._places = {host: places[kind] for host, kind in HOSTS.items()}
        self.asked: list[str] = []  # every host that somebody wanted to be connected with
        self.certificates = folder / "certificates.pem"
        authority = trustme.CA()
        authority.cert_pem.write_to_path(str(self.certificates))
        self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._tls.set_alpn_protocols(["h2", "http/1.1"])
        authority.issue_cert(*HOSTS).configure_cert(self._tls)
        self._plain = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)  # for services that know HTTP/1.1 only
        authority.issue_cert(*HOSTS).configure_cert(self._plain)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._tasks: set[asyncio.Task[None]] = set()
        self._thread.start()
        self._proxy, self._door = asyncio.run_coroutine_threadsafe(self._start(), self._loop).result(_PATIENCE)

    async def _start(self) -> tuple[asyncio.Server, asyncio.Server]:
        proxy = await asyncio.start_server(lambda *both: self._meet(self._lead, *both), "127.0.0.1", 0)
        door = await asyncio.start_server(lambda *both: self._meet(self._pass_on, *both), "127.0.0.1", 0, ssl=self._tls)
        return proxy, door

    @property
    def port(self) -> int:
        """Where the proxy listens."""
        return _port_of(self._proxy)

    @property
    def apple_port(self) -> int:
        """Where Apple's host listens itself, for a client that no proxy can lead."""
        return _port_of(self._door)

    def strangers(self) -> set[str]:
        """Hosts that somebody asked for and that are no vendor's."""
        return set(self.asked) - HOSTS.keys()

    def close(self) -> None:
        """Stop listening, and hang up."""
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(_PATIENCE)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _end(self) -> None:
        self._proxy.close()
        self._door.close()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _meet(self, lead: Lead, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            await lead(reader, writer)
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # one of both hung up, or the test is over
        finally:
            self._tasks.discard(task)
            writer.transport.abort()

    async def _lead(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        method, target, _ = head.split(" ", 2)
        host = target.rpartition(":")[0]
        self.asked.append(host or target)
        if method != "CONNECT" or host not in self._places:
            writer.write(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            await writer.drain()
            return
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        await writer.drain()
        await writer.start_tls(self._tls if host in _HTTP2 else self._plain)
        await self._pass_on(reader, writer, host)

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, host: str = APPLE) -> None:
        inner_reader, inner_writer = await asyncio.open_connection(*self._places[host])
        try:
            await asyncio.gather(_pass(reader, inner_writer), _pass(inner_reader, writer))
        finally:
            inner_writer.transport.abort()


def _port_of(server: asyncio.Server) -> int:
    return int(server.sockets[0].getsockname()[1])


async def _pass(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Everything in this direction until its end; then the other side is told that no more comes."""
    try:
        while piece := await reader.read(_READ):
            writer.write(piece)
            await writer.drain()
    finally:
        writer.close()
