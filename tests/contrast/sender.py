"""What is put under the same fire: a sender with its queue, its processes, and what it says of its letters itself."""

import time
from abc import ABC, abstractmethod
from collections.abc import Set
from dataclasses import dataclass
from random import Random

import pytest

from tests.faults.storm import Strikes
from tests.faults.tree import Sink

WORKERS = 2
PATIENCE = 1800.0  # seconds after the last strike until all must be over
HANGING = 300.0  # seconds without any mail, though some are left; post_office gives up a batch after 210
STILL = 4.0  # seconds without any mail before the end is believed


@dataclass(frozen=True)
class Account:
    """What a sender itself says, wherever it says it: who may not have got it, and whose letter may have gone twice."""

    unsent: Set[str]
    doubted: Set[str]


@dataclass(frozen=True)
class Count:
    """What came of a send, counted at the sink; `known` are those of which the sender has any mark."""

    never: int
    never_known: int
    twice: int  # copies beyond the first
    twice_known: int


class Sender(ABC):
    """One that sends to many people through the sink. `kinds` are the sorts of its processes that may be killed,
    `wires` is how many letters one of its workers has on the wire at the same time, at most.
    """

    name: str
    kinds: tuple[str, ...]
    wires: int

    def __init__(self, sink: Sink) -> None:
        self.sink = sink
        self.ended_by_hand = 0
        self._seen, self._since = -1, time.monotonic()

    @abstractmethod
    def queue(self, people: int) -> None:
        """Queue a letter for each of c1@example.org, c2@example.org and so on."""

    @abstractmethod
    def start(self) -> None:
        """Begin to send."""

    @abstractmethod
    def strike(self, victim: str, chance: Random) -> int:
        """Kill one of that kind, and start again what nobody else starts; how many workers were killed."""

    @abstractmethod
    def is_sending(self) -> bool:
        """Whether there is something left that it does by itself, within seconds or minutes."""

    def let_time_pass(self) -> bool:
        """Make pass what it waits for, when that is hours away; whether there was such a thing."""
        return False

    @abstractmethod
    def account(self) -> Account:
        """What it says when all is over."""

    @abstractmethod
    def close(self) -> None:
        """End all its processes."""

    @abstractmethod
    def end_by_hand(self) -> None:
        """End all its processes, as an operator would who finds it hanging; it is started again as after any end."""

    def watch(self) -> int:
        """How many letters came so far; ends it by hand when none came for longer than any limit of its own."""
        total, now = self.sink.total(), time.monotonic()
        if total != self._seen:
            self._seen, self._since = total, now
        elif now > self._since + HANGING:
            self._since = now
            if self.is_sending():
                self.ended_by_hand += 1
                self.end_by_hand()
        return total

    def wait_until_over(self) -> None:
        """Return when nothing is left to do and no letter came for a while."""
        total, since = -1, time.monotonic()
        end = since + PATIENCE
        while time.monotonic() < end:
            before, total = total, self.watch()
            if total != before or self.is_sending():
                since = time.monotonic()
            elif time.monotonic() > since + STILL:
                if not self.let_time_pass():
                    return
                since = time.monotonic()
            time.sleep(0.2)
        pytest.fail(f"{self.name} still had something to do after {PATIENCE:g} s")


class Gale(Strikes):
    """The strikes of one seed at one sender."""

    def __init__(self, sender: Sender, seed: int, *, people: int, strikes: int) -> None:
        super().__init__(sender.sink, seed, sender.kinds, people=people, strikes=strikes)
        self._sender = sender
        self.workers_killed = 0

    @property
    def on_the_wire(self) -> int:
        """How many letters may have been on the wire of what was killed, at most."""
        return self.workers_killed * self._sender.wires

    def _reach(self, total: int) -> None:
        while self._sender.watch() < total:
            time.sleep(0.01)

    def _strike(self, victim: str) -> None:
        self.workers_killed += self._sender.strike(victim, self._chance)


def address_of(number: int) -> str:
    """The address of the person of that number, from 1 on."""
    return f"c{number}@example.org"


def count(sender: Sender, people: int) -> Count:
    """Hold what the sink accepted against what the sender says."""
    got, said = sender.sink.recipients(), sender.account()
    spare = {address: copies - 1 for address, copies in got.items() if copies > 1}
    never = {address_of(number) for number in range(1, people + 1)} - got.keys()
    return Count(
        never=len(never),
        never_known=len(never & said.unsent),
        twice=sum(spare.values()),
        twice_known=sum(copies for address, copies in spare.items() if address in said.doubted),
    )
