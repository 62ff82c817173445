"""What a wall clock that was set back leaves behind: moments that would come hours late, brought to where they belong.

A moment that was written before the step lies in what is the future now: deliveries would wait for it, providers would
rest until it, bells would count as rung. Whoever looks each second notices the step by a clock that only grows.
"""

from contextlib import suppress
from datetime import timedelta

import structlog
from redis import RedisError
from sqlalchemy import select

from app.domain.message_states import MessageStatus
from app.engine import breaker, fanout, queued
from app.engine.machine import Machine
from app.infra.broker import forget_bells
from app.infra.clock import monotonic
from app.models.messages import Message

LEAST = timedelta(seconds=2)  # a smaller step costs nobody more than that; machines differ by as much

log = structlog.get_logger(__name__)


class ClockSteps:
    """The memory of one process; not safe to share between threads."""

    def __init__(self) -> None:
        self._started_at: float | None = None  # when the growing clock began, as the wall clock tells it

    def look(self, machine: Machine) -> bool:
        """Mend what a step left behind, if there was one since the last look, or this is the first; whether it did.

        A step that could not be mended because the database was away is mended at the next look.
        """
        started_at = machine.clock.now().timestamp() - monotonic()
        before = self._started_at
        if before is not None and started_at > before - LEAST.total_seconds():
            self._started_at = started_at
            return False
        if before is not None:
            log.warning("The clock was set back", seconds=round(before - started_at))
        mend(machine)
        self._started_at = started_at
        return True


def mend(machine: Machine) -> None:
    """Let waits that were written by a clock that went back since end as long after now as they were meant to last."""
    now = machine.clock.now()
    with machine.database.begin() as session:
        breaker.forget_future(session, now, now + LEAST)
    with machine.database.read() as session:
        on_the_way = list(session.scalars(select(Message.pk).where(Message.status == MessageStatus.PROCESSING.value)))
    with suppress(RedisError):  # away: nothing is rung there either, and what it forgets is forgotten
        forget_bells(machine.broker.redis)
    for message_pk in on_the_way:
        with machine.database.begin() as session:
            queued.forget_future(session, message_pk, now, now + LEAST)
        fanout.ring_dispatch(machine, message_pk)
