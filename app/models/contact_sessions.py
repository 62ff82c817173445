"""Sessions: sign-ins of contacts through the REST API."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, BigId, InProject


class ContactSession(InProject, Base):
    """One sign-in of one contact on one device; only the hash of its secret is kept.

    `lifetime` (seconds) is how long it lives from its beginning, and again from each time it is extended. `provider`
    says who let the contact in: `email` (with a password) or `server` (a key).
    """

    __tablename__ = "contact_sessions"
    __table_args__ = (UniqueConstraint("project_pk", "id"), Index(None, "contact_pk", "pk"))

    contact_pk: Mapped[int] = mapped_column(BigId, ForeignKey("contacts.pk", ondelete="CASCADE"))
    secret_hash: Mapped[str] = mapped_column(String(64), unique=True)
    provider: Mapped[str] = mapped_column(String(16))
    provider_uid: Mapped[str] = mapped_column(String(320), default="")
    lifetime: Mapped[int]
    expires_at: Mapped[datetime]
    ip: Mapped[str] = mapped_column(String(64), default="")
    user_agent: Mapped[str] = mapped_column(String(512), default="")
