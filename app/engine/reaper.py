"""Batches whose worker is gone, back to work: what their journals say is written, the rest is uncertain or queued."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import structlog
from sqlalchemy.exc import OperationalError

from app.engine import aftermath, counting, journal, ledger, lessons, naming, poison, token_deaths
from app.engine.failover import Failover
from app.engine.ledger import Lease, OpenLease
from app.engine.machine import Machine, place_of
from app.engine.overdue import Overdue
from app.engine.results import results_of
from app.models.messages import Message
from app.models.providers import Provider

GRACE = timedelta(seconds=15)  # for the machine that holds the journal; its parts start again in less
AT_ONCE = 20  # batches taken over at one look

log = structlog.get_logger(__name__)


def reap(machine: Machine, overdue: Overdue | None = None) -> int:
    """Take over every batch whose lease ran out; how many. Safe to run beside itself and beside a late worker.

    Each in a transaction of its own: one that cannot be taken over holds up no other, and locks wait in no ring.
    `overdue` is the memory of a process that looks each second; whoever looks once has to believe the clocks.
    """
    with machine.database.read() as session:
        held = ledger.open_leases(session)
    lost = overdue.among(held) if overdue is not None else _overdue_by_clock(held, machine.clock.now())
    lost |= {lease: timedelta.max for lease in held if lease.is_disowned}  # there is nothing to wait for
    total = 0
    for lease in _without_those_of_others(machine, lost)[:AT_ONCE]:
        try:
            total += _take_over(machine, lease)
        except OperationalError:
            raise  # the database is locked, full or away: for the others too
        except Exception:
            log.exception("A lost batch cannot be taken over", batch=lease.batch_pk)
    return total


def _overdue_by_clock(held: Sequence[OpenLease], now: datetime) -> dict[OpenLease, timedelta]:
    return {lease: now - lease.until for lease in held if lease.until < now}


def _without_those_of_others(machine: Machine, lost: Mapping[OpenLease, timedelta]) -> list[OpenLease]:
    """Without the batches that another machine has a while yet to take over: it reads their journals.

    To us everything in them may have been started. Whether that machine lives is not asked: one that starts again, or
    a queue that has just forgotten who lives, would be taken for gone.
    """
    here = place_of(machine.settings.data_dir)
    return [lease for lease, by in lost.items() if by > GRACE or _place_in(lease.worker) == here]


def _place_in(name: str) -> str:
    """The place in the name of a worker or ticker."""
    return name.partition(":")[0]


def _take_over(machine: Machine, lost: OpenLease) -> bool:
    """Write what became of a lost batch; False when somebody was quicker."""
    now = machine.clock.now()
    with machine.database.begin() as session:
        lease = ledger.take_over(session, lost, now)
        if lease is None:
            return False
        message = session.get_one(Message, lease.message_pk)
        provider = session.get(Provider, lease.provider_pk) if lease.provider_pk is not None else None
        holds = (provider is not None and provider.uncertain_policy == "hold") or lease.is_disowned
        story = token_deaths.weigh(session, lease, _story_of(machine, lease), now)
        weighed = poison.weigh_death(session, lease, story)
        onward = Failover(session, message, lease, provider, now)
        results = results_of(
            lease, weighed, now, hold_uncertain=holds, may_leave=onward.may_leave, in_doubt=onward.is_in_doubt
        )
        ledger.record_lost(session, lease, results, now)
        aftermath.after_record(session, message, results, now, provider)
        onward.send_on(machine.pacing, results)
        lessons.note(session, machine.name, lease, lessons.lesson_of(results, story), now)
    counting.batch_lost(machine)
    unanswered = sorted(story.started - story.answered.keys())
    log.warning(
        "A worker was lost", batch=lease.batch_pk, message=message.id, provider=provider.id if provider else "",
        worker=lease.worker, held=len(lease.deliveries), answered=len(story.answered), uncertain=len(unanswered),
        deliveries_uncertain=[lease.deliveries[place].pk for place in unanswered[: naming.MOST_NAMED]],
    )  # fmt: skip
    journal.path_of(machine.journal_dir, lease).unlink(missing_ok=True)
    return True


def _story_of(machine: Machine, lease: Lease) -> journal.Story:
    """The journal's story; when it lies on another machine, everything may have been started."""
    if _place_in(lease.worker) == place_of(machine.settings.data_dir):
        return journal.read(machine.journal_dir, lease)
    return journal.Story(started=set(range(len(lease.deliveries))))
