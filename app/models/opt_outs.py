"""Opt-outs: which target left which topic of its person's own wish."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, BigId


class OptOut(Base):
    """A target left a topic through an unsubscribe link.

    It stays when the target is subscribed anew: what counts is the subscription. Without it nobody may come back by
    the link, and a page says when somebody left. It goes with the target, so that nothing is kept of people who are
    deleted. `message_pk` is the message whose link it was, as far as that is kept.
    """

    __tablename__ = "opt_outs"
    __table_args__ = (UniqueConstraint("topic_pk", "target_pk"), Index(None, "target_pk"), Index(None, "project_pk"))

    pk: Mapped[int] = mapped_column(BigId, primary_key=True)
    project_pk: Mapped[int] = mapped_column(BigId, ForeignKey("projects.pk", ondelete="CASCADE"))
    topic_pk: Mapped[int] = mapped_column(BigId, ForeignKey("topics.pk", ondelete="CASCADE"))
    target_pk: Mapped[int] = mapped_column(BigId, ForeignKey("targets.pk", ondelete="CASCADE"))
    at: Mapped[datetime]
    message_pk: Mapped[int] = mapped_column(BigId)
