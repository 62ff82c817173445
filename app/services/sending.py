"""Sending: now, later, pause, go on, cancel, try again. Every rule a button and an endpoint share."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

from sqlalchemy import select

from app.domain.delivery_states import DeliveryState
from app.domain.errors import Conflict, Invalid
from app.domain.message_states import MessageEvent, MessageStatus, next_status
from app.engine import breaker, fanout, ledger, lifecycle, timeline
from app.engine.machine import Machine
from app.models.messages import Message
from app.models.providers import Provider
from app.services import preview
from app.services.work import Work, Workshop

LATEST = timedelta(days=366 * 2)


def send(work: Work, message_id: str, *, version: int | None = None) -> Message:
    """Send now. Raises Invalid by field when a check blocks, Conflict when it was sent, or changed since `version`."""
    work.require("messages.send")
    message = _held(work, message_id, version)
    status = MessageStatus(message.status)
    next_status(status, MessageEvent.SEND)
    _refuse_blocked(work, message)
    message.scheduled_at = None if status is MessageStatus.DRAFT else message.scheduled_at
    lifecycle.start(work.session, message, MessageEvent.SEND, work.now, by=work.actor.name)
    work.audit("message.send", f"message/{message.id}", title=message.title[:200])
    work.ring("fan_out", message.pk, queue="urgent")
    return message


def schedule(work: Work, message_id: str, wall: str, zone: str, *, version: int | None = None) -> Message:
    """Send at that wall time (`2026-11-24T09:00`) in that IANA zone; a scheduled message gets the new time.

    Raises Invalid by field (time, zone, or a check that blocks), Conflict when it was sent, or changed since `version`.
    """
    work.require("messages.send")
    message = _held(work, message_id, version)
    status = MessageStatus(message.status)
    event = MessageEvent.RESCHEDULE if status is MessageStatus.SCHEDULED else MessageEvent.SCHEDULE
    after = next_status(status, event)
    moment = parse_wall_time(wall, zone, work.now)
    _refuse_blocked(work, message)
    message.status = after.value
    message.scheduled_at, message.scheduled_wall, message.scheduled_zone = moment, wall[:16], zone
    message.updated_at = work.now
    timeline.note(work.session, message.pk, "scheduled", work.now, by=work.actor.name, wall=wall[:16], zone=zone)
    work.audit("message.schedule", f"message/{message.id}", at=moment.isoformat(), zone=zone)
    return message


def parse_wall_time(wall: str, zone: str, now: datetime) -> datetime:
    """The moment in UTC of a wall time in a zone; Invalid, in words, for what does not exist or lies in the past.

    Where clocks go back, the first of the two moments is meant.
    """
    if zone not in available_timezones():
        raise Invalid({"zone": [f"Zone {zone[:64]!r} does not exist; choose one like Europe/Berlin."]})
    try:
        local = datetime.fromisoformat(wall)
        if local.tzinfo is not None:
            raise ValueError(wall)
    except ValueError:
        raise Invalid({"time": ["Time needs a date and a time like 2026-11-24 09:00."]}) from None
    moment = local.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
    if moment.astimezone(ZoneInfo(zone)).replace(tzinfo=None) != local:
        raise Invalid({"time": [f"The clocks in {zone} go forward over {local:%H:%M} that day; choose another time."]})
    if moment <= now:
        raise Invalid({"time": ["Time lies in the past; choose a later one, or send now."]})
    if moment - now > LATEST:
        raise Invalid({"time": ["Time is more than two years ahead; choose an earlier one."]})
    return moment


def unschedule(work: Work, message_id: str) -> Message:
    """Back to draft; Conflict once it is being sent."""
    work.require("messages.send")
    message = _held(work, message_id, None)
    message.status = next_status(MessageStatus(message.status), MessageEvent.UNSCHEDULE).value
    message.scheduled_at = None
    message.updated_at = work.now
    timeline.note(work.session, message.pk, "unscheduled", work.now, by=work.actor.name)
    work.audit("message.unschedule", f"message/{message.id}")
    return message


def pause(work: Work, message_id: str) -> Message:
    """Stop between two recipients; what is left stays queued."""
    work.require("messages.control")
    message = _held(work, message_id, None)
    lifecycle.pause(work.session, message, work.now, by=work.actor.name)
    work.audit("message.pause", f"message/{message.id}")
    return message


def resume(work: Work, message_id: str) -> Message:
    """Go on."""
    work.require("messages.control")
    message = _held(work, message_id, None)
    lifecycle.resume(work.session, message, work.now, by=work.actor.name)
    work.audit("message.resume", f"message/{message.id}")
    work.ring("dispatch", message.pk, 0)
    return message


def cancel(work: Work, message_id: str) -> int:
    """Stop for good; how many people will not get it."""
    work.require("messages.control")
    message = _held(work, message_id, None)
    left = lifecycle.cancel(work.session, message, work.now, by=work.actor.name)
    work.audit("message.cancel", f"message/{message.id}", left=left)
    work.ring("skip_rest", message.pk, queue="urgent")
    return left


def retry_failed(work: Work, message_id: str, *, reasons: Sequence[str] = (), uncertain: bool = False) -> int:
    """Try the failed ones again (or the uncertain ones), all or those with these reasons; how many."""
    work.require("deliveries.retry")
    message = _held(work, message_id, None)
    states = (DeliveryState.UNCERTAIN,) if uncertain else (DeliveryState.FAILED,)
    total = lifecycle.retry(work.session, message, states, reasons, work.now, by=work.actor.name)
    work.audit("message.retry", f"message/{message.id}", total=total, reasons=list(reasons), uncertain=uncertain)
    work.ring("dispatch", message.pk, 0, queue="urgent")
    return total


def wake(workshop: Workshop, project_pk: int) -> None:
    """Let everything that waited for a provider of this project go on now."""
    machine = Machine(workshop.settings, workshop.database, workshop.broker, workshop.clock, workshop.vault)
    now = workshop.clock.now()
    with workshop.database.begin() as session:
        waiting = session.scalars(
            select(Message).where(
                Message.status == MessageStatus.PROCESSING.value, Message.project_pk == project_pk,
                Message.paused_at.is_(None), Message.cancelled_at.is_(None),
            )
        ).all()  # fmt: skip
        for message in waiting:
            ledger.hurry(session, message.pk, now)
    for message in waiting:
        fanout.ring_dispatch(machine, message.pk)


def unblock(work: Work, provider: Provider) -> None:
    """The provider was repaired: it takes deliveries again, and what waited goes on."""
    breaker.close(provider)
    work.ring("wake", work.project_pk, queue="urgent")


def _held(work: Work, message_id: str, version: int | None) -> Message:
    """The message, held until this work ends; Conflict when somebody saved it since `version`."""
    found = work.find(Message, message_id, noun="message", type="message_not_found")
    message = lifecycle.lock(work.session, found.pk)
    assert message is not None  # noqa: S101 - it was found in this transaction
    if version is not None and message.version != version and message.status in {"draft", "scheduled"}:
        raise Conflict("This message was changed in another window. Look at it again before you send it.")
    return message


def _refuse_blocked(work: Work, message: Message) -> None:
    problems: dict[str, list[str]] = {}
    for check in preview.blocking(work, message):
        problems.setdefault(check.field, []).append(check.sentence)
    if problems:
        raise Invalid(problems)
