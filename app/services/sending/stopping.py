"""The stop of all sending: one act that holds everything of a project at once, until somebody resumes."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Select, func, select, update

from app.domain.message_states import MessageStatus
from app.models.deliveries import Tally
from app.models.messages import Message
from app.models.projects import Project
from app.services.work import Work

MOST_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Standing:
    """One message on its way: how many of its audience have not ended yet."""

    message: Message
    audience: int
    left: int


@dataclass(frozen=True, slots=True)
class Traffic:
    """What is on its way in a project, and what its schedule holds, at one moment.

    `messages` are being sent and neither paused nor cancelled; `left` of their recipients have not ended yet, more
    while `is_counting` (some fan-out goes on). `due` scheduled messages have come to their time and may still start,
    `late` ones wait for a person. `largest` are those with the most left.
    """

    stopped_at: datetime | None
    stopped_by: str
    messages: int
    left: int
    is_counting: bool
    paused: int
    due: int
    late: int
    largest: list[Standing]


def traffic_of(work: Work) -> Traffic:
    """What a stop would hold, or holds, now."""
    work.require("home.read")
    project = work.project
    moving = _of_project(work, Message.status == MessageStatus.PROCESSING, Message.cancelled_at.is_(None))
    running = moving.where(Message.paused_at.is_(None))
    left = Tally.queued + Tally.sending
    counted = running.outerjoin(Tally, Tally.message_pk == Message.pk)
    total, people, planning = work.session.execute(
        counted.with_only_columns(
            func.count(), func.coalesce(func.sum(left), 0), func.count().filter(Message.fanned_out_at.is_(None))
        )
    ).one()
    largest = work.session.execute(
        counted.with_only_columns(Message, func.coalesce(Tally.audience, 0), func.coalesce(left, 0))
        .order_by(func.coalesce(left, 0).desc(), Message.pk)
        .limit(MOST_SHOWN)
    )
    scheduled = _of_project(work, Message.status == MessageStatus.SCHEDULED)
    return Traffic(
        stopped_at=project.stopped_at,
        stopped_by=project.stopped_by,
        messages=total,
        left=int(people),
        is_counting=bool(planning),
        paused=_count(work, moving.where(Message.paused_at.is_not(None))),
        due=_count(work, scheduled.where(Message.late_at.is_(None), Message.scheduled_at <= work.now)),
        late=_count(work, scheduled.where(Message.late_at.is_not(None))),
        largest=[Standing(*row) for row in largest],
    )


def stop(work: Work) -> Traffic:
    """Send nothing of this project any more, between two recipients, and start nothing; what that holds.

    Stopping what is stopped changes nothing: the first one's name and moment stay.
    """
    work.require("messages.control")
    project = work.project
    traffic = traffic_of(work)
    done = work.session.execute(
        update(Project)
        .where(Project.pk == project.pk, Project.stopped_at.is_(None))
        .values(stopped_at=work.now, stopped_by=work.actor.name[:320], updated_at=work.now)
    )
    if done.rowcount:  # type: ignore[attr-defined]
        work.audit("sending.stop", f"project/{project.id}", messages=traffic.messages, left=traffic.left)
    return traffic


def resume(work: Work) -> Traffic:
    """Send again, exactly what was left; what that is. Scheduled messages that are too late wait for a person."""
    work.require("messages.control")
    project = work.project
    traffic = traffic_of(work)
    done = work.session.execute(
        update(Project)
        .where(Project.pk == project.pk, Project.stopped_at.is_not(None))
        .values(stopped_at=None, stopped_by="", updated_at=work.now)
    )
    if done.rowcount:  # type: ignore[attr-defined]
        work.audit("sending.resume", f"project/{project.id}", messages=traffic.messages, left=traffic.left)
    for standing in traffic.largest:  # the ticker rings for the others within a second
        work.ring("dispatch", standing.message.pk, 0)
    return traffic


def late_messages(work: Work, count: int = 5) -> list[tuple[Message, timedelta]]:
    """Scheduled messages that wait for a person because they are too late, and how late each is; the latest first."""
    work.require("home.read")
    late = _of_project(work, Message.status == MessageStatus.SCHEDULED, Message.late_at.is_not(None))
    found = work.session.scalars(late.order_by(Message.scheduled_at, Message.pk).limit(count))
    return [(message, work.now - message.scheduled_at) for message in found if message.scheduled_at is not None]


def _of_project(work: Work, *conditions: ColumnElement[bool]) -> Select[Message]:
    return select(Message).where(Message.project_pk == work.project_pk, *conditions)


def _count(work: Work, wanted: Select[Message]) -> int:
    return work.session.scalar(wanted.with_only_columns(func.count())) or 0
