"""Projects: the boundary of everything else."""

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, Row


class Project(Row, Base):
    """The boundary of all other rows; `X-Appwrite-Project` names it by `id`."""

    __tablename__ = "projects"

    id: Mapped[str] = mapped_column(String(36), unique=True)
    name: Mapped[str] = mapped_column(String(128))
    time_zone: Mapped[str] = mapped_column(String(64), default="UTC")
    unsubscribe_mailbox: Mapped[str] = mapped_column(String(320), default="", server_default="")  # for mail programs
