"""What people decided about dead letters: replay these, dismiss those, take a dismissal back."""

from datetime import datetime
from typing import Any

from sqlalchemy import Index, Integer, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, BigId, InProject


class DeadLetterOrder(InProject, Base):
    """One decision about many deliveries, carried out a page at a time.

    `kind` is replay, dismiss or undo. `chosen` is a `domain.dead_letters.Chosen`; of its `total` deliveries `done` are
    through. `at_message_pk` is the message that is in hand, `touched` the ids of the first messages that it changed.
    `undoes_pk` is the dismissal that an undo takes back; a dismissal says in `undone_at` when that was asked for.
    """

    __tablename__ = "dead_letter_orders"
    __table_args__ = (
        UniqueConstraint("project_pk", "id"),
        Index(None, "project_pk", "pk"),
        Index(
            "ix_dead_letter_orders_open",
            "pk",
            sqlite_where=text("ended_at IS NULL"),
            postgresql_where=text("ended_at IS NULL"),
        ),
    )

    kind: Mapped[str] = mapped_column(String(8))
    author_name: Mapped[str] = mapped_column(String(320), default="")
    chosen: Mapped[dict[str, Any]] = mapped_column(default=dict)
    total: Mapped[int] = mapped_column(Integer)
    done: Mapped[int] = mapped_column(Integer, default=0)
    at_message_pk: Mapped[int] = mapped_column(BigId, default=0)
    touched: Mapped[list[str]] = mapped_column(default=list)
    undoes_pk: Mapped[int | None] = mapped_column(BigId)
    undone_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
