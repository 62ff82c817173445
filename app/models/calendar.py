"""The calendar's feed addresses: one for each member and project."""

from datetime import datetime

from sqlalchemy import ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, BigId, Row


class CalendarFeed(Row, Base):
    """A secret address at which calendar programs read a project's calendar as one member may read it.

    Only the hash of its token is kept, and the last characters, by which a person tells it from another one.
    """

    __tablename__ = "calendar_feeds"
    __table_args__ = (UniqueConstraint("member_pk", "project_pk"),)

    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    token_ending: Mapped[str] = mapped_column(String(8))
    member_pk: Mapped[int] = mapped_column(BigId, ForeignKey("members.pk", ondelete="CASCADE"))
    project_pk: Mapped[int] = mapped_column(BigId, ForeignKey("projects.pk", ondelete="CASCADE"), index=True)
    read_at: Mapped[datetime | None]
