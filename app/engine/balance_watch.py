"""A look at the balance of some messages every minute: their tallies held against the rows, at a bounded cost."""

from datetime import timedelta
from random import shuffle

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.message_states import MessageStatus
from app.engine import balance, counting, ledger
from app.engine.machine import Machine
from app.infra.running_totals import RunningTotals
from app.models.messages import Message
from app.models.projects import Project

EVERY = 60  # seconds between two looks, by all machines together
MOST_ROWS = 1_000_000  # deliveries counted in one look: about a tenth of a second on SQLite
MOST_MESSAGES = 200  # that are under way, and as many of each project that started last: some of them are looked at
RECENT = timedelta(hours=1)

log = structlog.get_logger(__name__)


def ring(machine: Machine) -> None:
    """Ring for a look when none was taken in the last minute. For the ticker, which must not count rows itself."""
    if RunningTotals(machine.broker).is_turn("balance", EVERY):
        machine.broker.ring("check_balance")


def check(machine: Machine) -> int:
    """Hold messages that are under way or began in the last hour against their rows; how many are out of balance.

    In an order of chance, until a million rows are counted; one that has more is left to `carillon doctor`.
    """
    with machine.database.read() as session:
        balance.at_one_moment(session)
        checked, wrong, left = 0, [], MOST_ROWS
        for message_pk in _candidates(session, machine):
            tally = ledger.tally_of(session, message_pk)
            if tally is None or tally.audience > left:
                continue
            left -= tally.audience
            checked += 1
            rows = balance.recount(session, message_pk)
            counts = {state: getattr(tally, state) for state in ledger.STATES}
            if rows != counts or sum(rows.values()) != tally.audience:
                wrong.append(message_pk)
    if checked:
        counting.balance_looked_at(machine, checked, len(wrong))
    if wrong:
        log.error("Messages are out of balance with their rows; run `carillon doctor`", messages=wrong[:20])
    return len(wrong)


def _candidates(session: Session, machine: Machine) -> list[int]:
    """Messages that the engine may have worked on lately, by number, in an order of chance."""
    live = select(Message.pk).where(Message.status == MessageStatus.PROCESSING.value).order_by(Message.scheduled_at)
    found = set(session.scalars(live.limit(MOST_MESSAGES)))
    since = machine.clock.now() - RECENT
    for project_pk in session.scalars(select(Project.pk)).all():  # through the index, which begins with the project
        recent = select(Message.pk).where(Message.project_pk == project_pk, Message.started_at >= since)
        found.update(session.scalars(recent.order_by(Message.started_at.desc()).limit(MOST_MESSAGES)))
    some = list(found)
    shuffle(some)
    return some
