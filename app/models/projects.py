"""Projects: the boundary of everything else."""

from datetime import datetime

from sqlalchemy import Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, Row


class Project(Row, Base):
    """The boundary of all other rows; `X-Appwrite-Project` names it by `id`.

    While `stopped_at` is set, nothing of it is sent. `max_lateness` is how many seconds late a message may start. Two
    messages that reach one topic within `topic_gap` seconds are warned about; 0 for never.
    """

    __tablename__ = "projects"

    id: Mapped[str] = mapped_column(String(36), unique=True)
    name: Mapped[str] = mapped_column(String(128))
    time_zone: Mapped[str] = mapped_column(String(64), default="UTC")
    unsubscribe_mailbox: Mapped[str] = mapped_column(String(320), default="", server_default="")  # for mail programs
    max_lateness: Mapped[int] = mapped_column(Integer, default=3600, server_default="3600")
    topic_gap: Mapped[int] = mapped_column(Integer, default=86_400, server_default="86400")
    stopped_at: Mapped[datetime | None]
    stopped_by: Mapped[str] = mapped_column(String(320), default="", server_default="")
