"""What the address of the calendar asks for: which view, around which date, in which zone, of which channel."""

from dataclasses import dataclass
from datetime import date, datetime
from urllib.parse import unquote
from zoneinfo import ZoneInfo

from flask import g, request, url_for

from app.domain.calendar_days import Period, View, period_of, read_day, today_in
from app.domain.channels import Channel
from app.domain.week_starts import week_start_of
from app.infra.time_zones import names

ZONE_COOKIE = "zone"  # app.js keeps the browser's zone in it


@dataclass(frozen=True, slots=True)
class Asked:
    """One state of the calendar. `is_zone_asked`: the address names the zone, so that links go on naming it.

    `problems` are sentences about what the address holds and the calendar does not know.
    """

    view: View
    day: date
    today: date
    zone: ZoneInfo
    channel: str
    week_start: int
    is_zone_asked: bool
    problems: tuple[str, ...] = ()

    @property
    def period(self) -> Period:
        """The days it shows."""
        return period_of(self.view, self.day, self.week_start)

    @property
    def project_zone(self) -> ZoneInfo:
        """The zone that the project works in."""
        return ZoneInfo(g.project.time_zone)

    @property
    def has_two_zones(self) -> bool:
        """Whether its times are others than the project's."""
        return self.zone.key != self.project_zone.key

    @property
    def own_zone(self) -> str:
        """The browser's zone; empty when it did not say one that we know."""
        return _browser_zone()

    def args(self, **changes: object) -> dict[str, str]:
        """What an address needs to come back to this state; `changes` replace parts of it, None takes one away."""
        state = {
            "view": self.view.value, "date": self.day.isoformat(), "channel": self.channel or None,
            "zone": self.zone.key if self.is_zone_asked else None,
        }  # fmt: skip
        return {name: str(value) for name, value in {**state, **changes}.items() if value is not None}

    def url(self, **changes: object) -> str:
        """The address of this state, with changes."""
        return url_for("calendar.index", **self.args(**changes))  # type: ignore[arg-type] # texts all


def read_asked(now: datetime) -> Asked:
    """The state that the request's address asks for; what it does not say is chosen for the reader.

    Without a view a browser without scripts and a phone get the agenda, others the month. The zone is the browser's
    where it said it, else the project's. Weeks start as they do where the browser's first language is spoken.
    """
    asked, problems = request.args, []
    zone_name = asked.get("zone", "")
    if zone_name and zone_name not in names():
        problems.append(f"Zone {zone_name[:64]!r} does not exist; use one like Europe/Berlin.")
        zone_name = ""
    zone = ZoneInfo(zone_name or _browser_zone() or g.project.time_zone)
    today = today_in(now, zone)
    day = read_day(asked.get("date", ""), today)
    if day is None:
        problems.append(f"Date {asked['date'][:32]!r} is none that the calendar shows; use one like {today}.")
    view = asked.get("view", "")
    if view and view not in set(View):
        problems.append(f"View {view[:32]!r} does not exist; use {', '.join(View)}.")
    channel = asked.get("channel", "")
    if channel and channel not in set(Channel):
        problems.append(f"Channel {channel[:32]!r} does not exist; use {', '.join(Channel)}.")
        channel = ""
    return Asked(
        View(view) if view in set(View) else _usual_view(), day or today, today, zone, channel,
        week_start_of(request.headers.get("Accept-Language", "")), bool(zone_name), tuple(problems),
    )  # fmt: skip


def _browser_zone() -> str:
    """What app.js noted; only a name that we know, for anybody can send a cookie."""
    told = unquote(request.cookies.get(ZONE_COOKIE, ""))
    return told if told in names() else ""


def _usual_view() -> View:
    """The cookie tells that scripts run; browsers of phones say "Mobi" (as MDN advises to look for)."""
    is_phone = "Mobi" in request.headers.get("User-Agent", "")
    return View.MONTH if ZONE_COOKIE in request.cookies and not is_phone else View.AGENDA
