"""Delivers letters over SMTP: for each account a few connections that are kept, reused and replaced."""

import asyncio
import logging
import ssl
from collections import deque
from collections.abc import Iterator
from functools import cached_property
from weakref import WeakKeyDictionary

from app.domain.outcomes import Outcome, OutcomeKind, Reason
from app.infra.clock import monotonic
from app.infra.goodbyes import at_goodbye
from app.infra.smtp_hosts import HostHealth
from app.infra.smtp_intake import Intake, Letter, Listener
from app.infra.smtp_opening import SmtpError, SmtpRoute, make_context, open_wire
from app.infra.smtp_transmission import Transmission
from app.infra.smtp_wire import Wire

LETTERS_PER_OPENING = 5  # letters that are worth another connection

NO_HOST = Outcome(OutcomeKind.CONFIG_PERMANENT, Reason.NOT_CONFIGURED, "No host of the list can be used")

log = logging.getLogger(__name__)


class SmtpPool:
    """The connections of one event loop, by account."""

    def __init__(self) -> None:
        self._lanes: dict[str, _Lane] = {}
        self._sweeper: asyncio.TimerHandle | None = None

    async def deliver(
        self, route: SmtpRoute, letters: Iterator[Letter], listener: Listener, expected: int, at_once: int = 0
    ) -> None:
        """Write the letters, about `expected` of them, and tell the listener what became of each that was started.

        Letters are drawn as they are written, so a million of them need no more memory than ten; `at_once`, when set,
        is how many of them may be in memory. A listener's own exceptions come out of here; those of the network never
        do.
        """
        lane = self._lanes.get(route.key)
        if lane is None:
            lane = self._lanes[route.key] = _Lane(route)
        self._sweep_later(route.idle_at_most)
        intake = Intake(letters, listener)
        if route.hosts:
            most = min(at_once or expected, listener.at_once or expected)
            await lane.deliver(intake, min(expected, most * LETTERS_PER_OPENING))
        else:
            intake.refuse_rest(NO_HOST)

    async def close(self) -> None:
        """Take leave of every server. Await it before the loop ends."""
        if self._sweeper is not None:
            self._sweeper.cancel()
        wires = [wire for lane in self._lanes.values() for wire in lane.drop_idle(0.0)]
        self._lanes.clear()
        if wires:
            await asyncio.wait([wire.gone for wire in wires], timeout=1.0)

    def _sweep_later(self, seconds: float) -> None:
        if self._sweeper is None:
            self._sweeper = asyncio.get_running_loop().call_later(seconds, self._sweep)

    def _sweep(self) -> None:
        self._sweeper = None
        for key, lane in list(self._lanes.items()):
            lane.drop_idle(lane.route.idle_at_most)
            if lane.is_unused:
                del self._lanes[key]
        if self._lanes:
            self._sweep_later(min(lane.route.idle_at_most for lane in self._lanes.values()))


_pools: "WeakKeyDictionary[asyncio.AbstractEventLoop, SmtpPool]" = WeakKeyDictionary()


def pool() -> SmtpPool:
    """The pool of the running event loop."""
    return _pools.setdefault(asyncio.get_running_loop(), SmtpPool())


@at_goodbye
async def close_pool() -> None:
    """Close the running loop's connections; harmless when there are none. Await it before the loop ends."""
    found = _pools.pop(asyncio.get_running_loop(), None)
    if found is not None:
        await found.close()


class _Lane:
    """The connections of one account."""

    def __init__(self, route: SmtpRoute) -> None:
        self.route = route
        self._idle: deque[tuple[float, Wire]] = deque()
        self._slots = asyncio.Semaphore(route.connections_at_most)
        self._runs = 0
        self._health = HostHealth()

    @cached_property
    def _context(self) -> ssl.SSLContext:
        return make_context(self.route.verifies_certificates)

    @property
    def is_unused(self) -> bool:
        """Whether nothing runs and nothing is kept."""
        return not self._runs and not self._idle

    def drop_idle(self, seconds: float) -> list[Wire]:
        """Close the connections that rested that long; returns them."""
        dropped = [wire for since, wire in self._idle if monotonic() - since >= seconds]
        self._idle = deque(kept for kept in self._idle if kept[1] not in dropped)
        for wire in dropped:
            wire.leave()
        return dropped

    async def deliver(self, intake: Intake, expected: int) -> None:
        """Carry a run over as many connections as are worth it; the first one opens the way for the others."""
        drivers = min(self.route.connections_at_most, max(1, -(-expected // LETTERS_PER_OPENING)))
        opened, troubles = asyncio.Event(), list[Outcome]()
        self._runs += 1
        try:
            async with asyncio.TaskGroup() as group:
                first = group.create_task(self._drive(intake, opened, troubles))
                first.add_done_callback(lambda _: opened.set())
                await opened.wait()
                if not first.done():
                    for _ in range(drivers - 1):
                        group.create_task(self._drive(intake, opened, troubles))
        except BaseExceptionGroup as group_error:
            raise group_error.exceptions[0] from None
        finally:
            self._runs -= 1
        if troubles and intake.has_more():
            intake.refuse_rest(troubles[0])

    async def _drive(self, intake: Intake, opened: asyncio.Event, troubles: list[Outcome]) -> None:
        async with self._slots:
            while intake.has_more():
                try:
                    wire = self._reuse() or await self._open()
                except SmtpError as error:
                    troubles.append(error.outcome)
                    return
                opened.set()
                await self._run(wire, intake)

    async def _run(self, wire: Wire, intake: Intake) -> None:
        route = self.route
        pipelined = "PIPELINING" in wire.offers and self._health.may_pipeline(wire.host)
        run = Transmission(wire, intake, pipelined, route.letters_per_connection, route.text_patience)
        try:
            await run.run()
        except BaseException:
            wire.abort(Reason.CONNECTION_LOST)
            raise
        if run.is_confused:
            log.warning("smtp host %s mixed up pipelined commands; one at a time for a while", wire.host)
            self._health.distrust_pipelining(wire.host)
        if wire.is_open and wire.letters_total < route.letters_per_connection:
            wire.is_reused = True
            self._idle.append((monotonic(), wire))
        else:
            wire.leave()

    def _reuse(self) -> Wire | None:
        self.drop_idle(self.route.idle_at_most)  # a loop that stood still between two runs swept nothing
        while self._idle:
            _, wire = self._idle.pop()
            if wire.is_open:
                return wire
        return None

    async def _open(self) -> Wire:
        """A connection to the first host of the list that can be used; raises the SmtpError that says most."""
        failures: list[SmtpError] = []
        for host in self._health.order(self.route.hosts):
            try:
                wire = await open_wire(self.route, host, self._context)
            except SmtpError as error:
                self._health.mark_down(host)
                log.warning("smtp host %s cannot be used (%s)", host, error.outcome.reason.value)
                failures.append(error)
            else:
                self._health.mark_up(host)
                return wire
        raise most_telling(failures)


def most_telling(failures: list[SmtpError]) -> SmtpError:
    """Of the failures of all hosts the one to act on.

    A refused sign-in comes first: somebody must repair it, whatever the other hosts do. Then whatever may pass by
    itself. Only when every host turned us away for good, that.
    """

    def rank(error: SmtpError) -> int:
        if error.outcome.reason is Reason.AUTHENTICATION_FAILED:
            return 0
        return 2 if error.outcome.kind is OutcomeKind.CONFIG_PERMANENT else 1

    return min(failures, key=rank)
