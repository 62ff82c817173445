"""Large topics once more: their members as bits, made now and then, and who left since."""

from sqlalchemy import ForeignKey, Integer, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, BigId


class TopicSet(Base):
    """The targets of one channel in a large topic, as they were once (`services.people.topic_members`).

    `left_total` is how many had left the topic by then, `last_pk` its newest subscriber, `total` how many are in the
    set, and `members` the octets of a `NumberSet`, squeezed.
    """

    __tablename__ = "topic_sets"

    topic_pk: Mapped[int] = mapped_column(BigId, ForeignKey("topics.pk", ondelete="CASCADE"), primary_key=True)
    channel: Mapped[str] = mapped_column(String(16), primary_key=True)
    project_pk: Mapped[int] = mapped_column(BigId, ForeignKey("projects.pk", ondelete="CASCADE"))
    left_total: Mapped[int] = mapped_column(Integer)
    last_pk: Mapped[int] = mapped_column(BigId)
    total: Mapped[int] = mapped_column(Integer)
    members: Mapped[bytes] = mapped_column(LargeBinary)


class TopicLeaver(Base):
    """A target that left a topic which has a set: `number` is the topic's `left_total` when it had gone."""

    __tablename__ = "topic_leavers"

    topic_pk: Mapped[int] = mapped_column(BigId, ForeignKey("topics.pk", ondelete="CASCADE"), primary_key=True)
    number: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    project_pk: Mapped[int] = mapped_column(BigId, ForeignKey("projects.pk", ondelete="CASCADE"))
    target_pk: Mapped[int] = mapped_column(BigId)
