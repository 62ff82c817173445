"""The calendar as templates draw it: a month of days, days of hours, an agenda; every number is counted here."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from itertools import pairwise

from app.domain.calendar_days import Change, Day, Slot, hours_ahead, slots_of
from app.services.planning.calendar import DayPlan, Entry
from app.web.calendar_asked import Asked

BUSY = 3  # messages on a day from which its load is drawn
LANES = 4  # sends that are drawn beside each other in one hour
IN_MONTH, IN_WEEK, IN_DAY = 3, 4, 6  # entries that a cell shows before it folds
MORNING = 9  # the hour that is proposed on a day which has not begun
_MOST_TALL, _LEAST_TALL = 60.0, 4.0  # an hour is drawn that high, and what takes seconds


@dataclass(frozen=True, slots=True)
class Line:
    """An entry with its time on the viewer's wall, and on the project's where that differs."""

    entry: Entry
    local: datetime
    at_project: datetime | None

    @property
    def was(self) -> str:
        """Where it stands, as a move has to say it."""
        return self.entry.at.isoformat()


@dataclass(frozen=True, slots=True)
class Bar:
    """A piece of a drawing, by its place and size; `tone` names a colour."""

    x: float
    y: float
    width: float
    height: float
    tone: str
    is_crowded: bool = False


@dataclass(frozen=True, slots=True)
class Load:
    """How many people a day reaches, hour by hour: a column each, to the scale of the whole page."""

    bars: Sequence[Bar]
    columns: int
    peak: datetime | None
    people: int

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to draw."""
        return not self.bars


@dataclass(frozen=True, slots=True)
class Cell:
    """A day of a month, or an hour of a day. `at` is where a lifted entry lands; `new_at` a wall time to write for.

    `hidden` more entries do not stand here (`is_more`: at least so many).
    """

    label: str
    at: str
    is_past: bool
    lines: Sequence[Line]
    hidden: int
    total: int
    is_more: bool = False
    new_at: str = ""
    new_zone: str = ""
    day: Day | None = None
    is_now: bool = False
    is_outside: bool = False
    load: Load | None = None
    bars: Sequence[Bar] = ()


@dataclass(frozen=True, slots=True)
class Head:
    """A day above its hours."""

    day: Day
    is_today: bool
    load: Load


@dataclass(frozen=True, slots=True)
class HourRow:
    """One hour across the days; None where a day's clocks do not show it. `is_again`: its second turn.

    `at_project` is what the project's clocks show on the only day there is.
    """

    hour: int
    is_again: bool
    cells: Sequence[Cell | None]
    at_project: datetime | None = None

    @property
    def is_spent(self) -> bool:
        """Whether it is past on every day and nothing stands there, so that it needs no room."""
        return all(cell is None or (cell.is_past and not cell.lines and not cell.bars) for cell in self.cells)


@dataclass(frozen=True, slots=True)
class Month:
    """Weeks of days; `names` are dates whose weekdays stand above the columns."""

    names: Sequence[date]
    weeks: Sequence[Sequence[Cell]]

    @property
    def has_loads(self) -> bool:
        """Whether the load of any day is drawn."""
        return any(cell.load is not None and not cell.load.is_empty for week in self.weeks for cell in week)


@dataclass(frozen=True, slots=True)
class Hours:
    """Days beside each other, hour by hour."""

    heads: Sequence[Head]
    rows: Sequence[HourRow]

    @property
    def has_loads(self) -> bool:
        """Whether the load of any day is drawn."""
        return any(not head.load.is_empty for head in self.heads)

    @property
    def has_bars(self) -> bool:
        """Whether any hour shows how long a send takes."""
        return any(cell is not None and cell.bars for row in self.rows for cell in row.cells)


@dataclass(frozen=True, slots=True)
class AgendaDay:
    """A day of the agenda with what stands on it."""

    date: date
    is_today: bool
    changes: Sequence[Change]
    lines: Sequence[Line]


