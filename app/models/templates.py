"""Templates: saved content of one channel, with its versions."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, Integer, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, BigId, InProject, Searched, key_text


class Template(Searched, InProject, Base):
    """A named content that messages begin with. Names are unique per channel, without case (`name_key`).

    `version` is the number of the newest version. Messages keep the number of their template (`pk`) when it is
    deleted, so numbers are never used twice.
    """

    __tablename__ = "templates"
    __table_args__ = (
        UniqueConstraint("project_pk", "id"),
        UniqueConstraint("project_pk", "channel", "name_key"),
        Index(None, "project_pk", "pk"),
        Index(None, "project_pk", "channel", "updated_at", "pk"),
        {"sqlite_autoincrement": True},
    )

    channel: Mapped[str] = mapped_column(String(8))
    name: Mapped[str] = mapped_column(String(128))
    name_key: Mapped[str] = mapped_column(key_text(512))  # folding case makes some letters three
    version: Mapped[int] = mapped_column(Integer, default=1)
    author_name: Mapped[str] = mapped_column(String(320), default="")
    editor_name: Mapped[str] = mapped_column(String(320), default="")  # who saved the newest version
    is_demo: Mapped[bool] = mapped_column(default=False)


class TemplateVersion(Base):
    """What a template said from `at` on; written once, never changed. `note` is what its author said of it."""

    __tablename__ = "template_versions"
    __table_args__ = (UniqueConstraint("template_pk", "number"), Index(None, "template_pk", "pk"))

    pk: Mapped[int] = mapped_column(BigId, primary_key=True)
    project_pk: Mapped[int] = mapped_column(BigId, ForeignKey("projects.pk", ondelete="CASCADE"))
    template_pk: Mapped[int] = mapped_column(BigId, ForeignKey("templates.pk", ondelete="CASCADE"))
    number: Mapped[int] = mapped_column(Integer)
    content: Mapped[dict[str, Any]]
    note: Mapped[str] = mapped_column(String(256), default="")
    author_name: Mapped[str] = mapped_column(String(320), default="")
    at: Mapped[datetime]
