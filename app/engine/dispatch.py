"""From claimed deliveries to a provider to the ledger: claim, renew, send, record."""

import asyncio
from collections import deque
from collections.abc import Coroutine, Sequence
from secrets import token_hex
from typing import Any

import structlog

from app import providers
from app.engine import (
    aftermath,
    breaker,
    failover,
    fanout,
    journal,
    ledger,
    lessons,
    lifecycle,
    naming,
    routing,
    token_deaths,
    turns,
)
from app.engine.ledger import Claimed, Lease, LeaseLost
from app.engine.machine import Machine
from app.engine.pace import LONGEST_WAIT, NAP, NAPS, Held, Pace, held_of
from app.engine.plans import Plan, plans_of
from app.engine.recipients import recipients_of
from app.engine.results import results_of
from app.engine.turns import Turn
from app.engine.watch import LedgerWatch
from app.infra.broker import has_urgent
from app.infra.clock import monotonic
from app.models.messages import Message
from app.providers.base import Envelope

SLICE = 2.0  # seconds a job sends before it lets others have a turn
PATIENCE = 0.5  # of these, before more urgent work goes first
LEAST_BATCH, MOST_BATCH = 10, 1000

log = structlog.get_logger(__name__)


def drain(machine: Machine, message_pk: int, slot: int = 0) -> int:
    """Send what is due of a message for one slice of time, then ring again; how many deliveries were tried.

    May run never, once, late, twice or beside itself: only what it claims is sent. Lanes take turns, so that none
    waits for another one's end.
    """
    found = plans_of(machine, message_pk)
    plans = deque(each for each in found if isinstance(each, Plan))
    held = [limit for each in found if not isinstance(each, Plan) for limit in each]
    plans.rotate(-slot)  # workers side by side begin with different ones
    may_ring, done, naps, end = bool(plans), 0, NAPS, monotonic() + SLICE
    while plans and monotonic() < end:
        if monotonic() > end - SLICE + PATIENCE and _gives_way(machine, message_pk):
            break
        plan, began = plans.popleft(), monotonic()
        tried = _send_batch(machine, plan, end)
        naming.end_batch()
        if not tried:
            wait = min((each.wait for each in plan.held), default=None)
            if wait is not None and wait <= NAP and naps:
                naps -= 1
                machine.clock.sleep(wait)
                plans.append(plan)
            else:
                held += plan.held
            continue  # nothing is due, somebody paused, or the provider takes nothing more
        done += tried
        if monotonic() - began < SLICE / 8:
            plan.size = min(plan.size * 2, MOST_BATCH)
        elif monotonic() - began > SLICE / 2:
            plan.size = max(plan.size // 2, LEAST_BATCH)
        plans.append(plan)
    _finish(machine, message_pk, slot, held, may_ring=may_ring)
    return done


def _gives_way(machine: Machine, message_pk: int) -> bool:
    """Whether something urgent waits behind a large message: what is to start now waits for nobody's million."""
    if not has_urgent(machine.broker):
        return False
    with machine.database.read() as session:
        tally = ledger.tally_of(session, message_pk)
    return tally is not None and fanout.queue_for(tally.audience) != "urgent"


def _send_batch(machine: Machine, plan: Plan, end: float) -> int:
    """Claim, send and record one batch, through whose turn it is and as fast as limits allow; how many were tried."""
    plan.held = ()
    held: dict[int, Held] = {}
    if not plan.carriers:
        return _refuse(machine, plan)
    tier = [carrier.provider for carrier in plan.carriers.values()]
    while True:
        with machine.database.read() as session:
            turn = turns.choose(session, plan.message, tier, plan.size, machine.clock.now(), held)
        if turn is None:
            plan.held = tuple(held.values())
            return 0
        provider = plan.carriers[turn.provider_pk].provider
        pace = Pace(machine.pacing, provider, f"{machine.name}:{token_hex(6)}")
        try:
            size = pace.enter(turn.size)
            tried = _claim_and_send(machine, plan, turn.up_to(size), pace, end) if size else 0
        finally:
            pace.leave(())
        if tried or pace.denied is None:
            return tried
        held[provider.pk] = held_of(provider, pace.denied, machine.clock.now())


def _claim_and_send(machine: Machine, plan: Plan, turn: Turn, pace: Pace, end: float) -> int:
    """Claim what this turn may carry, send and record it; how many were tried."""
    with machine.database.begin() as session:
        now, moment = machine.clock.now(), monotonic()
        holder = ledger.Holder(machine.name, machine.lease)
        lease = turns.claim(session, plan.message, plan.route.wish_pk, turn, holder, now)
        if lease is None:
            return 0
        recipients = recipients_of(session, lease.deliveries, plan.names)
    provider, account, prepared = plan.carriers[turn.provider_pk]
    naming.begin_batch(lease.batch_pk, provider.id)
    book = journal.Journal(machine.journal_dir, lease)
    watch = LedgerWatch(machine, lease, book, end, moment, pace=pace)
    keys = [key_of(plan.message, delivery) for delivery in lease.deliveries]
    envelopes = list(map(Envelope, keys, recipients))
    adapter = providers.get(provider.kind)
    try:
        machine.loop.run_until_complete(_send(adapter.send(account, prepared, envelopes, watch), watch))
    except LeaseLost as error:
        log.warning("The lease ended while we slept; nothing more is sent", why=str(error))
    except Exception:
        log.exception("The provider's adapter failed", kind=provider.kind)
    finally:
        book.close()
        pace.leave(watch.outcomes.values())
    story = journal.Story(set(watch.begun), watch.outcomes, watch.begun, watch.ended)
    tried = _record(machine, plan, lease, story, turn)
    if tried is None:
        return 0
    book.forget()
    return tried


def _refuse(machine: Machine, plan: Plan) -> int:
    """Claim a batch of what can never be sent, and say so; how many that are."""
    with machine.database.begin() as session:
        now = machine.clock.now()
        holder = ledger.Holder(machine.name, machine.lease)
        lease = ledger.claim(session, plan.message, plan.route.lane_for(None), plan.size, holder, now)
    if lease is None:
        return 0
    every = range(len(lease.deliveries))
    answers = dict.fromkeys(every, plan.refusal) if plan.refusal is not None else {}
    return _record(machine, plan, lease, journal.Story(set(every), answers, dict.fromkeys(every, now))) or 0


async def _send(sending: Coroutine[Any, Any, None], watch: LedgerWatch) -> None:
    """Send, and hold the batch meanwhile: a server that takes its time to answer must not cost us the lease."""
    pulse = asyncio.ensure_future(watch.hold())
    try:
        await sending
    finally:
        pulse.cancel()


def key_of(message: Message, delivery: Claimed) -> str:
    """The delivery key that travels with the request: the same for every try of a delivery."""
    return f"{delivery.pk}.{message.id}"


def _record(machine: Machine, plan: Plan, lease: Lease, story: journal.Story, turn: Turn | None = None) -> int | None:
    """Write what became of a batch; how many were tried, or None when the lease was lost."""
    now = machine.clock.now()
    provider = plan.carriers[turn.provider_pk].provider if turn is not None else None
    holds = provider is None or provider.uncertain_policy == "hold"
    try:
        with machine.database.begin() as session:
            story = token_deaths.weigh(session, lease, story, now)
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


def _finish(machine: Machine, message_pk: int, slot: int, held: Sequence[Held], *, may_ring: bool) -> None:
    """Ring again when more can be done at once, or later when a limit allows it; otherwise see whether all is done."""
    now = machine.clock.now()
    with machine.database.read() as session:
        message = session.get(Message, message_pk)
        may_go_on = (may_ring or held) and message is not None and ledger.may_send(session, message_pk)
        routes = routing.routes_of(session, message, now) if message is not None and may_go_on else []
        tally = ledger.tally_of(session, message_pk)
    waiting = {each.provider_pk for each in held}
    routes = [route for route in routes if route.goes_on]
    if may_ring and any(route.may_go_beside(waiting) for route in routes):
        machine.broker.ring("dispatch", message_pk, slot, queue=fanout.queue_for(tally.audience if tally else 0))
        return
    if routes and held:
        soonest = min(held, key=lambda each: each.wait)
        machine.pacing.wake_at(str(message_pk), min(soonest.wait, LONGEST_WAIT))
        if soonest.why and message is not None and not message.waiting_reason:
            with machine.database.begin() as session:
                breaker.set_waiting(session, message_pk, soonest.why)
    if tally is None or tally.queued or tally.sending:
        return
    with machine.database.begin() as session:
        found = lifecycle.lock(session, message_pk)
        if found is not None:
            lifecycle.settle(session, found, now)
