"""Answers kept for requests that may come twice: the same Idempotency-Key gets the same answer."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, SmallInteger, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, BigId


class KeptAnswer(Base):
    """What a create answered, by the key its caller chose; written in the very transaction of the create.

    `fingerprint` tells whether it is the same request; `body` is {"sealed": …}, the answer as the vault encrypts it.
    """

    __tablename__ = "kept_answers"
    __table_args__ = (UniqueConstraint("project_pk", "caller_pk", "key"), Index(None, "at"))

    pk: Mapped[int] = mapped_column(BigId, primary_key=True)
    project_pk: Mapped[int] = mapped_column(BigId, ForeignKey("projects.pk", ondelete="CASCADE"))
    caller_pk: Mapped[int] = mapped_column(BigId)
    key: Mapped[str] = mapped_column(String(255))
    fingerprint: Mapped[str] = mapped_column(String(64))
    status: Mapped[int] = mapped_column(SmallInteger)
    body: Mapped[dict[str, Any]]
    at: Mapped[datetime]
