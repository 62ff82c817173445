"""Another time for a message, by hand on the calendar: what it would mean, the move itself, and the way back."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from app.domain.errors import Conflict, Invalid
from app.domain.message_states import MessageStatus
from app.domain.schedules import moment_of
from app.infra import time_zones
from app.models.messages import Message
from app.services.messages import audience, messages
from app.services.planning.calendar import MOVES_WITH
from app.services.planning.calendar_clashes import Clash, clashes_of
from app.services.planning.calendar_forecast import Speeds, people_of
from app.services.sending import sending
from app.services.work import Work

LARGE = 1_000  # people; a message whose topics hold more of them is moved only after a question
_WALL = "%Y-%m-%dT%H:%M"


class AskFirst(Conflict):
    """The message goes to so many people that a person is asked before it moves."""


@dataclass(frozen=True, slots=True)
class Question:
    """What a move means: the message, its new moment in UTC, whom it reaches.

    Where the time cannot be, `moment` is None and `refusal` the sentence that says why. `is_large`: whoever drops it
    is asked first.
    """

    message: Message
    moment: datetime | None
    refusal: str
    people: int
    length: timedelta | None
    clashes: Sequence[Clash]
    is_large: bool


@dataclass(frozen=True, slots=True)
class Moved:
    """What a move changed: moments in UTC. It can be taken back while `before` is still to come."""

    message: Message
    before: datetime | None
    after: datetime
    can_undo: bool


def ask(work: Work, message_id: str, wall: str, zone: str) -> Question:
    """What moving a message there means, counted exactly. Conflict when it cannot move any more."""
    message = _movable(work, message_id)
    people = audience.equation(work, message.channel, message.audience).total
    speed = Speeds(work).of(message.channel, message.provider_pk)
    moment, refusal = None, ""
    try:
        moment = read_moment(wall, zone, work.now)
    except Invalid as error:
        refusal = error.message
    return Question(
        message, moment, refusal, people, speed.length_for(people) if speed is not None else None,
        clashes_of(work, message, moment) if moment is not None else (), _people(work, message) > LARGE,
    )  # fmt: skip


def move(work: Work, message_id: str, wall: str, zone: str, *, was: str = "", is_sure: bool = True) -> Moved:
    """Give a message that time, read as `read_moment` does. A scheduled one keeps its own zone and maximum lateness.

    `was` is the moment (ISO, with offset) that it had on the page where somebody took it; empty when nobody saw one.
    Raises Invalid by field (time, zone, or a check that blocks), AskFirst unless `is_sure` when it goes to many, and
    Conflict when it was sent, or stands elsewhere by now.
    """
    message = messages.lock(work, _movable(work, message_id).id)
    _require_movable(work, message)
    before = message.scheduled_at
    _require_unmoved(message, was)
    moment = read_moment(wall, zone, work.now)
    if not is_sure and _people(work, message) > LARGE:
        raise AskFirst("This message goes to many people.")
    wall, zone = _own_wall(moment, message.scheduled_zone or zone)
    if message.status == MessageStatus.DRAFT:
        sending.pencil_in_wall(work, message.id, wall, zone)
    else:
        lateness = None if message.max_lateness is None else timedelta(seconds=message.max_lateness)
        sending.schedule(work, message.id, wall, zone, version=message.version, max_lateness=lateness)
    return Moved(message, before, moment, can_undo=before is not None and before > work.now)


def read_moment(text: str, zone: str, now: datetime) -> datetime:
    """The moment in UTC of `2026-11-24T09:00` in that zone, or of `2026-11-24T09:00+01:00` wherever that is.

    Raises Invalid (field `time` or `zone`) for what is none, lies in the past, or too far ahead.
    """
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        found = None
    if found is None or found.tzinfo is None or not 2000 <= found.year <= 2300:
        return sending.parse_wall_time(text, zone, now)
    moment = found.astimezone(UTC)
    return sending.parse_wall_time(moment.strftime(_WALL), "UTC", now)


def _own_wall(moment: datetime, zone: str) -> tuple[str, str]:
    """The moment as a wall in that zone shows it; in UTC where that wall shows the same time at an earlier one too."""
    if zone in time_zones.names():
        wall = moment.astimezone(ZoneInfo(zone)).replace(tzinfo=None, fold=0)
        if moment_of(wall, ZoneInfo(zone)) == moment:
            return wall.strftime(_WALL), zone
    return moment.strftime(_WALL), "UTC"


def _movable(work: Work, message_id: str) -> Message:
    message = messages.find(work, message_id)
    _require_movable(work, message)
    return message


def _require_movable(work: Work, message: Message) -> None:
    permission = MOVES_WITH.get(message.status)
    if permission is None:
        raise Conflict("This message was sent meanwhile and cannot be moved.")
    work.require(permission)


def _require_unmoved(message: Message, was: str) -> None:
    """Conflict when the message does not stand where whoever moves it saw it."""
    if not was:
        return
    try:
        seen = datetime.fromisoformat(was)
    except ValueError:
        seen = None
    if seen is None or seen.tzinfo is None or seen != message.scheduled_at:
        raise Conflict("Somebody else moved this message meanwhile. It was left where it is now.")


def _people(work: Work, message: Message) -> int:
    return people_of(work, {message.pk: (message.channel, message.audience)})[message.pk]
