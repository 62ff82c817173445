"""Jinja filters: times, numbers and the badges of states, in the words people read."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from jinja2 import Environment
from markupsafe import Markup, escape

from app.domain.addresses import brief
from app.domain.outcomes import answer_line
from app.domain.sizes import say_size
from app.infra.clock import Clock
from app.infra.countries import country_name, say_money
from app.web.wording import advise, explain, say_duration, say_reason, say_wall, status_page


class Badge(NamedTuple):
    """A state as it is shown: icon, word and colour together. `tone` names a colour of tokens.css."""

    icon: str
    word: str
    tone: str


_UNKNOWN = Badge("help-circle", "Unknown", "grey")

DELIVERY_BADGES: Mapping[str, Badge] = {
    "queued": Badge("clock", "Queued", "grey"),
    "sending": Badge("send", "Sending", "blue"),
    "sent": Badge("check", "Sent", "teal"),
    "delivered": Badge("checks", "Delivered", "green"),
    "bounced": Badge("arrow-back-up", "Bounced", "orange"),
    "failed": Badge("circle-x", "Failed", "red"),
    "skipped": Badge("slash", "Skipped", "grey"),
    "uncertain": Badge("question-mark", "Uncertain", "violet"),
}
MESSAGE_BADGES: Mapping[str, Badge] = {
    "draft": Badge("circle-dashed", "Draft", "outline"),
    "scheduled": Badge("clock", "Scheduled", "blue"),
    "late": Badge("alert-triangle", "Late, not sent", "amber"),
    "processing": Badge("send", "Sending", "blue"),
    "sending": Badge("send", "Sending", "blue"),
    "paused": Badge("player-pause", "Paused", "amber"),
    "stopped": Badge("player-stop", "Stopped", "red"),
    "cancelled": Badge("ban", "Cancelled", "grey"),
    "sent": Badge("check", "Sent", "teal"),
    "failed": Badge("circle-x", "Ended with failures", "red"),
}
PROVIDER_BADGES: Mapping[str, Badge] = {
    "ready": Badge("check", "Ready", "green"),
    "disabled": Badge("player-pause", "Switched off", "grey"),
    "incomplete": Badge("circle-dashed", "Not set up yet", "outline"),
    "resting": Badge("clock", "Resting after failures", "amber"),
    "failing": Badge("circle-x", "Failing", "red"),
}
PRICE_BADGES: Mapping[str, Badge] = {
    "now": Badge("check", "Now", "teal"),
    "later": Badge("clock", "From that day on", "blue"),
    "before": Badge("slash", "No longer", "grey"),
}


def delivery_badge(state: str) -> Badge:
    """The badge of a delivery's state."""
    return DELIVERY_BADGES.get(str(state), _UNKNOWN)


def message_badge(phase: str) -> Badge:
    """The badge of a message's status or phase (draft, scheduled, late, sending, stopped, paused, …)."""
    return MESSAGE_BADGES.get(str(phase), _UNKNOWN)


def provider_badge(state: str) -> Badge:
    """The badge of a provider: ready, disabled, incomplete, resting or failing."""
    return PROVIDER_BADGES.get(str(state), _UNKNOWN)


def price_badge(state: str) -> Badge:
    """The badge of a price: whether it holds now, from its day on, or no longer."""
    return PRICE_BADGES.get(str(state), _UNKNOWN)


def number(value: float | None) -> str:
    """An exact number with separators (1,204); an en dash for nothing."""
    return "–" if value is None else f"{value:,}"


def percent(part: float, whole: float) -> str:
    """The share as a percentage: one digit after the point below ten, never rounded up to 100 or down to 0."""
    if not whole:
        return "–"
    share = 100 * part / whole
    if 0 < share < 0.1:
        return "< 0.1%"
    if 99.9 < share < 100:
        return "> 99.9%"
    return f"{share:.1f}%" if share < 10 or (share > 90 and share != 100) else f"{share:.0f}%"


def address(text: str) -> Markup:
    """An address in a list: a line may end after its @; a device stands by the end of its token, all of it beside."""
    short = brief(text)
    if short == text:
        return Markup("@<wbr>").join(escape(part) for part in text.split("@"))
    return Markup('<span class="one-line" title="{}">{}</span>').format(text, short[:1].upper() + short[1:])


def file_size(count: int | None) -> str:
    """A number of bytes in the unit people use (1 KB = 1,024 bytes)."""
    if count is None:
        return "–"
    return say_size(count)


