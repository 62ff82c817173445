"""One connection to an emulator, in HTTP/1.1 or HTTP/2, from the first byte to the last."""

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.exceptions
import h11

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"  # RFC 9113 3.4
LARGEST = 64 << 20  # bytes of a request's body
_LINGER = 0.5  # seconds
_READ = 1 << 16
_numbers = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Cut:
    """Instead of an answer: write these bytes as they are, and hang up."""

    last_words: bytes = b""


class Reply(Protocol):
    """An answer as the wire writes it."""

    @property
    def status(self) -> int:
        """The status code."""

    @property
    def headers(self) -> Mapping[str, str]:
        """Names in lower case."""

    @property
    def body(self) -> bytes:
        """All of it."""


Headers = Sequence[tuple[str, str]]
Serve = Callable[["Wire", str, str, Headers, bytes], Awaitable[Any]]  # method, target, headers, body -> Reply or Cut


class Wire:
    """What both versions share. `name` counts connections; `version` is how the request line writes it."""

    version = "HTTP/1.1"

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, serve: Serve, name: str) -> None:
        self.reader = reader
        self.writer = writer
        self.serve = serve
        self.name = name
        self.is_tls = writer.get_extra_info("ssl_object") is not None

    async def run(self) -> None:
        """Serve requests until the other side leaves, or we hang up."""
        raise NotImplementedError

    def abort(self) -> None:
        """Hang up without another word."""
        self.writer.transport.abort()

    async def cut(self, words: bytes) -> None:
        """Say these last words, and hang up."""
        if words:
            self.writer.write(words)
            await self.writer.drain()
            self.writer.close()
        else:
            self.abort()


