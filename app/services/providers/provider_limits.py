"""How fast a provider may be handed messages: what a person set, what throttles taught, and what is used of it now."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from app.domain.errors import Invalid
from app.engine import capacity
from app.engine.pace import limits_of
from app.models.providers import Provider
from app.services.providers import providers
from app.services.work import Work

MOST_COUNT = 10_000_000  # messages in a window
MOST_SECONDS = 86_400
MOST_IN_FLIGHT = 1_000


@dataclass(frozen=True, slots=True)
class Usage:
    """A provider's limits and how much of them is used at this moment, by all workers together.

    `rate_count`, `rate_seconds` and `most_in_flight` are as they were set; None is no limit. `rate` is what holds now,
    in messages a second (None: no limit), and `is_slowed` whether throttles have cut it. `used` messages started in the
    last `window` seconds, `in_flight` requests are under way (counted only where `most_in_flight` is set), and nothing
    starts before `held_until` because the service asked to wait. `is_known` is False while the queue's server does not
    answer: then only what was set is true. `size_limit` is how many bytes of one message its server lately said that it
    takes; None where it said nothing.
    """

    rate_count: int | None
    rate_seconds: int
    most_in_flight: int | None
    rate: float | None = None
    is_slowed: bool = False
    used: int = 0
    window: float = 0.0
    in_flight: int = 0
    held_until: datetime | None = None
    is_known: bool = True
    size_limit: int | None = None


def usage_of(work: Work, provider: Provider) -> Usage:
    """What is used of a provider's limits now."""
    work.require("providers.read")
    own = None if provider.rate_count is None else provider.rate_count / provider.rate_seconds
    settled = (provider.rate_count, provider.rate_seconds, provider.most_in_flight)
    told = capacity.told_limit(provider, work.now)
    found = work.pacing.read(limits_of(provider))
    if found is None:
        return Usage(*settled, rate=own, is_known=False, size_limit=told)
    rates = [rate for rate in (own, found.learned) if rate is not None]
    return Usage(
        *settled, rate=min(rates, default=None), is_slowed=found.learned is not None, used=found.used,
        window=found.window, in_flight=found.in_flight,
        held_until=work.now + timedelta(seconds=found.held) if found.held else None, size_limit=told,
    )  # fmt: skip


def set_limits(
    work: Work, provider_id: str, rate_count: int | None, rate_seconds: int, most_in_flight: int | None
) -> Provider:
    """Set how many messages a provider gets in so many seconds, and how many requests at once; None for no limit.

    What goes out from the next batch on keeps to it. Raises Invalid by field.
    """
    work.require("providers.write")
    provider = providers.find_provider(work, provider_id)
    problems = {
        "rate_count": _faults(rate_count, "The number of messages", MOST_COUNT, "or leave it empty for no limit"),
        "rate_seconds": _faults(rate_seconds, "The number of seconds", MOST_SECONDS, "one day at most"),
        "most_in_flight": _faults(
            most_in_flight, "The number of requests at once", MOST_IN_FLIGHT, "or leave it empty for no limit"
        ),
    }
    if found := {name: sentences for name, sentences in problems.items() if sentences}:
        raise Invalid(found)
    before = (provider.rate_count, provider.rate_seconds, provider.most_in_flight)
    if before == (rate_count, rate_seconds, most_in_flight):
        return provider
    provider.rate_count, provider.rate_seconds, provider.most_in_flight = rate_count, rate_seconds, most_in_flight
    provider.updated_at = work.now
    work.audit(
        "provider.limit", f"provider/{provider.id}", name=provider.name, rate_count=rate_count,
        rate_seconds=rate_seconds, most_in_flight=most_in_flight,
    )  # fmt: skip
    providers.wake(work)
    return provider


def _faults(value: int | None, what: str, most: int, advice: str) -> list[str]:
    if value is None or 1 <= value <= most:
        return []
    return [f"{what} needs a whole number from 1 to {most:,}, {advice}."]
