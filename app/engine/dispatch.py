"""From claimed deliveries to a provider to the ledger: claim, renew, send, record."""

import asyncio
from collections import deque
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

import structlog
from sqlalchemy import BindParameter, bindparam, select
from sqlalchemy.orm import Session

from app import providers
from app.domain.content import content_of
from app.domain.errors import Invalid
from app.domain.outcomes import Outcome, OutcomeKind, Reason
from app.domain.rendered import NO_EXTRAS, Extras, Prepared, Recipient
from app.engine import aftermath, breaker, enclosures, fanout, journal, ledger, lifecycle, routing
from app.engine.accounts import account_of
from app.engine.enclosures import Refused, Unreadable
from app.engine.ledger import Claimed, Lease, LeaseLost
from app.engine.machine import Machine
from app.engine.recipients import address_values, recipient_of
from app.engine.results import results_of
from app.engine.routing import Route
from app.engine.watch import LedgerWatch
from app.infra.clock import monotonic
from app.infra.vault import VaultError
from app.models.contacts import Contact
from app.models.messages import Message
from app.models.providers import Provider
from app.models.targets import Target
from app.providers.base import Account, Envelope
from app.rendering import prepare

SLICE = 2.0  # seconds a job sends before it lets others have a turn
LEAST_BATCH, FIRST_BATCH, MOST_BATCH = 10, 200, 1000

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Plan:
    """What a job needs to send one lane of a message; read once, used for every batch of the job.

    `carrier` is the provider with its account and the compiled message; without it everybody gets `refusal`.
    """

    message: Message
    route: Route
    carrier: tuple[Provider, Account, Prepared[Any]] | None = None
    refusal: Outcome | None = None
    size: int = field(default_factory=lambda: FIRST_BATCH)


