"""API keys: what a program shows to be let in."""

from datetime import datetime

from sqlalchemy import String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, InProject


class ApiKey(InProject, Base):
    """A key of a program; only the hash of its secret is kept."""

    __tablename__ = "api_keys"
    __table_args__ = (UniqueConstraint("project_pk", "id"),)

    name: Mapped[str] = mapped_column(String(128))
    secret_hash: Mapped[str] = mapped_column(String(64), unique=True)
    secret_ending: Mapped[str] = mapped_column(String(8))
    scopes: Mapped[list[str]]
    expires_at: Mapped[datetime | None]
    used_at: Mapped[datetime | None]
