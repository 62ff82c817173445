"""Everything that `/metrics` tells, read from what all machines wrote: any web process answers for all of them."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version
from shutil import disk_usage

import redis
import structlog
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import Metric
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from app.engine import breaker, counting, gate
from app.engine.pace import limits_of
from app.infra.clock import monotonic
from app.infra.running_totals import RunningTotals
from app.models.projects import Project
from app.models.providers import Provider
from app.services.providers import provider_counters
from app.services.running import health
from app.services.running import meter_readings as readings
from app.services.running.meters import ProviderReading, by_names, gauge, gauges, of_engine, of_providers
from app.services.work import Workshop

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
PARTS = ("database", "queue", "worker", "ticker")

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, eq=False)
class _Collected:
    """Families, as a registry of Prometheus' library asks for them."""

    families: Sequence[Metric]

    def collect(self) -> Iterable[Metric]:
        """All of them."""
        return self.families


def exposition(shop: Workshop) -> bytes:
    """All metrics in Prometheus' text format 0.0.4. What cannot be read now (database or queue away) is left out."""
    began = monotonic()
    missing = health.missing_parts(shop.database, shop.broker)
    families = [*_of_installation(shop, missing)]
    if "queue" not in missing:
        families += _or_nothing("queue", _of_queue(shop))
    if "database" not in missing:
        families += _or_nothing("database", _of_database(shop, has_queue="queue" not in missing))
    families.append(gauge("scrape_seconds", "How long it took to read these metrics.", monotonic() - began))
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Collected(families))
    return generate_latest(registry)


def _or_nothing(what: str, families: Iterator[Metric]) -> list[Metric]:
    """These families; those only that were read until the database or the queue went away."""
    found: list[Metric] = []
    try:
        for family in families:
            found.append(family)  # noqa: PERF402 - what was read before an error is kept
    except (SQLAlchemyError, redis.RedisError) as error:
        log.warning("Metrics cannot be read", part=what, error=type(error).__name__)
    return found


def _of_installation(shop: Workshop, missing: Sequence[str]) -> Iterator[Metric]:
    yield gauges("build", "1; the label says which version answers.", ("version",), [((version("carillon"),), 1)])
    # Without the queue nobody knows who is alive.
    away = {*missing, "worker", "ticker"} if "queue" in missing else set(missing)
    yield gauges(
        "part_ready", "1 when a part is ready, as /readyz has it.", ("part",),
        (((part,), float(part not in away)) for part in PARTS),
    )  # fmt: skip
    try:
        disk = disk_usage(shop.settings.data_dir)
    except OSError:  # a web server that keeps nothing needs no data dir
        return
    yield gauge("disk_free_bytes", "Room on the disk of this machine's data dir.", disk.free)
    yield gauge("disk_size_bytes", "Size of the disk of this machine's data dir.", disk.total)


def _of_queue(shop: Workshop) -> Iterator[Metric]:
    broker = shop.broker
    yield gauges(
        "queue_jobs", "Jobs that wait in the queue; each looks after many deliveries.", ("queue",),
        (((name,), total) for name, total in broker.waiting().items()),
    )  # fmt: skip
    yield gauges(
        "processes_alive", "Processes that gave a sign of life within ten seconds, on all machines.", ("process",),
        (((kind,), len(broker.alive(kind))) for kind in ("worker", "ticker")),
    )  # fmt: skip
    yield from of_engine(counting.read(RunningTotals(broker)))


def _of_database(shop: Workshop, *, has_queue: bool) -> Iterator[Metric]:
    now = shop.clock.now()
    with shop.database.read() as session:
        projects = readings.projects_of(session)
        names = {pk: project.id for pk, project in projects.items()}
        yield gauges(
            "messages", "Messages that are scheduled, late, sending, paused or cancelling.", ("project", "phase"),
            (
                ((names[pk], phase), total)
                for (pk, phase), total in sorted(readings.messages_by_phase(session, list(projects)).items())
                if pk in names
            ),
        )  # fmt: skip
        yield gauges(
            "deliveries", "Deliveries of messages that are under way or started in the last 24 hours, by state.",
            ("project", "channel", "state"),
            by_names(readings.deliveries_by_state(session, list(projects), now), names),
        )  # fmt: skip
        yield from _of_waiting(session, now)
        yield from _of_stops(session, projects)
        yield gauge("imports_running", "CSV files that are being read in.", readings.imports_running(session))
        yield gauge("database_size_bytes", "Size of the database.", readings.database_bytes(shop.database, session))
        yield from of_providers(_providers(shop, session, names, now, has_queue=has_queue))


def _of_waiting(session: Session, now: datetime) -> Iterator[Metric]:
    queue, leases, receipts = (
        readings.queue_of(session, now), readings.leases_of(session, now), readings.receipts_of(session, now),
    )  # fmt: skip
    most = f"at most {readings.MOST_DUE} are counted"
    yield gauge("deliveries_due", f"Deliveries that could be sent now and are not yet; {most}.", queue.due)
    yield gauge("deliveries_due_age_seconds", "Since when the first of them is due.", _age(queue.oldest_due_at, now))
    yield gauge(
        "schedule_lag_seconds", "How long the first scheduled message that should have started waits.",
        readings.schedule_lag(session, now).total_seconds(),
    )  # fmt: skip
    yield gauge("batches_held", "Batches that workers hold now.", leases.held)
    yield gauge("batches_expired", "Batches whose lease ran out and that wait to be taken over.", leases.expired)
    yield gauge("receipts_waiting", f"Receipts that wait to be applied; {most}.", receipts.waiting)
    yield gauge(
        "receipts_due_age_seconds", "Since when the first of them could be applied.", _age(receipts.oldest_due_at, now)
    )


def _of_stops(session: Session, projects: Mapping[int, Project]) -> Iterator[Metric]:
    yield gauges(
        "sending_stopped", "1 while a person has stopped all sending of a project.", ("project",),
        (((project.id,), float(project.stopped_at is not None)) for project in projects.values()),
    )  # fmt: skip
    yield gauge(
        "fenced", "1 while nothing is sent because the installation was restored or copied.",
        float(gate.is_fenced(session)),
    )  # fmt: skip


def _providers(
    shop: Workshop, session: Session, projects: Mapping[int, str], now: datetime, *, has_queue: bool
) -> list[ProviderReading]:
    rows = session.scalars(select(Provider).order_by(Provider.pk)).all()
    counts: Mapping[int, Counter[str]] = {}
    if has_queue:
        named = [(row.pk, limits_of(row).name) for row in rows]
        counts = provider_counters.counters_of(session, RunningTotals(shop.broker), named, now)
    return [
        ProviderReading(
            (projects.get(row.project_pk, ""), row.id, row.kind, row.channel), _state(row, now),
            None if row.rate_count is None else row.rate_count / row.rate_seconds, row.most_in_flight,
            shop.pacing.read(limits_of(row)) if has_queue and row.enabled else None, counts.get(row.pk),
        )
        for row in rows
    ]  # fmt: skip


def _state(provider: Provider, now: datetime) -> str:
    if not provider.enabled:
        return "off"
    if provider.blocked_at is None:
        return "working"
    return "stopped" if breaker.is_blocked(provider, now) and provider.retry_at is None else "resting"


def _age(moment: datetime | None, now: datetime) -> float:
    return max((now - moment).total_seconds(), 0.0) if moment is not None else 0.0
