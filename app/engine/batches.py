"""One batch from its claim to its record: whose turn it is, who gets what, what was answered, what is written."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from functools import partial
from secrets import token_hex
from typing import Any

import structlog

from app import providers
from app.domain.delivery_tags import delivery_key
from app.domain.failover import is_services_failure
from app.domain.outcomes import OutcomeKind
from app.engine import aftermath, failover, journal, ledger, lessons, naming, poison, routing, token_deaths, turns
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

_ASKED_TO_WAIT = frozenset({OutcomeKind.THROTTLED})
_DEATHS = frozenset({OutcomeKind.RECIPIENT_PERMANENT})  # of device tokens: too many are not believed

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

    @property
    def is_full(self) -> bool:
        """Whether as many were due as were asked for, so that there may be more."""
        return len(self.lease.deliveries) >= self.turn.size

    @property
    def is_free(self) -> bool:
        """Whether the one behind it may be taken ahead: no limit counts what starts, and the breaker tries nothing."""
        return not (self.turn.is_probe or self.pace.is_limited)


@dataclass(frozen=True, slots=True)
class Sent:
    """A batch of which nothing is on its way any more, and what was told about it meanwhile."""

    batch: Batch
    story: journal.Story
    book: journal.Journal | None = None
    was_ended: bool = False  # before all of it was begun: somebody paused, the lease was lost, the time was over

    @property
    def went_well(self) -> bool:
        """Whether nothing in it speaks against sending the next one like it before the ledger knows of this one."""
        answered = self.story.answered
        if self.was_ended or len(answered) < len(self.batch.lease.deliveries):
            return False
        carrier = self.batch.plan.carriers[self.batch.turn.provider_pk].provider
        feared = _ASKED_TO_WAIT | _DEATHS if routing.owns_addresses(carrier) else _ASKED_TO_WAIT
        different = {id(outcome): outcome for outcome in answered.values()}.values()  # nearly all are one and the same
        return not any(is_services_failure(each) or each.kind in feared for each in different)


def take(machine: Machine, plan: Plan, held: dict[int, Held], *, ahead: bool = False) -> Batch | None:
    """Claim a batch, through whose turn it is and as fast as limits allow; None when nothing can be had now.

    `held` are the providers that a limit holds back, by number; it learns of more. With `ahead` nothing is claimed
    for a provider that has limits: what they promise is for this moment, and the batch is for later.
    """
    tier = [carrier.provider for carrier in plan.carriers.values()]
    while True:
        with machine.database.read() as session:
            turn = turns.choose(session, plan.message, tier, plan.size, machine.clock.now(), held)
        if turn is None or (ahead and turn.is_probe):
            return None
        provider = plan.carriers[turn.provider_pk].provider
        pace = Pace(machine.pacing, provider, f"{machine.name}:{token_hex(6)}")
        batch = None
        try:
            size = pace.enter(turn.size)
            if size and not (ahead and pace.is_limited):
                batch = _claim(machine, plan, turn.up_to(size), pace)
        finally:
            if batch is None:
                pace.leave(())
        if size or ahead:
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


def send(machine: Machine, batch: Batch, end: float, meanwhile: tuple[float, Callable[[], None]] | None = None) -> Sent:
    """Send what may be sent until `end`, on this process's own clock; returns when nothing is on its way any more.

    `meanwhile` is what to do while that lasts, and at which moment. Raises OSError when no journal can be begun.
    """
    provider, account, prepared = batch.plan.carriers[batch.turn.provider_pk]
    naming.begin_batch(batch.lease.batch_pk, provider.id)
    book = journal.Journal(machine.journal_dir, batch.lease)
    watch = LedgerWatch(machine, batch.lease, book, end, batch.held_since, pace=batch.pace)
    adapter = providers.get(provider.kind)
    rescue = poison.Rescue(partial(adapter.send, account, prepared), batch.envelopes, watch)
    was_ended = True
    try:
        machine.loop.run_until_complete(_held(watch, rescue.carry(batch.suspects), meanwhile))
        was_ended = watch.is_over or batch.pace.denied is not None
    except LeaseLost as error:
        log.warning("The lease ended while we slept; nothing more is sent", why=str(error))
    except Exception:
        log.exception("The provider's adapter failed", kind=provider.kind)
    finally:
        book.close()
        batch.pace.leave(watch.outcomes.values())
    story = journal.Story(set(watch.begun), dict(watch.outcomes), dict(watch.begun), dict(watch.ended))
    if rescue.has_given_up:
        story.rest_until = machine.clock.now() + poison.REST
    return Sent(batch, story, book, was_ended)


async def _held(
    watch: LedgerWatch, sending: Coroutine[Any, Any, None], meanwhile: tuple[float, Callable[[], None]] | None
) -> None:
    """Send, and hold the batch meanwhile: a server that takes its time to answer must not cost us the lease."""
    pulse = asyncio.ensure_future(watch.hold())
    timer = None
    if meanwhile is not None:
        moment, act = meanwhile
        timer = asyncio.get_running_loop().call_later(max(0.0, moment - monotonic()), act)
    try:
        await sending
    finally:
        pulse.cancel()
        if timer is not None:
            timer.cancel()


def record(machine: Machine, sent: Sent) -> int:
    """Write what became of a batch that was sent; how many were tried, none when the lease was lost.

    Raises SQLAlchemyError; the journal then tells it to whoever takes the batch over.
    """
    batch = sent.batch
    tried = write(machine, batch.plan, batch.lease, sent.story, batch.turn)
    if tried is not None and sent.book is not None:
        sent.book.forget()
    return tried or 0


def give_back(machine: Machine, batch: Batch) -> None:
    """Put a batch of which nothing was begun back into the queue, as if it had never been claimed."""
    batch.pace.leave(())
    record(machine, Sent(batch, journal.Story()))


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
            results = results_of(lease, story, now, hold_uncertain=holds)
            lesson = lessons.lesson_of(results, story)
            if turn is not None:
                lessons.learn(session, lease, turn, lesson, now)
            ledger.record(session, lease, results, now)
            aftermath.after_record(session, plan.message, results, now, provider)
            failover.send_on(session, machine.pacing, plan.message, lease, results, now)
            if turn is not None:
                turns.used(session, turn, -lesson.untouched)
    except LeaseLost:
        log.warning("The lease was lost: somebody else took the batch over", batch=lease.batch_pk)
        return None
    naming.recorded(lease, results)
    return sum(result.outcome is not None for result in results)
