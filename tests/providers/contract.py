"""What every provider promises, whatever service it speaks to; `test_contract.py` holds the whole catalog to it.

A kind is held to these through its rig: `RIG` in `tests/providers/test_<kind>.py`, which starts the kind's emulator and
turns its fault dial.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, Protocol

from app.domain.channels import Channel
from app.domain.outcomes import Outcome
from app.domain.rendered import Recipient, Rendered, RenderedEmail, RenderedPush, RenderedSms
from app.providers.base import Account, Envelope, Finding, Provider

FAULTS = {
    "refuse_credentials": "config_permanent",
    "throttle": "throttled",
    "fail_inside": "transient",
    "cut_before": "transient",
    "cut_after": "uncertain",
    "refuse_content": "message_permanent",
}


@dataclass(frozen=True)
class Arrived:
    """What an emulator received: who it was for, the delivery key that came with it, and the readable content."""

    address: str
    key: str
    content: str


class Stage(Protocol):
    """A running emulator and an account that may use it."""

    account: Account
    unreachable: Account

    def turn(self, fault: str) -> None:
        """Make every message of the account meet one of FAULTS."""

    def turn_off(self) -> None:
        """Accept everything again."""

    def refused_address(self) -> str:
        """An address that this service refuses for good."""

    def arrived(self) -> list[Arrived]:
        """What came in, oldest first."""


class Rig(Protocol):
    """How one kind is tried: its stage, settings that are right, and the words in them that must stay secret."""

    good_values: dict[str, Any]
    secrets: tuple[str, ...]
    expects: dict[str, str]  # where a fault comes to something else than FAULTS says
    says_how_long: bool  # whether the service says how long to wait when it throttles

    def open(self, tmp_path: Any) -> AbstractAsyncContextManager[Stage]:
        """The emulator, up for the time of a test."""

    async def close(self) -> None:
        """Let go of what the provider keeps between sends in this loop."""


class Recorder:
    """A watch that fails the test when a promise about order or number is broken."""

    def __init__(self, allowance: int = 10**9) -> None:
        self.allowance = allowance
        self.asked = 0
        self.begun: list[int] = []
        self.outcomes: dict[int, Outcome] = {}

    at_once: int | None = None
    is_paced = False

    def may_start(self, count: int) -> int:
        assert count > 0
        if self.asked + count > self.allowance:
            return 0
        self.asked += count
        return count

    def started(self, indexes: Sequence[int]) -> None:
        assert not set(indexes) & set(self.begun), "an envelope was started twice"
        self.begun += indexes
        assert len(self.begun) <= self.asked, "more was started than was asked for"

    def answered(self, index: int, outcome: Outcome) -> None:
        assert index in self.begun, "an envelope was answered that was not started"
        assert index not in self.outcomes, "an envelope was answered twice"
        self.outcomes[index] = outcome


class Greeting:
    """A message that greets each recipient by name, on any channel."""

    def __init__(self, channel: Channel = Channel.EMAIL) -> None:
        self.channel = channel

    def render(self, recipient: Recipient) -> Rendered:
        words = f"Hello {recipient.name}"
        match self.channel:
            case Channel.EMAIL:
                return RenderedEmail("Good morning", f"{words}\n", f"<p>{words}</p>\n")
            case Channel.SMS:
                return RenderedSms(words)
            case Channel.PUSH:
                return RenderedPush("Good morning", words)


class Poisoned(Greeting):
    """The same, but rendering fails for the people at some places: `what` is raised, or stands in the text."""

    def __init__(self, channel: Channel, places: Sequence[int], what: Exception | str) -> None:
        super().__init__(channel)
        self.victims = {f"Person {place}" for place in places}
        self.what = what

    def render(self, recipient: Recipient) -> Rendered:
        if recipient.name not in self.victims:
            return super().render(recipient)
        if isinstance(self.what, Exception):
            raise self.what
        return super().render(Recipient(recipient.address, self.what))


def address_of(number: int, channel: Channel = Channel.EMAIL) -> str:
    """An address that stands for a person."""
    match channel:
        case Channel.EMAIL:
            return f"p{number}@example.com"
        case Channel.SMS:
            return f"+49170{1_000_000 + number}"
        case Channel.PUSH:
            return f"{number:064x}"


def envelopes(count: int, special: dict[int, str] | None = None, channel: Channel = Channel.EMAIL) -> list[Envelope]:
    """That many envelopes; `special` names other addresses by position."""
    return [
        Envelope(f"key{index}", Recipient((special or {}).get(index, address_of(index, channel)), f"Person {index}"))
        for index in range(count)
    ]


def send(
    provider: Provider,
    rig: Rig,
    tmp_path: Any,
    work: Callable[[Stage], Sequence[Envelope]],
    recorder: Recorder | None = None,
    *,
    account: Callable[[Stage], Account] = lambda stage: stage.account,
    prepared: Greeting | None = None,
) -> tuple[Recorder, list[Arrived]]:
    """Send through the emulator; returns what the watch was told and what came in."""
    told = recorder or Recorder()

    async def run() -> list[Arrived]:
        async with rig.open(tmp_path) as stage:
            content = prepared or Greeting(provider.spec.channel)
            await provider.send(account(stage), content, work(stage), told)
            await rig.close()
            return stage.arrived()

    return told, asyncio.run(run())


def verify(provider: Provider, rig: Rig, tmp_path: Any, fault: str = "") -> tuple[list[Finding], list[Arrived]]:
    """Verify the account, with a fault on when one is named; returns the findings and what came in."""

    async def run() -> tuple[list[Finding], list[Arrived]]:
        async with rig.open(tmp_path) as stage:
            if fault:
                stage.turn(fault)
            found = await provider.verify(stage.account)
            await rig.close()
            return found, stage.arrived()

    return asyncio.run(run())
