"""A mail server that says what a test wants it to say, line by line, on a real socket."""

import asyncio
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from app.domain.outcomes import Outcome
from app.infra.smtp import SmtpPool
from app.infra.smtp_hosts import Encryption, Host
from app.infra.smtp_intake import Letter
from app.infra.smtp_opening import SmtpRoute

DROP = "drop"  # an answer: hang up instead
SILENCE = "silence"  # an answer: say nothing

DEFAULTS = {
    "banner": "220 script.example ESMTP",
    "mail": "250 2.1.0 Ok",
    "rcpt": "250 2.1.5 Ok",
    "data": "354 End data with <CR><LF>.<CR><LF>",
    "text": "250 2.0.0 Ok: queued as ABC123",
    "rset": "250 2.0.0 Ok",
    "quit": "221 2.0.0 Bye",
    "auth": "235 2.7.0 Ok",
    "other": "502 5.5.2 Unknown",
}


@dataclass
class Turn:
    """What the script is asked: the stage, the line or text, and which connection and which message it is."""

    stage: str
    line: bytes
    connection: int
    message: int


Answer = Callable[[Turn], str | None]


class ScriptedServer:
    """`answer` gives a reply for a turn, DROP, SILENCE, or None for the usual one."""

    def __init__(
        self,
        answer: Answer = lambda _: None,
        offers: Sequence[str] = ("PIPELINING", "8BITMIME"),
        tls: ssl.SSLContext | None = None,
        implicit_tls: ssl.SSLContext | None = None,
        forgets_early_input: bool = False,
        forgets_behind_text: bool = False,
    ) -> None:
        self.answer, self.offers, self.tls, self.implicit_tls = answer, list(offers), tls, implicit_tls
        self.forgets_early_input = forgets_early_input
        self.forgets_behind_text = forgets_behind_text
        self.lines: list[bytes] = []
        self.texts: list[bytes] = []
        self.connections = 0
        self.most_at_once = 0
        self.port = 0
        self._open = 0
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> "ScriptedServer":
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0, ssl=self.implicit_tls)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.sleep(0.01)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.connections += 1
        self._open += 1
        self.most_at_once = max(self.most_at_once, self._open)
        try:
            await self._converse(reader, writer, self.connections)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError, ssl.SSLError):
            pass
        finally:
            self._open -= 1
            self._tasks.discard(task)
            writer.transport.abort()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
        session = _Session(self, reader, writer, number)
        await session.say("banner", b"")
        while line := (await reader.readuntil(b"\r\n"))[:-2]:
            self.lines.append(line)
            verb = line.split(b" ")[0].split(b":")[0].decode().lower()
            if verb in ("ehlo", "helo"):
                offers = "\r\n".join(["250-script", *(f"250-{offer}" for offer in self.offers), "250 HELP"])
                await session.say("ehlo", line, offers)
            elif verb == "starttls":
                writer.write(b"220 Go\r\n")
                await writer.start_tls(self.tls)
                self.offers = [offer for offer in self.offers if offer != "STARTTLS"]
            elif verb == "data":
                await session.take_text(line)
            else:
                reply = await session.say(verb if verb in DEFAULTS else "other", line)
                if verb == "quit" or reply.startswith("421"):
                    return


class _Session:
    """One connection: what was said, and how many messages came."""

    def __init__(
        self, server: ScriptedServer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int
    ) -> None:
        self.server, self.reader, self.writer, self.number, self.message = server, reader, writer, number, 0

    async def say(self, stage: str, line: bytes, usual: str = "") -> str:
        reply = self.server.answer(Turn(stage, line, self.number, self.message)) or usual or DEFAULTS[stage]
        if reply == DROP:
            self.writer.transport.abort()
            raise ConnectionResetError
        if reply != SILENCE:
            self.writer.write(reply.encode() + b"\r\n")
            await self.writer.drain()
        if self.server.forgets_early_input:
            self.reader._buffer.clear()
        return reply

    async def take_text(self, line: bytes) -> None:
        if not (await self.say("data", line)).startswith("354"):
            return
        text = b"" if await self._is_empty() else await self.reader.readuntil(b"\r\n.\r\n")
        self.server.texts.append(text)
        if self.server.forgets_behind_text:
            self.reader._buffer.clear()
        await self.say("text", text)
        self.message += 1

    async def _is_empty(self) -> bool:
        """Whether the text is nothing but its final dot (which then is consumed)."""
        while not self.reader._buffer:
            if self.reader.at_eof():
                raise ConnectionResetError
            await asyncio.sleep(0.001)
        if self.reader._buffer.startswith(b".\r\n"):
            await self.reader.readexactly(3)
            return True
        return False


class Record:
    """A listener that holds the client to its promises and keeps what it was told."""

    def __init__(self, allowance: int = 10**9) -> None:
        self.allowance = allowance
        self.asked = 0
        self.begun: list[int] = []
        self.outcomes: dict[int, Outcome] = {}

    at_once: int | None = None
    is_paced = False

    def may_start(self, count: int) -> int:
        if self.asked + count > self.allowance:
            return 0
        self.asked += count
        return count

    def started(self, indexes: Sequence[int]) -> None:
        assert not set(indexes) & set(self.begun), "started twice"
        self.begun += indexes
        assert len(self.begun) <= self.asked, "started without asking"

    def answered(self, index: int, outcome: Outcome) -> None:
        assert index in self.begun, "answered before it was started"
        assert index not in self.outcomes, "answered twice"
        self.outcomes[index] = outcome

    @property
    def kinds(self) -> list[str]:
        assert sorted(self.begun) == sorted(self.outcomes), "started and never answered"
        return [self.outcomes[index].kind.value for index in sorted(self.outcomes)]

    @property
    def reasons(self) -> list[str]:
        return [self.outcomes[index].reason.value for index in sorted(self.outcomes)]


def text_of(index: int) -> bytes:
    return b"Subject: %d\r\n\r\nHello %d\r\n" % (index, index)


def letters(count: int, recipient: Callable[[int], str] = lambda index: f"r{index}@example.com"):
    """That many letters from one sender, each with a text of its own."""
    return (
        Letter(index, "news@example.org", recipient(index), lambda index=index: text_of(index))
        for index in range(count)
    )


def route(*ports: int, encryption: Encryption = Encryption.NONE, **changes) -> SmtpRoute:
    """A route to those ports of this machine, impatient and with a single connection unless said otherwise."""
    settings = {"connections_at_most": 1, "patience": 0.6, "text_patience": 0.6, "connect_patience": 2.0, **changes}
    hosts = tuple(Host(settings.pop("name", "localhost"), port, encryption) for port in ports)
    return SmtpRoute("key", hosts, allow_private_hosts=True, **settings)


def deliver(server: ScriptedServer, count: int, *, record: Record | None = None, batches: int = 1, **changes) -> Record:
    """Deliver letters to a scripted server in a loop of its own; returns what the listener was told last."""
    recipient = changes.pop("recipient", lambda index: f"r{index}@example.com")

    async def run() -> Record:
        told = record or Record()
        pool = SmtpPool()
        async with server:
            for _ in range(batches):
                told = record or Record()
                await pool.deliver(route(server.port, **changes), letters(count, recipient), told, count)
            await pool.close()
        return told

    return asyncio.run(run())
