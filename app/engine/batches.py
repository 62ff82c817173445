"""One batch from its claim to its record: whose turn it is, who gets what, what was answered, what is written."""

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass
from functools import partial
from secrets import token_hex
from typing import Any

import structlog

from app import providers
from app.domain.delivery_tags import delivery_key
from app.domain.outcomes import Reason
from app.engine import aftermath, capacity, journal, ledger, lessons, naming, own_senders, poison, token_deaths, turns
from app.engine.failover import Failover
from app.engine.ledger import Claimed, Lease, LeaseLost
from app.engine.machine import Machine
from app.engine.pace import Held, Pace, held_of
from app.engine.plans import Plan
from app.engine.results import results_of
from app.engine.turns import Turn
from app.engine.watch import LedgerWatch
from app.infra.clock import monotonic
from app.models.messages import Message
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


def take(machine: Machine, plan: Plan, held: dict[int, Held]) -> Batch | None:
    """Claim a batch, through whose turn it is and as fast as limits allow; None when nothing can be had now.

    `held` are the providers that a limit holds back, by number; it learns of more.
    """
    tier = [carrier.provider for carrier in plan.carriers.values()]
    while True:
        with machine.database.read() as session:
            turn = turns.choose(session, plan.message, tier, plan.size, machine.clock.now(), held)
        if turn is None:
            return None
        provider = plan.carriers[turn.provider_pk].provider
        pace = Pace(machine.pacing, provider, f"{machine.name}:{token_hex(6)}")
        batch = None
        try:
            size = pace.enter(turn.size)
            if size:
                batch = _claim(machine, plan, turn.up_to(size), pace)
        finally:
            if batch is None:
                pace.leave(())
        if size:
            return batch
        assert pace.denied is not None  # noqa: S101 - it says why there was no room
        held[provider.pk] = held_of(provider, pace.denied, machine.clock.now())


def _claim(machine: Machine, plan: Plan, turn: Turn, pace: Pace) -> Batch | None:
    holder = ledger.Holder(machine.name, machine.lease)
    with machine.database.begin() as session:
        now, moment = machine.clock.now(), monotonic()
        lease = turns.claim(session, plan.message, plan.route.wish_pk, turn, holder, now)
    if lease is None:
        return None
    with machine.database.read() as session:  # nobody waits for the write lock meanwhile
        recipients = poison.readable(session, lease.deliveries, plan.names)
        suspects = poison.suspects(session, lease)
    keys = [key_of(plan.message, delivery) for delivery in lease.deliveries]
    return Batch(plan, turn, lease, pace, moment, list(map(Envelope, keys, recipients)), suspects)


def key_of(message: Message, delivery: Claimed) -> str:
    """The delivery key that travels with the request: the same for every try of a delivery."""
    return delivery_key(delivery.pk, message.id)


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


def record(machine: Machine, sent: Sent) -> int:
    """Write what became of a batch that was sent; how many were tried, none when the lease was lost.

    Raises SQLAlchemyError; the journal then tells it to whoever takes the batch over.
    """
    batch = sent.batch
    tried = write(machine, batch.plan, batch.lease, sent.story, batch.turn)
    if tried is not None:
        sent.book.forget()
    return tried or 0


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


def write(machine: Machine, plan: Plan, lease: Lease, story: journal.Story, turn: Turn | None = None) -> int | None:
    """Write what became of what a lease holds; how many were tried, or None when the lease was lost."""
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
    except LeaseLost:
        log.warning("The lease was lost: somebody else took the batch over", batch=lease.batch_pk)
        return None
    naming.recorded(lease, results)
    return sum(result.outcome is not None for result in results)