async def open_wire(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, serve: Serve, prefix: str, *, needs_http2: bool
) -> Wire | None:
    """The wire for what this client speaks; None when it left, or spoke HTTP/1.1 where HTTP/2 is needed."""
    name = f"{prefix}{next(_numbers)}"
    try:
        start = await reader.readexactly(3)
    except (OSError, asyncio.IncompleteReadError):
        writer.transport.abort()
        return None
    if start == PREFACE[:3]:
        return Http2Wire(reader, writer, serve, name, start)
    if needs_http2:
        writer.write(b"HTTP/1.1 505 HTTP Version Not Supported\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
        writer.close()
        return None
    return Http1Wire(reader, writer, serve, name, start)


class Http1Wire(Wire):
    """One request after the other (RFC 9112)."""

    def __init__(self, *parts: Any) -> None:
        *known, self._start = parts
        super().__init__(*known)
        self._machine = h11.Connection(h11.SERVER, max_incomplete_event_size=1 << 16)

    async def run(self) -> None:
        """Serve requests until one asks to close, or cannot be read."""
        self._machine.receive_data(self._start)
        try:
            while await self._serve_one():
                self._machine.start_next_cycle()
        except h11.RemoteProtocolError as error:
            head = f"HTTP/1.1 {error.error_status_hint} Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
            await self.cut(head.encode())

    async def _serve_one(self) -> bool:
        """One request and its answer; whether another one may follow."""
        request, body = await self._read()
        if request is None:
            return False
        headers = [(name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in request.headers]
        answer = await self.serve(self, request.method.decode(), request.target.decode("latin-1"), headers, body)
        if isinstance(answer, Cut):
            await self.cut(answer.last_words)
            return False
        await self._say(answer)
        return self._machine.our_state is h11.DONE and self._machine.their_state is h11.DONE

    async def _read(self) -> tuple[h11.Request | None, bytes]:
        request, body = None, bytearray()
        while True:
            event = self._machine.next_event()
            if event is h11.NEED_DATA:
                if self._machine.they_are_waiting_for_100_continue:
                    self.writer.write(self._machine.send(h11.InformationalResponse(status_code=100, headers=[])) or b"")
                self._machine.receive_data(await self.reader.read(_READ))
            elif isinstance(event, h11.Request):
                request = event
            elif isinstance(event, h11.Data):
                body += event.data
                if len(body) > LARGEST:
                    raise h11.RemoteProtocolError("The body is too large", error_status_hint=413)
            elif isinstance(event, h11.EndOfMessage):
                return request, bytes(body)
            else:
                return None, b""

    async def _say(self, answer: Reply) -> None:
        headers = [(name, value) for name, value in answer.headers.items()]
        headers.append(("content-length", str(len(answer.body))))
        head = h11.Response(status_code=answer.status, headers=headers)
        pieces = [self._machine.send(each) for each in (head, h11.Data(data=answer.body), h11.EndOfMessage())]
        self.writer.write(b"".join(piece or b"" for piece in pieces))
        await self.writer.drain()


class Http2Wire(Wire):
    """Many requests at once over one connection (RFC 9113)."""

    version = "HTTP/2"

    def __init__(self, *parts: Any) -> None:
        *known, self._start = parts
        super().__init__(*known)
        config = h2.config.H2Configuration(client_side=False, header_encoding="utf-8")
        self._machine = h2.connection.H2Connection(config)
        self._requests: dict[int, tuple[Headers, bytearray]] = {}
        self._room = asyncio.Event()  # set whenever the other side takes more
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_leaving = False

    async def run(self) -> None:
        """Serve requests, as many at once as come, until the other side leaves."""
        self._machine.initiate_connection()
        arrived = self._start
        try:
            while arrived:
                for event in self._machine.receive_data(arrived):
                    self._take(event)
                await self._flush()
                arrived = await self.reader.read(_READ)
        except h2.exceptions.ProtocolError:
            await self._flush()
        finally:
            for task in self._tasks:
                task.cancel()

    def _take(self, event: h2.events.Event) -> None:
        match event:
            case h2.events.RequestReceived(stream_id=int(number), headers=list(headers)):
                self._requests[number] = ([(str(name), str(value)) for name, value in headers], bytearray())
            case h2.events.DataReceived(stream_id=int(number), data=bytes(piece)) if number in self._requests:
                self._requests[number][1].extend(piece)
                self._machine.acknowledge_received_data(event.flow_controlled_length or 0, number)
            case h2.events.StreamEnded(stream_id=int(number)) if number in self._requests:
                task = asyncio.ensure_future(self._serve_one(number, *self._requests.pop(number)))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
            case h2.events.StreamReset(stream_id=int(number)):
                self._requests.pop(number, None)
                self._room.set()
            case h2.events.WindowUpdated():
                self._room.set()
            case _:
                pass  # settings, pings and priorities answer themselves

    async def _serve_one(self, number: int, headers: Headers, body: bytearray) -> None:
        said = dict(headers)
        plain = [(name, value) for name, value in headers if not name.startswith(":")]
        plain.append(("host", said.get(":authority", "")))
        answer = await self.serve(self, said.get(":method", ""), said.get(":path", ""), plain, bytes(body))
        if isinstance(answer, Cut) and answer.last_words:
            await self._leave(answer.last_words)
            return
        try:
            if isinstance(answer, Cut):  # the stream alone: the other requests of the connection have no part in it
                self._machine.reset_stream(number, h2.errors.ErrorCodes.INTERNAL_ERROR)
                await self._flush()
            else:
                await self._say(number, answer)
        except (h2.exceptions.ProtocolError, OSError):
            return  # the stream was given up meanwhile

    async def _leave(self, words: bytes) -> None:
        """Say these last words once, and hang up when the other side has, or soon.

        Whoever closes with something unread has its last words taken back by the system (RFC 9293, 3.10.7: RST).
        """
        if self._is_leaving:
            return
        self._is_leaving = True
        self.writer.write(words)
        await self.writer.drain()
        if self.writer.can_write_eof():
            self.writer.write_eof()
        await asyncio.sleep(_LINGER)
        self.writer.close()

    async def _say(self, number: int, answer: Reply) -> None:
        head = [(":status", str(answer.status)), *answer.headers.items(), ("content-length", str(len(answer.body)))]
        self._machine.send_headers(number, head, end_stream=not answer.body)
        rest = answer.body
        while rest:
            room = min(self._machine.local_flow_control_window(number), self._machine.max_outbound_frame_size)
            if room <= 0:
                self._room.clear()
                await self._flush()
                await self._room.wait()
                continue
            piece, rest = rest[:room], rest[room:]
            self._machine.send_data(number, piece, end_stream=not rest)
        await self._flush()

    async def _flush(self) -> None:
        self.writer.write(self._machine.data_to_send())
        await self.writer.drain()
