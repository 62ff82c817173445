"""How providers did over time: counts by minute and hour, openings of the breaker, and tokens they called dead."""

from datetime import datetime

from sqlalchemy import Index, Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from app.domain.latency import CLASSES
from app.models.base import Base, BigId


class ProviderPeriod(Base):
    """What one worker's tries at one provider came to in one minute or hour (`seconds` says which).

    Each worker writes rows of its own, so that none waits for another; hours are made of minutes (worker ''). The
    columns `took_0` and up count answers by how long they took (`domain.latency`).
    """

    __tablename__ = "provider_periods"

    provider_pk: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=False)
    seconds: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    begins_at: Mapped[datetime] = mapped_column(primary_key=True)
    worker: Mapped[str] = mapped_column(String(64), primary_key=True)
    project_pk: Mapped[int] = mapped_column(BigId)
    tried: Mapped[int] = mapped_column(Integer, default=0)
    accepted: Mapped[int] = mapped_column(Integer, default=0)
    refused: Mapped[int] = mapped_column(Integer, default=0)
    throttled: Mapped[int] = mapped_column(Integer, default=0)
    failed: Mapped[int] = mapped_column(Integer, default=0)
    uncertain: Mapped[int] = mapped_column(Integer, default=0)


COUNTS = ("tried", "accepted", "refused", "throttled", "failed", "uncertain")
TIMES = tuple(f"took_{place}" for place in range(CLASSES))
for _name in TIMES:
    setattr(ProviderPeriod, _name, mapped_column(_name, Integer, nullable=False, default=0, server_default="0"))


class BreakerOpening(Base):
    """A time in which a provider took no deliveries because it failed, or its settings were wrong.

    `reason` and `detail` say why, as on the provider itself; `probes` is how many small batches were tried meanwhile
    in vain. `closed_by` says how it ended: recovered, repaired (somebody saved or tested it); empty while it lasts.
    """

    __tablename__ = "breaker_openings"
    __table_args__ = (Index(None, "provider_pk", "pk"),)

    pk: Mapped[int] = mapped_column(BigId, primary_key=True)
    project_pk: Mapped[int] = mapped_column(BigId)
    provider_pk: Mapped[int] = mapped_column(BigId)
    opened_at: Mapped[datetime]
    reason: Mapped[str] = mapped_column(String(32), default="")
    detail: Mapped[str] = mapped_column(String(512), default="")
    probes: Mapped[int] = mapped_column(Integer, default=0)
    closed_at: Mapped[datetime | None]
    closed_by: Mapped[str] = mapped_column(String(16), default="")


class TokenDeath(Base):
    """A provider called a device token dead at `told_at`; kept for an hour, and while a person has to judge it.

    `target_pk` is whose token it was; None when nothing followed from it. While `is_held`, the target is not expired:
    so many died at once that the provider's settings may be wrong.
    """

    __tablename__ = "token_deaths"
    __table_args__ = (Index(None, "provider_pk", "told_at"),)

    pk: Mapped[int] = mapped_column(BigId, primary_key=True)
    project_pk: Mapped[int] = mapped_column(BigId)
    provider_pk: Mapped[int] = mapped_column(BigId)
    target_pk: Mapped[int | None] = mapped_column(BigId)
    told_at: Mapped[datetime]
    is_held: Mapped[bool] = mapped_column(default=False)
