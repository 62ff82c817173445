"""The numbers of the first page: what needs attention, today and the last two weeks."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Select, func, literal, select, union_all

from app.domain.channels import Channel
from app.domain.delivery_states import DeliveryState
from app.domain.message_states import MessageStatus
from app.engine.due import due_of
from app.models.contacts import Contact
from app.models.deliveries import Tally
from app.models.messages import Message
from app.models.providers import Provider
from app.services.sending import stopping
from app.services.tracking import dead_letters
from app.services.tracking.dead_letters import NONE, Total
from app.services.work import Work

DAYS = 14
MOST_MESSAGES = 20_000  # a day's figures are added up from at most this many messages
GOOD = (DeliveryState.SENT, DeliveryState.DELIVERED)
BAD = (DeliveryState.FAILED, DeliveryState.BOUNCED)
SOON = timedelta(hours=1)
LATE = timedelta(minutes=2)  # queued longer than this although nothing holds it: worth a look


@dataclass(frozen=True, slots=True)
class Day:
    """What the messages that started on one day of the project's calendar came to."""

    day: date
    good: int = 0
    bad: int = 0
    other: int = 0
    by_channel: dict[str, tuple[int, int]] = field(default_factory=dict)  # channel: (all, bad)
    is_sample: bool = False

    @property
    def total(self) -> int:
        """Everybody who was to get something."""
        return self.good + self.bad + self.other


@dataclass(frozen=True, slots=True)
class Attention:
    """What somebody should look at now."""

    blocked: list[Provider] = field(default_factory=list)
    waiting: list[Message] = field(default_factory=list)  # being sent, and something holds them
    with_failures: list[tuple[Message, Tally]] = field(default_factory=list)  # of the last day
    due_soon: list[Message] = field(default_factory=list)
    late: tuple[Message, timedelta] | None = None  # the message whose queue lags most, and how long
    too_late: list[tuple[Message, timedelta]] = field(default_factory=list)  # scheduled, wait for a person; how late
    dead: Total = NONE  # dead letters

    @property
    def is_calm(self) -> bool:
        """Whether nothing is wrong (what is due soon is no wrong)."""
        is_bad = self.blocked or self.waiting or self.with_failures or self.late or self.too_late
        return not (is_bad or self.dead.number)


@dataclass(frozen=True, slots=True)
class Checklist:
    """The first steps of a new project, each ticked by fact."""

    has_provider: bool
    has_contacts: bool
    has_message: bool
    has_sent: bool

    @property
    def is_done(self) -> bool:
        """Whether nothing is left of it."""
        return self.has_provider and self.has_contacts and self.has_message and self.has_sent


def checklist_of(work: Work) -> Checklist:
    """What of the first steps is done."""
    work.require("home.read")
    return Checklist(
        has_provider=_any(work, Provider, Provider.enabled.is_(True)),
        has_contacts=_any(work, Contact),
        has_message=_any(work, Message),
        has_sent=_any(work, Message, Message.started_at.is_not(None)),
    )


def _any(work: Work, table: type[Provider | Contact | Message], *conditions: object) -> bool:
    found = select(table.pk).where(table.project_pk == work.project_pk, *conditions).limit(1)  # type: ignore[arg-type]
    return work.session.scalar(found) is not None


def days_of(work: Work, count: int = DAYS) -> list[Day]:
    """The last days up to today in the project's time zone, by the day each message started."""
    work.require("home.read")
    zone = ZoneInfo(work.project.time_zone)
    today = work.now.astimezone(zone).date()
    days = [today - timedelta(days=back) for back in range(count - 1, -1, -1)]
    found: list[list[Any]] = [[] for _ in days]
    for row in work.session.execute(union_all(*(_sums(work, *each, zone) for each in enumerate(days)))):
        found[row.place].append(row)
    return [_day(day, rows) for day, rows in zip(days, found, strict=True)]


