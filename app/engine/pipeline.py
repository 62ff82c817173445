"""The batches of one job, one behind the other: while one is sent, the next is claimed and the last one recorded.

The wire never waits for the ledger, which has a thread of its own: databases let go of the interpreter while they work
and wait for the disk. One batch is taken ahead and no more. It is held by a lease of its own, nothing of it is in a
journal before its turn comes, and it goes back untouched when it cannot be sent in time. See
docs/adr/0037-the-ledger-beside-the-wire.md.
"""

from concurrent.futures import Future
from contextvars import copy_context
from typing import Any, TypeVar

from app.engine import batches, breaker, ledger
from app.engine.batches import Batch
from app.engine.machine import Machine
from app.engine.pace import Held, held_of
from app.engine.plans import Plan
from app.infra.clock import monotonic

Answer = TypeVar("Answer")


class Pipeline:
    """What a job has in hand until `end`, on this process's own clock: one batch taken ahead, one to be recorded."""

    def __init__(self, machine: Machine, end: float) -> None:
        self._machine = machine
        self._end = end
        self._ahead: Future[Batch | None] | None = None
        self._recording: Future[int] | None = None
        self._returning: Future[None] | None = None
        self._lasted = 0.0  # seconds that the last batch took to send
        self.tried = 0  # deliveries that were tried and recorded

    def carry(self, plan: Plan, following: Plan) -> bool:
        """Send a batch of a plan, `following` being whose turn is next; whether anything was tried.

        Otherwise nothing is due, somebody paused, or the provider takes nothing more: see `plan.held`.
        """
        plan.held = ()
        if not plan.carriers:
            refused = batches.refuse(self._machine, plan)
            self.tried += refused
            return bool(refused)
        held: dict[int, Held] = {}
        while True:
            batch = self._next(plan, held)
            if batch is None:
                plan.held = tuple(held.values())
                return False
            if self._carry(batch, following):
                return True
            if (denied := batch.pace.denied) is None:
                return False
            provider = plan.carriers[batch.turn.provider_pk].provider
            held[provider.pk] = held_of(provider, denied, self._machine.clock.now())

    def close(self) -> None:
        """Record what was sent and give back what was taken ahead. Raises SQLAlchemyError when it cannot be."""
        self._give_back()
        try:
            self._settle()
        finally:
            if self._returning is not None:
                self._returning.result()

    def _next(self, plan: Plan, held: dict[int, Held]) -> Batch | None:
        """The batch that was taken ahead, or one that is taken now, once all others are recorded."""
        batch = self._ahead.result() if self._ahead is not None else None
        if batch is not None and self._may_be_sent(batch):
            self._ahead = None
            return batch
        self._give_back()
        self._settle()
        return batches.take(self._machine, plan, held)

    def _may_be_sent(self, batch: Batch) -> bool:
        """Whether nobody stopped the message since the batch was taken, and its provider still takes something."""
        pk = batch.turn.provider_pk
        with self._machine.database.read() as session:
            look = breaker.look_at(session, [pk], self._machine.clock.now())[pk]
            return look.may_take and not look.is_half_open and ledger.may_send(session, batch.lease.message_pk)

    def _carry(self, batch: Batch, following: Plan) -> bool:
        """Send a batch, and do meanwhile what can be done; whether any of it was tried."""
        self._look_ahead(batch, following)
        began = monotonic()
        sent = batches.send(self._machine, batch, self._end, (self._patience_of(batch), self._give_back))
        self._lasted = monotonic() - began
        if self._ahead is not None and sent.went_well:
            before, self._recording = self._recording, self._beside(batches.record, self._machine, sent)
            self.tried += before.result() if before is not None else 0
            return True
        self._settle()
        tried = batches.record(self._machine, sent)  # here: there is nothing to send meanwhile
        self.tried += tried
        if sent.was_ended:
            self._give_back()
        return tried > 0

    def _look_ahead(self, batch: Batch, following: Plan) -> None:
        """Have the next batch taken, when there will be one and it can be begun in time."""
        is_last = following is batch.plan and not batch.is_full
        is_late = monotonic() + 2 * self._lasted >= self._end
        if self._ahead is None and following.carriers and batch.is_free and not (is_last or is_late):
            self._ahead = self._beside(batches.take, self._machine, following, {}, ahead=True)

    def _patience_of(self, batch: Batch) -> float:
        """Until when a batch may lie here that waits for this one: no longer than its lease surely lasts."""
        return min(self._end, monotonic() + batch.lease.length.total_seconds() / 2)

    def _give_back(self) -> None:
        """Have what was taken ahead put back into the queue."""
        taking, self._ahead = self._ahead, None
        if taking is None:
            return

        def back() -> None:
            if (batch := taking.result()) is not None:
                batches.give_back(self._machine, batch)

        self._returning = self._beside(back)

    def _settle(self) -> None:
        """Wait until what was sent before is recorded."""
        recording, self._recording = self._recording, None
        self.tried += recording.result() if recording is not None else 0

    def _beside(self, act: Any, *given: Any, **named: Any) -> Future[Any]:
        """Have it done by the ledger's thread, after all that it was asked before; its log lines say what ours say."""
        return self._machine.aside.submit(copy_context().run, act, *given, **named)
