"""Contacts: people in the audience (the REST API calls them users)."""

from datetime import datetime
from typing import Any

from sqlalchemy import Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, InProject, Searched, key_text


class Contact(Searched, InProject, Base):
    """A person who can be reached; `attributes` are free values by name, for variables (prefs in the REST API).

    A password, ours or one that came along from another service, lets it sign in through the REST API: `password_kind`
    says which sort of hash it is and `password_options` what checking it takes besides. Whoever may not sign in is
    written to all the same.
    """

    __tablename__ = "contacts"
    __table_args__ = (
        UniqueConstraint("project_pk", "id"),
        Index(None, "project_pk", "pk"),
        Index(None, "project_pk", "name_key", "pk"),
        Index(None, "project_pk", "created_at", "pk"),
        Index(None, "project_pk", "updated_at", "pk"),
        Index(
            "ix_contacts_barred", "project_pk", "pk",
            sqlite_where=text("may_sign_in = 0"), postgresql_where=text("may_sign_in = false"),
        ),
    )  # fmt: skip

    name: Mapped[str] = mapped_column(String(128), default="")
    name_key: Mapped[str] = mapped_column(key_text(128), default="")  # case-folded, for search and order
    attributes: Mapped[dict[str, Any]] = mapped_column(default=dict)
    is_demo: Mapped[bool] = mapped_column(default=False)
    password_hash: Mapped[str] = mapped_column(String(1024), default="")  # empty: no password
    password_kind: Mapped[str] = mapped_column(String(16), default="")
    password_options: Mapped[dict[str, Any]] = mapped_column(default=dict)
    password_at: Mapped[datetime | None]
    may_sign_in: Mapped[bool] = mapped_column(default=True)
    email_verified: Mapped[bool] = mapped_column(default=False)
    phone_verified: Mapped[bool] = mapped_column(default=False)
    labels: Mapped[list[str]] = mapped_column(default=list)
    accessed_at: Mapped[datetime | None]
