"""The ticker: four times a second it starts what is due, and rings again whatever the queue forgot."""

import threading
from collections.abc import Callable, Mapping
from typing import TypeVar

import structlog
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from app.domain.message_states import MessageStatus
from app.engine import fanout, ledger, lifecycle, queued, reaper, scheduler
from app.engine.clock_steps import ClockSteps
from app.engine.machine import Machine
from app.engine.overdue import Overdue
from app.infra.clock import monotonic
from app.infra.processes import StopSign
from app.infra.time_zones import use_newest
from app.models.messages import Message

TICK = 0.25  # seconds between two looks at the schedule: a start is late by less than a second
SWEEP_EVERY = 4  # ticks between two sweeps
RULES_EVERY = 60  # sweeps between two looks for moments that were counted by older rules of time zones
HEARTBEAT_LIFETIME = 10.0
SKIP_PAGE = 20_000
LAST_START = 5.0  # seconds that the end waits for starts that have begun
LEAST_NAP = 0.01  # seconds between two looks at what waits for a limit

Answer = TypeVar("Answer")

log = structlog.get_logger(__name__)


def run(machine: Machine, stop: StopSign, beside: Mapping[str, Callable[[], object]] | None = None) -> None:
    """Tick until told to stop. Several tickers may run: every step is won by one of them.

    What is due starts in a thread of its own, so that no sweep over many messages makes it late. `beside` are further
    steps of a sweep, by what they do: the ticker looks after more than messages.
    """
    starter = threading.Thread(target=_start_on_time, args=(machine, stop), name="starter", daemon=True)
    starter.start()
    ticks, overdue, steps = 0, Overdue(machine.lease), ClockSteps()
    while not stop.is_up:
        if ticks % SWEEP_EVERY == 0:
            machine.broker.beat("ticker", machine.name, HEARTBEAT_LIFETIME)
            _carefully("set aside what is late", lambda: scheduler.set_aside_late(machine))
            if ticks % (RULES_EVERY * SWEEP_EVERY) == 0:
                _carefully("follow the rules of time zones", lambda: scheduler.follow_rules(machine, use_newest()))
            _carefully("look whether the clock was set back", lambda: steps.look(machine))
            _carefully("take over lost batches", lambda: reaper.reap(machine, overdue))
            _carefully("ring again", lambda: sweep(machine))
            for act, step in (beside or {}).items():
                _carefully(act, step)
        ticks += 1
        _rest(machine, stop)
    starter.join(LAST_START)
    machine.broker.fall_silent("ticker", machine.name)


def _start_on_time(machine: Machine, stop: StopSign) -> None:
    while True:
        _carefully("start what is due", lambda: scheduler.start_due(machine))
        if stop.is_up or stop.wait(TICK):
            return


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
        on_the_way = session.execute(
            select(Message.pk, Message.fanned_out_at.is_not(None)).where(
                Message.status == MessageStatus.PROCESSING.value
            )
        ).all()
    machine.broker.ring_many([("fan_out", (pk,)) for pk, is_planned in on_the_way if not is_planned], queue="urgent")
    waiting = machine.pacing.waiting() if on_the_way else set()
    for message_pk, is_planned in on_the_way:
        if is_planned:
            _look_after(machine, message_pk, waits=str(message_pk) in waiting)


def _look_after(machine: Machine, message_pk: int, *, waits: bool) -> None:
    now = machine.clock.now()
    with machine.database.read() as session:
        message = session.get(Message, message_pk)
        tally = ledger.tally_of(session, message_pk)
        has_queued = tally is not None and tally.queued > 0 and not waits
        is_due = has_queued and ledger.may_send(session, message_pk) and ledger.has_due(session, message_pk, now)
    if message is None:
        return
    if message.cancelled_at is not None:
        skip_rest(machine, message_pk)
    elif is_due:
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