def duration(length: timedelta | float | None) -> str:
    """A length of time in words ("2 minutes"); a number is taken as seconds."""
    if length is None:
        return "–"
    return say_duration(length.total_seconds() if isinstance(length, timedelta) else length)


def attributes(pairs: Mapping[str, Any]) -> Markup:
    """HTML attributes from keyword arguments: `hx_get="/x"` becomes hx-get="/x"; True is bare, None, False vanish."""
    drawn = []
    for name, value in pairs.items():
        if value is None or value is False:
            continue
        key = escape(name.rstrip("_").replace("_", "-"))
        drawn.append(Markup(" {}").format(key) if value is True else Markup(' {}="{}"').format(key, value))
    return Markup("").join(drawn)


def dashed(pairs: Mapping[str, Any]) -> dict[str, Any]:
    """Keyword arguments with attribute names as HTML writes them (`hx_get` is hx-get), for a WTForms field."""
    return {name.rstrip("_").replace("_", "-"): value for name, value in pairs.items()}


class Share(NamedTuple):
    """One part of a balance bar, with its place on a scale of 1,000."""

    word: str
    amount: int
    tone: str
    href: str
    start: float
    width: float


def shares(parts: list[tuple[Any, ...]]) -> list[Share]:
    """Places parts `(word, count, tone[, href])` on one bar to scale; parts of nothing take no room."""
    total = sum(part[1] for part in parts) or 1
    placed, start = [], 0.0
    for word, count, tone, *rest in parts:
        width = 1000 * count / total
        placed.append(Share(word, count, tone, rest[0] if rest else "", round(start, 2), round(width, 2)))
        start += width
    return placed


class Times:
    """The filters that need to know what time it is, and where."""

    def __init__(self, clock: Clock, zone: Callable[[], tzinfo]) -> None:
        self._clock = clock
        self._zone = zone

    def _local(self, at: datetime) -> datetime:
        return at.astimezone(self._zone())

    def exact(self, at: datetime | None) -> str:
        """Date, time and zone: "Tue 24 Nov 2026, 09:00 CET"."""
        if at is None:
            return "–"
        local = self._local(at)
        return f"{local:%a} {local.day} {local:%b %Y, %H:%M} {self._zone_name(local)}"

    @staticmethod
    def _zone_name(local: datetime) -> str:
        name = local.tzname() or "UTC"
        return f"UTC{name[:3]}:{name[3:] or '00'}" if name[:1] in "+-" else name

    def day(self, at: datetime | None) -> str:
        """Only the date: "24 Nov 2026"."""
        return "–" if at is None else f"{self._local(at).day} {self._local(at):%b %Y}"

    def clock(self, at: datetime | None) -> str:
        """Only the time with seconds: "09:00:05"."""
        return "–" if at is None else f"{self._local(at):%H:%M:%S}"

    def when(self, at: datetime | None) -> str:
        """Relative for what is near ("5 minutes ago", "in 2 days"), the date for what is more than a week away."""
        if at is None:
            return "–"
        seconds = (at - self._clock.now()).total_seconds()
        if abs(seconds) < 10:
            return "now"
        if abs(seconds) > 7 * 86400:
            return self.day(at)
        words = say_duration(abs(seconds))
        return f"in {words}" if seconds > 0 else f"{words} ago"

    @staticmethod
    def machine(at: datetime) -> str:
        """ISO 8601 in UTC, for the datetime attribute."""
        return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def install(env: Environment, clock: Clock, zone: Callable[[], tzinfo] = lambda: ZoneInfo("UTC")) -> None:
    """Give the templates their filters; `zone` is asked at each use for the zone times are shown in."""
    times = Times(clock, zone)
    env.filters.update(
        when=times.when,
        exact=times.exact,
        day=times.day,
        clock=times.clock,
        machine=times.machine,
        number=number,
        percent=percent,
        address=address,
        brief=brief,
        country=country_name,
        bytes=file_size,
        money=say_money,
        duration=duration,
        attributes=attributes,
        dashed=dashed,
        shares=shares,
        state_badge=delivery_badge,
        message_badge=message_badge,
        provider_badge=provider_badge,
        price_badge=price_badge,
        answer=lambda said: answer_line(said.code, said.detail),
        reason=say_reason,
        explain=explain,
        advise=advise,
        status_page=status_page,
        wall=say_wall,
    )
