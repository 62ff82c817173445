"""Contacts: people in the audience (the REST API calls them users)."""

from typing import Any

from sqlalchemy import Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, InProject, key_text


class Contact(InProject, Base):
    """A person who can be reached; `attributes` are free values by name, for variables."""

    __tablename__ = "contacts"
    __table_args__ = (
        UniqueConstraint("project_pk", "id"),
        Index(None, "project_pk", "pk"),
        Index(None, "project_pk", "name_key", "pk"),
    )

    name: Mapped[str] = mapped_column(String(128), default="")
    name_key: Mapped[str] = mapped_column(key_text(128), default="")  # case-folded, for search and order
    attributes: Mapped[dict[str, Any]] = mapped_column(default=dict)
    is_demo: Mapped[bool] = mapped_column(default=False)
