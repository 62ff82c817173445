"""What the page of one provider draws beside its settings: its history as bars, and the form of its limits."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from flask_wtf import FlaskForm

from app.domain.provider_spec import ProviderSpec
from app.services.providers import prices, provider_health, provider_limits, provider_queue, providers
from app.services.providers.provider_health import Bucket
from app.services.providers.provider_limits import Usage
from app.services.sending import device_deaths
from app.services.tracking import bounces, receipts
from app.services.work import Work
from app.web.fields import TextField

HOURS = 24
HEIGHT, STEP, WIDTH = 120.0, 12, 9  # of the chart and its bars
TONES = (("accepted", "teal"), ("refused", "orange"), ("throttled", "amber"), ("uncertain", "violet"),
         ("failed", "red"))  # fmt: skip
_NUMERIC = {"inputmode": "numeric", "autocomplete": "off"}


class LimitsForm(FlaskForm):  # type: ignore[misc]
    """How fast a provider is handed messages."""

    rate_count = TextField("Messages at most", description="Empty: no limit of ours.", render_kw=_NUMERIC)
    rate_seconds = TextField("In so many seconds", description="1 is a second, 60 a minute.", render_kw=_NUMERIC)
    most_in_flight = TextField(
        "Requests at once at most", description="By all workers together. Empty: no limit of ours.", render_kw=_NUMERIC
    )

    @classmethod
    def of(cls, provider: Any) -> "LimitsForm":
        """The form with what is set."""
        return cls(
            rate_count=provider.rate_count or "", rate_seconds=provider.rate_seconds,
            most_in_flight=provider.most_in_flight or "",
        )  # fmt: skip

    def values(self) -> dict[str, Any]:
        """What was typed, as numbers; what is no number becomes 0, which the service refuses with its sentence."""
        return {
            "rate_count": _whole(self.rate_count.data), "rate_seconds": _whole(self.rate_seconds.data, 1),
            "most_in_flight": _whole(self.most_in_flight.data),
        }  # fmt: skip


def _whole(text: Any, empty: int | None = None) -> int | None:
    typed = str(text or "").strip()
    if not typed:
        return empty
    return int(typed) if typed.isascii() and typed.isdigit() and len(typed) < 12 else 0


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar of the history: its bucket, where it stands, and its parts from the ground up (tone, y, height)."""

    bucket: Bucket
    x: int
    parts: tuple[tuple[str, float, float], ...]


def draw_bars(buckets: list[Bucket]) -> list[Bar]:
    """Where each part of each bar stands on a canvas of HEIGHT, the fullest one to the top."""
    top = max((bucket.health.tries for bucket in buckets), default=0) or 1
    bars = []
    for place, bucket in enumerate(buckets):
        edge, parts = HEIGHT, []
        for name, tone in TONES:
            amount = getattr(bucket.health, name)
            height = max(HEIGHT * amount / top, 1.5) if amount else 0.0
            if amount:
                edge = max(edge - height, 0.0)
                parts.append((tone, round(edge, 1), round(height, 1)))
        bars.append(Bar(bucket, place * STEP, tuple(parts)))
    return bars


def say_usage(usage: Usage) -> str:
    """How much of a provider's limits is used now, in words without a full stop: "14 of 20 a second"."""
    parts = []
    if usage.rate_count is not None:
        used = f"{usage.used:,} of " if usage.is_known else ""
        parts.append(f"{used}{usage.rate_count:,} {_per(usage.rate_seconds)}")
    if usage.most_in_flight is not None:
        used = f"{usage.in_flight:,} of " if usage.is_known else ""
        parts.append(f"{used}{usage.most_in_flight:,} requests at once")
    if usage.is_slowed and usage.rate is not None:
        parts.append(f"slowed to {usage.rate:,.3g} a second, as the service asked")
    return "; ".join(parts) or "No limit"


def _per(seconds: int) -> str:
    return {1: "a second", 60: "a minute", 3600: "an hour", 86_400: "a day"}.get(seconds, f"in {seconds:,} seconds")


def say_settings(spec: ProviderSpec, values: Mapping[str, Any]) -> dict[str, str]:
    """What is set, by wire name and in words; a switch that says what another value means is told with that value."""
    told = [each for each in spec.fields if not each.secret and not each.means[0]]
    said = {
        each.name: _say(values[each.name], dict(each.choices))
        for each in told
        if values.get(each.name) not in ("", None)
    }
    for each in spec.fields:
        other, value, on, off = each.means
        if other and values.get(other) == value:
            said[other] = on if values.get(each.name, each.default) else off
    return said


def _say(value: Any, choices: Mapping[str, str]) -> str:
    if isinstance(value, bool):
        return "Yes" if value else "No"
    return choices.get(str(value), str(value))


def page_context(work: Work, provider_id: str) -> dict[str, Any]:
    """Everything about one provider: how it stands and stood, its settings without secrets, what waits for it."""
    card = providers.card_of(work, providers.find_provider(work, provider_id))
    provider = card.provider
    settings = providers.settings_of(work, provider)
    buckets = provider_health.history_of(work, provider.pk, HOURS)
    return {
        "card": card,
        "settings": settings,
        "said": say_settings(card.spec, settings),
        "secrets": providers.secrets_of(provider),
        "desk": receipts.desk_of(work, provider, card.spec),
        "mail_desk": bounces.desk_of(work, provider, card.spec),
        "devices": device_deaths.count_held(work, provider),
        "usage": provider_limits.usage_of(work, provider),
        "prices": prices.summary_of(work, provider),
        "waiting": provider_queue.waiting_for(work, provider),
        "openings": provider_health.openings_of(work, provider.pk),
        "bars": draw_bars(buckets),
        "bar_width": WIDTH, "chart_width": len(buckets) * STEP,
        "top": max((bucket.health.tries for bucket in buckets), default=0),
        "span": buckets[0].ends_at - buckets[0].begins_at if buckets else timedelta(),
    }  # fmt: skip