def lines_of(entries: Iterable[Entry], asked: Asked) -> list[Line]:
    """The entries with their times."""
    theirs: tzinfo | None = asked.project_zone if asked.has_two_zones else None
    return [
        Line(entry, entry.at.astimezone(asked.zone), entry.at.astimezone(theirs) if theirs else None)
        for entry in entries
    ]


def month_board(plans: Sequence[DayPlan], asked: Asked, now: datetime) -> Month:
    """A month in whole weeks."""
    loads = _loads(plans, asked)
    cells = [_day_cell(plan, load, asked, now) for plan, load in zip(plans, loads, strict=True)]
    return Month([plan.day.date for plan in plans[:7]], [cells[start : start + 7] for start in range(0, len(cells), 7)])


def _day_cell(plan: DayPlan, load: Load, asked: Asked, now: datetime) -> Cell:
    day = plan.day
    shown = plan.entries if plan.total <= IN_MONTH + 1 else plan.entries[:IN_MONTH]
    is_past = day.ends_at <= now
    return Cell(
        label=f"{day.date:%A} {day.date.day} {day.date:%B}", at=day.date.isoformat(), is_past=is_past,
        lines=lines_of(shown, asked), hidden=plan.total - len(shown), total=plan.total, is_more=plan.is_more,
        new_at="" if is_past else _proposal(day, asked, now), new_zone=asked.zone.key, day=day, is_now=day.holds(now),
        is_outside=day.date.month != asked.period.focus.month, load=load,
    )  # fmt: skip


def _proposal(day: Day, asked: Asked, now: datetime) -> str:
    """A wall time to write for: in the morning, or at the next full hour of a morning that is over."""
    nine = datetime(day.date.year, day.date.month, day.date.day, MORNING, tzinfo=asked.zone)
    if nine <= now:
        nine = (now + timedelta(hours=1)).astimezone(asked.zone).replace(minute=0)
    return f"{nine:%Y-%m-%dT%H:%M}"


def hours_board(plans: Sequence[DayPlan], asked: Asked, now: datetime, most: int) -> Hours:
    """Days beside each other; a cell shows at most so many entries."""
    loads = _loads(plans, asked)
    heads = [Head(plan.day, plan.day.holds(now), load) for plan, load in zip(plans, loads, strict=True)]
    columns = [_column(plan, asked, now, most) for plan in plans]
    keys = sorted({key for column in columns for key in column})
    alone = columns[0] if len(columns) == 1 and asked.has_two_zones else {}
    return Hours(
        heads,
        [
            HourRow(hour, turn > 0, [column.get((hour, turn)) for column in columns], _at_project(alone, key, asked))
            for key in keys
            for hour, turn in [key]
        ],
    )


def _at_project(column: dict[tuple[int, int], Cell], key: tuple[int, int], asked: Asked) -> datetime | None:
    cell = column.get(key)
    return datetime.fromisoformat(cell.at).astimezone(asked.project_zone) if cell is not None else None


def _column(plan: DayPlan, asked: Asked, now: datetime, most: int) -> dict[tuple[int, int], Cell]:
    """The hours of one day, by hour and turn."""
    slots = slots_of(plan.day, asked.zone)
    lanes = _lanes(plan.entries)
    cells = {}
    for slot in slots:
        inside = [entry for entry in plan.entries if slot.begins_at <= entry.at < slot.ends_at]
        shown = inside if len(inside) <= most + 1 else inside[:most]
        is_past = slot.ends_at <= now
        new = (slot.begins_at.astimezone(UTC), "UTC") if slot.turn else (slot.local, asked.zone.key)
        cells[slot.key] = Cell(
            label=f"{slot.local:%a} {slot.local.day} {slot.local:%b, %H:%M}", at=slot.local.isoformat(),
            is_past=is_past, lines=lines_of(shown, asked), hidden=len(inside) - len(shown), total=len(inside),
            new_at="" if slot.begins_at <= now else f"{new[0]:%Y-%m-%dT%H:%M}", new_zone=new[1],
            bars=_bars(slot, lanes), is_now=slot.begins_at <= now < slot.ends_at,
        )  # fmt: skip
    return cells


