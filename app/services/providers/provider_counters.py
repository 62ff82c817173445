"""What all providers did since the beginning, as counters for monitoring: old periods are summed up once and kept.

`provider_periods` has a row for each worker and minute. Reading a month of them at each look would take seconds, so
the sum of all but the last minutes is kept in Valkey, and only what came since is read. Lost, it is made anew.
"""

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.engine.provider_history import HOUR, MINUTE, MINUTES_KEPT, start_of
from app.infra.running_totals import RunningTotals
from app.models.base import EPOCH, from_milliseconds, to_milliseconds
from app.models.provider_history import COUNTS, TIMES, ProviderPeriod

SETTLED_AFTER = timedelta(minutes=15)  # nobody writes into a period that is older: a batch is recorded within seconds
_KEPT_AS = "providers"
_NAMES = COUNTS + TIMES


@dataclass(frozen=True, slots=True)
class _Checkpoint:
    """The sums of all periods that began before `until`, by provider."""

    until: datetime
    sums: dict[str, Counter[str]]


def counters_of(
    session: Session, totals: RunningTotals, providers: Iterable[tuple[int, str]], now: datetime
) -> dict[int, Counter[str]]:
    """The counts of each of these providers, by number: COUNTS and TIMES of `models.provider_history`.

    `providers` are (number, a name that no other ever had): a database may give a number to another one. Counts never
    become less, also when hours of long ago are dropped. Raises redis.RedisError when Valkey is away.
    """
    names = dict(providers)
    before = _recall(totals)
    until = start_of(now - SETTLED_AFTER, MINUTE)
    if until - before.until > MINUTES_KEPT - timedelta(days=1):  # minutes since then may have become hours
        settled = _later(before, names, _sums(session, names, EPOCH, until), until, anew=True)
    elif until > before.until:
        settled = _later(before, names, _sums(session, names, before.until, until), until, anew=False)
    else:
        settled = before
    if settled is not before:
        totals.keep(_KEPT_AS, _written(settled))
    newest = _sums(session, names, settled.until, None)
    return {pk: settled.sums.get(name, Counter()) + newest.get(pk, Counter()) for pk, name in names.items()}


def _later(
    before: _Checkpoint, names: dict[int, str], found: dict[int, Counter[str]], until: datetime, *, anew: bool
) -> _Checkpoint:
    sums = {}
    for pk, name in names.items():
        old, new = before.sums.get(name, Counter()), found.get(pk, Counter())
        sums[name] = old | new if anew else old + new  # of two counters, | takes the larger count of each name
    return _Checkpoint(until, sums)


def _sums(
    session: Session, provider_pks: Iterable[int], since: datetime, until: datetime | None
) -> dict[int, Counter[str]]:
    """The counts of the periods that began since then and before `until`, by provider."""
    row = ProviderPeriod
    chosen = [row.provider_pk.in_(list(provider_pks)), row.seconds.in_((MINUTE, HOUR)), row.begins_at >= since]
    if until is not None:
        chosen.append(row.begins_at < until)
    rows = session.execute(
        select(row.provider_pk, *(func.sum(getattr(row, name)) for name in _NAMES))
        .where(*chosen)
        .group_by(row.provider_pk)
    )
    return {found[0]: Counter(dict(zip(_NAMES, map(int, found[1:]), strict=True))) for found in rows}


def _recall(totals: RunningTotals) -> _Checkpoint:
    """What was kept; the beginning of time when nothing was, or nothing that can be read."""
    try:
        kept = json.loads(totals.recall(_KEPT_AS) or "{}")
        return _Checkpoint(
            from_milliseconds(kept["until"]), {name: Counter(sums) for name, sums in kept["sums"].items()}
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        return _Checkpoint(EPOCH, {})


def _written(checkpoint: _Checkpoint) -> str:
    sums = {name: {each: count for each, count in found.items() if count} for name, found in checkpoint.sums.items()}
    return json.dumps({"until": to_milliseconds(checkpoint.until), "sums": sums})
