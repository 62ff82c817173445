"""Providers: configured accounts at delivery services."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Index, Integer, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, InProject, Searched


class Provider(Searched, InProject, Base):
    """One account at one delivery service.

    `credentials` is one encrypted JSON object (`infra.vault`); `secret_notes` keeps, per secret field, when it was
    set and its last four characters. A provider with `blocked_at` takes no deliveries until `retry_at` or until
    somebody repairs it; `blocked_reason` and `blocked_detail` say why.

    Providers of a channel with the same `rank` stand side by side: they divide the deliveries by their `share`. It is
    handed at most `rate_count` messages in any `rate_seconds`, and has `most_in_flight` requests under way at once, in
    all workers together; None is no limit of ours. Until `deaths_believed_until` a device token that it calls dead is
    retired however many there are. `size_limit` is how many bytes of one message its server said that it takes, at
    `size_limit_at`; None where it said nothing.
    """

    __tablename__ = "providers"
    __table_args__ = (UniqueConstraint("project_pk", "id"), Index(None, "project_pk", "channel", "rank"))

    name: Mapped[str] = mapped_column(String(128))
    kind: Mapped[str] = mapped_column(String(32))
    channel: Mapped[str] = mapped_column(String(8))
    enabled: Mapped[bool] = mapped_column(default=True)
    rank: Mapped[int] = mapped_column(Integer, default=0)  # the failover order within a channel, smallest first
    is_emulated: Mapped[bool] = mapped_column(default=False)
    credentials: Mapped[str] = mapped_column(Text, default="")
    secret_notes: Mapped[dict[str, Any]] = mapped_column(default=dict)
    options: Mapped[dict[str, Any]] = mapped_column(default=dict)
    share: Mapped[int] = mapped_column(Integer, default=1, server_default="1")
    rate_count: Mapped[int | None] = mapped_column(Integer)
    rate_seconds: Mapped[int] = mapped_column(Integer, default=1, server_default="1")
    most_in_flight: Mapped[int | None] = mapped_column(Integer)
    uncertain_policy: Mapped[str] = mapped_column(String(8), default="retry")
    version: Mapped[int] = mapped_column(Integer, default=1)
    verified_at: Mapped[datetime | None]
    blocked_at: Mapped[datetime | None]
    blocked_reason: Mapped[str] = mapped_column(String(32), default="")
    blocked_detail: Mapped[str] = mapped_column(String(512), default="")
    retry_at: Mapped[datetime | None]
    streak: Mapped[int] = mapped_column(Integer, default=0)  # failures of the service itself, one after another
    deaths_believed_until: Mapped[datetime | None]
    size_limit: Mapped[int | None] = mapped_column(BigInteger)
    size_limit_at: Mapped[datetime | None]
    is_demo: Mapped[bool] = mapped_column(default=False)
