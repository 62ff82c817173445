"""Suppressions: addresses that must not be contacted, and why."""

from sqlalchemy import Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, InProject, key_text


class Suppression(InProject, Base):
    """An address that must not be contacted on a channel; lifting it deletes the row and leaves an audit entry."""

    __tablename__ = "suppressions"
    __table_args__ = (
        UniqueConstraint("project_pk", "id"),
        UniqueConstraint("project_pk", "channel", "address_key"),
        Index(None, "project_pk", "pk"),
    )

    channel: Mapped[str] = mapped_column(String(8))
    address_key: Mapped[str] = mapped_column(key_text(2048))
    reason: Mapped[str] = mapped_column(String(32))  # of `services.people.suppressions.REASONS`
    source: Mapped[str] = mapped_column(String(255), default="")
    is_demo: Mapped[bool] = mapped_column(default=False)
