"""The audit trail: who did what to which resource, from where."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, BigId


class AuditEntry(Base):
    """One act of somebody; written with the change itself, in the same transaction.

    `details` hold what a thing was called then, so that it is known when it is gone. Of contacts neither names nor
    addresses are written: the trail is not rewritten when somebody is deleted, and nothing of them shall live on in it.
    `actor_name` is empty where `actor_pk` is a contact.
    """

    __tablename__ = "audit_entries"
    __table_args__ = (Index(None, "project_pk", "resource", "pk"), Index(None, "project_pk", "pk"))

    pk: Mapped[int] = mapped_column(BigId, primary_key=True)
    project_pk: Mapped[int | None] = mapped_column(BigId, ForeignKey("projects.pk", ondelete="CASCADE"))
    at: Mapped[datetime]
    event: Mapped[str] = mapped_column(String(64))
    resource: Mapped[str] = mapped_column(String(160))
    actor_kind: Mapped[str] = mapped_column(String(16))
    actor_pk: Mapped[int | None] = mapped_column(BigId)
    actor_name: Mapped[str] = mapped_column(String(320))
    ip: Mapped[str] = mapped_column(String(64), default="")
    user_agent: Mapped[str] = mapped_column(String(512), default="")
    details: Mapped[dict[str, Any]]
