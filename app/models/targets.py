"""Targets: the addresses of contacts."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, BigId, InProject, key_text

_EXPIRED = text("expired_at IS NOT NULL")
_IN_SESSION = text("session_pk IS NOT NULL")


class Target(InProject, Base):
    """One address of one contact on one channel.

    `address` is what is sent to; `address_key` is what makes two addresses the same (email: lower case) and is unique
    in its project and channel. An expired target is never sent to. One that a contact registered for its device is
    bound to that session, and goes with it.
    """

    __tablename__ = "targets"
    __table_args__ = (
        UniqueConstraint("project_pk", "id"),
        UniqueConstraint("project_pk", "channel", "address_key"),
        Index(None, "contact_pk", "channel"),
        Index(None, "project_pk", "channel", "contact_pk"),
        Index("ix_targets_expired", "project_pk", "channel", "pk", sqlite_where=_EXPIRED, postgresql_where=_EXPIRED),
        Index("ix_targets_session", "session_pk", sqlite_where=_IN_SESSION, postgresql_where=_IN_SESSION),
    )

    contact_pk: Mapped[int] = mapped_column(BigId, ForeignKey("contacts.pk", ondelete="CASCADE"))
    provider_pk: Mapped[int | None] = mapped_column(BigId, ForeignKey("providers.pk", ondelete="SET NULL"))
    channel: Mapped[str] = mapped_column(String(8))
    address: Mapped[str] = mapped_column(String(2048))
    address_key: Mapped[str] = mapped_column(key_text(2048))
    name: Mapped[str] = mapped_column(String(128), default="")
    expired_at: Mapped[datetime | None]
    session_pk: Mapped[int | None] = mapped_column(BigId, ForeignKey("contact_sessions.pk", ondelete="SET NULL"))
