"""The calendar: what stands on it between two moments, with how many people, how long, and what gets in whose way."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from app.domain.calendar_days import Day
from app.domain.message_states import MessageStatus, Phase
from app.services.planning.calendar_clashes import Clash, mark_clashes
from app.services.planning.calendar_forecast import Speed, Speeds, people_of
from app.services.planning.calendar_rows import Found, read_between, read_days
from app.services.work import Work

MOVES_WITH = {MessageStatus.DRAFT.value: "messages.write", MessageStatus.SCHEDULED.value: "messages.send"}


@dataclass(frozen=True, slots=True)
class Overlap:
    """Another send that uses the same provider at the same time."""

    id: str
    title: str
    provider: str


@dataclass(frozen=True, slots=True)
class Entry:
    """One message on the calendar, at `at` (UTC).

    `people` is how many it goes or went to; while `is_predicted`, about so many. `length` is how long it took, or will
    take; None when nobody knows. `can_move` says whether whoever asks may give it another time, `is_over` whether
    everybody has it who will.
    """

    pk: int
    id: str
    channel: str
    title: str
    phase: str
    at: datetime
    people: int
    is_predicted: bool
    length: timedelta | None
    can_move: bool
    is_over: bool
    clashes: Sequence[Clash] = ()
    overlap: Overlap | None = None

    @property
    def ends_at(self) -> datetime:
        """When it is through, as far as is known."""
        return self.at + (self.length or timedelta())

    @property
    def is_draft(self) -> bool:
        """Whether nothing goes out at that time by itself."""
        return self.phase == MessageStatus.DRAFT.value


@dataclass(frozen=True, slots=True)
class DayPlan:
    """A day with its entries in order of time; there are `total` of them in all, or more than that (`is_more`)."""

    day: Day
    entries: Sequence[Entry]
    total: int
    is_more: bool = False


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where a list goes on: at that moment (UTC), after so many entries that stand at the very same one."""

    at: datetime
    skipped: int = 0


def plan_of(work: Work, days: Sequence[Day], *, channel: str = "", most: int = 100) -> list[DayPlan]:
    """What stands on these days, which follow each other. `most` counts only when there are thousands in all."""
    work.require("calendar.read")
    rows = read_days(work, days, channel=channel, most=most)
    entries = _entries(work, [each for row in rows for each in row.found])
    return [DayPlan(row.day, [entries[each.pk] for each in row.found], row.total, row.is_more) for row in rows]


def list_from(
    work: Work, cursor: Cursor, end: datetime, *, channel: str = "", most: int = 100
) -> tuple[list[Entry], Cursor | None]:
    """The entries from there to a moment, at most so many, and where to go on; None at the end."""
    work.require("calendar.read")
    found = read_between(work, cursor.at, end, channel=channel, most=most + cursor.skipped + 1)[cursor.skipped :]
    entries = _entries(work, found[:most])
    shown = [entries[each.pk] for each in found[:most]]
    if len(found) <= most:
        return shown, None
    at = found[most].at
    same = sum(1 for each in found[:most] if each.at == at)
    return shown, Cursor(at, same + (cursor.skipped if at == cursor.at else 0))


def entries_of(work: Work, found: Sequence[Found]) -> list[Entry]:
    """These messages as entries, in the same order."""
    entries = _entries(work, found)
    return [entries[each.pk] for each in found]


def _entries(work: Work, found: Sequence[Found]) -> dict[int, Entry]:
    people = people_of(work, {each.pk: (each.channel, each.audience) for each in found if each.is_waiting})
    clashes = mark_clashes(work, found)
    speeds, is_stopped = Speeds(work), work.project.stopped_at is not None
    lengths = {
        each.pk: _length(work.now, each, people.get(each.pk, 0), speeds.of(each.channel, each.provider_pk))
        for each in found
    }
    overlaps = _overlaps(work.now, found, lengths, speeds)
    return {
        each.pk: Entry(
            each.pk, each.id, each.channel, each.title, _phase(each, stopped=is_stopped), each.at,
            people[each.pk] if each.is_waiting else each.total, each.is_waiting, lengths[each.pk],
            each.status in MOVES_WITH and work.actor.may(MOVES_WITH[each.status]), each.settled_at is not None,
            clashes.get(each.pk, ()), overlaps.get(each.pk),
        )
        for each in found
    }  # fmt: skip


def _phase(each: Found, *, stopped: bool) -> str:
    return Phase.of(
        MessageStatus(each.status), paused=each.paused_at is not None, cancelled=each.cancelled_at is not None,
        late=each.late_at is not None, stopped=stopped,
    ).word  # fmt: skip


def _length(now: datetime, each: Found, people: int, speed: Speed | None) -> timedelta | None:
    """How long it took; of what is under way until now and for those who are left; of what waits for everybody."""
    if each.settled_at is not None:
        return max(each.settled_at - each.at, timedelta())
    left = speed.length_for(people if each.is_waiting else each.left) if speed is not None else None
    if each.is_waiting or left is None:
        return left
    return now - each.at + left


def _overlaps(
    now: datetime, found: Sequence[Found], lengths: dict[int, timedelta | None], speeds: Speeds
) -> dict[int, Overlap]:
    """For each send that is not over, another one that its provider carries at the same time."""
    overlaps: dict[int, Overlap] = {}
    running: dict[int, Found] = {}  # by provider: what goes on longest of those that came before
    for each in sorted(found, key=lambda one: one.at):
        speed, length = speeds.of(each.channel, each.provider_pk), lengths[each.pk]
        if speed is None or not length or each.at + length < now:
            continue
        for pk, name in zip(speed.provider_pks, speed.names, strict=True):
            other = running.get(pk)
            if other is not None and other.at + (lengths[other.pk] or timedelta()) > each.at:
                overlaps.setdefault(each.pk, Overlap(other.id, other.title, name))
                overlaps.setdefault(other.pk, Overlap(each.id, each.title, name))
            if other is None or each.at + length > other.at + (lengths[other.pk] or timedelta()):
                running[pk] = each
    return overlaps
