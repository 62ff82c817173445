"""Batches whose worker is gone, back to work: what their journals say is written, the rest is uncertain or queued."""

import structlog
from sqlalchemy.exc import OperationalError

from app.engine import aftermath, failover, journal, ledger, lessons, token_deaths
from app.engine.ledger import Lease
from app.engine.machine import Machine, place_of
from app.engine.results import results_of
from app.models.messages import Message
from app.models.providers import Provider

log = structlog.get_logger(__name__)


def reap(machine: Machine) -> int:
    """Take over every batch whose lease ran out; how many. Safe to run beside itself and beside a late worker.

    Each in a transaction of its own: one that cannot be taken over holds up no other, and locks wait in no ring.
    """
    with machine.database.read() as session:
        lost = ledger.lost_batches(session, machine.clock.now())
    total = 0
    for batch_pk in lost:
        try:
            total += _take_over(machine, batch_pk)
        except OperationalError:
            raise  # the database is locked, full or away: for the others too
        except Exception:
            log.exception("A lost batch cannot be taken over", batch=batch_pk)
    return total


def _take_over(machine: Machine, batch_pk: int) -> bool:
    """Write what became of a lost batch; False when somebody was quicker."""
    now = machine.clock.now()
    with machine.database.begin() as session:
        lease = ledger.take_over(session, batch_pk, now)
        if lease is None:
            return False
        message = session.get_one(Message, lease.message_pk)
        provider = session.get(Provider, lease.provider_pk) if lease.provider_pk is not None else None
        holds = provider is not None and provider.uncertain_policy == "hold"
        story = token_deaths.weigh(session, lease, _story_of(machine, lease), now)
        results = results_of(lease, story, now, hold_uncertain=holds)
        ledger.record_lost(session, lease, results, now)
        aftermath.after_record(session, message, results, now, provider)
        failover.send_on(session, machine.pacing, message, lease, results, now)
        lessons.note(session, machine.name, lease, lessons.lesson_of(results, story), now)
    log.warning(
        "A worker was lost", batch=lease.batch_pk, worker=lease.worker, held=len(lease.deliveries),
        answered=len(story.answered), uncertain=len(story.started - story.answered.keys()),
    )  # fmt: skip
    journal.path_of(machine.journal_dir, lease).unlink(missing_ok=True)
    return True


def _story_of(machine: Machine, lease: Lease) -> journal.Story:
    """The journal's story; when it lies on another machine, everything may have been started."""
    place = lease.worker.partition(":")[0]
    if place == place_of(machine.settings.data_dir):
        return journal.read(machine.journal_dir, lease)
    return journal.Story(started=set(range(len(lease.deliveries))))
