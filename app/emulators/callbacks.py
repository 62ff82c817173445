"""Receipts: what a service says afterwards, sent to where it was told to, in order, late, twice, backwards or never.

An emulator signs its receipts itself and hands them over; the dial (`receipts-late` and its kin, by account or by the
recipient's own wish) says how they travel, and whether there is more to tell (`late-bounce`, `complaint`). A receipt
that is not taken is sent again, as services do.
"""

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx

from app.emulators.faults import Faults

STAGE = "receipts"
PAUSE = 0.05  # seconds between two receipts of one message
LATE = 5.0  # seconds that late ones wait, unless the dial says another number
LATER = 1.0  # seconds between the last usual one and what came of it, unless the dial says another number
AGAIN_AFTER = (0.2, 1.0, 5.0)  # seconds before each further try of one that was not taken


@dataclass(frozen=True, slots=True)
class Receipt:
    """One receipt, signed and ready: where to, its body, its headers."""

    url: str
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


Afterthoughts = Mapping[str, Callable[[], Receipt]]  # by fault: what a service says when all seemed well


class Callbacks:
    """The receipts of one emulator on their way. Make it inside a running loop and close it with the emulator."""

    def __init__(self, faults: Faults, kind: str = "") -> None:
        """`kind` is whose receipts they are, for the dial of that service alone."""
        self._faults = faults
        self._kind = kind
        self._client = httpx.AsyncClient(timeout=10.0, trust_env=False)
        self._tasks: set[asyncio.Task[None]] = set()

    def tell(
        self, account: str, recipient: str, receipts: Sequence[Receipt], afterthoughts: Afterthoughts | None = None
    ) -> None:
        """Send the receipts of one message, first to last, as the dial says. Returns at once."""
        struck = self._faults.strike(STAGE, account, [recipient], self._kind)
        name, amount = (struck[0].name, struck[1]) if struck else ("", 0)
        if name == "receipts-never":
            return
        planned = list(receipts)
        if name == "receipts-backwards":
            planned.reverse()
        if name == "receipts-twice":
            planned = [each for receipt in planned for each in (receipt, receipt)]
        wait, more = (amount or LATE) if name == "receipts-late" else 0.0, (afterthoughts or {}).get(name)
        self._start(self._tell(planned, wait, more, amount or LATER))

    def send(self, receipt: Receipt) -> None:
        """Send something that the dial has no say in: what a service asks before it tells anything. Returns at once."""
        self._start(self._send([receipt]))

    def _start(self, sending: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(sending)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Forget what is still on its way."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._client.aclose()

    async def _tell(
        self, receipts: Sequence[Receipt], wait: float, more: Callable[[], Receipt] | None, pause: float
    ) -> None:
        await asyncio.sleep(wait)
        await self._send(receipts)
        if more is not None:
            await asyncio.sleep(pause)
            await self._send([more()])

    async def _send(self, receipts: Sequence[Receipt]) -> None:
        for receipt in receipts:
            await asyncio.sleep(PAUSE)
            for pause in (*AGAIN_AFTER, None):
                if await self._post(receipt) or pause is None:
                    break
                await asyncio.sleep(pause)

    async def _post(self, receipt: Receipt) -> bool:
        """Whether it was taken."""
        try:
            answer = await self._client.post(receipt.url, content=receipt.body, headers=dict(receipt.headers))
        except (httpx.HTTPError, httpx.InvalidURL):
            return False
        return answer.is_success
