"""The ticker: four times a second it starts what is due, and rings again whatever the queue forgot."""

from collections.abc import Callable, Mapping
from typing import TypeVar

import structlog
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from app.domain.message_states import MessageStatus
from app.engine import fanout, ledger, lifecycle, queued, reaper, scheduler
from app.engine.machine import Machine
from app.infra.clock import monotonic
from app.infra.processes import StopSign
from app.models.messages import Message

TICK = 0.25  # seconds between two looks at the schedule: a start is late by less than a second
SWEEP_EVERY = 4  # ticks between two sweeps
HEARTBEAT_LIFETIME = 10.0
SKIP_PAGE = 20_000
LEAST_NAP = 0.01  # seconds between two looks at what waits for a limit

Answer = TypeVar("Answer")

log = structlog.get_logger(__name__)


def run(machine: Machine, stop: StopSign, beside: Mapping[str, Callable[[], object]] | None = None) -> None:
    """Tick until told to stop. Several tickers may run: every step is won by one of them.

    `beside` are further steps of a sweep, by what they do: the ticker looks after more than messages.
    """
    ticks = 0
    while not stop.is_up:
        _carefully("start what is due", lambda: scheduler.start_due(machine))
        if ticks % SWEEP_EVERY == 0:
            machine.broker.beat("ticker", machine.name, HEARTBEAT_LIFETIME)
            _carefully("take over lost batches", lambda: reaper.reap(machine))
            _carefully("ring again", lambda: sweep(machine))
            for act, step in (beside or {}).items():
                _carefully(act, step)
        ticks += 1
        _rest(machine, stop)
    machine.broker.fall_silent("ticker", machine.name)


def _rest(machine: Machine, stop: StopSign) -> None:
    """Wait for the next tick, and ring meanwhile for what waited for a limit, at its moment."""
    end = monotonic() + TICK
    while not stop.is_up and (left := end - monotonic()) > 0:
        following = _carefully("ring for what waited for a limit", lambda: wake(machine))
        stop.wait(left if following is None else min(left, max(following, LEAST_NAP)))


def wake(machine: Machine) -> float | None:
    """Ring for the messages whose limit allows more by now; in how many seconds the next one is due."""
    due, following = machine.pacing.due()
    for message_pk in due:
        fanout.ring_dispatch(machine, int(message_pk))
    return following


def sweep(machine: Machine) -> None:
    """Look after every message that is being sent: ring for its work, skip what was cancelled, settle what ended.

    For those that wait for a limit `wake` rings.
    """
    with machine.database.read() as session:
        on_the_way = list(session.scalars(select(Message.pk).where(Message.status == MessageStatus.PROCESSING.value)))
    waiting = machine.pacing.waiting() if on_the_way else set()
    for message_pk in on_the_way:
        _look_after(machine, message_pk, waits=str(message_pk) in waiting)


def _look_after(machine: Machine, message_pk: int, *, waits: bool) -> None:
    now = machine.clock.now()
    with machine.database.read() as session:
        message = session.get(Message, message_pk)
        tally = ledger.tally_of(session, message_pk)
        is_due = message is not None and ledger.has_due(session, message_pk, now)
    if message is None:
        return
    if message.cancelled_at is not None:
        skip_rest(machine, message_pk)
    elif message.fanned_out_at is None:
        machine.broker.ring("fan_out", message_pk, queue="urgent")
    elif is_due and message.paused_at is None and not waits:
        fanout.ring_dispatch(machine, message_pk)
    if message.fanned_out_at is not None and tally is not None and not (tally.queued or tally.sending):
        _settle(machine, message_pk)


def skip_rest(machine: Machine, message_pk: int) -> None:
    """Skip what a cancelled message left in the queue, a page at a time, then settle it."""
    while True:
        with machine.database.begin() as session:
            if not queued.skip_queued(session, message_pk, SKIP_PAGE, machine.clock.now()):
                break
    _settle(machine, message_pk)


def _settle(machine: Machine, message_pk: int) -> None:
    with machine.database.begin() as session:
        message = lifecycle.lock(session, message_pk)
        if message is not None:
            lifecycle.settle(session, message, machine.clock.now())


def _carefully(act: str, step: Callable[[], Answer]) -> Answer | None:
    """A step that fails is logged and tried again at the next tick: the database may be locked, full or away."""
    try:
        return step()
    except (SQLAlchemyError, OSError) as error:
        log.warning("The ticker could not do a step", act=act, error=str(error).splitlines()[0][:200])
    except Exception:
        log.exception("The ticker failed in a step", act=act)
    return None