def _lanes(entries: Sequence[Entry]) -> list[tuple[Entry, int]]:
    """Which lane each send is drawn in that takes some time, so that none covers another."""
    free: list[datetime] = []
    placed = []
    for entry in entries:
        if not entry.length:
            continue
        lane = next((place for place, until in enumerate(free) if until <= entry.at), len(free))
        free[lane : lane + 1] = [entry.ends_at]
        placed.append((entry, lane))
    return placed


def _bars(slot: Slot, lanes: Sequence[tuple[Entry, int]]) -> list[Bar]:
    """What of the sends lies in this hour."""
    length = (slot.ends_at - slot.begins_at) / timedelta(minutes=1)
    bars = []
    for entry, lane in lanes:
        begin, end = max(entry.at, slot.begins_at), min(entry.ends_at, slot.ends_at)
        if begin >= end or lane >= LANES:
            continue
        top = (begin - slot.begins_at) / timedelta(minutes=1) / length * _MOST_TALL
        tall = max((end - begin) / timedelta(minutes=1) / length * _MOST_TALL, _LEAST_TALL)
        bars.append(Bar(lane, round(top, 2), 1, round(tall, 2), entry.channel, entry.overlap is not None))
    return bars


def _loads(plans: Sequence[DayPlan], asked: Asked) -> list[Load]:
    hours = [_people_by_hour(plan, slots_of(plan.day, asked.zone)) if plan.total >= BUSY else [] for plan in plans]
    most = max((people for day in hours for _, people in day), default=0)
    return [_load(day, most) for day in hours]


def _people_by_hour(plan: DayPlan, slots: Sequence[Slot]) -> list[tuple[Slot, int]]:
    edges = [*(slot.begins_at for slot in slots), plan.day.ends_at]
    return [
        (slot, sum(entry.people for entry in plan.entries if begin <= entry.at < end))
        for slot, (begin, end) in zip(slots, pairwise(edges), strict=True)
    ]


def _load(day: Sequence[tuple[Slot, int]], most: int) -> Load:
    peak = max(day, key=lambda pair: pair[1], default=None)
    if peak is None or not peak[1]:
        return Load((), len(day), None, 0)
    bars = [
        Bar(place, round(10 - 10 * people / most, 2), 0.8, round(max(10 * people / most, 0.5), 2), "load")
        for place, (_, people) in enumerate(day)
        if people
    ]
    return Load(bars, len(day), peak[0].local, peak[1])


def agenda_board(entries: Sequence[Entry], days: Sequence[Day], asked: Asked) -> list[AgendaDay]:
    """The days on which something stands, clocks change, or that are today."""
    lines = lines_of(entries, asked)
    by_day: dict[date, list[Line]] = {}
    for line in lines:
        by_day.setdefault(line.local.date(), []).append(line)
    last = lines[-1].local.date() if lines else None
    return [
        AgendaDay(day.date, day.date == asked.today, day.changes, by_day.get(day.date, ()))
        for day in days
        if day.date in by_day or ((day.changes or day.date == asked.today) and (last is None or day.date <= last))
    ]


def say_ahead(days: Sequence[Day], asked: Asked) -> str:
    """How the project's clocks differ from the shown ones on these days: "6 hours ahead", or "5 or 6 hours ahead"."""
    apart = sorted({hours_ahead(day.begins_at, asked.zone, asked.project_zone) for day in (days[0], days[-1])}, key=abs)
    if not any(apart):
        return "at the same time"
    numbers = " or ".join(f"{abs(hours):g}" for hours in apart)
    return f"{numbers} {'hour' if numbers == '1' else 'hours'} {'ahead' if apart[-1] > 0 else 'behind'}"
