"""One batch from its claim to its record: whose turn it is, who gets what, what was answered, what is written."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from secrets import token_hex
from typing import Any

import structlog
from sqlalchemy.orm import Session

from app import providers
from app.domain.delivery_tags import delivery_key
from app.domain.outcomes import OutcomeKind, Reason
from app.engine import aftermath, capacity, journal, ledger, lessons, naming, own_senders, poison, token_deaths, turns
from app.engine.failover import Failover
from app.engine.ledger import Lease, LeaseLost
from app.engine.machine import Machine
from app.engine.pace import Held, Pace, held_of
from app.engine.plans import Plan
from app.engine.results import results_of
from app.engine.turns import Turn
from app.engine.watch import LedgerWatch
from app.infra.clock import monotonic
from app.providers.base import Envelope

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Batch:
    """Deliveries that we hold, and all it takes to send them.

    `held_since` is when the lease was asked for, on this process's own clock; `suspects` are the positions that are
    sent alone, because workers died of them.
    """

    plan: Plan
    turn: Turn
    lease: Lease
    pace: Pace
    held_since: float
    envelopes: list[Envelope]
    suspects: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Sent:
    """A batch of which nothing is on its way any more, and what was told about it meanwhile."""

    batch: Batch
    story: journal.Story
    book: journal.Journal


@dataclass(slots=True)
class Opening:
    """The way for one more batch: whose turn it is, and what limits promised. `lease` is what was claimed for it."""

    machine: Machine
    plan: Plan
    turn: Turn
    pace: Pace
    lease: Lease | None = None
    _held_since: float = 0.0

    def claim(self, session: Session) -> None:
        """Claim what it has room for, in a transaction that waits for nobody any more."""
        machine, plan = self.machine, self.plan
        now, self._held_since = machine.clock.now(), monotonic()
        holder = ledger.Holder(machine.name, machine.lease)
        self.lease = turns.claim(session, plan.message, plan.route.wish_pk, self.turn, holder, now)

    def batch(self) -> Batch | None:
        """What was claimed, ready to be sent, once the transaction is over; None when that is nothing."""
        batch = None
        try:
            if self.lease is not None:
                batch = self._read(self.lease)
        finally:
            if batch is None:
                self.pace.leave(())
        return batch

    def _read(self, lease: Lease) -> Batch:
        with self.machine.database.read() as session:  # nobody waits for the write lock meanwhile
            recipients = poison.readable(session, lease.deliveries, self.plan.names)
            suspects = poison.suspects(session, lease)
        message_id = self.plan.message.id
        # The key travels with the request: it is the same for every try of a delivery.
        keys = [delivery_key(delivery.pk, message_id) for delivery in lease.deliveries]
        envelopes = list(map(Envelope, keys, recipients))
        return Batch(self.plan, self.turn, lease, self.pace, self._held_since, envelopes, suspects)


def take(machine: Machine, plan: Plan, held: dict[int, Held]) -> Batch | None:
    """Claim a batch, through whose turn it is and as fast as limits allow; None when nothing can be had now.

    `held` are the providers that a limit holds back, by number; it learns of more.
    """
    opening = _open(machine, plan, held)
    if opening is None:
        return None
    with _leaving(opening), machine.database.begin() as session:
        opening.claim(session)
    return opening.batch()


def _open(machine: Machine, plan: Plan, held: dict[int, Held]) -> Opening | None:
    tier = [carrier.provider for carrier in plan.carriers.values()]
    while True:
        with machine.database.read() as session:
            turn = turns.choose(session, plan.message, tier, plan.size, machine.clock.now(), held)
        if turn is None:
            return None
        provider = plan.carriers[turn.provider_pk].provider
        pace = Pace(machine.pacing, provider, f"{machine.name}:{token_hex(6)}")
        if size := pace.enter(turn.size):
            return Opening(machine, plan, turn.up_to(size), pace)
        assert pace.denied is not None  # noqa: S101 - it says why there was no room
        held[provider.pk] = held_of(provider, pace.denied, machine.clock.now())


@contextmanager
def _leaving(opening: Opening | None) -> Iterator[None]:
    """Give back what limits promised when the transaction fails that was to claim for it."""
    try:
        yield
    except BaseException:
        if opening is not None:
            opening.pace.leave(())
        raise


def send(machine: Machine, batch: Batch, end: float) -> Sent:
    """Send what may be sent until `end`, on this process's own clock; returns when nothing is on its way any more.

    Raises OSError when no journal can be begun.
    """
    provider, account, prepared, extras = batch.plan.carriers[batch.turn.provider_pk]
    naming.begin_batch(batch.lease.batch_pk, provider.id)
    book = journal.Journal(machine.journal_dir, batch.lease)
    size = batch.plan.route.size
    watch = LedgerWatch(machine, batch.lease, book, end, batch.held_since, pace=batch.pace, size=size)
    adapter = providers.get(provider.kind)
    sending = own_senders.sending_of(partial(adapter.send, account, prepared), extras)
    rescue = poison.Rescue(sending, batch.envelopes, watch)
    try:
        machine.loop.run_until_complete(_held(watch, rescue.carry(batch.suspects)))
    except LeaseLost as error:
        log.warning("The lease ended while we slept; nothing more is sent", why=str(error))
    except Exception:
        log.exception("The provider's adapter failed", kind=provider.kind)
    finally:
        book.close()
        batch.pace.leave(watch.outcomes.values())
    story = journal.Story(set(watch.begun), watch.outcomes, watch.begun, watch.ended, size_limit=watch.size_limit)
    if rescue.has_given_up:
        story.rest_until = machine.clock.now() + poison.REST
    return Sent(batch, story, book)


async def _held(watch: LedgerWatch, sending: Coroutine[Any, Any, None]) -> None:
    """Send, and hold the batch meanwhile: a server that takes its time to answer must not cost us the lease."""
    pulse = asyncio.ensure_future(watch.hold())
    try:
        await sending
    finally:
        pulse.cancel()


def record(machine: Machine, sent: Sent, may_claim: Callable[[], bool]) -> tuple[int, Opening | None]:
    """Write what became of a batch that was sent; how many were tried, none when the lease was lost.

    Where all of it went well and `may_claim` says so, the next one is claimed in the same transaction: the second
    value, to be read once the caller holds this batch no more, and sent at once. Raises SQLAlchemyError; the journal
    then tells what became of the batch to whoever takes it over.
    """
    batch = sent.batch
    opening = _open(machine, batch.plan, {}) if _went_smoothly(machine, sent) and may_claim() else None
    with _leaving(opening):
        tried = write(machine, batch.plan, batch.lease, sent.story, batch.turn, opening)
    if tried is not None:
        sent.book.forget()
    if opening is not None and opening.lease is None:
        opening.pace.leave(())
        opening = None
    return tried or 0, opening


def _went_smoothly(machine: Machine, sent: Sent) -> bool:
    """Whether the next batch may be claimed with the record of this one: one wait for the write lock and the disk less.

    Where everybody was accepted nothing is decided anew. Not on PostgreSQL: there the other workers would wait
    meanwhile for the row of the tally, which the record has changed.
    """
    answers = sent.story.answered.values()
    is_whole = bool(answers) and len(answers) == len(sent.batch.lease.deliveries)
    return machine.database.is_sqlite and is_whole and all(each.kind is OutcomeKind.ACCEPTED for each in answers)


def _was_too_large(story: journal.Story) -> bool:
    return any(outcome.reason is Reason.TOO_LARGE for outcome in story.answered.values())


def refuse(machine: Machine, plan: Plan) -> int:
    """Claim a batch of what can never be sent, and say so; how many that are."""
    with machine.database.begin() as session:
        now = machine.clock.now()
        holder = ledger.Holder(machine.name, machine.lease)
        lease = ledger.claim(session, plan.message, plan.route.lane_for(None), plan.size, holder, now)
    if lease is None:
        return 0
    every = range(len(lease.deliveries))
    answers = dict.fromkeys(every, plan.refusal) if plan.refusal is not None else {}
    return write(machine, plan, lease, journal.Story(set(every), answers, dict.fromkeys(every, now))) or 0


def write(
    machine: Machine, plan: Plan, lease: Lease, story: journal.Story, turn: Turn | None = None,
    opening: Opening | None = None,
) -> int | None:  # fmt: skip
    """Write what became of what a lease holds; how many were tried, or None when the lease was lost.

    For an opening the next batch is claimed with it.
    """
    now = machine.clock.now()
    provider = plan.carriers[turn.provider_pk].provider if turn is not None else None
    holds = provider is None or provider.uncertain_policy == "hold"
    try:
        with machine.database.begin() as session:
            story = poison.weigh(session, lease, token_deaths.weigh(session, lease, story, now))
            onward = Failover(session, plan.message, lease, provider, now)
            results = results_of(
                lease, story, now, hold_uncertain=holds, may_leave=onward.may_leave, in_doubt=onward.is_in_doubt
            )
            lesson = lessons.lesson_of(results, story)
            if turn is not None:
                lessons.learn(session, lease, turn, lesson, now)
            if provider is not None and story.size_limit is not None:
                is_news = capacity.learn(session, provider, story.size_limit, now)
                plan.is_stale = story.size_limit < plan.route.size or (is_news and _was_too_large(story))
            ledger.record(session, lease, results, now)
            aftermath.after_record(session, plan.message, results, now, provider)
            onward.send_on(machine.pacing, results)
            if turn is not None:
                turns.used(session, turn, -lesson.untouched)
            if opening is not None and not plan.is_stale:
                opening.claim(session)
    except LeaseLost:
        log.warning("The lease was lost: somebody else took the batch over", batch=lease.batch_pk)
        return None
    naming.recorded(lease, results)
    return sum(result.outcome is not None for result in results)
