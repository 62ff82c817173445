"""What an adapter tells while it sends a batch, and whether it may go on."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime

import structlog
from sqlalchemy.exc import SQLAlchemyError

from app.domain.outcomes import Outcome, OutcomeKind
from app.engine import journal, ledger
from app.engine.ledger import Lease, LeaseLost
from app.engine.machine import Machine
from app.engine.pace import RENEW_EVERY, Pace
from app.infra.clock import monotonic

CHECK_EVERY = 0.5  # seconds between two looks at the lease and at pause and cancel

log = structlog.get_logger(__name__)


def brief(error: Exception) -> str:
    """The first line of what a database said, without the statement."""
    return str(error).splitlines()[0][:200]


@dataclass(slots=True)
class LedgerWatch:
    """What an adapter tells while it sends: into the journal at once, into the ledger when the batch ends."""

    machine: Machine
    lease: Lease
    book: journal.Journal
    end: float
    held_since: float  # when the lease was last asked for, on this process's own clock
    begun: dict[int, datetime] = field(default_factory=dict)
    ended: dict[int, datetime] = field(default_factory=dict)
    outcomes: dict[int, Outcome] = field(default_factory=dict)
    is_over: bool = False
    pace: Pace | None = None  # the limits of the provider; without it there are none
    size: int = 0  # about how many bytes each of these has on its way; 0: so few that no limit matters
    size_limit: int | None = None  # how many the service takes at most, once it has said so

    @property
    def at_once(self) -> int | None:
        """How many requests may be under way at the same time; None for as many as the adapter likes."""
        return None if self.pace is None else self.pace.at_once

    @property
    def is_paced(self) -> bool:
        """Whether there is a limit on how many start in a while."""
        return self.pace is not None and self.pace.is_paced

    def may_start(self, count: int) -> int:
        """How many of `count` more may: none when the lease is lost, somebody paused, or this job's time is over.

        What the provider's limits allow counts as started from now on.
        """
        moment = monotonic()
        if self.is_over or moment >= self.end:
            return 0
        if moment - self.held_since >= CHECK_EVERY:
            try:
                self._renew()
            except SQLAlchemyError as error:  # locked or away: what is on the wire ends, nothing new begins
                self.is_over = True
                log.warning("The lease cannot be renewed", error=brief(error))
        if self.is_over:
            return 0
        return count if self.pace is None else self.pace.permits(count)

    def started(self, indexes: Sequence[int]) -> None:
        """Written before the bytes are. Raises LeaseLost when the process slept past its lease: then none is sent.

        The line is in the journal before the time is looked at. So whoever takes the batch over after the lease's end
        reads it there, or we see here that it is too late; no moment lies between.
        """
        self.book.started(indexes)
        if monotonic() - self.held_since >= self.lease.length.total_seconds():
            self.is_over = True
            raise LeaseLost(f"Batch {self.lease.batch_pk} was not renewed in time.")
        now = self.machine.clock.now()
        self.begun.update(dict.fromkeys(indexes, now))

    def answered(self, index: int, outcome: Outcome) -> None:
        """Written as soon as it is known; a disk that is full costs the journal's line, not the answer."""
        self.outcomes[index] = outcome
        now = self.ended[index] = self.machine.clock.now()
        if outcome.kind is OutcomeKind.THROTTLED and self.pace is not None:
            self.pace.throttled(outcome, self.begun.get(index, now), now)
        if outcome.allowance is not None and self.pace is not None:
            self.pace.stated(outcome.allowance)
        if outcome.size_limit is not None:
            self._limited(outcome.size_limit)
        try:
            self.book.answered(index, outcome)
        except OSError as error:
            self.is_over = True
            log.warning("The journal cannot be written; nothing more is started", error=str(error))

    def _limited(self, size_limit: int) -> None:
        """The service takes so many bytes: when that is too little for everybody, nobody else need hear it."""
        self.size_limit = size_limit if self.size_limit is None else min(size_limit, self.size_limit)
        self.is_over = self.is_over or size_limit < self.size

    async def hold(self) -> None:
        """Renew the lease also while nothing new is started, and the slots at the provider."""
        every = self.lease.length.total_seconds() / 4
        while True:
            await asyncio.sleep(min(every, RENEW_EVERY))
            if self.pace is not None:
                self.pace.renew()
            if monotonic() - self.held_since >= every:
                with suppress(SQLAlchemyError):
                    self._renew()

    def _renew(self) -> None:
        with self.machine.database.begin() as session:
            moment = monotonic()  # the wait for the write lock is over, and the lease is counted from here
            may_go_on = ledger.renew(session, self.lease, self.machine.clock.now())
        self.is_over = self.is_over or not may_go_on
        self.held_since = moment
