"""Days of a calendar in a zone: where each begins and ends, its hours, and when clocks change. Pure arithmetic.

A day runs from the first moment at which its date is shown to that of the next one, so that days follow each other
without a gap whatever clocks do: it has 23 or 25 hours when they change, none when a zone leaves the day out.
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from itertools import pairwise
from zoneinfo import ZoneInfo

from app.domain.schedules import is_skipped, moment_of

EARLIEST, LATEST = date(1980, 1, 1), date(2200, 1, 1)  # what a calendar shows; far from where dates end
AGENDA_DAYS = 30
_HOUR = timedelta(hours=1)
_STEP = timedelta(hours=6)  # no zone changes its clocks twice within it
_SECOND = timedelta(seconds=1)


class View(StrEnum):
    """How much a calendar shows, and how."""

    MONTH = "month"
    WEEK = "week"
    DAY = "day"
    AGENDA = "agenda"


@dataclass(frozen=True, slots=True)
class Change:
    """Clocks go forward or back: the moment in UTC, what they show before it and after it (naive)."""

    at: datetime
    before: datetime
    after: datetime

    @property
    def is_forward(self) -> bool:
        """Whether some time is left out; otherwise some comes twice."""
        return self.after > self.before

    @property
    def length(self) -> timedelta:
        """By how much."""
        return abs(self.after - self.before)


@dataclass(frozen=True, slots=True)
class Slot:
    """An hour of a day, or what clocks leave of it: moments in UTC, the wall's time at its begin with its offset.

    `turn` is 1 for what clocks show a second time, else 0.
    """

    begins_at: datetime
    ends_at: datetime
    local: datetime
    turn: int = 0

    @property
    def key(self) -> tuple[int, int]:
        """What stands beside it on other days: the hour, and which turn of it."""
        return self.local.hour, self.turn


@dataclass(frozen=True, slots=True)
class Day:
    """A date with the moments in UTC between which it lies, and how clocks change in it."""

    date: date
    begins_at: datetime
    ends_at: datetime
    changes: tuple[Change, ...] = ()

    @property
    def length(self) -> timedelta:
        """Mostly 24 hours."""
        return self.ends_at - self.begins_at

    def holds(self, moment: datetime) -> bool:
        """Whether the moment lies in it."""
        return self.begins_at <= moment < self.ends_at


@dataclass(frozen=True, slots=True)
class Period:
    """The days that one view shows together: `first` of `count` days, and the dates to go on from.

    `focus` is what it is about: the first of a month, else the date that was asked for.
    """

    view: View
    focus: date
    first: date
    count: int
    previous: date
    next: date


def period_of(view: View, day: date, week_start: int = 0) -> Period:
    """What a view shows around a date. `week_start` is 0 for Monday to 6 for Sunday.

    A month is shown in whole weeks, so days of its neighbours stand beside it.
    """
    match view:
        case View.MONTH:
            begin, end = _month(day, 0), _month(day, 1)
            first = _week_of(begin, week_start)
            last = _week_of(end - timedelta(days=1), week_start) + timedelta(days=7)
            return Period(view, begin, first, (last - first).days, _month(day, -1), end)
        case View.WEEK:
            first, length = _week_of(day, week_start), timedelta(days=7)
            return Period(view, day, first, 7, day - length, day + length)
        case View.DAY:
            length = timedelta(days=1)
            return Period(view, day, day, 1, day - length, day + length)
        case View.AGENDA:
            length = timedelta(days=AGENDA_DAYS)
            return Period(view, day, day, AGENDA_DAYS, day - length, day + length)


def _month(day: date, steps: int) -> date:
    """The first of the month so many months later."""
    number = day.year * 12 + day.month - 1 + steps
    return date(number // 12, number % 12 + 1, 1)


def _week_of(day: date, week_start: int) -> date:
    return day - timedelta(days=(day.weekday() - week_start) % 7)


def days_from(first: date, count: int, zone: ZoneInfo) -> list[Day]:
    """That many days, one after the other."""
    begins = [begin_of(first + timedelta(days=step), zone) for step in range(count + 1)]
    return [
        Day(first + timedelta(days=step), begin, end, changes_between(begin, end, zone))
        for step, (begin, end) in enumerate(pairwise(begins))
    ]


def begin_of(day: date, zone: ZoneInfo) -> datetime:
    """The first moment in UTC at which that date is shown, or would have been when the zone leaves it out."""
    midnight = datetime.combine(day, time())
    moment = moment_of(midnight, zone)
    if not is_skipped(midnight, zone):
        return moment
    return changes_between(moment - timedelta(hours=36), moment + _SECOND, zone)[-1].at


def day_of(moment: datetime, days: Sequence[Day]) -> int | None:
    """Which of the days (in their order) holds the moment; None when none does."""
    place = bisect_right(days, moment, key=lambda day: day.begins_at) - 1
    return place if place >= 0 and days[place].holds(moment) else None


def changes_between(begin: datetime, end: datetime, zone: ZoneInfo) -> tuple[Change, ...]:
    """When clocks in the zone change between two moments (UTC, `begin` itself included, `end` not)."""
    found = []
    early = begin - _SECOND
    while early < end - _SECOND:
        late = min(early + _STEP, end - _SECOND)
        if _offset(early, zone) != _offset(late, zone):
            at = _bisect(early, late, zone)
            found.append(Change(at, _wall(at - _SECOND, zone) + _SECOND, _wall(at, zone)))
        early = late
    return tuple(found)


def _bisect(early: datetime, late: datetime, zone: ZoneInfo) -> datetime:
    """The first second with the offset of `late`, when that of `early` is another one."""
    after = _offset(late, zone)
    while late - early > _SECOND:
        middle = early + timedelta(seconds=(late - early) // _SECOND // 2)
        early, late = (early, middle) if _offset(middle, zone) == after else (middle, late)
    return late


def slots_of(day: Day, zone: ZoneInfo) -> list[Slot]:
    """The hours of a day, in order; together they are all of it. Clocks that change make one shorter or two."""
    ends = [change.at for change in day.changes] + [day.ends_at]
    slots: list[Slot] = []
    seen: dict[int, int] = {}
    begin = day.begins_at
    while begin < day.ends_at:
        local = begin.astimezone(zone)
        full = begin + _HOUR - timedelta(minutes=local.minute, seconds=local.second)
        end = min(full, *(at for at in ends if at > begin))
        slots.append(Slot(begin, end, local, seen.get(local.hour, 0)))
        seen[local.hour] = seen.get(local.hour, 0) + 1
        begin = end
    return slots


def _offset(moment: datetime, zone: ZoneInfo) -> timedelta | None:
    return moment.astimezone(zone).utcoffset()


def _wall(moment: datetime, zone: ZoneInfo) -> datetime:
    return moment.astimezone(zone).replace(tzinfo=None, fold=0)


def hours_ahead(moment: datetime, zone: ZoneInfo, other: ZoneInfo) -> float:
    """By how many hours clocks in `other` are ahead of those in `zone` at that moment; negative when behind."""
    ours, theirs = (each.utcoffset(moment.astimezone(each)) or timedelta() for each in (zone, other))
    return (theirs - ours) / _HOUR


def read_day(text: str, fallback: date) -> date | None:
    """A date as addresses write it (2026-11-24); `fallback` for none, None for what is none or lies too far."""
    if not text:
        return fallback
    try:
        found = date.fromisoformat(text)
    except ValueError:
        return None
    return found if EARLIEST <= found <= LATEST else None


def today_in(now: datetime, zone: ZoneInfo) -> date:
    """The date that it is in the zone."""
    return now.astimezone(UTC).astimezone(zone).date()
