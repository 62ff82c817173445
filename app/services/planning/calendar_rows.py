"""What stands on the calendar, straight from the database: what waits by its time, what was sent by when it started.

Each statement walks along an index of messages and takes at most as many as it is told, so that a day on which a
program sent a hundred thousand costs no more than any other.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Integer, Select, String, bindparam, func, or_, select

from app.domain.calendar_days import Day, day_of
from app.domain.message_states import MessageStatus
from app.infra.prepared import Prepared
from app.models.deliveries import Tally
from app.models.messages import Message
from app.services.work import Work

MOST_AT_ONCE = 2_000  # up to so many a whole period is read in one go
MOST_COUNTED = 1_000  # of a day with more than this people read "more than 1,000"
WAITING = (MessageStatus.DRAFT.value, MessageStatus.SCHEDULED.value)


class Found(NamedTuple):
    """A message that has a place on the calendar at `at` (UTC). `audience` is known of one that waits.

    `total` are the people it goes to once it has started, `left` those of them who have not got it yet.
    """

    pk: int
    id: str
    channel: str
    title: str
    status: str
    provider_pk: int | None
    at: datetime
    late_at: datetime | None = None
    audience: dict[str, list[str]] = {}  # noqa: RUF012 - nobody writes to it
    paused_at: datetime | None = None
    cancelled_at: datetime | None = None
    settled_at: datetime | None = None
    total: int = 0
    left: int = 0

    @property
    def is_waiting(self) -> bool:
        """Whether it is still to be sent."""
        return self.status in WAITING

    @property
    def order(self) -> tuple[datetime, str, str, int]:
        """By time; what stands at the same one by sort, and within a sort as the statements below have it."""
        sort = self.status if self.is_waiting else ""
        return self.at, sort, "" if sort else self.channel, self.pk


@dataclass(frozen=True, slots=True)
class DayRows:
    """What a day holds: the first of it in order of time, and how much there is in all.

    There are more than `total` when `is_more` is true.
    """

    day: Day
    found: Sequence[Found]
    total: int
    is_more: bool = False


def _of_channel() -> Any:
    wanted = bindparam("channel", type_=String)
    return or_(wanted == "", Message.channel == wanted)


def _between(moment: Any) -> tuple[Any, ...]:
    return (
        Message.project_pk == bindparam("project", type_=Integer),
        moment >= bindparam("begin", type_=Message.scheduled_at.type),
        moment < bindparam("end", type_=Message.scheduled_at.type),
        _of_channel(),
    )


def _waiting(*columns: Any) -> Select[Any]:
    wanted = (*_between(Message.scheduled_at), Message.status == bindparam("status", type_=String))
    return select(*columns).where(*wanted).limit(bindparam("most", type_=Integer))


def _started(*columns: Any) -> Select[Any]:
    return select(*columns).where(*_between(Message.started_at)).limit(bindparam("most", type_=Integer))


_HEAD = (
    Message.pk, Message.id, Message.channel, Message.title, Message.status, Message.provider_pk,
)  # fmt: skip
_WAITING = Prepared(
    _waiting(*_HEAD, Message.scheduled_at, Message.late_at, Message.audience).order_by(Message.scheduled_at, Message.pk)
)
_STARTED = Prepared(
    _started(
        *_HEAD, Message.started_at, Message.paused_at, Message.cancelled_at, Message.settled_at,
        func.coalesce(Tally.audience, 0).label("total"),
        func.coalesce(Tally.queued + Tally.sending, 0).label("left"),
    )
    .outerjoin(Tally, Tally.message_pk == Message.pk)
    .order_by(Message.started_at, Message.channel, Message.pk)
)  # fmt: skip
# Newest first: when there are too many to look at, those count that went out last.
_SENT = Prepared(
    _started(*_HEAD, Message.started_at, Message.audience, Message.cancelled_at).order_by(Message.started_at.desc())
)
_COUNT_WAITING = Prepared(select(func.count().label("number")).select_from(_waiting(Message.pk).subquery()))
_COUNT_STARTED = Prepared(select(func.count().label("number")).select_from(_started(Message.pk).subquery()))


def read_between(work: Work, begin: datetime, end: datetime, *, channel: str = "", most: int) -> list[Found]:
    """What lies between two moments, in order of time; at most so many of each sort (draft, scheduled, started)."""
    asked = {"project": work.project_pk, "begin": begin, "end": end, "channel": channel, "most": most}
    waiting = [row for status in WAITING for row in work.rows(_WAITING, **asked, status=status)]
    found = [Found._make([*row, None, None, None, 0, 0]) for row in waiting]
    for row in work.rows(_STARTED, **asked):
        *head, paused_at, cancelled_at, settled_at, total, left = row
        found.append(Found._make([*head, None, {}, paused_at, cancelled_at, settled_at, int(total), int(left)]))
    return sorted(found, key=lambda each: each.order)


def read_with_audiences(work: Work, begin: datetime, end: datetime, *, most: int) -> list[Found]:
    """The same with the audience of each, what was sent too, but without how far it is; of that the newest."""
    asked = {"project": work.project_pk, "begin": begin, "end": end, "channel": "", "most": most}
    waiting = [row for status in WAITING for row in work.rows(_WAITING, **asked, status=status)]
    found = [Found._make([*row, None, None, None, 0, 0]) for row in waiting]
    for row in work.rows(_SENT, **asked):
        *head, audience, cancelled_at = row
        found.append(Found._make([*head, None, audience, None, cancelled_at, None, 0, 0]))
    return sorted(found, key=lambda each: each.order)


def read_days(work: Work, days: Sequence[Day], *, channel: str = "", most: int) -> list[DayRows]:
    """What lies on each of these days, which follow each other; at most `most` of a day when there is very much."""
    begin, end = days[0].begins_at, days[-1].ends_at
    if max(_count(work, MOST_AT_ONCE + 1, begin, end, channel)) > MOST_AT_ONCE:
        return [_read_day(work, day, channel, most) for day in days]
    by_day: list[list[Found]] = [[] for _ in days]
    for each in read_between(work, begin, end, channel=channel, most=MOST_AT_ONCE):
        place = day_of(each.at, days)
        if place is not None:
            by_day[place].append(each)
    return [DayRows(day, rows, len(rows)) for day, rows in zip(days, by_day, strict=True)]


def _count(work: Work, most: int, begin: datetime, end: datetime, channel: str) -> list[int]:
    """How many there are of each sort, counted up to `most`."""
    asked = {"project": work.project_pk, "begin": begin, "end": end, "channel": channel, "most": most}
    waiting = [work.row(_COUNT_WAITING, **asked, status=status) for status in WAITING]
    return [int(row.number) for row in [*waiting, work.row(_COUNT_STARTED, **asked)]]


def _read_day(work: Work, day: Day, channel: str, most: int) -> DayRows:
    total = sum(_count(work, MOST_COUNTED + 1, day.begins_at, day.ends_at, channel))
    found = read_between(work, day.begins_at, day.ends_at, channel=channel, most=most)[:most] if total else []
    return DayRows(day, found, min(total, MOST_COUNTED), total > MOST_COUNTED)
