"""The ledger: one row per recipient, one row per try, one per batch, and the tally of each message."""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import Index, Integer, SmallInteger, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.domain.dead_letters import HOPELESS
from app.domain.delivery_states import RETRYABLE
from app.models.base import Base, BigId, key_text

_QUEUED = text("state = 'queued'")
_HELD = text("batch_pk IS NOT NULL")
_DISMISSED = text("dismissal_pk IS NOT NULL")


def _quoted(words: Iterable[str]) -> str:
    return ", ".join(f"'{word}'" for word in sorted(map(str, words)))


# One whose reason somebody wants to know. Who asks in these very words finds its index. Not `IN`: SQLite would make the
# list anew for each row that comes or moves (0.5 µs).
NOTABLE = text("(state = 'failed' OR state = 'bounced' OR state = 'skipped' OR state = 'uncertain')")

# A delivery that `domain.dead_letters` calls dead and nobody dismissed. Who asks in these very words finds its index.
# COALESCE keeps SQLite from walking the index state by state when a query names one, which costs the order of the rest.
DEAD = text(
    f"COALESCE(state, '') IN ({_quoted(RETRYABLE)}) AND dismissal_pk IS NULL AND reason NOT IN ({_quoted(HOPELESS)})"
)


class Delivery(Base):
    """One message to one address. Only `engine.ledger` writes here, and `engine.planning` makes it.

    `address` is the target's address key: it is unique within a message, so a fan-out may run twice.
    `batch_pk` names the batch that holds it while it is sending. `wish_pk` is the provider that its target was bound
    to when it was planned, 0 for none; below zero it is the number of a detour that its tries led to
    (`engine.routing`). `dismissal_pk` is the order by which somebody dismissed it as a dead letter.
    """

    __tablename__ = "deliveries"
    __table_args__ = (
        UniqueConstraint("message_pk", "address"),
        Index(
            "ix_deliveries_due",
            "message_pk",
            "wish_pk",
            "next_attempt_at",
            "pk",
            sqlite_where=_QUEUED,
            postgresql_where=_QUEUED,
        ),
        Index(None, "message_pk", "state", "pk"),
        Index(
            "ix_deliveries_reasons",
            "message_pk",
            "reason",
            "pk",
            "state",
            sqlite_where=NOTABLE,
            postgresql_where=NOTABLE,
        ),
        Index(
            "ix_deliveries_dead",
            "project_pk",
            "message_pk",
            "reason",
            "state",
            "provider_pk",
            "updated_at",
            "pk",
            "dismissal_pk",
            sqlite_where=DEAD,
            postgresql_where=DEAD,
        ),
        Index("ix_deliveries_dismissed", "dismissal_pk", "pk", sqlite_where=_DISMISSED, postgresql_where=_DISMISSED),
        Index("ix_deliveries_held", "batch_pk", sqlite_where=_HELD, postgresql_where=_HELD),
        Index(None, "project_pk", "address", "pk"),
        Index(None, "project_pk", "pk"),
    )

    pk: Mapped[int] = mapped_column(BigId, primary_key=True)
    project_pk: Mapped[int] = mapped_column(BigId)
    message_pk: Mapped[int] = mapped_column(BigId)
    target_pk: Mapped[int | None] = mapped_column(BigId)
    contact_pk: Mapped[int | None] = mapped_column(BigId)
    address: Mapped[str] = mapped_column(key_text(2048))
    channel: Mapped[str] = mapped_column(String(8))
    state: Mapped[str] = mapped_column(String(10))
    reason: Mapped[str] = mapped_column(String(32), default="")
    attempts: Mapped[int] = mapped_column(SmallInteger, default=0)
    provider_pk: Mapped[int | None] = mapped_column(BigId)
    wish_pk: Mapped[int] = mapped_column(BigId, default=0, server_default="0")
    batch_pk: Mapped[int | None] = mapped_column(BigId)
    next_attempt_at: Mapped[datetime]
    first_tried_at: Mapped[datetime | None]
    was_uncertain: Mapped[bool] = mapped_column(default=False)
    provider_message_id: Mapped[str] = mapped_column(String(255), default="")
    dismissal_pk: Mapped[int | None] = mapped_column(BigId)
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class Attempt(Base):
    """One try to hand one delivery to one provider; append-only, closed exactly once.

    `number` is which of the delivery's tries it was; one that was throttled does not count, and comes again with it.
    """

    __tablename__ = "attempts"
    __table_args__ = (Index(None, "delivery_pk", "pk"),)

    pk: Mapped[int] = mapped_column(BigId, primary_key=True)
    delivery_pk: Mapped[int] = mapped_column(BigId)
    message_pk: Mapped[int] = mapped_column(BigId)
    provider_pk: Mapped[int | None] = mapped_column(BigId)
    number: Mapped[int] = mapped_column(SmallInteger)
    started_at: Mapped[datetime]
    ended_at: Mapped[datetime]
    outcome: Mapped[str] = mapped_column(String(24))
    reason: Mapped[str] = mapped_column(String(32), default="")
    code: Mapped[str] = mapped_column(String(32), default="")
    detail: Mapped[str] = mapped_column(String(512), default="")
    worker: Mapped[str] = mapped_column(String(64), default="")


class Batch(Base):
    """The slice of a message's deliveries that one worker holds, with its lease.

    `state` is open (somebody holds it until `lease_until`), done, or lost (the lease ran out and was taken over).
    Whoever records must find it open: a worker that slept past its lease finds it lost and stops.
    """

    __tablename__ = "batches"
    __table_args__ = (
        Index(
            "ix_batches_open",
            "lease_until",
            sqlite_where=text("state = 'open'"),
            postgresql_where=text("state = 'open'"),
        ),
        Index(None, "message_pk"),
    )

    pk: Mapped[int] = mapped_column(BigId, primary_key=True)
    project_pk: Mapped[int] = mapped_column(BigId)
    message_pk: Mapped[int] = mapped_column(BigId)
    provider_pk: Mapped[int | None] = mapped_column(BigId)
    worker: Mapped[str] = mapped_column(String(64))
    size: Mapped[int] = mapped_column(Integer)
    state: Mapped[str] = mapped_column(String(8))
    claimed_at: Mapped[datetime]
    lease_until: Mapped[datetime]


class Tally(Base):
    """How many deliveries of a message are in each state, kept in the same transaction as every change of state.

    The balance `audience = queued + sending + sent + delivered + bounced + failed + skipped + uncertain` always holds.
    """

    __tablename__ = "tallies"

    message_pk: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=False)
    audience: Mapped[int] = mapped_column(Integer, default=0)
    queued: Mapped[int] = mapped_column(Integer, default=0)
    sending: Mapped[int] = mapped_column(Integer, default=0)
    sent: Mapped[int] = mapped_column(Integer, default=0)
    delivered: Mapped[int] = mapped_column(Integer, default=0)
    bounced: Mapped[int] = mapped_column(Integer, default=0)
    failed: Mapped[int] = mapped_column(Integer, default=0)
    skipped: Mapped[int] = mapped_column(Integer, default=0)
    uncertain: Mapped[int] = mapped_column(Integer, default=0)
    updated_at: Mapped[datetime]