def _sums(work: Work, place: int, day: date, zone: ZoneInfo) -> Select[Any]:
    """What the messages of one day came to, a row for each channel; all days are one statement."""
    begins, ends = (datetime.combine(on, time(), zone) for on in (day, day + timedelta(days=1)))
    started = (
        select(Message.pk, Message.channel)
        .where(Message.project_pk == work.project_pk, Message.started_at >= begins, Message.started_at < ends)
        .order_by(Message.started_at.desc())
        .limit(MOST_MESSAGES)
        .subquery()
    )
    good, bad = (sum((getattr(Tally, state.value) for state in group), start=0) for group in (GOOD, BAD))
    return (
        select(
            literal(place).label("place"),
            started.c.channel,
            func.count().label("messages"),
            func.sum(Tally.audience).label("audience"),
            func.sum(good).label("good"),
            func.sum(bad).label("bad"),
        )
        .join(Tally, Tally.message_pk == started.c.pk)
        .group_by(started.c.channel)
    )


def _day(day: date, rows: Sequence[Any]) -> Day:
    goods, bads, everybody = (int(sum(getattr(row, name) for row in rows)) for name in ("good", "bad", "audience"))
    return Day(
        day,
        good=goods,
        bad=bads,
        other=everybody - goods - bads,
        by_channel={row.channel: (int(row.audience), int(row.bad)) for row in rows},
        is_sample=sum(row.messages for row in rows) >= MOST_MESSAGES,
    )


def attention_of(work: Work) -> Attention:
    """What needs a person now; a few of each, the most pressing first."""
    work.require("home.read")
    mine = Message.project_pk == work.project_pk
    blocked = work.session.scalars(
        select(Provider).where(
            Provider.project_pk == work.project_pk, Provider.enabled.is_(True), Provider.blocked_at.is_not(None)
        )
    )
    running = work.session.scalars(
        select(Message)
        .where(mine, Message.status == MessageStatus.PROCESSING, Message.paused_at.is_(None))
        .order_by(Message.scheduled_at)
        .limit(20)
    ).all()
    failed = work.session.execute(
        select(Message, Tally)
        .join(Tally, Tally.message_pk == Message.pk)
        .where(mine, Message.started_at >= work.now - timedelta(days=1), Message.status == MessageStatus.FAILED)
        .order_by(Message.started_at.desc())
        .limit(5)
    )
    return Attention(
        blocked=list(blocked),
        waiting=[message for message in running if message.waiting_reason][:5],
        with_failures=[(row[0], row[1]) for row in failed],
        due_soon=upcoming(work, until=work.now + SOON),
        late=None if work.project.stopped_at else _latest(work, running),
        too_late=stopping.late_messages(work),
        dead=dead_letters.total_of(work) if work.actor.may("deliveries.read") else NONE,
    )


def _latest(work: Work, running: Sequence[Message]) -> tuple[Message, timedelta] | None:
    lags: list[tuple[timedelta, Message]] = []
    for message in running:
        if message.waiting_reason:
            continue
        since = due_of(work.session, message.pk, work.now - LATE, 1).since
        if since is not None:
            lags.append((work.now - since, message))
    if not lags:
        return None
    lag, message = max(lags, key=lambda pair: pair[0])
    return message, lag


def upcoming(work: Work, *, until: datetime | None = None, count: int = 5) -> list[Message]:
    """The next scheduled messages, the soonest first."""
    work.require("home.read")
    query = select(Message).where(
        Message.project_pk == work.project_pk, Message.status == MessageStatus.SCHEDULED,
        Message.scheduled_at.is_not(None), Message.late_at.is_(None),
    )  # fmt: skip
    if until is not None:
        query = query.where(Message.scheduled_at <= until)
    return list(work.session.scalars(query.order_by(Message.scheduled_at).limit(count)))


def latest(work: Work, count: int = 6) -> list[tuple[Message, Tally | None]]:
    """The newest messages with their numbers."""
    work.require("home.read")
    rows = work.session.execute(
        select(Message, Tally)
        .outerjoin(Tally, Tally.message_pk == Message.pk)
        .where(Message.project_pk == work.project_pk)
        .order_by(Message.pk.desc())
        .limit(count)
    )
    return [(row[0], row[1]) for row in rows]


@dataclass(frozen=True, slots=True)
class Home:
    """Everything on the first page."""

    attention: Attention
    checklist: Checklist
    days: list[Day]
    upcoming: list[Message]
    latest: list[tuple[Message, Tally | None]]
    channels: tuple[Channel, ...] = tuple(Channel)

    @property
    def today(self) -> Day:
        """The day it is in the project's time zone."""
        return self.days[-1]


def home_of(work: Work) -> Home:
    """Everything on the first page, read at one moment."""
    return Home(attention_of(work), checklist_of(work), days_of(work), upcoming(work), latest(work))
