"""What providers did, in counts by minute and hour: written with each batch, swept later.

A worker writes rows of its own, so batches that end at the same moment wait for nobody.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, delete, func, select
from sqlalchemy.orm import Session

from app.domain.failover import count_as
from app.domain.latency import class_of
from app.domain.outcomes import Outcome, OutcomeKind
from app.engine.machine import Machine
from app.infra.bulk import execute_many
from app.models.base import MILLISECOND, from_milliseconds, to_milliseconds
from app.models.provider_history import COUNTS, TIMES, BreakerOpening, ProviderPeriod, TokenDeath
from app.models.providers import Provider
from app.models.routes import Turn

MINUTE, HOUR = 60, 3600
MINUTES_KEPT = timedelta(days=30)
HOURS_KEPT = timedelta(days=400)
MOST_TIMED = 100  # answers of one batch whose time is looked at; more would cost and tell nothing new
FOLDED_AT_ONCE = timedelta(hours=24)
_COLUMNS = ("provider_pk", "seconds", "begins_at", "worker", "project_pk", *COUNTS, *TIMES)
# Written for the driver, because each batch runs it: SQLAlchemy's handling of so many parameters took longer than it.
_ADD = (
    f"INSERT INTO provider_periods ({', '.join(_COLUMNS)}) VALUES ({', '.join('?' * len(_COLUMNS))})"  # noqa: S608 - our own names
    " ON CONFLICT (provider_pk, seconds, begins_at, worker) DO UPDATE SET "
    + ", ".join(f"{name} = provider_periods.{name} + excluded.{name}" for name in COUNTS + TIMES)
)


def note(
    session: Session,
    whose: tuple[int, int],
    worker: str,
    outcomes: Iterable[Outcome],
    times: Sequence[timedelta],
    now: datetime,
) -> None:
    """Count what a batch came to. `whose` is (provider's number, project's number), `times` how long answers took."""
    seen = list(outcomes)
    if not seen:
        return
    others = [outcome for outcome in seen if outcome.kind is not OutcomeKind.ACCEPTED]  # most are, of a thousand
    counts = Counter(map(count_as, others))
    counts["accepted"] = len(seen) - len(others)
    every = -(-len(times) // MOST_TIMED) or 1
    took = Counter(f"took_{class_of(max(each / MILLISECOND, 0.0))}" for each in times[::every])
    key = {"provider_pk": whose[0], "project_pk": whose[1], "worker": worker[:64]}
    _add(session, key, MINUTE, start_of(now, MINUTE), Counter(tried=len(seen), **counts, **took))


def failing_share(session: Session, provider_pk: int, since: datetime, now: datetime) -> tuple[int, float]:
    """How many tries were counted since then (whole minutes), and which part of them the service failed."""
    row = session.execute(
        select(
            func.coalesce(func.sum(ProviderPeriod.tried), 0),
            func.coalesce(func.sum(ProviderPeriod.failed + ProviderPeriod.uncertain), 0),
        ).where(
            ProviderPeriod.provider_pk == provider_pk, ProviderPeriod.seconds == MINUTE,
            ProviderPeriod.begins_at >= since, ProviderPeriod.begins_at <= now,
        )
    ).one()  # fmt: skip
    tried, failed = int(row[0]), int(row[1])
    return tried, failed / tried if tried else 0.0


def accepted_since(session: Session, provider_pk: int, since: datetime, now: datetime) -> int:
    """How many messages it took since then; the minute of that moment counts as a whole."""
    chosen = select(func.coalesce(func.sum(ProviderPeriod.accepted), 0)).where(
        ProviderPeriod.provider_pk == provider_pk, ProviderPeriod.seconds == MINUTE,
        ProviderPeriod.begins_at >= start_of(since, MINUTE), ProviderPeriod.begins_at <= now,
    )  # fmt: skip
    return int(session.scalar(chosen) or 0)


def start_of(moment: datetime, seconds: int) -> datetime:
    """When the minute or hour of that moment began."""
    length = seconds * 1000
    return from_milliseconds(to_milliseconds(moment) // length * length)


def sweep(machine: Machine) -> int:
    """Fold minutes that are older than 30 days into hours, and drop hours of long ago; how many rows went.

    For the ticker: a look through the index for each provider, and at most a day of one provider in a transaction.
    Safe to run beside itself.
    """
    now = machine.clock.now()
    with machine.database.read() as session:
        due = [pk for pk in session.scalars(select(Provider.pk)) if _is_due(session, pk, now)]
    gone = 0
    for pk in due:
        with machine.database.begin() as session:
            gone += _fold(session, pk, start_of(now - MINUTES_KEPT, HOUR))
            gone += _drop(session, pk, now - HOURS_KEPT)
    return gone


def _is_due(session: Session, provider_pk: int, now: datetime) -> bool:
    return any(
        session.scalar(select(ProviderPeriod.worker).where(*_before(provider_pk, seconds, limit)).limit(1)) is not None
        for seconds, limit in ((MINUTE, start_of(now - MINUTES_KEPT, HOUR)), (HOUR, now - HOURS_KEPT))
    )


def _fold(session: Session, provider_pk: int, limit: datetime) -> int:
    """Put the oldest day of minutes before that moment into hours."""
    oldest = session.scalar(select(func.min(ProviderPeriod.begins_at)).where(*_before(provider_pk, MINUTE, limit)))
    if oldest is None:
        return 0
    old = _before(provider_pk, MINUTE, min(start_of(oldest, HOUR) + FOLDED_AT_ONCE, limit))
    hours: dict[datetime, Counter[str]] = {}
    rows = session.scalars(select(ProviderPeriod).where(*old).with_for_update()).all()
    for row in rows:  # whoever else folds them waits for us, and then finds none
        sums = hours.setdefault(start_of(row.begins_at, HOUR), Counter(project_pk=row.project_pk))
        sums.update({name: getattr(row, name) for name in COUNTS + TIMES})
    for begins_at, sums in hours.items():
        project_pk = sums.pop("project_pk")
        _add(session, {"provider_pk": provider_pk, "project_pk": project_pk, "worker": ""}, HOUR, begins_at, sums)
    session.execute(delete(ProviderPeriod).where(*old).execution_options(synchronize_session=False))
    return len(rows)


def _drop(session: Session, provider_pk: int, limit: datetime) -> int:
    gone = session.execute(
        delete(ProviderPeriod).where(*_before(provider_pk, HOUR, limit)).execution_options(synchronize_session=False)
    )
    return int(gone.rowcount)  # type: ignore[attr-defined]


def _add(
    session: Session, whose: Mapping[str, Any], seconds: int, begins_at: datetime, counts: Mapping[str, int]
) -> None:
    """Add to a row of periods, or make it."""
    values = {**counts, **whose, "seconds": seconds, "begins_at": to_milliseconds(begins_at)}
    execute_many(session, _ADD, [tuple([values.get(name, 0) for name in _COLUMNS])])


def forget(session: Session, provider_pk: int) -> None:
    """Delete the history of a provider that is disconnected: a database may give its number to another one."""
    for table in (ProviderPeriod, BreakerOpening, TokenDeath, Turn):
        session.execute(delete(table).where(table.provider_pk == provider_pk))


def _before(provider_pk: int, seconds: int, limit: datetime) -> tuple[ColumnElement[bool], ...]:
    row = ProviderPeriod
    return row.provider_pk == provider_pk, row.seconds == seconds, row.begins_at < limit