def drain(machine: Machine, message_pk: int, slot: int = 0) -> int:
    """Send what is due of a message for one slice of time, then ring again; how many deliveries were tried.

    May run never, once, late, twice or beside itself: only what it claims is sent. Lanes take turns, so that none
    waits for another one's end.
    """
    plans = deque(_plans(machine, message_pk))
    plans.rotate(-slot)  # workers side by side begin with different ones
    may_ring, done, end = bool(plans), 0, monotonic() + SLICE
    while plans and monotonic() < end:
        plan, began = plans.popleft(), monotonic()
        tried = _send_batch(machine, plan, end)
        if not tried:
            continue  # nothing is due, somebody paused, or the provider takes nothing more
        done += tried
        if monotonic() - began < SLICE / 8:
            plan.size = min(plan.size * 2, MOST_BATCH)
        elif monotonic() - began > SLICE / 2:
            plan.size = max(plan.size // 2, LEAST_BATCH)
        plans.append(plan)
    _finish(machine, message_pk, slot, may_ring=may_ring)
    return done


def prepare_content(message: Message, extras: Extras = NO_EXTRAS) -> Prepared[Any]:
    """The message, compiled; Invalid when its content cannot be rendered (checked before it was started)."""
    return prepare(content_of(message.channel, message.content), extras=extras)


def _plans(machine: Machine, message_pk: int) -> list[Plan]:
    """A plan for each lane in which something can be done now; why the others wait is noted on the message."""
    now = machine.clock.now()
    with machine.database.read() as session:
        message = session.get(Message, message_pk)
        if message is None or not ledger.may_send(session, message_pk):
            return []
        routes = routing.routes_of(session, message, now)
        if not routes:
            return []
        compiled = _compile(machine, message, session) if any(route.provider for route in routes) else ""
    found = [_plan(machine, message, route, compiled) for route in routes]
    why = " ".join(dict.fromkeys(each for each in found if isinstance(each, str)))[:512]
    if why != message.waiting_reason:
        with machine.database.begin() as session:
            breaker.set_waiting(session, message_pk, why)
    return [each for each in found if isinstance(each, Plan)]


class _Compiled(NamedTuple):
    prepared: Prepared[Any]
    extras: Extras


def _compile(machine: Machine, message: Message, session: Session) -> _Compiled | Outcome | str:
    """The message with what travels with it; why nobody can ever get it; or a sentence why not now."""
    try:
        extras = enclosures.extras_of(machine, message, session)
        return _Compiled(prepare_content(message, extras), extras)
    except Refused as error:
        return error.outcome
    except Unreadable as error:
        return str(error)
    except Invalid as error:
        return Outcome(OutcomeKind.MESSAGE_PERMANENT, Reason.CONTENT_REJECTED, str(error))


def _plan(machine: Machine, message: Message, route: Route, compiled: _Compiled | Outcome | str) -> Plan | str:
    """How a lane goes; or a sentence why it waits."""
    provider = route.provider
    if provider is None:
        return route.why if route.refusal is None else Plan(message, route, refusal=route.refusal)
    if isinstance(compiled, Outcome):
        return Plan(message, route, refusal=compiled)
    if isinstance(compiled, str):
        return compiled
    if (refusal := enclosures.refuse_size(compiled.extras, providers.get(provider.kind).spec)) is not None:
        return Plan(message, route, refusal=refusal)
    try:
        account = account_of(machine.vault, machine.settings, provider)
    except VaultError as error:
        return f"{provider.name}: {error}"
    return Plan(message, route, (provider, account, compiled.prepared))


def _send_batch(machine: Machine, plan: Plan, end: float) -> int:
    """Claim, send and record one batch; how many were tried."""
    with machine.database.begin() as session:
        now, moment = machine.clock.now(), monotonic()
        holder = ledger.Holder(machine.name, machine.lease)
        lease = ledger.claim(session, plan.message, plan.route.lane, plan.size, holder, now)
        if lease is None:
            return 0
        recipients = _recipients(session, lease.deliveries) if plan.carrier is not None else []
    if plan.carrier is None:
        return _refuse(machine, plan, lease, now)
    provider, account, prepared = plan.carrier
    book = journal.Journal(machine.journal_dir, lease)
    watch = LedgerWatch(machine, lease, book, end, moment)
    envelopes = [
        Envelope(key_of(plan.message, delivery), recipient)
        for delivery, recipient in zip(lease.deliveries, recipients, strict=True)
    ]
    adapter = providers.get(provider.kind)
    try:
        machine.loop.run_until_complete(_send(adapter.send(account, prepared, envelopes, watch), watch))
    except LeaseLost as error:
        log.warning("The lease ended while we slept; nothing more is sent", batch=lease.batch_pk, why=str(error))
    except Exception:
        log.exception("The provider's adapter failed", batch=lease.batch_pk, provider=provider.kind)
    finally:
        book.close()
    story = journal.Story(set(watch.begun), watch.outcomes)
    tried = _record(machine, plan, lease, story, watch.begun)
    if tried is None:
        return 0
    book.forget()
    return tried


def _refuse(machine: Machine, plan: Plan, lease: Lease, now: datetime) -> int:
    """Nothing of this batch can be sent, now or later; how many that are."""
    every = range(len(lease.deliveries))
    story = journal.Story(set(every), dict.fromkeys(every, plan.refusal) if plan.refusal is not None else {})
    return _record(machine, plan, lease, story, dict.fromkeys(every, now)) or 0


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


class _Somebody(NamedTuple):
    name: str
    attributes: dict[str, Any]


_NUMBERS: BindParameter[Any] = bindparam(
    "numbers", expanding=True, literal_execute=True
)  # a thousand marks would cost more


def _recipients(session: Session, deliveries: Sequence[Claimed]) -> list[Recipient]:
    """Who they are now, in one query.

    The address is the ledger's: somebody who was deleted, or got another one since, is written to without a name.
    """
    rows = session.execute(
        select(Target.pk, Target.address, Target.address_key, Contact.name, Contact.attributes)
        .join(Contact, Contact.pk == Target.contact_pk)
        .where(Target.pk.in_(_NUMBERS)),
        {"numbers": [delivery.target_pk for delivery in deliveries if delivery.target_pk is not None]},
    ).all()
    known = {(pk, key): recipient_of(_Somebody(name, values), address) for pk, address, key, name, values in rows}
    return [
        known.get((delivery.target_pk, delivery.address))
        or Recipient(delivery.address, "", address_values(delivery.address))
        for delivery in deliveries
    ]


def _record(machine: Machine, plan: Plan, lease: Lease, story: journal.Story, begun: dict[int, datetime]) -> int | None:
    """Write what became of a batch; how many were tried, or None when the lease was lost."""
    now = machine.clock.now()
    provider = plan.route.provider
    holds = provider is not None and provider.uncertain_policy == "hold"
    results = results_of(lease, story, now, hold_uncertain=holds, begun=begun)
    try:
        with machine.database.begin() as session:
            ledger.record(session, lease, results, now)
            aftermath.after_record(session, plan.message, results, now, provider)
            if plan.carrier is not None:
                breaker.tell(session, plan.carrier[0].pk, story.answered.values(), now)
    except LeaseLost:
        log.warning("The lease was lost: somebody else took the batch over", batch=lease.batch_pk)
        return None
    return sum(result.outcome is not None for result in results)


def _finish(machine: Machine, message_pk: int, slot: int, *, may_ring: bool) -> None:
    """Ring again when more can be done at once; otherwise see whether the message is finished."""
    now = machine.clock.now()
    with machine.database.read() as session:
        message = session.get(Message, message_pk)
        may_go_on = may_ring and message is not None and ledger.may_send(session, message_pk)
        routes = routing.routes_of(session, message, now) if message is not None and may_go_on else []
        tally = ledger.tally_of(session, message_pk)
    if any(route.goes_on for route in routes):
        queue = "urgent" if tally is not None and tally.audience <= fanout.BATCHES_PER_BELL else "bulk"
        machine.broker.ring("dispatch", message_pk, slot, queue=queue)
        return
    if tally is None or tally.queued or tally.sending:
        return
    with machine.database.begin() as session:
        held = lifecycle.lock(session, message_pk)
        if held is not None:
            lifecycle.settle(session, held, now)
