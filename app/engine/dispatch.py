"""From claimed deliveries to a provider to the ledger: claim, renew, send, record."""

import asyncio
from collections.abc import Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from random import random
from typing import Any, NamedTuple

import structlog
from sqlalchemy import BindParameter, bindparam, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from app import providers
from app.domain.channels import Channel
from app.domain.content import EmailContent
from app.domain.delivery_states import DeliveryEvent, DeliveryState, event_of, next_state
from app.domain.outcomes import Outcome, OutcomeKind, Reason
from app.domain.rendered import Prepared, Recipient
from app.domain.retry import RetryRule, next_attempt_at
from app.engine import breaker, fanout, journal, ledger, lifecycle
from app.engine.accounts import account_of
from app.engine.ledger import Claimed, Lease, LeaseLost, Result
from app.engine.machine import Machine
from app.engine.recipients import recipient_of
from app.infra.clock import monotonic
from app.infra.vault import VaultError
from app.models.contacts import Contact
from app.models.messages import Message
from app.models.providers import Provider
from app.models.suppressions import Suppression
from app.models.targets import Target
from app.providers.base import Account, Envelope
from app.rendering import prepare

SLICE = 2.0  # seconds a job sends before it lets others have a turn
CHECK_EVERY = 0.5  # seconds between two looks at the lease and at pause and cancel
LEAST_BATCH, FIRST_BATCH, MOST_BATCH = 10, 200, 1000
RULE = RetryRule()

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Plan:
    """What a job needs to send one message through one provider; read once, used for every batch of the job."""

    message: Message
    provider: Provider
    account: Account
    prepared: Prepared[Any]


def drain(machine: Machine, message_pk: int, slot: int = 0) -> int:
    """Send what is due of a message for one slice of time, then ring again; how many deliveries were tried.

    May run never, once, late, twice or beside itself: only what it claims is sent.
    """
    plan = _plan(machine, message_pk)
    done, size, end = 0, FIRST_BATCH, monotonic() + SLICE
    while plan is not None and monotonic() < end:
        began = monotonic()
        tried = _send_batch(machine, plan, size, end)
        if not tried:
            break  # nothing is due, somebody paused, or the provider takes nothing more
        done += tried
        if monotonic() - began < SLICE / 8:
            size = min(size * 2, MOST_BATCH)
        elif monotonic() - began > SLICE / 2:
            size = max(size // 2, LEAST_BATCH)
    _finish(machine, message_pk, slot)
    return done


def prepare_content(message: Message) -> Prepared[Any]:
    """The message, compiled; Invalid when its content cannot be rendered (checked before it was started)."""
    match Channel(message.channel):
        case Channel.EMAIL:
            return prepare(EmailContent.from_json(message.content))
        case Channel.SMS | Channel.PUSH:
            raise ValueError(f"{message.channel} cannot be rendered yet.")


def _plan(machine: Machine, message_pk: int) -> Plan | None:
    now = machine.clock.now()
    with machine.database.read() as session:
        message = session.get(Message, message_pk)
        if message is None or not ledger.may_send(session, message_pk) or not ledger.has_due(session, message_pk, now):
            return None
        provider = breaker.usable(session, message.project_pk, message.channel, now, pinned=message.provider_pk)
        pin = message.provider_pk
        why = "" if provider else breaker.why_none(session, message.project_pk, message.channel, pinned=pin)
    account = None
    if provider is not None:
        try:
            account = account_of(machine.vault, machine.settings, provider)
        except VaultError as error:
            why = f"{provider.name}: {error}"
    if why != message.waiting_reason:
        with machine.database.begin() as session:
            breaker.set_waiting(session, message_pk, why)
    if provider is None or account is None:
        return None
    return Plan(message, provider, account, prepare_content(message))


def _send_batch(machine: Machine, plan: Plan, size: int, end: float) -> int:
    """Claim, send and record one batch; how many were tried."""
    with machine.database.begin() as session:
        now, moment = machine.clock.now(), monotonic()
        holder = ledger.Holder(machine.name, machine.lease)
        lease = ledger.claim(session, plan.message, plan.provider.pk, size, holder, now)
        if lease is None:
            return 0
        recipients = _recipients(session, lease.deliveries)
    book = journal.Journal(machine.journal_dir, lease)
    watch = LedgerWatch(machine, lease, book, end, moment)
    envelopes = [
        Envelope(key_of(plan.message, delivery), recipient)
        for delivery, recipient in zip(lease.deliveries, recipients, strict=True)
    ]
    provider = providers.get(plan.provider.kind)
    try:
        machine.loop.run_until_complete(_send(provider.send(plan.account, plan.prepared, envelopes, watch), watch))
    except LeaseLost as error:
        log.warning("The lease ended while we slept; nothing more is sent", batch=lease.batch_pk, why=str(error))
    except Exception:
        log.exception("The provider's adapter failed", batch=lease.batch_pk, provider=plan.provider.kind)
    finally:
        book.close()
    return _record(machine, plan, lease, watch, book)


async def _send(sending: Coroutine[Any, Any, None], watch: "LedgerWatch") -> None:
    """Send, and hold the batch meanwhile: a server that takes its time to answer must not cost us the lease."""
    pulse = asyncio.ensure_future(watch.hold())
    try:
        await sending
    finally:
        pulse.cancel()


def brief(error: Exception) -> str:
    """The first line of what a database said, without the statement."""
    return str(error).splitlines()[0][:200]


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
        or Recipient(delivery.address, "", {"email": delivery.address})
        for delivery in deliveries
    ]


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


