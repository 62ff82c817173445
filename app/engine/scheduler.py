"""Scheduled messages: those whose time has come start, those that are too late wait for a person.

Several tickers may do all of this at once, and each may find a clock that was stepped: whoever holds the row decides.
"""

from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import structlog
from sqlalchemy import BigInteger, ColumnElement, Select, func, select, type_coerce
from sqlalchemy.orm import Session

from app.domain.message_states import MessageEvent, MessageStatus
from app.domain.schedules import moment_of
from app.engine import counting, gate, lifecycle, timeline
from app.engine.machine import Machine
from app.models.base import to_milliseconds
from app.models.messages import Message
from app.models.projects import Project

PAGE = 50  # messages a transaction: SQLite's write lock is held for some 20 ms

log = structlog.get_logger(__name__)


def start_due(machine: Machine) -> int:
    """Start every scheduled message that is due; how many. Several tickers may run it at once: one of them wins.

    Not started is what is later than it may be, and what belongs to a project whose sending is stopped.
    """
    total = 0
    while _has_any(machine, _startable(machine.clock.now())):
        with machine.database.begin() as session:
            now = machine.clock.now()  # the wait for the write lock is over
            found = _held(session, _startable(now))
            with session.no_autoflush:  # all of them are written together, in the end
                for message in found:
                    lifecycle.start(session, message, MessageEvent.FALL_DUE, now)
        machine.broker.ring_many([("fan_out", (message.pk,)) for message in found], queue="urgent")
        counting.started(machine, [now - message.scheduled_at for message in found if message.scheduled_at])
        total += len(found)
        if len(found) < PAGE:
            break
    return total


def set_aside_late(machine: Machine) -> int:
    """Let every message that is later than it may be wait for a person; how many. Its status stays *scheduled*.

    One whose moment lies ahead again, because the clock was stepped back, waits for nobody but that moment.
    """
    total = 0
    while _has_any(machine, _too_late(machine.clock.now())):
        with machine.database.begin() as session:
            now = machine.clock.now()
            found = _held(session, _too_late(now))
            for message in found:
                lifecycle.set_aside(session, message, now)
        total += len(found)
        if len(found) < PAGE:
            break
    if _has_any(machine, _early_again(machine.clock.now())):
        with machine.database.begin() as session:
            now = machine.clock.now()
            for message in _held(session, _early_again(now)):
                message.late_at = None
                timeline.note(session, message.pk, "early_again", now)
    return total


def follow_rules(machine: Machine, rules: str) -> int:
    """Count the moments of scheduled messages anew by these rules of the world's time zones; how many moved.

    `rules` is their version. What was counted by newer ones stays (another machine has them); so does what a program
    scheduled, which is a moment and no time on a wall.
    """
    moved = 0
    outdated = _scheduled().where(
        Message.scheduled_rules < rules, Message.scheduled_wall != "", Message.scheduled_zone.not_in(["", "UTC"])
    )
    while rules and _has_any(machine, outdated):
        with machine.database.begin() as session:
            now = machine.clock.now()
            found = _held(session, outdated)
            moved += sum(_count_anew(session, message, rules, now) for message in found)
        if len(found) < PAGE:
            break
    if moved:
        log.warning("The rules of time zones changed, and with them when messages go out", rules=rules, messages=moved)
    return moved


def _count_anew(session: Session, message: Message, rules: str, now: datetime) -> bool:
    message.scheduled_rules = rules
    try:
        zone = ZoneInfo(message.scheduled_zone)
    except ZoneInfoNotFoundError:  # these rules know it no more: what was counted once is all there is
        return False
    moment = moment_of(datetime.fromisoformat(message.scheduled_wall), zone)
    if moment == message.scheduled_at:
        return False
    message.scheduled_at, message.updated_at = moment, now
    timeline.note(session, message.pk, "moved_with_zone", now, wall=message.scheduled_wall, zone=message.scheduled_zone)
    return True


def _scheduled() -> Select[Message]:
    return select(Message).where(Message.status == MessageStatus.SCHEDULED.value, Message.scheduled_at.is_not(None))


def _startable(now: datetime) -> Select[Message]:
    return (
        _in_projects()
        .where(Message.scheduled_at <= now, Message.late_at.is_(None), ~is_later_than_allowed(now))
        .where(gate.is_open(), gate.is_running())
    )


def _too_late(now: datetime) -> Select[Message]:
    return _in_projects().where(
        Message.scheduled_at <= now, Message.late_at.is_(None), is_later_than_allowed(now)
    )  # fmt: skip


def _early_again(now: datetime) -> Select[Message]:
    return _scheduled().where(Message.late_at.is_not(None), Message.scheduled_at > now)


def _in_projects() -> Select[Message]:
    return _scheduled().join(Project, Project.pk == Message.project_pk)


def is_later_than_allowed(now: datetime) -> ColumnElement[bool]:
    """A condition for statements about scheduled messages joined with their projects: it is too late to start."""
    allowed = func.coalesce(Message.max_lateness, Project.max_lateness) * 1000  # seconds, in milliseconds
    return to_milliseconds(now) - type_coerce(Message.scheduled_at, BigInteger) > allowed


def _has_any(machine: Machine, wanted: Select[Message]) -> bool:
    """Asked without the write lock, which four looks a second must not take."""
    with machine.database.read() as session:
        return session.scalar(wanted.with_only_columns(Message.pk).limit(1)) is not None


def _held(session: Session, wanted: Select[Message]) -> Sequence[Message]:
    """The first of these, held until the transaction ends; those that another ticker holds are left to it."""
    page = wanted.order_by(Message.scheduled_at, Message.pk).limit(PAGE)
    return session.scalars(page.with_for_update(of=Message, skip_locked=True)).all()
