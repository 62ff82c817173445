"""The installation that a database belongs to, and whether it may send."""

from datetime import datetime

from sqlalchemy import BigInteger, String
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, BigId

ONLY = 1  # the number of the one row


class Installation(Base):
    """One row: which installation this database is of, where it lay when that was last sure, and its fence.

    `place` names the very database that the row was written in; a copy of it lies elsewhere. `epoch` is the moment
    since which that holds, in milliseconds since 1970; `beat` grows while Carillon runs and `nonce` is new with each:
    whoever has seen a later one knows that the database was rolled back. While `fenced_at` is set nothing is sent;
    `fence_reason` is a word of `domain.fences`, `backup_at` the moment of the backup that was restored.
    """

    __tablename__ = "installations"

    pk: Mapped[int] = mapped_column(BigId, primary_key=True)
    id: Mapped[str] = mapped_column(String(36))
    place: Mapped[str] = mapped_column(String(128))
    epoch: Mapped[int] = mapped_column(BigInteger)
    beat: Mapped[int] = mapped_column(BigInteger)
    nonce: Mapped[str] = mapped_column(String(32))
    fenced_at: Mapped[datetime | None]
    fence_reason: Mapped[str] = mapped_column(String(16), default="")
    backup_at: Mapped[datetime | None]
    confirmed_at: Mapped[datetime | None]
    confirmed_by: Mapped[str] = mapped_column(String(320), default="")
