"""Emulators for text messages, up on a socket, seen by a client that is not ours; and who hears their receipts."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from app.emulators.callbacks import Receipt
from app.emulators.faults import Faults
from app.emulators.outbox import Outbox, Received
from app.emulators.serving import HttpEmulator

PATIENCE = 5.0  # seconds that receipts are waited for


@dataclass
class Stage:
    """A running emulator, a client for it, and what came in at the address for receipts."""

    emulator: HttpEmulator
    client: httpx.AsyncClient
    outbox: Outbox
    faults: Faults
    ear: str = ""  # the address for receipts
    heard: list[Receipt] = field(default_factory=list)

    def kept(self) -> list[Received]:
        """Everything that arrived, oldest first, with its bytes."""
        rows = [self.outbox.get(row.id) for row in reversed(self.outbox.newest())]
        return [row for row in rows if row is not None]

    async def receipts(self, count: int) -> list[Receipt]:
        """That many receipts, once they are here."""
        async with asyncio.timeout(PATIENCE):
            while len(self.heard) < count:
                await asyncio.sleep(0.01)
        return self.heard


async def _hear(stage: Stage, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Take one receipt and hang up."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    lines = head.split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines[1:] if line)}
    body = await reader.readexactly(int(headers["content-length"]))
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
    stage.heard.append(Receipt(lines[0].split(" ")[1], body, headers))
    await writer.drain()
    writer.close()


@asynccontextmanager
async def running(kind: type[HttpEmulator], folder: Path) -> AsyncIterator[Stage]:
    """The emulator and everything around it, for the time of a test."""
    outbox, faults = Outbox(folder / "outbox.sqlite3"), Faults(folder / "outbox.sqlite3")
    emulator = kind(outbox, faults)
    await emulator.start()
    async with httpx.AsyncClient(base_url=emulator.url, trust_env=False) as client:
        stage = Stage(emulator, client, outbox, faults)
        server = await asyncio.start_server(lambda reader, writer: _hear(stage, reader, writer), "127.0.0.1", 0)
        stage.ear = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/receipts"
        yield stage
        server.close()
    await emulator.stop()
    outbox.close()
    faults.close()


def play(kind: type[HttpEmulator], folder: Path, work: Callable[[Stage], Awaitable[Any]]) -> Any:
    """What the work comes to while the emulator runs."""

    async def go() -> Any:
        async with running(kind, folder) as stage:
            return await work(stage)

    return asyncio.run(go())


def without(fields: Mapping[str, str], *names: str) -> dict[str, str]:
    """The fields but for some."""
    return {name: value for name, value in fields.items() if name not in names}
