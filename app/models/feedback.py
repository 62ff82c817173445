"""Feedback events: what services said afterwards, translated and as it came, whether or not we know the delivery."""

from datetime import datetime

from sqlalchemy import Index, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, BigId

_WAITING = text("applied_at IS NULL")


class FeedbackEvent(Base):
    """One receipt, kept once however often the service tells it; append-only but for what became of it.

    `event` and `reason` are words of ours (`domain.receipts`), `raw` is what came. `at` is when it happened as the
    service says, else when it came in. It waits until its delivery is known and no longer being sent: `look_at` is when
    it is looked at next, `applied_at` when it was done with; then `delivery_pk` and `message_pk` say whose it is.
    """

    __tablename__ = "feedback_events"
    __table_args__ = (
        UniqueConstraint("provider_pk", "event_id"),
        Index(
            "ix_feedback_events_waiting", "look_at", "pk", sqlite_where=_WAITING, postgresql_where=_WAITING
        ),
        Index(None, "message_pk", "delivery_pk", "pk"),
        Index(None, "provider_pk", "pk"),
    )  # fmt: skip

    pk: Mapped[int] = mapped_column(BigId, primary_key=True)
    project_pk: Mapped[int] = mapped_column(BigId)
    provider_pk: Mapped[int] = mapped_column(BigId)
    event_id: Mapped[str] = mapped_column(String(255))
    event: Mapped[str] = mapped_column(String(16))
    at: Mapped[datetime]
    received_at: Mapped[datetime]
    delivery_key: Mapped[str] = mapped_column(String(255), default="")
    provider_message_id: Mapped[str] = mapped_column(String(255), default="")
    address: Mapped[str] = mapped_column(String(2048), default="")
    reason: Mapped[str] = mapped_column(String(32), default="")
    code: Mapped[str] = mapped_column(String(32), default="")
    detail: Mapped[str] = mapped_column(String(512), default="")
    raw: Mapped[str] = mapped_column(Text, default="", deferred=True)
    is_proven: Mapped[bool] = mapped_column(default=True)
    look_at: Mapped[datetime]
    applied_at: Mapped[datetime | None]
    delivery_pk: Mapped[int | None] = mapped_column(BigId)
    message_pk: Mapped[int | None] = mapped_column(BigId)
