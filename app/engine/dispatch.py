"""One job of a message: its lanes by turns, batch after batch, for one slice of time; then the bell again."""

from collections import deque
from collections.abc import Callable, Sequence

from app.engine import batches, breaker, fanout, ledger, lifecycle, naming, routing
from app.engine.batches import Opening
from app.engine.machine import Machine
from app.engine.pace import LONGEST_WAIT, NAP, NAPS, Held, held_of
from app.engine.plans import Plan, plans_of
from app.infra.broker import has_urgent
from app.infra.clock import monotonic
from app.models.messages import Message

SLICE = 2.0  # seconds a job sends before it lets others have a turn
PATIENCE = 0.5  # of these, before more urgent work goes first
LEAST_BATCH, MOST_BATCH = 10, 1000


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

    def goes_on() -> bool:
        left = end - monotonic()
        return left > 0 and not (left < SLICE - PATIENCE and _gives_way(machine, message_pk))

    opening: Opening | None = None  # of the next batch, when it was claimed with the record of the last one
    while plans and (opening is not None or goes_on()):
        plan = plans.popleft()
        tried, opening = _carry(machine, plan, end, opening, lambda: not plans and goes_on())
        naming.end_batch()
        if tried:
            done += tried
            if not plan.is_stale:
                plans.append(plan)
            continue
        wait = min((each.wait for each in plan.held), default=None)
        if wait is not None and wait <= NAP and naps:
            naps -= 1
            machine.clock.sleep(wait)
            plans.append(plan)
        else:  # nothing is due, somebody paused, or the provider takes nothing more
            held += plan.held
    _finish(machine, message_pk, slot, held, may_ring=may_ring)
    return done


def _carry(
    machine: Machine, plan: Plan, end: float, opening: Opening | None, may_claim: Callable[[], bool]
) -> tuple[int, Opening | None]:
    """Send and record a batch, the one claimed or another; how many were tried, and the next one if it is claimed.

    When none could be tried, `plan.held` says what waits. `may_claim` says whether the next one may be the same plan's.
    """
    plan.held = ()
    if not plan.carriers:
        return batches.refuse(machine, plan), None
    held: dict[int, Held] = {}
    while True:
        began = monotonic()
        batch = opening.batch() if opening is not None else batches.take(machine, plan, held)
        if batch is None:
            plan.held = tuple(held.values())
            return 0, None
        try:
            sent = batches.send(machine, batch, end)
        finally:
            batch.pace.leave(())
        if sent.story.answered:
            _fit(plan, monotonic() - began)
        tried, following = batches.record(machine, sent, may_claim)
        if tried or (denied := batch.pace.denied) is None:
            return tried, following
        provider = plan.carriers[batch.turn.provider_pk].provider
        held[provider.pk] = held_of(provider, denied, machine.clock.now())
        opening = None


def _fit(plan: Plan, seconds: float) -> None:
    """Make the next batch larger or smaller, by how long the last one took to claim and to send."""
    if seconds < SLICE / 8:
        plan.size = min(plan.size * 2, MOST_BATCH)
    elif seconds > SLICE / 2:
        plan.size = max(plan.size // 2, LEAST_BATCH)


def _gives_way(machine: Machine, message_pk: int) -> bool:
    """Whether something urgent waits behind a large message: what is to start now waits for nobody's million."""
    if not has_urgent(machine.broker):
        return False
    with machine.database.read() as session:
        tally = ledger.tally_of(session, message_pk)
    return tally is not None and fanout.queue_for(tally.audience) != "urgent"


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
