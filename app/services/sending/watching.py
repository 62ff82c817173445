"""Watching one message: everything its page shows, and how fast it goes."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import select

from app.domain.delivery_states import DeliveryState
from app.domain.message_states import MessageStatus
from app.domain.permissions import Actor
from app.models.messages import Message, MessageEvent
from app.models.providers import Provider
from app.services.messages import audience, messages
from app.services.tracking import deliveries
from app.services.work import Work

MOST_EVENTS = 200
SMOOTHING = 0.4  # how much the newest measurement counts in the pace that is shown

# What may be done before a message is sent, and the permission for it.
_SCHEDULED = dict.fromkeys(("send", "reschedule", "unschedule"), "messages.send")
_DRAFT = {"edit": "messages.write"}


@dataclass(frozen=True, slots=True)
class Glance:
    """How far a message was when it was last looked at: deliveries that had ended, when, and the pace shown then."""

    done: int
    at: datetime
    pace: float = 0.0  # deliveries a second


@dataclass(frozen=True, slots=True)
class Progress:
    """The numbers of one message at one moment; `counts` by state, in the order people read them."""

    counts: dict[str, int] = field(default_factory=dict)
    audience: int = 0
    pace: float = 0.0

    @property
    def left(self) -> int:
        """How many have not ended yet."""
        return self.counts.get("queued", 0) + self.counts.get("sending", 0)

    @property
    def done(self) -> int:
        """How many have ended, one way or another."""
        return self.audience - self.left

    @property
    def reached(self) -> int:
        """How many a provider took over, as far as is known."""
        return self.counts.get("sent", 0) + self.counts.get("delivered", 0)

    @property
    def went_wrong(self) -> int:
        """How many failed or came back."""
        return self.counts.get("failed", 0) + self.counts.get("bounced", 0)

    @property
    def time_left(self) -> timedelta | None:
        """How long it still takes at this pace; None when nothing moves."""
        return timedelta(seconds=self.left / self.pace) if self.pace > 0 and self.left else None


@dataclass(frozen=True, slots=True)
class Watched:
    """A message as its page shows it. `phase` is the word people see; `is_live` while its numbers may still move."""

    message: Message
    phase: str
    progress: Progress
    now: datetime
    acts: frozenset[str] = frozenset()  # what whoever asks may do with it in its present state
    blocked: list[Provider] = field(default_factory=list)
    late_by: timedelta | None = None  # how long after its time a scheduled message is, when it did not start
    awaited: int = 0  # to how many a scheduled message would go, were it sent now

    @property
    def is_live(self) -> bool:
        """Whether the page has to be asked again."""
        return self.message.status == "processing"

    @property
    def has_begun(self) -> bool:
        """Whether it ever was sent."""
        return self.message.started_at is not None


def watch(work: Work, message_id: str, last: Glance | None = None) -> Watched:
    """How a message stands now; `last` is the glance before, from which the pace is taken."""
    message = messages.find(work, message_id)
    tally = deliveries.tallies_of(work, [message.pk]).get(message.pk)
    counts = {state.value: getattr(tally, state.value) if tally else 0 for state in DeliveryState}
    progress = Progress(counts, tally.audience if tally else 0)
    phase = message.phase(stopped=work.project.stopped_at is not None)
    pace = _pace(message, progress.done, work.now, last) if phase != "stopped" else 0.0
    return Watched(
        message, phase, Progress(counts, progress.audience, pace), work.now, _acts(work.actor, message, counts),
        _blocked(work, message) if message.waiting_reason else [], _late_by(message, work.now), _awaited(work, message),
    )  # fmt: skip


def _late_by(message: Message, now: datetime) -> timedelta | None:
    due = messages.goes_out_at(message)
    return now - due if due is not None and now > due else None


def _awaited(work: Work, message: Message) -> int:
    if message.status != MessageStatus.SCHEDULED:
        return 0
    return audience.equation(work, message.channel, message.audience).total


def _acts(actor: Actor, message: Message, counts: dict[str, int]) -> frozenset[str]:
    """What this actor may do with the message as it stands now."""
    status = MessageStatus(message.status)
    is_sending, is_stopping = status is MessageStatus.PROCESSING, message.cancelled_at is not None
    fit = _acts_before(message)
    if is_sending and not is_stopping:
        fit |= {"resume" if message.paused_at else "pause": "messages.control", "cancel": "messages.control"}
    if (counts["failed"] or counts["uncertain"]) and not is_stopping:
        fit["retry"] = "deliveries.retry"
    if not is_sending:
        fit["delete"] = "messages.write"
    return frozenset(act for act, permission in fit.items() if actor.may(permission))


def _acts_before(message: Message) -> dict[str, str]:
    match MessageStatus(message.status):
        case MessageStatus.DRAFT:
            return dict(_DRAFT)
        case MessageStatus.SCHEDULED:
            return dict(_SCHEDULED)
        case _:
            return {}


def _pace(message: Message, done: int, now: datetime, last: Glance | None) -> float:
    """Deliveries a second: since the last glance, smoothed; at the first glance the mean since the start."""
    if message.status != "processing" or message.paused_at is not None or message.started_at is None:
        return 0.0
    since, before = (message.started_at, 0) if last is None else (last.at, last.done)
    seconds = (now - since).total_seconds()
    if seconds <= 0:
        return last.pace if last else 0.0
    measured = max(0, done - before) / seconds
    if last is None or last.pace <= 0:
        return measured
    return SMOOTHING * measured + (1 - SMOOTHING) * last.pace


def _blocked(work: Work, message: Message) -> list[Provider]:
    return list(
        work.session.scalars(
            select(Provider)
            .where(
                Provider.project_pk == work.project_pk,
                Provider.channel == message.channel,
                Provider.enabled.is_(True),
                Provider.blocked_at.is_not(None),
            )
            .order_by(Provider.rank)
        )
    )


def timeline_of(work: Work, message: Message) -> list[MessageEvent]:
    """What happened to a message, in order of time."""
    work.require("messages.read")
    return list(
        work.session.scalars(
            select(MessageEvent)
            .where(MessageEvent.message_pk == message.pk)
            .order_by(MessageEvent.pk)
            .limit(MOST_EVENTS)
        )
    )
