"""One connection to an SMTP server: bytes in, whole reply lines out, and silence that lasts too long noticed."""

import asyncio
import ssl
from collections.abc import Callable, Mapping
from typing import Any

from app.domain.outcomes import Reason
from app.domain.smtp_replies import Reply
from app.infra.smtp_hosts import Host

LONGEST_REPLY = 65536  # bytes of one reply; a server that says more is not an SMTP server
PIECE = 262144  # bytes of text that are handed to the socket at once


class Wire(asyncio.Protocol):
    """A connection, used in two ways: `ask` and wait for the reply, or `on_line` for every line as it comes.

    `on_line` gets each reply once complete (the lines of a long one joined by a line feed); `on_end` is called once
    with the reason when the connection is gone, whoever ended it. `patience` is how many seconds of silence are borne
    while `is_waiting`.
    """

    def __init__(self, host: Host, patience: float) -> None:
        self.host = host
        self.patience = patience
        self.offers: Mapping[str, str] = {}  # what EHLO offered: keyword to parameters
        self.address = ""
        self.letters_total = 0  # letters this connection has carried
        self.is_reused = False  # kept from an earlier run; the server may have left meanwhile
        self.needs_reset = False  # an envelope was refused and is still open at the server, also in the next run
        self.is_waiting = False
        self.is_open = False
        self.on_line: Callable[[bytes], None] = self._take_reply
        self.on_end: Callable[[Reason], None] = _nothing
        self._loop = asyncio.get_running_loop()
        self.gone: asyncio.Future[None] = self._loop.create_future()
        self._transport: Any = None  # asyncio.Transport, or the one start_tls puts over it
        self._banner: asyncio.Future[Reply] = self._loop.create_future()  # may come before anyone asks
        self._reply: asyncio.Future[Reply] | None = self._banner
        self._partial = b""
        self._gathered = b""
        self._heard_at = 0.0
        self._clock: asyncio.TimerHandle | None = None
        self._unwritten: list[bytes] = []
        self._is_paused = False
        self._crash: Exception | None = None

    # what the loop calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The connection stands; from here on silence is measured."""
        self._transport = transport
        self.is_open = True
        self.touch()
        self._watch_silence()

    def data_received(self, received: bytes) -> None:
        """Cut what came into replies and pass each on."""
        self._heard_at = self._loop.time()
        lines = (self._partial + received if self._partial else received).split(b"\n")
        self._partial = lines.pop()
        try:
            for line in lines:
                if self._gathered or line[3:4] == b"-":
                    self._gather(line)
                else:
                    self.on_line(line)
        except Exception as error:  # noqa: BLE001 - a bug in a listener must reach who awaits, not the loop's log
            self._crash = error
            self.abort(Reason.SERVER_ERROR)
        if len(self._partial) + len(self._gathered) > LONGEST_REPLY:
            self.abort(Reason.SERVER_ERROR)

    def pause_writing(self) -> None:
        """The socket takes no more for now."""
        self._is_paused = True

    def resume_writing(self) -> None:
        """The socket takes more: go on with a long text."""
        self._is_paused = False
        self._heard_at = self._loop.time()  # the server is reading, so it is alive
        while self._unwritten and not self._is_paused:
            self._transport.write(self._unwritten.pop(0))

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the loop's signature
        """The connection is gone, whoever ended it."""
        self._end(Reason.CONNECTION_LOST)
        if not self.gone.done():
            self.gone.set_result(None)

    # what the rest of the client calls

    async def greeting(self) -> Reply:
        """The server's banner; raises as `ask` does."""
        return await self._await(self._banner)

    async def ask(self, command: bytes) -> Reply:
        """Write one command line and return its reply.

        Raises ConnectionError when the connection ends first, TimeoutError after `patience` seconds of silence.
        """
        if not self.is_open:
            raise ConnectionResetError("the server closed the connection")
        self._reply = reply = self._loop.create_future()
        self.on_line = self._take_reply
        self.write(command + b"\r\n")
        return await self._await(reply)

    async def _await(self, reply: asyncio.Future[Reply]) -> Reply:
        self.touch()
        self.is_waiting = True
        try:
            return await reply
        finally:
            self.is_waiting = False

    def write(self, content: bytes) -> None:
        """Write bytes; a long text goes in pieces, so that `has_unwritten` tells whether its end left this process."""
        if len(content) <= PIECE:
            self._transport.write(content)
            return
        self._transport.set_write_buffer_limits(high=PIECE // 2)
        self._unwritten = [content[start : start + PIECE] for start in range(0, len(content), PIECE)]
        self.resume_writing()

    @property
    def has_unwritten(self) -> bool:
        """Whether the end of a long text still waits for the socket."""
        return bool(self._unwritten)

    def touch(self) -> None:
        """Start measuring silence anew."""
        self._heard_at = self._loop.time()

    async def start_tls(self, context: ssl.SSLContext) -> None:
        """Put TLS over the connection (RFC 3207). Raises ssl.SSLError, OSError or TimeoutError."""
        if self._partial or self._gathered:
            raise ssl.SSLError("the server spoke before TLS began")  # RFC 3207 section 6: what came before is void
        self._transport = await self._loop.start_tls(
            self._transport, self, context, server_hostname=self.host.name, ssl_handshake_timeout=self.patience
        )

    def tells(self, what: str) -> Any:
        """What the transport knows: `ssl_object`, `sockname`, `peername`; None when there is nothing."""
        return self._transport.get_extra_info(what)

    def abort(self, reason: Reason) -> None:
        """Drop the connection at once."""
        self._end(reason)
        if self._transport is not None:
            self._transport.abort()  # which calls connection_lost on the loop's next turn

    def leave(self) -> None:
        """Take leave of the server and close."""
        if self.is_open:
            self._transport.write(b"QUIT\r\n")
            self._end(Reason.CONNECTION_LOST)
            self._transport.close()

    def rest(self) -> None:
        """Nothing is expected from the server any more; raises what a listener raised meanwhile."""
        self.is_waiting = False
        self.on_line, self.on_end = self._take_unasked, _nothing
        if self._crash is not None:
            raise self._crash

    # inside

    def _gather(self, line: bytes) -> None:
        if line[3:4] == b"-":
            self._gathered += line + b"\n"
            return
        whole, self._gathered = self._gathered + line, b""
        self.on_line(whole)

    def _take_reply(self, line: bytes) -> None:
        reply, self._reply = self._reply, None
        self.on_line = self._take_unasked
        if reply is None or reply.done():
            return
        parsed = parse_reply(line)
        if parsed is None:
            reply.set_exception(ConnectionAbortedError("what the server said is not an SMTP reply"))
            self.abort(Reason.SERVER_ERROR)
        else:
            reply.set_result(parsed)

    def _take_unasked(self, line: bytes) -> None:  # noqa: ARG002 - whatever it says, usually 421: good-bye
        self.abort(Reason.CONNECTION_LOST)

    def _watch_silence(self) -> None:
        if not self.is_open:
            return
        silence = self._loop.time() - self._heard_at
        if self.is_waiting and silence >= self.patience:
            self.abort(Reason.TIMED_OUT)
            return
        self._clock = self._loop.call_later(min(1.0, self.patience / 4), self._watch_silence)

    def _end(self, reason: Reason) -> None:
        if not self.is_open:
            return
        self.is_open = False
        self.on_line = _nothing
        if self._clock is not None:
            self._clock.cancel()
        if self._reply is not None and not self._reply.done():
            lost: OSError = ConnectionResetError("the server closed the connection")
            self._reply.set_exception(TimeoutError("no answer in time") if reason is Reason.TIMED_OUT else lost)
        on_end, self.on_end = self.on_end, _nothing
        try:
            on_end(reason)
        except Exception as error:  # noqa: BLE001 - as in data_received
            self._crash = self._crash or error


def parse_reply(line: bytes) -> Reply | None:
    """The reply in one or more lines (RFC 5321 4.2.1); None when it is not one."""
    lines = line.split(b"\n")
    code = lines[-1][:3]
    if not code.isdigit() or not b"200" <= code <= b"599":
        return None
    texts = [each[4:].decode("utf-8", "replace").strip() for each in lines]
    enhanced = texts[0].partition(" ")[0]
    if len(texts) > 1 and enhanced[:1] in "245" and enhanced.count(".") == 2:  # each line repeats it (RFC 2034)
        texts[1:] = [text.removeprefix(enhanced).strip() for text in texts[1:]]
    return Reply(int(code), "\n".join(texts))


def _nothing(_: object) -> None:
    """What happens to what nobody waits for."""
