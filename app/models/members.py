"""Members: people who sign in, their roles and their sessions."""

from datetime import datetime

from sqlalchemy import ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, BigId, Row


class Member(Row, Base):
    """A person who signs in to the dashboard; `email` is kept in lower case."""

    __tablename__ = "members"

    id: Mapped[str] = mapped_column(String(36), unique=True)
    email: Mapped[str] = mapped_column(String(320), unique=True)
    name: Mapped[str] = mapped_column(String(128), default="")
    password_hash: Mapped[str] = mapped_column(String(255))
    disabled_at: Mapped[datetime | None]
    signed_in_at: Mapped[datetime | None]


class Membership(Row, Base):
    """One role of one member in one project; a person can hold several."""

    __tablename__ = "memberships"
    __table_args__ = (UniqueConstraint("member_pk", "project_pk", "role"),)

    member_pk: Mapped[int] = mapped_column(BigId, ForeignKey("members.pk", ondelete="CASCADE"))
    project_pk: Mapped[int] = mapped_column(BigId, ForeignKey("projects.pk", ondelete="CASCADE"), index=True)
    role: Mapped[str] = mapped_column(String(16))


class MemberSession(Row, Base):
    """One sign-in of one member in one browser; only the hash of its token is kept."""

    __tablename__ = "member_sessions"

    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    member_pk: Mapped[int] = mapped_column(BigId, ForeignKey("members.pk", ondelete="CASCADE"), index=True)
    seen_at: Mapped[datetime]
    ip: Mapped[str] = mapped_column(String(64), default="")
    user_agent: Mapped[str] = mapped_column(String(512), default="")


class Invitation(Row, Base):
    """A one-time address that makes a member: the first one at first start; only the hash of its token is kept."""

    __tablename__ = "invitations"

    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    project_pk: Mapped[int | None] = mapped_column(BigId, ForeignKey("projects.pk", ondelete="CASCADE"))
    role: Mapped[str] = mapped_column(String(16))
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
