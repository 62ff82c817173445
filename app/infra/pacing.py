"""How fast providers are handed messages: counted in Valkey, so that all workers of all machines count together.

The rules are in `infra.pacing_script`, and docs/adr/0018-limits.md says why. The time is the server's own; a test's
clock counts instead of it, so that the test can move it. While Valkey is away nothing is started at a provider that has
a limit, and nothing is learned.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cached_property
from typing import TypeVar, cast

import redis
import structlog
from redis.commands.core import Script

from app.domain.outcomes import Allowance
from app.infra.broker import Broker
from app.infra.clock import Clock, SystemClock, monotonic
from app.infra.pacing_script import SCRIPT, WAKE

LOOK_EVERY = 0.05  # seconds between two looks at a provider that has no limit
AWAY = 1.0  # seconds until Valkey is asked again
GUARD, LONGEST_GUARD = 0.02, 2.0  # seconds within which a permit is used, from the moment it was asked for
TRIES = 3  # for a permit that came so late that it could not be

_KEYS = ("state", "own", "learned", "batches", "stated")
_MEMORY, _WAKES = "carillon:pace:memory", "carillon:pace:wakes"
_MICRO = 1e6
Answer = TypeVar("Answer")

log = structlog.get_logger(__name__)


class Why(StrEnum):
    """Why nothing may be started now."""

    HELD = "held"  # the service asked to wait
    RATE = "rate"  # as many as may be were started in the window
    SLOTS = "slots"  # as many requests as may be are under way
    AWAY = "away"  # Valkey does not answer, and there is a limit to be kept


@dataclass(frozen=True, slots=True)
class Limits:
    """What a person set for a provider; None is no limit.

    At most `count` messages start in any `seconds`, and `at_once` requests are under way at the same time. `name` tells
    providers apart for ever, `since` is when this one began (aware).
    """

    name: str
    count: int | None
    seconds: int
    at_once: int | None
    since: datetime

    @property
    def is_set(self) -> bool:
        """Whether there is any."""
        return self.count is not None or self.at_once is not None


@dataclass(frozen=True, slots=True)
class Permit:
    """How many may start, None for as many as one likes; 0: none before `wait` seconds are over, and `why`.

    `at_once` is how many requests the batch may have under way, None for as many as it likes.
    """

    count: int | None = None
    at_once: int | None = None
    wait: float = 0.0
    why: Why | None = None


FREE = Permit()


@dataclass(frozen=True, slots=True)
class Reading:
    """How a provider stands.

    `learned` is the rate in messages a second that throttles taught, None when none did. `used` messages were started
    in the last `window` seconds, `in_flight` slots are taken, and nobody starts for another `held` seconds.
    """

    learned: float | None
    used: int
    window: float
    in_flight: int
    held: float


@dataclass(frozen=True, slots=True)
class Throttled:
    """The service said "too fast", and to wait for so long (None: it did not say).

    `age` is how long ago the request was started, `seen` how many messages a second we were starting.
    """

    wait: timedelta | None
    age: timedelta
    seen: float


@dataclass(frozen=True, slots=True)
class Stated:
    """What the service says with an answer that it takes, in requests of at most `each` messages."""

    allowance: Allowance
    each: int


class Pacing:
    """Asks for permits; one per process. Nothing here raises for a Valkey that is away."""

    def __init__(self, broker: Broker, clock: Clock) -> None:
        self._broker = broker
        self._clock = clock
        self._is_away = False
        self._guard = GUARD
        self._free_until: dict[str, float] = {}  # when to look again at a provider without limits

    def look(self, limits: Limits, wanted: int) -> Permit:
        """Whether a batch may begin; takes nothing."""
        return self._permit(limits, "look", "", wanted, 0)

    def enter(self, limits: Limits, token: str, wanted: int, at_once: int) -> Permit:
        """Begin a batch of up to `wanted` messages that would have `at_once` requests under way.

        What it gets is promised to the batch of that token until it leaves or shows no sign of life for ten seconds.
        """
        return self._permit(limits, "enter", token, wanted, at_once)

    def start(self, limits: Limits, token: str, wanted: int) -> Permit:
        """Permits to start messages, `count` at most `wanted`, good for this very moment; they count as started."""
        for _ in range(TRIES):
            asked, guard = monotonic(), self._guard
            permit = self._permit(limits, "start", token, wanted, round(guard * _MICRO))
            if not permit.count or self._is_in_time(monotonic() - asked, guard):
                return permit
        return Permit(0, wait=GUARD, why=Why.RATE)

    def _is_in_time(self, taken: float, guard: float) -> bool:
        """Whether half the guard is left for the start; it grows with a server that is slow to answer, and shrinks."""
        if not isinstance(self._clock, SystemClock):
            return True
        self._guard = min(max(GUARD, 4 * taken, 0.98 * guard), LONGEST_GUARD)
        return taken <= guard / 2

    def renew(self, limits: Limits, token: str) -> bool:
        """Show a sign of life; False when the batch is not known any more: nothing may be started with its slots."""
        answer = self._attempt(lambda: self._ask(limits, "renew", token))
        return answer is not None and answer[0] == 1

    def leave(self, limits: Limits, token: str, went_well: int) -> None:
        """End a batch; what went well restores a rate that was cut."""
        self._attempt(lambda: self._ask(limits, "leave", token, went_well))

    def hear(self, limits: Limits, word: Throttled | Stated) -> None:
        """Take over what the service said: nobody starts before the moment that it named, nor faster than it takes.

        A limit that it states holds while it does, and for a minute or two of its windows after that. How long a window
        is shows by the longest time to a reset.
        """
        self._free_until.pop(limits.name, None)
        facts: tuple[float, ...]
        match word:
            case Throttled(wait, age, seen):
                op, said = "throttle", -1 if wait is None else round(wait.total_seconds() * _MICRO)
                facts = (said, max(0, round(age.total_seconds() * _MICRO)), seen)
            case Stated(allowance, each):
                op, left = "state", -1 if allowance.left is None else allowance.left
                facts = (allowance.limit or 0, left, round(allowance.reset.total_seconds() * _MICRO), each)
        self._attempt(lambda: self._ask(limits, op, "", *facts))

    def read(self, limits: Limits) -> Reading | None:
        """How it stands; None when Valkey is away."""
        answer = self._attempt(lambda: self._ask(limits, "usage", ""))
        if answer is None:
            return None
        rate, used, window, slots, held = (float(each) for each in cast("list[bytes]", answer))
        return Reading(rate or None, int(used), window / _MICRO, int(slots), held / _MICRO)

    def wake_at(self, message: str, wait: float) -> None:
        """Remember to look at a message after so many seconds."""
        self._attempt(lambda: self._wake(keys=[_WAKES, _MEMORY], args=[self._moment(), message, round(wait * _MICRO)]))

    def due(self) -> tuple[list[str], float | None]:
        """The messages to look at now, each told once, and in how many seconds the next one is due."""
        answer = self._attempt(lambda: self._wake(keys=[_WAKES, _MEMORY], args=[self._moment(), ""]))
        if answer is None:
            return [], None
        following, *due = (each.decode() for each in cast("list[bytes]", answer))
        return due, float(following) / _MICRO if following else None

    def waiting(self) -> set[str]:
        """The messages that wait, due or not."""
        found = self._attempt(lambda: self._broker.redis.zrange(_WAKES, 0, -1))
        return {each.decode() for each in cast("list[bytes]", found or [])}

    def _permit(self, limits: Limits, op: str, token: str, wanted: int, further: int) -> Permit:
        if not limits.is_set and monotonic() < self._free_until.get(limits.name, 0.0):
            return FREE
        answer = self._attempt(lambda: self._ask(limits, op, token, wanted, further))
        if answer is None:
            self._free_until[limits.name] = monotonic() + AWAY
            return Permit(0, wait=AWAY, why=Why.AWAY) if limits.is_set else FREE
        count, slots, wait, why = cast("list[int | bytes]", answer)
        if int(count) < 0 and int(slots) < 0:
            self._free_until[limits.name] = monotonic() + LOOK_EVERY
            return FREE
        return Permit(
            None if int(count) < 0 else int(count), None if int(slots) < 0 else int(slots), float(wait) / _MICRO,
            Why(cast("bytes", why).decode()) if why else None,
        )  # fmt: skip

    def _ask(self, limits: Limits, op: str, token: str, *rest: float) -> Sequence[object]:
        keys = [f"carillon:pace:{{{limits.name}}}:{each}" for each in _KEYS]
        facts = (limits.count or 0, round(limits.seconds * _MICRO), limits.at_once or 0)
        born = round(limits.since.timestamp() * _MICRO)
        answer = self._script(keys=[*keys, _MEMORY], args=[op, self._moment(), *facts, born, token, *rest])
        return cast("Sequence[object]", answer)

    def _moment(self) -> int | str:
        """Empty for the server's own time."""
        return "" if isinstance(self._clock, SystemClock) else round(self._clock.now().timestamp() * _MICRO)

    @cached_property
    def _script(self) -> Script:
        return self._broker.redis.register_script(SCRIPT)

    @cached_property
    def _wake(self) -> Script:
        return self._broker.redis.register_script(WAKE)

    def _attempt(self, ask: Callable[[], Answer]) -> Answer | None:
        try:
            answer = ask()
        except redis.RedisError as error:
            if not self._is_away:  # said once, not with each permit that follows
                log.warning("Limits cannot be asked: the queue does not answer", error=str(error))
            self._is_away = True
            return None
        self._is_away = False
        return answer