def _record(machine: Machine, plan: Plan, lease: Lease, watch: LedgerWatch, book: journal.Journal) -> int:
    now = machine.clock.now()
    story = journal.Story(set(watch.begun), watch.outcomes)
    holds = plan.provider.uncertain_policy == "hold"
    results = results_of(lease, story, now, hold_uncertain=holds, begun=watch.begun)
    try:
        with machine.database.begin() as session:
            ledger.record(session, lease, results, now)
            after_record(session, plan.message, results, now)
            breaker.tell(session, plan.provider.pk, watch.outcomes.values(), now)
    except LeaseLost:
        log.warning("The lease was lost: somebody else took the batch over", batch=lease.batch_pk)
        return 0
    book.forget()
    return sum(result.outcome is not None for result in results)


def results_of(
    lease: Lease, story: journal.Story, now: datetime, *, hold_uncertain: bool, begun: dict[int, datetime] | None = None
) -> list[Result]:
    """What the ledger shall write for each delivery of a batch, from what was started and what was answered."""
    results = []
    for position, delivery in enumerate(lease.deliveries):
        outcome = story.answered.get(position)
        if outcome is None and position in story.started:
            outcome = Outcome(OutcomeKind.UNCERTAIN, Reason.WORKER_LOST, "The worker ended before the answer was read.")
        if outcome is None or outcome.kind is OutcomeKind.CONFIG_PERMANENT:
            # Never started, or refused because the provider's settings are wrong: it waits, untouched.
            results.append(Result(delivery, DeliveryState.QUEUED, now))
            continue
        results.append(_result(delivery, outcome, now, hold_uncertain, (begun or {}).get(position)))
    return results


def _result(
    delivery: Claimed, outcome: Outcome, now: datetime, hold_uncertain: bool, started_at: datetime | None
) -> Result:
    exhausted = RULE.is_exhausted(delivery.first_tried_at, now)
    event = event_of(outcome.kind, exhausted=exhausted, hold_uncertain=hold_uncertain)
    state = next_state(DeliveryState.SENDING, event)
    assert state is not None  # noqa: S101 - event_of gives only events that a sending delivery knows
    again = _again(delivery, outcome, now) if event is DeliveryEvent.TRY_LATER else now
    return Result(delivery, state, again, outcome, started_at)


def _again(delivery: Claimed, outcome: Outcome, now: datetime) -> datetime:
    return next_attempt_at(outcome, delivery.attempts, now, random())  # noqa: S311 - jitter, not a secret


def after_record(session: Session, message: Message, results: Sequence[Result], now: datetime) -> None:
    """What follows from a batch's outcomes: dead addresses are suppressed."""
    for result in results:
        if result.outcome is not None and _ends_the_address(result.outcome):
            _suppress(session, message, result, now)


_SUPPRESSIONS = {OutcomeKind.RECIPIENT_PERMANENT: "hard_bounce", OutcomeKind.RECIPIENT_OPTED_OUT: "unsubscribed"}


def _ends_the_address(outcome: Outcome) -> bool:
    """Whether nobody can be reached there; an address that only this server cannot spell is fine elsewhere."""
    return outcome.kind in _SUPPRESSIONS and outcome.reason is not Reason.ADDRESS_NEEDS_SMTPUTF8


def _suppress(session: Session, message: Message, result: Result, now: datetime) -> None:
    outcome = result.outcome
    address = result.delivery.address
    known = select(Suppression.pk).where(
        Suppression.project_pk == message.project_pk,
        Suppression.channel == message.channel,
        Suppression.address_key == address,
    )
    if outcome is None or session.scalar(known) is not None:
        return
    session.add(
        Suppression(
            id=f"d{result.delivery.pk}", project_pk=message.project_pk, channel=message.channel, address_key=address,
            reason=_SUPPRESSIONS[outcome.kind], source=outcome.answer[:255],
            created_at=now, updated_at=now,
        )
    )  # fmt: skip


def _finish(machine: Machine, message_pk: int, slot: int) -> None:
    """Ring again when more is due; otherwise see whether the message is finished."""
    now = machine.clock.now()
    with machine.database.read() as session:
        goes_on = ledger.may_send(session, message_pk) and ledger.has_due(session, message_pk, now)
        message = session.get(Message, message_pk)
        usable = message is not None and breaker.usable(
            session, message.project_pk, message.channel, now, pinned=message.provider_pk
        )
        tally = ledger.tally_of(session, message_pk)
    if goes_on and usable:
        queue = "urgent" if tally is not None and tally.audience <= fanout.BATCHES_PER_BELL else "bulk"
        machine.broker.ring("dispatch", message_pk, slot, queue=queue)
        return
    if tally is None or tally.queued or tally.sending:
        return
    with machine.database.begin() as session:
        held = lifecycle.lock(session, message_pk)
        if held is not None:
            lifecycle.settle(session, held, now)
