"""Lints: what became of rendering a draft for everybody in its audience."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, BigId


class Lint(Base):
    """How far the newest draft of a message was rendered for its people, and what broke; one row for each message.

    `state` is waiting, running, done or refused (its content cannot be rendered for anybody). Nobody begins it before
    `due_at`. `version` is the message's; whoever runs it says so with every change of `seen_at`, and goes on behind
    `cursor`, the last target's number, with what `findings` holds by then (`domain.lint_findings`). `total` is how many
    people there were when it began.
    """

    __tablename__ = "lints"
    __table_args__ = (Index(None, "state", "due_at"),)

    message_pk: Mapped[int] = mapped_column(BigId, ForeignKey("messages.pk", ondelete="CASCADE"), primary_key=True)
    project_pk: Mapped[int] = mapped_column(BigId, ForeignKey("projects.pk", ondelete="CASCADE"))
    version: Mapped[int] = mapped_column(Integer)
    state: Mapped[str] = mapped_column(String(16))
    due_at: Mapped[datetime]
    begun_at: Mapped[datetime | None]
    seen_at: Mapped[datetime]
    total: Mapped[int] = mapped_column(Integer, default=0)
    checked: Mapped[int] = mapped_column(Integer, default=0)
    cursor: Mapped[int] = mapped_column(BigId, default=0)
    findings: Mapped[dict[str, Any]] = mapped_column(default=dict)
