"""What an adapter tells while it sends a batch, and whether it may go on."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime

import structlog
from sqlalchemy.exc import SQLAlchemyError

from app.domain.outcomes import Outcome
from app.engine import journal, ledger
from app.engine.ledger import Lease, LeaseLost
from app.engine.machine import Machine
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
    outcomes: dict[int, Outcome] = field(default_factory=dict)
    is_over: bool = False

    def may_start(self, count: int) -> bool:  # noqa: ARG002 - part of the seam; a rate limiter will want it
        """Whether the lease still is ours, nobody paused, and this job's slice of time is not over."""
        moment = monotonic()
        if self.is_over or moment >= self.end:
            return False
        if moment - self.held_since >= CHECK_EVERY:
            try:
                self._renew()
            except SQLAlchemyError as error:  # locked or away: what is on the wire ends, nothing new begins
                self.is_over = True
                log.warning("The lease cannot be renewed", batch=self.lease.batch_pk, error=brief(error))
        return not self.is_over

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
        try:
            self.book.answered(index, outcome)
        except OSError as error:
            self.is_over = True
            log.warning("The journal cannot be written; nothing more is started", error=str(error))

    async def hold(self) -> None:
        """Renew the lease also while nothing new is started."""
        every = self.lease.length.total_seconds() / 4
        while True:
            await asyncio.sleep(every)
            if monotonic() - self.held_since >= every:
                with suppress(SQLAlchemyError):
                    self._renew()

    def _renew(self) -> None:
        with self.machine.database.begin() as session:
            moment = monotonic()  # the wait for the write lock is over, and the lease is counted from here
            may_go_on = ledger.renew(session, self.lease, self.machine.clock.now())
        self.is_over = self.is_over or not may_go_on
        self.held_since = moment
