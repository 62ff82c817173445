"""What a person sees of the fence of a restored or copied installation, and what they decide."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import func, select

from app.domain.errors import Conflict, Forbidden
from app.domain.fences import FenceReason
from app.domain.message_states import MessageStatus
from app.domain.permissions import ActorKind, Role
from app.engine import fence, ledger, lifecycle
from app.models.installation import ONLY, Installation
from app.models.members import Membership
from app.models.messages import Message
from app.services.work import Work

_WHY = {
    FenceReason.RESTORED: "This installation was restored from a backup",
    FenceReason.COPIED: "This database is a copy, or was moved",
    FenceReason.ROLLED_BACK: "This database was rolled back to an earlier state",
}
_BEGINNING = {
    FenceReason.RESTORED: "the backup was made",
    FenceReason.COPIED: "the copy was made",
    FenceReason.ROLLED_BACK: "that state was kept",
}


@dataclass(frozen=True, slots=True)
class Fence:
    """Why nothing is sent, since when, and from when the backup was, if that is known."""

    reason: FenceReason
    since: datetime
    backup_at: datetime | None

    @property
    def why(self) -> str:
        """Why, in words, without a full stop."""
        return _WHY[self.reason]

    @property
    def beginning(self) -> str:
        """When what this installation knows ends, in words: whatever was sent later, it has not seen."""
        return _BEGINNING[self.reason]


@dataclass(frozen=True, slots=True)
class Waiting:
    """What would go out once it is confirmed, in the whole installation.

    `left` counts recipients of `under_way` messages who were not written to yet, `uncertain` those of whom nobody
    knows; `overdue` are those of the `scheduled` messages whose time has passed.
    """

    under_way: int
    left: int
    uncertain: int
    scheduled: int
    overdue: int

    @property
    def words(self) -> str:
        """All of it in a sentence or two."""
        under_way = (
            f"{_count(self.under_way, 'message is on its way', 'messages are on their way')} with "
            f"{_count(self.left, 'recipient', 'recipients')} left"
        )
        unknown = f", and {self.uncertain:,} more may have got it" if self.uncertain else ""
        overdue = f", {self.overdue:,} of them for a time that has passed" if self.overdue else ""
        scheduled = f"{_count(self.scheduled, 'message is scheduled', 'messages are scheduled')}{overdue}."
        if not self.under_way:
            return f"No message is on its way. {scheduled}"
        return f"{under_way}{unknown}. {scheduled}"


def _count(number: int, one: str, many: str) -> str:
    return f"{number:,} {one if number == 1 else many}"


def fence_of(work: Work) -> Fence | None:
    """The fence, None when there is none. One look at one row."""
    row = work.session.get(Installation, ONLY)
    if row is None or row.fenced_at is None:
        return None
    return Fence(FenceReason(row.fence_reason), row.fenced_at, row.backup_at)


def waiting(work: Work) -> Waiting:
    """How much waits behind the fence."""
    on_the_way = _under_way(work)
    tallies = [tally for message in on_the_way if (tally := ledger.tally_of(work.session, message.pk)) is not None]
    scheduled = select(func.count()).select_from(Message).where(Message.status == MessageStatus.SCHEDULED.value)
    return Waiting(
        under_way=len(on_the_way),
        left=sum(tally.queued for tally in tallies),
        uncertain=sum(tally.sending + tally.uncertain for tally in tallies),
        scheduled=work.session.scalar(scheduled) or 0,
        overdue=work.session.scalar(scheduled.where(Message.scheduled_at <= work.now)) or 0,
    )


def may_confirm(work: Work) -> bool:
    """Whether the actor speaks for every project that has something waiting: the system, or an admin of them all."""
    if work.actor.kind is ActorKind.SYSTEM:
        return True
    if work.actor.kind is not ActorKind.MEMBER or not work.actor.may("installation.confirm"):
        return False
    mine = select(Membership.project_pk).where(
        Membership.member_pk == work.actor.pk, Membership.role == Role.ADMIN.value
    )
    statuses = [MessageStatus.PROCESSING.value, MessageStatus.SCHEDULED.value]
    foreign = select(Message.pk).where(Message.status.in_(statuses), Message.project_pk.not_in(mine)).limit(1)
    return work.session.scalar(foreign) is None


def confirm(work: Work, *, goes_on: bool) -> Waiting:
    """This is the installation from now on: what waited; with `goes_on` it is sent, else its rest is cancelled.

    Scheduled messages whose time has passed wait for a person in any case. Raises Conflict when there is no fence (any
    more), Forbidden when others must be asked.
    """
    row = work.session.scalar(select(Installation).where(Installation.pk == ONLY).with_for_update())
    if row is None or row.fenced_at is None:
        raise Conflict("There is nothing to confirm: this installation sends as usual.")
    if not may_confirm(work):
        raise Forbidden(
            "Messages of other projects wait too. An admin of all of them confirms, or whoever runs the machine: "
            "carillon db confirm"
        )
    found = waiting(work)
    _set_overdue_aside(work)
    for message in _under_way(work):
        if not goes_on and message.cancelled_at is None:
            _cancel(work, message.pk)
        elif message.fanned_out_at is None:
            work.ring("fan_out", message.pk, queue="urgent")
        else:
            work.ring("dispatch", message.pk, 0)
    fence.take_down(work.session, work.now, by=work.actor.name)
    work.audit("installation.confirm", "installation/1", reason=row.fence_reason, goes_on=goes_on, left=found.left)
    return found


def _cancel(work: Work, message_pk: int) -> None:
    message = lifecycle.lock(work.session, message_pk)
    if message is None or message.status != MessageStatus.PROCESSING.value:
        return  # it ended since
    own = work.given_to(replace(work.actor, project_pk=message.project_pk))
    left = lifecycle.cancel(work.session, message, work.now, by=work.actor.name)
    own.audit("message.cancel", f"message/{message.id}", left=left, why="not to be sent again after a restore")
    work.ring("skip_rest", message.pk, queue="urgent")


def _set_overdue_aside(work: Work) -> None:
    overdue = select(Message).where(
        Message.status == MessageStatus.SCHEDULED.value, Message.scheduled_at <= work.now, Message.late_at.is_(None)
    )
    for message in work.session.scalars(overdue.order_by(Message.pk).with_for_update()):
        lifecycle.set_aside(work.session, message, work.now)


def _under_way(work: Work) -> Sequence[Message]:
    processing = select(Message).where(Message.status == MessageStatus.PROCESSING.value)
    return work.session.scalars(processing.order_by(Message.pk).execution_options(populate_existing=True)).all()
