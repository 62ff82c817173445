"""Messages that still reach people through a topic: what they lose when it is deleted."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.orm import load_only

from app.domain.message_states import MessageStatus
from app.models.messages import Message
from app.models.topics import Topic
from app.services.work import Work

MOST_NAMED = 20

_DRAFT = Message.status == MessageStatus.DRAFT.value
# Scheduled ones, also late, and those being sent whose recipients are not all planned yet.
_WAITING = and_(
    Message.status.in_((MessageStatus.SCHEDULED.value, MessageStatus.PROCESSING.value)),  # an index knows both
    or_(
        Message.status == MessageStatus.SCHEDULED.value,
        and_(Message.fanned_out_at.is_(None), Message.cancelled_at.is_(None)),
    ),
)
_SHOWN = load_only(
    Message.id, Message.title, Message.channel, Message.status, Message.scheduled_at, Message.late_at,
    Message.paused_at, Message.cancelled_at,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Named:
    """How many messages of one sort name a topic, with the first of them."""

    total: int
    first: Sequence[Message]

    @property
    def more(self) -> int:
        """How many are not among the first."""
        return self.total - len(self.first)


@dataclass(frozen=True, slots=True)
class Uses:
    """`waiting` go out without another question, and to fewer people then; `drafts` cannot be sent as they are."""

    waiting: Named
    drafts: Named


def uses_of(work: Work, topic: Topic) -> Uses:
    """The messages that name the topic and have not reached it yet: what goes out next first, drafts changed last."""
    work.require("messages.read")
    return Uses(
        waiting=_named(work, topic, _WAITING, (Message.scheduled_at.nulls_first(), Message.pk)),
        drafts=_named(work, topic, _DRAFT, (Message.updated_at.desc(), Message.pk.desc())),
    )


def _named(work: Work, topic: Topic, sort: ColumnElement[bool], order: Sequence[Any]) -> Named:
    # The list of ids as its JSON says it: quotes and all, so that no id is found within another. LIKE would take small
    # letters for large ones on SQLite.
    ids = Message.audience["topics"].as_string()
    names_it = func.replace(ids, f'"{topic.id}"', "") != ids
    holds = and_(Message.project_pk == work.project_pk, sort, names_it)
    total = work.session.scalar(select(func.count()).select_from(Message).where(holds)) or 0
    if not total:
        return Named(0, ())
    rows = work.session.scalars(select(Message).options(_SHOWN).where(holds).order_by(*order).limit(MOST_NAMED))
    return Named(total, rows.all())
