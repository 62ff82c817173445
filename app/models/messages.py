"""Messages: content, audience and time."""

from datetime import datetime
from typing import Any

from sqlalchemy import Index, Integer, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.domain.message_states import MessageStatus, Phase
from app.models.base import Base, BigId, InProject, Searched, key_text

_MADE = text("template_pk IS NOT NULL")


class Message(Searched, InProject, Base):
    """What a composer writes. `content` and `audience` freeze once it is processing.

    `audience` holds the public ids as submitted: topics, contacts, targets. `scheduled_at` is the moment in UTC;
    `scheduled_wall` and `scheduled_zone` keep what the person chose, `scheduled_rules` the version of the world's time
    zones by which the moment was counted. `max_lateness` is how many seconds late it may start (None: as the project
    has it); `late_at` is when it was found later than that, so that it waits for a person. `version` grows with every
    save, so that two tabs notice one another. Inside *processing* only facts are kept: fanned out, paused, cancelled,
    settled.
    """

    __tablename__ = "messages"
    __table_args__ = (
        UniqueConstraint("project_pk", "id"),
        Index(None, "project_pk", "pk"),
        Index(None, "status", "late_at", "scheduled_at"),
        Index(None, "project_pk", "scheduled_at"),
        Index(None, "project_pk", "status", "scheduled_at"),
        Index(None, "project_pk", "started_at", "channel", "pk"),  # whole days are added up from it alone
        Index(None, "project_pk", "created_at", "pk"),
        Index(None, "project_pk", "updated_at", "pk"),
        Index(None, "project_pk", "status", "pk"),
        Index("ix_messages_template", "template_pk", "pk", sqlite_where=_MADE, postgresql_where=_MADE),
    )

    channel: Mapped[str] = mapped_column(String(8))
    title: Mapped[str] = mapped_column(String(998), default="")  # what lists show and search
    title_key: Mapped[str] = mapped_column(key_text(998), default="")
    content: Mapped[dict[str, Any]]
    audience: Mapped[dict[str, Any]]
    status: Mapped[str] = mapped_column(String(16))
    provider_pk: Mapped[int | None] = mapped_column(BigId)  # pinned provider, when the composer chose one
    template_pk: Mapped[int | None] = mapped_column(BigId)  # what it was made from, also after that was deleted
    template_version: Mapped[int | None] = mapped_column(Integer)
    version: Mapped[int] = mapped_column(Integer, default=1)
    author_pk: Mapped[int | None] = mapped_column(BigId)
    author_name: Mapped[str] = mapped_column(String(320), default="")
    editor_name: Mapped[str] = mapped_column(String(320), default="")  # who saved it last
    scheduled_at: Mapped[datetime | None]
    scheduled_wall: Mapped[str] = mapped_column(String(32), default="")
    scheduled_zone: Mapped[str] = mapped_column(String(64), default="")
    scheduled_rules: Mapped[str] = mapped_column(String(16), default="", server_default="")
    max_lateness: Mapped[int | None] = mapped_column(Integer)
    late_at: Mapped[datetime | None]
    started_at: Mapped[datetime | None]
    fan_out_cursor: Mapped[int] = mapped_column(BigId, default=0)
    fanned_out_at: Mapped[datetime | None]
    paused_at: Mapped[datetime | None]
    cancelled_at: Mapped[datetime | None]
    settled_at: Mapped[datetime | None]
    waiting_reason: Mapped[str] = mapped_column(String(512), default="")
    is_demo: Mapped[bool] = mapped_column(default=False)

    def phase(self, *, stopped: bool = False) -> str:
        """The word people see, as `Phase.of` has it; `stopped`: all sending of its project is."""
        return Phase.of(
            MessageStatus(self.status), paused=self.paused_at is not None, cancelled=self.cancelled_at is not None,
            late=self.late_at is not None, stopped=stopped,
        ).word  # fmt: skip


class MessageEvent(Base):
    """One line of a message's timeline: created, scheduled, started, fanned out, paused, retried, settled."""

    __tablename__ = "message_events"
    __table_args__ = (Index(None, "message_pk", "pk"),)

    pk: Mapped[int] = mapped_column(BigId, primary_key=True)
    message_pk: Mapped[int] = mapped_column(BigId)
    at: Mapped[datetime]
    event: Mapped[str] = mapped_column(String(32))
    actor_name: Mapped[str] = mapped_column(String(320), default="")
    details: Mapped[dict[str, Any]]
