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
STARTED = ""
SORTS = (*WAITING, STARTED)  # each has statements of its own


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


class _Span(NamedTuple):
    """What is asked for: between two moments, of one channel or (empty) of all."""

    begin: datetime
    end: datetime
    channel: str

    def asked(self, work: Work, sort: str, most: int) -> dict[str, Any]:
        """The values that a statement for such a sort wants, which looks at no more than `most`."""
        values = {**self._asdict(), "project": work.project_pk, "most": most}
        return values if sort == STARTED else values | {"status": sort}


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
    span = _Span(begin, end, channel)
    found = [each for sort in SORTS for each in _read(work, sort, span, most)]
    return sorted(found, key=lambda each: each.order)


def read_with_audiences(work: Work, begin: datetime, end: datetime, *, most: int) -> list[Found]:
    """The same with the audience of each, what was sent too, but without how far it is; of that the newest."""
    span = _Span(begin, end, "")
    found = [each for sort in WAITING for each in _read(work, sort, span, most)]
    for row in work.rows(_SENT, **span.asked(work, STARTED, most)):
        *head, audience, cancelled_at = row
        found.append(Found._make([*head, None, audience, None, cancelled_at, None, 0, 0]))
    return sorted(found, key=lambda each: each.order)


def read_days(work: Work, days: Sequence[Day], *, channel: str = "", most: int) -> list[DayRows]:
    """What lies on each of these days, which follow each other; at most `most` of a day when there is very much."""
    whole = _Span(days[0].begins_at, days[-1].ends_at, channel)
    found: list[list[Found]] = [[] for _ in days]
    totals, is_much = [0] * len(days), False
    for sort in SORTS:
        if _count(work, sort, whole, MOST_AT_ONCE + 1) > MOST_AT_ONCE:
            is_much = True
            parts = [_read_day(work, sort, _Span(day.begins_at, day.ends_at, channel), most) for day in days]
        else:
            parts = _by_day(_read(work, sort, whole, MOST_AT_ONCE), days)
        for place, (rows, total) in enumerate(parts):
            found[place] += rows
            totals[place] += total
    shown = [sorted(rows, key=lambda each: each.order)[: most if is_much else None] for rows in found]
    counted = MOST_COUNTED if is_much else max(totals)
    return [
        DayRows(day, rows, min(total, counted), total > counted)
        for day, rows, total in zip(days, shown, totals, strict=True)
    ]


def _by_day(found: Sequence[Found], days: Sequence[Day]) -> list[tuple[list[Found], int]]:
    """What lies on each day, and how much that is."""
    by_day: list[list[Found]] = [[] for _ in days]
    for each in found:
        place = day_of(each.at, days)
        if place is not None:
            by_day[place].append(each)
    return [(rows, len(rows)) for rows in by_day]


def _read_day(work: Work, sort: str, day: _Span, most: int) -> tuple[list[Found], int]:
    """The first so many of that sort, and how many there are: counted only where there may be more."""
    found = _read(work, sort, day, most)
    return found, len(found) if len(found) < most else _count(work, sort, day, MOST_COUNTED + 1)


def _read(work: Work, sort: str, span: _Span, most: int) -> list[Found]:
    """What is of that sort, at most so many."""
    asked = span.asked(work, sort, most)
    if sort != STARTED:
        return [Found._make([*row, None, None, None, 0, 0]) for row in work.rows(_WAITING, **asked)]
    found = []
    for row in work.rows(_STARTED, **asked):
        *head, paused_at, cancelled_at, settled_at, total, left = row
        found.append(Found._make([*head, None, {}, paused_at, cancelled_at, settled_at, int(total), int(left)]))
    return found


def _count(work: Work, sort: str, span: _Span, most: int) -> int:
    """How many are of that sort, counted up to `most`."""
    return int(work.row(_COUNT_STARTED if sort == STARTED else _COUNT_WAITING, **span.asked(work, sort, most)).number)
