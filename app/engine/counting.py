"""What the engine counts for whoever watches from outside: lost batches, late starts, looks at the balance."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from app.engine.machine import Machine
from app.infra.running_totals import RunningTotals

# Upper ends of the classes of late starts in seconds; a last class is open.
LATENESS_BOUNDS = (0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60, 300, 3600)
_BATCHES_LOST, _CHECKED, _WRONG = "batches_lost", "balances_checked", "balances_wrong"
_LATE, _LATE_SUM = "start_late", "start_late_milliseconds"


@dataclass(frozen=True, slots=True)
class Counted:
    """What was counted since Valkey began to count.

    `lateness` has a number of starts for each class of LATENESS_BOUNDS and one for beyond; `late_seconds` is their sum.
    """

    batches_lost: int
    balances_checked: int
    balances_wrong: int
    lateness: tuple[int, ...]
    late_seconds: float


def batch_lost(machine: Machine) -> None:
    """A batch was taken over, because whoever held it let its lease run out."""
    RunningTotals(machine.broker).add({_BATCHES_LOST: 1})


def balance_looked_at(machine: Machine, checked: int, wrong: int) -> None:
    """So many messages were held against their rows, and so many of them were out of balance."""
    RunningTotals(machine.broker).add({_CHECKED: checked, _WRONG: wrong})


def started(machine: Machine, lateness: Iterable[timedelta]) -> None:
    """Scheduled messages were started, so long after their time; one that was early counts as on time."""
    seconds = [max(each.total_seconds(), 0.0) for each in lateness]
    amounts = Counter(f"{_LATE}:{bisect_left(LATENESS_BOUNDS, each)}" for each in seconds)
    if amounts:
        RunningTotals(machine.broker).add({**amounts, _LATE_SUM: round(sum(seconds) * 1000)})


def read(totals: RunningTotals) -> Counted:
    """Everything that was counted; raises redis.RedisError when Valkey is away."""
    found: Mapping[str, int] = totals.read()
    return Counted(
        found.get(_BATCHES_LOST, 0), found.get(_CHECKED, 0), found.get(_WRONG, 0),
        tuple(found.get(f"{_LATE}:{place}", 0) for place in range(len(LATENESS_BOUNDS) + 1)),
        found.get(_LATE_SUM, 0) / 1000,
    )  # fmt: skip
