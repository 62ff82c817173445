"""Topics and their subscribers: named audiences."""

from sqlalchemy import ForeignKey, Index, Integer, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, BigId, InProject, Searched


class Topic(Searched, InProject, Base):
    """A named list that targets subscribe to. The three totals are kept with every change of a subscriber.

    `left_total` is how many ever left it: as long as it stays, its members can only have become more.
    """

    __tablename__ = "topics"
    __table_args__ = (UniqueConstraint("project_pk", "id"), Index(None, "project_pk", "name"))

    name: Mapped[str] = mapped_column(String(128))
    description: Mapped[str] = mapped_column(String(2048), default="")
    subscribe: Mapped[list[str]]
    email_total: Mapped[int] = mapped_column(Integer, default=0)
    sms_total: Mapped[int] = mapped_column(Integer, default=0)
    push_total: Mapped[int] = mapped_column(Integer, default=0)
    left_total: Mapped[int] = mapped_column(Integer, default=0, server_default="0")
    is_demo: Mapped[bool] = mapped_column(default=False)


class Subscriber(InProject, Base):
    """The link of one target to one topic."""

    __tablename__ = "subscribers"
    __table_args__ = (
        UniqueConstraint("project_pk", "id"),
        UniqueConstraint("topic_pk", "target_pk"),
        Index(None, "target_pk"),
        Index(None, "topic_pk", "pk"),
        Index(None, "topic_pk", "created_at", "pk"),
    )

    topic_pk: Mapped[int] = mapped_column(BigId, ForeignKey("topics.pk", ondelete="CASCADE"))
    target_pk: Mapped[int] = mapped_column(BigId, ForeignKey("targets.pk", ondelete="CASCADE"))
