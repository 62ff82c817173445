"""From a message to its deliveries: in pages, resumable, safe to run twice."""

from sqlalchemy import func, select

from app.engine import ledger, lifecycle, planning, timeline
from app.engine.audience import branches, page_of_targets, targets_between, topic_pks
from app.engine.machine import Machine
from app.infra.broker import Bell
from app.models.messages import Message

FIRST_PAGE = 1000  # rows: planned at once, so that workers have something to send while the rest is planned
PAGE = 20_000  # rows a transaction: SQLite's write lock is held for about 50 ms
BATCHES_PER_BELL = 500


def expand(machine: Machine, message_pk: int) -> None:
    """Plan every delivery of a message and ring the workers after each page; ends at once when that was done.

    The cursor is saved with each page, so a killed fan-out goes on where it stopped; a delivery is unique per message
    and address, so a page that runs twice adds nothing.
    """
    size = min(FIRST_PAGE, PAGE)
    while _expand_page(machine, message_pk, size):
        machine.broker.at_work("fan_out", message_pk)
        ring_dispatch(machine, message_pk)
        size = PAGE
    ring_dispatch(machine, message_pk)


def _expand_page(machine: Machine, message_pk: int, size: int) -> bool:
    """Plan one page of so many rows; whether there may be more."""
    now = machine.clock.now()
    with machine.database.begin() as session:
        message = lifecycle.lock(session, message_pk)
        if message is None or message.status != "processing" or message.fanned_out_at is not None:
            return False
        ledger.open_tally(session, message.pk, now)
        topics = topic_pks(session, message.project_pk, message.audience)
        sources = branches(message.project_pk, message.channel, message.audience, topics)
        cursor = message.fan_out_cursor
        page = page_of_targets(sources, cursor, size).subquery() if sources else None
        last = session.scalar(select(func.max(page.c.target_pk))) if page is not None else None
        if last is None:
            planning.plan_addresses(session, message, message.audience.get("emails", ()), now)
            message.fanned_out_at = now
            session.flush()
            tally = ledger.tally_of(session, message.pk)
            audience, skipped = (tally.audience, tally.skipped) if tally is not None else (0, 0)
            timeline.note(session, message.pk, "fanned_out", now, audience=audience, skipped=skipped)
            lifecycle.settle(session, message, now)
            return False
        planning.plan(session, message, targets_between(sources, cursor, last), now)
        message.fan_out_cursor = last
    return True


def ring_dispatch(machine: Machine, message_pk: int) -> None:
    """Call enough workers for what is queued: one bell per slot, small messages on the urgent queue."""
    with machine.database.read() as session:
        tally = ledger.tally_of(session, message_pk)
        message = session.get(Message, message_pk)
    if tally is None or message is None or not tally.queued:
        return
    slots = min(machine.settings.workers, 1 + tally.queued // BATCHES_PER_BELL)
    bells: list[Bell] = [("dispatch", (message_pk, slot)) for slot in range(slots)]
    machine.broker.ring_many(bells, queue=queue_for(tally.audience))


def queue_for(audience: int) -> str:
    """The queue of a message's jobs: small ones go before large ones."""
    return "urgent" if audience <= BATCHES_PER_BELL else "bulk"
