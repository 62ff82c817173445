"""What monitoring reads of the database: work under way, its age, receipts, room. However long the past, at one cost.

Everything comes through indexes and tallies; rows of deliveries are counted only up to a limit that is said.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from app.domain.delivery_states import DeliveryState
from app.domain.message_states import MessageStatus
from app.engine import due, gate
from app.infra.db import Database
from app.models.deliveries import Batch, Tally
from app.models.feedback import FeedbackEvent
from app.models.imports import Import
from app.models.messages import Message
from app.models.projects import Project

LAST_DAY = timedelta(hours=24)
MOST_MESSAGES = 5_000  # of each project that started in the last day: the newest of them are added up
MOST_QUEUES = 100  # messages whose queues are looked into, those that are under way for longest
MOST_DUE = 20_000  # deliveries counted as due, and receipts as waiting; more are told as so many
STATES = tuple(state.value for state in DeliveryState)


@dataclass(frozen=True, slots=True)
class Queue:
    """What waits to be sent: how many deliveries are due (at most MOST_DUE are counted) and since when the first is."""

    due: int
    oldest_due_at: datetime | None


@dataclass(frozen=True, slots=True)
class Leases:
    """Batches that workers hold, and how many of them were not renewed in time and wait to be taken over."""

    held: int
    expired: int


@dataclass(frozen=True, slots=True)
class Receipts:
    """Receipts that wait to be applied (at most MOST_DUE are counted) and since when the first could be."""

    waiting: int
    oldest_due_at: datetime | None


def projects_of(session: Session) -> dict[int, Project]:
    """Every project by its number."""
    return {project.pk: project for project in session.scalars(select(Project))}


def messages_by_phase(session: Session, projects: Sequence[int]) -> Counter[tuple[int, str]]:
    """How many messages are scheduled, late (waiting for a person), sending, paused or cancelling, by project."""
    phases: Counter[tuple[int, str]] = Counter()
    for project_pk in projects:
        scheduled = select(func.count(), func.count(Message.late_at)).where(
            Message.project_pk == project_pk, Message.status == MessageStatus.SCHEDULED.value
        )
        total, late = session.execute(scheduled).one()
        phases[project_pk, "scheduled"], phases[project_pk, "late"] = total - late, late
    under_way = (
        select(Message.project_pk, Message.paused_at.is_not(None), Message.cancelled_at.is_not(None), func.count())
        .where(Message.status == MessageStatus.PROCESSING.value)
        .group_by(Message.project_pk, Message.paused_at.is_not(None), Message.cancelled_at.is_not(None))
    )
    for project_pk, is_paused, is_cancelled, total in session.execute(under_way):
        phases[project_pk, "cancelling" if is_cancelled else "paused" if is_paused else "sending"] += total
    return phases


def deliveries_by_state(
    session: Session, projects: Sequence[int], now: datetime
) -> dict[tuple[int, str], Counter[str]]:
    """The deliveries of messages that are under way or started in the last 24 hours, by (project, channel) and state.

    From tallies. Of a project that started more than MOST_MESSAGES in that day, the newest are added up.
    """
    is_live = Message.status == MessageStatus.PROCESSING.value
    groups = [select(Message.pk).where(is_live)]
    for project_pk in projects:
        recent = select(Message.pk).where(
            Message.project_pk == project_pk, Message.started_at >= now - LAST_DAY, ~is_live
        )
        groups.append(recent.order_by(Message.started_at.desc()).limit(MOST_MESSAGES))
    found: dict[tuple[int, str], Counter[str]] = {}
    for chosen in groups:
        rows = session.execute(
            select(Message.project_pk, Message.channel, *(func.sum(getattr(Tally, state)) for state in STATES))
            .join(Tally, Tally.message_pk == Message.pk)
            .where(Message.pk.in_(chosen))
            .group_by(Message.project_pk, Message.channel)
        )
        for row in rows:
            counts = Counter(dict(zip(STATES, map(int, row[2:]), strict=True)))
            found.setdefault((row[0], row[1]), Counter()).update(counts)
    return found


def queue_of(session: Session, now: datetime) -> Queue:
    """What is due and not sent yet, of the MOST_QUEUES messages that are under way for longest and may be sent."""
    messages = session.scalars(
        select(Message.pk)
        .join(Tally, Tally.message_pk == Message.pk)
        .where(
            Message.status == MessageStatus.PROCESSING.value, Message.paused_at.is_(None),
            Message.cancelled_at.is_(None), Tally.queued > 0, gate.is_open(), gate.is_running(),
        )
        .order_by(Message.started_at)
        .limit(MOST_QUEUES)
    ).all()  # fmt: skip
    total, oldest = 0, None
    for message_pk in messages:
        count, since = due.due_of(session, message_pk, now, max(MOST_DUE - total, 1))
        total += count
        oldest = since if oldest is None else min(oldest, since or oldest)
    return Queue(min(total, MOST_DUE), oldest)


def leases_of(session: Session, now: datetime) -> Leases:
    """The batches that are held now."""
    held = session.scalars(select(Batch.lease_until).where(Batch.state == "open")).all()
    return Leases(len(held), sum(until < now for until in held))


def schedule_lag(session: Session, now: datetime) -> timedelta:
    """How long the first scheduled message waits beyond its time; none when nothing that may start is due.

    What waits for a person does not count: what is late, and what a stop or the fence holds back.
    """
    due_at = session.scalar(
        select(Message.scheduled_at)
        .where(Message.status == MessageStatus.SCHEDULED.value, Message.scheduled_at <= now, Message.late_at.is_(None))
        .where(gate.is_open(), gate.is_running())
        .order_by(Message.scheduled_at)
        .limit(1)
    )
    return now - due_at if due_at is not None else timedelta(0)


def receipts_of(session: Session, now: datetime) -> Receipts:
    """What services said that was not held against its delivery yet."""
    waits = FeedbackEvent.applied_at.is_(None)
    some = select(FeedbackEvent.pk).where(waits).limit(MOST_DUE).subquery()
    first = session.scalar(
        select(FeedbackEvent.look_at)
        .where(waits, FeedbackEvent.look_at <= now)
        .order_by(FeedbackEvent.look_at)
        .limit(1)
    )
    return Receipts(session.scalar(select(func.count()).select_from(some)) or 0, first)


def imports_running(session: Session) -> int:
    """How many CSV files are being read in."""
    return session.scalar(select(func.count()).select_from(Import).where(Import.status == "running")) or 0


def database_bytes(database: Database, session: Session) -> int:
    """How large the database is; of SQLite the file that holds it, without what its log holds beside it."""
    if database.is_sqlite:
        pages, size = (session.scalar(text(f"PRAGMA {name}")) or 0 for name in ("page_count", "page_size"))
        return int(pages) * int(size)
    return int(session.scalar(text("SELECT pg_database_size(current_database())")) or 0)
