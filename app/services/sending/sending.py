"""Sending: now, later, pause, go on, cancel. Every rule a button and an endpoint share."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import select

from app.domain.errors import Conflict, Invalid
from app.domain.message_states import MessageEvent, MessageStatus, next_status
from app.domain.schedules import LATENESSES, is_skipped, moment_of
from app.engine import fanout, lifecycle, queued, timeline
from app.engine.machine import Machine
from app.infra import time_zones
from app.models.messages import Message
from app.services.messages import message_files, messages
from app.services.previews import preview
from app.services.work import Work, Workshop

LATEST = timedelta(days=366 * 2)
_PAST = "Time lies in the past; choose a later one, or send now."
_TOO_FAR = "Time is more than two years ahead; choose an earlier one."
_HALVES = {"date": "Date needs a day, like 24 November 2026.", "time": "Time needs an hour and minutes, like 09:00."}


def send(work: Work, message_id: str, *, version: int | None = None) -> Message:
    """Send now. Raises Invalid by field when a check blocks, Conflict when it was sent, or changed since `version`."""
    work.require("messages.send")
    message = _held(work, message_id, version)
    status = MessageStatus(message.status)
    next_status(status, MessageEvent.SEND)
    _refuse_blocked(work, message)
    message.scheduled_at = None if status is MessageStatus.DRAFT else message.scheduled_at
    _start(work, message)
    return message


def send_unchecked(work: Work, message_id: str) -> Message:
    """Send now as a program asks for it: what checks say about content, audience and provider is its own affair.

    A message without a provider waits for one. Conflict when it was sent already.
    """
    work.require("messages.send")
    message = _held(work, message_id, None)
    next_status(MessageStatus(message.status), MessageEvent.SEND)
    _start(work, message)
    return message


def _start(work: Work, message: Message) -> None:
    message_files.sign_image(work, message)
    was_late = _lateness_told(work, message)
    lifecycle.start(work.session, message, MessageEvent.SEND, work.now, by=work.actor.name)
    work.audit("message.send", f"message/{message.id}", title=message.title[:200], **was_late)
    work.ring("fan_out", message.pk, queue="urgent")


def schedule_unchecked(work: Work, message_id: str, moment: datetime) -> Message:
    """Send at that moment as a program asks for it; a scheduled message gets the new time. See `send_unchecked`."""
    work.require("messages.send")
    require_future(work, moment)
    message = _held(work, message_id, None)
    _schedule(work, message, moment, moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M"), "UTC")
    return message


def pencil_in(work: Work, message_id: str, moment: datetime) -> Message:
    """Note the time of a draft, which stays a draft and is not sent by itself. Conflict for what is no draft."""
    work.require("messages.write")
    require_future(work, moment)
    message = _held(work, message_id, None)
    return _pencil_in(work, message, moment, moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M"), "UTC")


def pencil_in_wall(work: Work, message_id: str, wall: str, zone: str) -> Message:
    """The same for a wall time in an IANA zone. Raises Invalid (`time` or `zone`) as `schedule` does."""
    work.require("messages.write")
    message = _held(work, message_id, None)
    return _pencil_in(work, message, parse_wall_time(wall, zone, work.now), wall[:19], zone)


def rub_out(work: Work, message_id: str) -> Message:
    """Take the noted time from a draft. Conflict for what is no draft."""
    work.require("messages.write")
    message = _held(work, message_id, None)
    messages.require_draft(message)
    message.scheduled_at, message.scheduled_wall, message.scheduled_zone = None, "", ""
    message.updated_at = work.now
    return message


def _pencil_in(work: Work, message: Message, moment: datetime, wall: str, zone: str) -> Message:
    messages.require_draft(message)
    message.scheduled_at, message.updated_at = moment, work.now
    message.scheduled_wall, message.scheduled_zone = wall, zone
    return message


def require_future(work: Work, moment: datetime) -> None:
    """Invalid (field `scheduled_at`) for a moment before now, or too far ahead."""
    if moment < work.now.replace(microsecond=work.now.microsecond // 1000 * 1000):
        raise Invalid({"scheduled_at": ["Value lies in the past; choose a later time, or leave it out to send now."]})
    if moment - work.now > LATEST:
        raise Invalid({"scheduled_at": ["Value is more than two years ahead; choose an earlier time."]})


def schedule(
    work: Work,
    message_id: str,
    wall: str,
    zone: str,
    *,
    version: int | None = None,
    max_lateness: timedelta | None = None,
) -> Message:
    """Send at that wall time (`2026-11-24T09:00`) in that IANA zone; a scheduled message gets the new time.

    When it cannot start within `max_lateness` after it (None: as the project has it), it waits for a person. Raises
    Invalid by field (time, zone, max_lateness, or a check that blocks), Conflict when it was sent, or changed since
    `version`.
    """
    work.require("messages.send")
    message = _held(work, message_id, version)
    next_status(MessageStatus(message.status), _scheduling(message))
    moment = parse_wall_time(wall, zone, work.now)
    if max_lateness is not None and max_lateness not in LATENESSES:
        raise Invalid({"max_lateness": ["Choose how late it may start from the list."]})
    _refuse_blocked(work, message)
    message.max_lateness = None if max_lateness is None else int(max_lateness.total_seconds())
    _schedule(work, message, moment, wall[:19], zone)
    return message


def _scheduling(message: Message) -> MessageEvent:
    is_scheduled = message.status == MessageStatus.SCHEDULED
    return MessageEvent.RESCHEDULE if is_scheduled else MessageEvent.SCHEDULE


def _schedule(work: Work, message: Message, moment: datetime, wall: str, zone: str) -> None:
    message.status = next_status(MessageStatus(message.status), _scheduling(message)).value
    was_late = _lateness_told(work, message)
    message.scheduled_at, message.scheduled_wall, message.scheduled_zone = moment, wall, zone
    message.scheduled_rules, message.late_at = time_zones.use_newest(), None
    message.updated_at = work.now
    message_files.sign_image(work, message)
    timeline.note(work.session, message.pk, "scheduled", work.now, by=work.actor.name, wall=wall, zone=zone)
    work.audit("message.schedule", f"message/{message.id}", at=moment.isoformat(), zone=zone, **was_late)


def _lateness_told(work: Work, message: Message) -> dict[str, int]:
    """For the trail: how many seconds late a message was about which a person decides now; nothing for any other."""
    if message.late_at is None or message.scheduled_at is None:
        return {}
    return {"late_seconds": int((work.now - message.scheduled_at).total_seconds())}


def parse_wall_time(wall: str, zone: str, now: datetime) -> datetime:
    """The moment in UTC of a wall time in a zone; Invalid, in words, for what does not exist or lies in the past.

    Where clocks go back, the first of the two moments is meant.
    """
    if zone not in time_zones.names():
        raise Invalid({"zone": [f"Zone {zone[:64]!r} does not exist; choose one like Europe/Berlin."]})
    _require_both_halves(wall)
    try:
        local = datetime.fromisoformat(wall)
        if local.tzinfo is not None:
            raise ValueError(wall)
    except ValueError:
        raise Invalid({"time": ["Time needs a date and a time like 2026-11-24 09:00."]}) from None
    if abs(local.year - now.year) > LATEST.days // 365 + 1:  # near its ends the calendar cannot change zones
        raise Invalid({"time": [_PAST if local.year < now.year else _TOO_FAR]})
    moment = moment_of(local, ZoneInfo(zone))
    if is_skipped(local, ZoneInfo(zone)):
        raise Invalid({"time": [f"The clocks in {zone} go forward over {local:%H:%M} that day; choose another time."]})
    if moment <= now:
        raise Invalid({"time": [_PAST]})
    if moment - now > LATEST:
        raise Invalid({"time": [_TOO_FAR]})
    return moment


def _require_both_halves(wall: str) -> None:
    """Invalid, by field, where a form left the date or the time empty."""
    date, mark, time = wall.partition("T")
    lacking = [name for name, half in (("date", date), ("time", time)) if mark and not half]
    if lacking:
        raise Invalid({name: [_HALVES[name]] for name in lacking})


def unschedule(work: Work, message_id: str, *, keeps_time: bool = False) -> Message:
    """Back to draft, with or without its time; Conflict once it is being sent."""
    work.require("messages.send")
    message = _held(work, message_id, None)
    message.status = next_status(MessageStatus(message.status), MessageEvent.UNSCHEDULE).value
    was_late = _lateness_told(work, message)
    message.scheduled_at = message.scheduled_at if keeps_time else None
    message.late_at, message.updated_at = None, work.now
    timeline.note(work.session, message.pk, "unscheduled", work.now, by=work.actor.name)
    work.audit("message.unschedule", f"message/{message.id}", **was_late)
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
            queued.hurry(session, message.pk, now)
    for message in waiting:
        fanout.ring_dispatch(machine, message.pk)


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
