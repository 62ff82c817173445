"""How providers do: the last hour in numbers, the history as a row of buckets, and when they were out of use."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import BigInteger, func, select, type_coerce

from app.domain.latency import quantile
from app.engine.provider_history import HOUR, MINUTE, MINUTES_KEPT, start_of
from app.models.base import to_milliseconds
from app.models.provider_history import COUNTS, TIMES, BreakerOpening, ProviderPeriod
from app.services.work import Work

BUCKETS = 48  # as many bars a chart takes; with the one that has just begun there may be one more
WIDTHS = tuple(minutes * 60 for minutes in (1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720, 1440, 7 * 1440, 14 * 1440))


@dataclass(frozen=True, slots=True)
class Health:
    """How a provider did in some time: how its tries ended, and how long answers took, in milliseconds.

    `refused` lies with recipients or messages, `failed` with the service or its settings. 95 of 100 answers took at
    most `slow_ms`; both times are right to about a fifth.
    """

    tries: int = 0
    accepted: int = 0
    refused: int = 0
    throttled: int = 0
    failed: int = 0
    uncertain: int = 0
    median_ms: float = 0.0
    slow_ms: float = 0.0


@dataclass(frozen=True, slots=True)
class Bucket:
    """One bar of a history: when it begins and ends (UTC), and how the provider did in it."""

    begins_at: datetime
    ends_at: datetime
    health: Health


def health_of(work: Work, provider_pks: Sequence[int]) -> dict[int, Health]:
    """The last hour of each of these providers, up to the minute."""
    work.require("providers.read")
    since = start_of(work.now - timedelta(hours=1), MINUTE)
    return {pk: _health(_sums(work, pk, since, HOUR * 24 * 365).values()) for pk in provider_pks}


def history_of(work: Work, provider_pk: int, hours: int = 24) -> list[Bucket]:
    """The last hours (1 to 9,600) of a provider in at most about 50 buckets without gaps, the oldest first.

    What is older than 30 days is known by the hour.
    """
    work.require("providers.read")
    width = next(each for each in WIDTHS if hours * HOUR <= each * BUCKETS or each == WIDTHS[-1])
    step = timedelta(seconds=width)
    begins_at, last = start_of(work.now - timedelta(hours=hours), width), start_of(work.now, width)
    found = _sums(work, provider_pk, begins_at, width)
    buckets = []
    while begins_at <= last:
        counts = found.get(to_milliseconds(begins_at) // (width * 1000))
        buckets.append(Bucket(begins_at, begins_at + step, _health([counts] if counts else [])))
        begins_at += step
    return buckets


def _sums(work: Work, provider_pk: int, since: datetime, width: int) -> dict[int, Counter[str]]:
    """The counts of a provider since then, in steps of `width` seconds, by the number of the step since 1970."""
    lengths = (MINUTE,) if since >= work.now - MINUTES_KEPT else (MINUTE, HOUR)
    place = (type_coerce(ProviderPeriod.begins_at, BigInteger) // (width * 1000)).label("place")
    names = COUNTS + TIMES
    rows = work.session.execute(
        select(place, *(func.sum(getattr(ProviderPeriod, name)) for name in names))
        .where(
            ProviderPeriod.provider_pk == provider_pk, ProviderPeriod.seconds.in_(lengths),
            ProviderPeriod.begins_at >= since,
        )
        .group_by(place)
    )  # fmt: skip
    return {row[0]: Counter(dict(zip(names, map(int, row[1:]), strict=True))) for row in rows}


def _health(parts: Iterable[Counter[str]]) -> Health:
    total: Counter[str] = Counter()
    for part in parts:
        total.update(part)
    times = [total[name] for name in TIMES]
    return Health(
        total["tried"], total["accepted"], total["refused"], total["throttled"], total["failed"], total["uncertain"],
        quantile(times, 0.5), quantile(times, 0.95),
    )  # fmt: skip


def openings_of(work: Work, provider_pk: int, count: int = 20) -> list[BreakerOpening]:
    """When the breaker took a provider out of use, and why, newest first."""
    work.require("providers.read")
    return list(
        work.session.scalars(
            select(BreakerOpening)
            .where(BreakerOpening.provider_pk == provider_pk, BreakerOpening.project_pk == work.project_pk)
            .order_by(BreakerOpening.pk.desc())
            .limit(count)
        )
    )
