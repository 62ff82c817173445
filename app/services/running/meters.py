"""The names under which monitoring finds our numbers, and what each means: Prometheus metric families from readings.

Labels are ids of projects and providers, kinds, channels and our own words: no address, and no more series than there
are providers. Times are in seconds, sizes in bytes, moments are told as ages.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric

from app.domain.latency import BOUNDS
from app.engine.counting import LATENESS_BOUNDS, Counted
from app.infra.pacing import Reading
from app.models.provider_history import COUNTS, TIMES

PROVIDER = ("project", "provider", "kind", "channel")
RESULTS = tuple(name for name in COUNTS if name != "tried")
PROVIDER_STATES = ("working", "resting", "stopped", "off")


@dataclass(frozen=True, slots=True)
class ProviderReading:
    """How one provider stands: the values of its labels, its state, what was set, what it did; None when not known."""

    labels: tuple[str, str, str, str]
    state: str
    rate: float | None  # messages a second that a person set
    slots: int | None
    usage: Reading | None
    counts: Counter[str] | None


def gauge(name: str, meaning: str, value: float) -> Metric:
    """One number without labels."""
    return GaugeMetricFamily(f"carillon_{name}", meaning, value=value)


def gauges(name: str, meaning: str, labels: Sequence[str], rows: Iterable[tuple[Sequence[str], float]]) -> Metric:
    """One number for each set of labels."""
    family = GaugeMetricFamily(f"carillon_{name}", meaning, labels=labels)
    for values, number in rows:
        family.add_metric(values, number)
    return family


def of_engine(counted: Counted) -> Iterator[Metric]:
    """What the engine counted."""
    yield CounterMetricFamily(
        "carillon_batches_lost", "Batches taken over because their worker did not renew its lease.",
        value=counted.batches_lost,
    )  # fmt: skip
    yield CounterMetricFamily(
        "carillon_balance_checks", "Messages whose tally was held against their rows.", value=counted.balances_checked
    )
    yield CounterMetricFamily(
        "carillon_balance_errors", "Messages found out of balance by these checks.", value=counted.balances_wrong
    )
    late = HistogramMetricFamily(
        "carillon_start_lateness_seconds", "How long after its scheduled time a message was started."
    )
    late.add_metric([], _buckets(LATENESS_BOUNDS, counted.lateness), counted.late_seconds)
    yield late


def of_providers(readings: Sequence[ProviderReading]) -> Iterator[Metric]:
    """How providers stand and what they did."""
    states = ((reading, state) for reading in readings for state in PROVIDER_STATES)
    yield gauges(
        "provider_state", "1 for the state a provider is in: working, resting (its breaker is open), stopped"
        " (it waits for a person), off.", (*PROVIDER, "state"),
        (((*reading.labels, state), float(reading.state == state)) for reading, state in states),
    )  # fmt: skip
    yield from _of_limits(readings)
    known = [(reading.labels, reading.counts) for reading in readings if reading.counts is not None]
    tries = CounterMetricFamily(
        "carillon_provider_attempts", "Tries to hand a delivery to a provider, by how they ended.",
        labels=(*PROVIDER, "result"),
    )  # fmt: skip
    answers = HistogramMetricFamily(
        "carillon_provider_answer_seconds", "How long a provider took to answer; of large batches a sample is timed.",
        labels=PROVIDER,
    )  # fmt: skip
    bounds = [bound / 1000 for bound in BOUNDS]
    for labels, counts in known:
        for result in RESULTS:
            tries.add_metric([*labels, result], counts[result])
        times = [counts[name] for name in TIMES]
        answers.add_metric(labels, _buckets(bounds, times), _about(bounds, times))
    yield tries
    yield answers


def _of_limits(readings: Sequence[ProviderReading]) -> Iterator[Metric]:
    usages = [(reading.labels, reading.usage) for reading in readings if reading.usage is not None]
    yield gauges(
        "provider_rate_limit", "Messages a second that a person allows a provider.", PROVIDER,
        ((reading.labels, reading.rate) for reading in readings if reading.rate is not None),
    )  # fmt: skip
    yield gauges(
        "provider_rate_learned", "Messages a second that throttles taught us; absent when none did.", PROVIDER,
        ((labels, usage.learned) for labels, usage in usages if usage.learned is not None),
    )  # fmt: skip
    yield gauges(
        "provider_held_seconds", "For how long nothing is handed to a provider because it asked to wait.", PROVIDER,
        ((labels, usage.held) for labels, usage in usages),
    )  # fmt: skip
    yield gauges(
        "provider_requests_limit", "Requests at once that a person allows a provider.", PROVIDER,
        ((reading.labels, reading.slots) for reading in readings if reading.slots is not None),
    )  # fmt: skip
    yield gauges(
        "provider_requests_in_flight", "Requests under way, where there is a limit for them.", PROVIDER,
        (
            (reading.labels, reading.usage.in_flight)
            for reading in readings
            if reading.usage is not None and reading.slots is not None
        ),
    )  # fmt: skip


def by_names(
    counts: Mapping[tuple[int, str], Counter[str]], projects: Mapping[int, str]
) -> Iterator[tuple[tuple[str, str, str], int]]:
    """(project's id, second word, name) with its count, for each count of each (project's number, second word)."""
    for (project_pk, word), found in sorted(counts.items()):
        for name, total in found.items():
            yield (projects.get(project_pk, ""), word, name), total


def _buckets(bounds: Sequence[float], counts: Sequence[int]) -> list[tuple[str, float]]:
    """Counts of classes as Prometheus wants them: how many took at most so long."""
    ends = [*(str(float(bound)) for bound in bounds), "+Inf"]
    return list(zip(ends, accumulate(counts), strict=True))


def _about(bounds: Sequence[float], counts: Sequence[int]) -> float:
    """The sum of all times, each taken to lie in the middle of its class; the open class counts as its lower end."""
    lows = [0.0, *bounds]
    highs = [*bounds, bounds[-1]]
    return sum(count * (low + high) / 2 for count, low, high in zip(counts, lows, highs, strict=True))
