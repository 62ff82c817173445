"""Scheduled messages whose time has come."""

from sqlalchemy import select

from app.domain.message_states import MessageEvent, MessageStatus
from app.engine import lifecycle
from app.engine.machine import Machine
from app.models.messages import Message


def start_due(machine: Machine) -> int:
    """Start every scheduled message that is due; how many. Several tickers may run it at once: one of them wins."""
    now = machine.clock.now()
    due = (
        select(Message.pk)
        .where(Message.status == MessageStatus.SCHEDULED.value, Message.scheduled_at <= now)
        .order_by(Message.scheduled_at)
        .limit(100)
    )
    with machine.database.read() as session:
        found = list(session.scalars(due))
    started = [pk for pk in found if _start(machine, pk)]
    machine.broker.ring_many([("fan_out", (pk,)) for pk in started], queue="urgent")
    return len(started)


def _start(machine: Machine, message_pk: int) -> bool:
    now = machine.clock.now()
    with machine.database.begin() as session:
        message = lifecycle.lock(session, message_pk)
        if message is None or message.status != MessageStatus.SCHEDULED.value:
            return False
        if message.scheduled_at is None or message.scheduled_at > now:
            return False
        lifecycle.start(session, message, MessageEvent.FALL_DUE, now)
    return True
