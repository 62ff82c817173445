"""The calendar: a month, a week, a day or an agenda; all of its state stands in the address."""

from datetime import UTC, datetime, timedelta
from typing import Any

from flask import Blueprint, Response, request, url_for

from app.domain.calendar_days import Day, View, days_from
from app.domain.errors import Invalid, NotFound
from app.services.messages import messages
from app.services.planning import calendar, calendar_clashes
from app.services.planning.calendar import Cursor
from app.services.team.settings import time_zones
from app.services.work import Work
from app.web import access, calendar_boards
from app.web.calendar_asked import Asked, read_asked
from app.web.context import opening, reading
from app.web.forms.calendar import GapForm
from app.web.htmx import go, render, toast
from app.web.wording import CHANNELS

blueprint = Blueprint("calendar", __name__, url_prefix="/p/<project_id>/calendar")

IN_AGENDA = 100
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
IN_MONTH_DAY, IN_WEEK_DAY = 20, 100  # entries of a day that are looked at when there are thousands in all
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@blueprint.get("")
@access.needs("calendar.read")
def index(project_id: str) -> Response:
    """The calendar around a date."""
    with reading() as work:
        asked = read_asked(work.now)
        return render("calendar/index.html", **board_of(work, asked), notice=_moved_notice(work))


def board_of(work: Work, asked: Asked) -> dict[str, Any]:
    """What the calendar's templates need for a state."""
    period = asked.period
    days = days_from(period.first, period.count, asked.zone)
    drawn: dict[str, Any] = {"asked": asked, "channels": CHANNELS, "period": period, "now": work.now, "days": days}
    gap = calendar_clashes.gap_of(work)
    form = GapForm(formdata=None)
    form.offer(gap)
    drawn |= {"gap": gap, "gap_form": form, "ahead": calendar_boards.say_ahead(days, asked)}
    if asked.view is View.AGENDA:
        return drawn | _agenda(work, asked, days)
    is_month = asked.view is View.MONTH
    plans = calendar.plan_of(work, days, channel=asked.channel, most=IN_MONTH_DAY if is_month else IN_WEEK_DAY)
    drawn |= {"total": sum(plan.total for plan in plans), "is_more": any(plan.is_more for plan in plans)}
    if is_month:
        return drawn | {"board": calendar_boards.month_board(plans, asked, work.now)}
    most = calendar_boards.IN_DAY if asked.view is View.DAY else calendar_boards.IN_WEEK
    return drawn | {"board": calendar_boards.hours_board(plans, asked, work.now, most)}


def _agenda(work: Work, asked: Asked, days: list[Day]) -> dict[str, Any]:
    """The days of the agenda, how many entries stand there, and where it goes on within them."""
    start = _read_cursor(request.args.get("from", ""), days)
    entries, rest = calendar.list_from(work, start, days[-1].ends_at, channel=asked.channel, most=IN_AGENDA)
    board = calendar_boards.agenda_board(entries, [day for day in days if day.ends_at > start.at], asked)
    later = asked.url(**{"from": _write_cursor(rest)}) if rest is not None else ""
    return {"board": board, "total": len(entries), "is_more": bool(later), "later": later}


def _write_cursor(cursor: Cursor) -> str:
    return f"{(cursor.at - _EPOCH) // timedelta(milliseconds=1)}-{cursor.skipped}"


def _read_cursor(text: str, days: list[Day]) -> Cursor:
    """Where the agenda goes on; its beginning for what is none, or lies outside of its days."""
    at, _, skipped = text.partition("-")
    if all(part.isascii() and part.isdigit() and len(part) < 16 for part in (at, skipped)) and len(skipped) < 6:
        milliseconds = int(at)
        begin, end = ((edge - _EPOCH) // timedelta(milliseconds=1) for edge in (days[0].begins_at, days[-1].ends_at))
        if begin <= milliseconds < end:
            return Cursor(_EPOCH + timedelta(milliseconds=milliseconds), int(skipped))
    return Cursor(days[0].begins_at)


def _moved_notice(work: Work) -> dict[str, Any] | None:
    """What a move led here with: the message where it stands now, and where it stood, to take it back."""
    moved, was = request.args.get("moved", ""), request.args.get("was", "")
    if not moved:
        return None
    try:
        message = messages.find(work, moved)
        before = datetime.fromisoformat(was).astimezone(UTC) if was else None
    except (NotFound, ValueError, OverflowError):
        return None
    return notice_of(work, message.id, message.title, message.scheduled_at, before)


def notice_of(
    work: Work, message_id: str, title: str, after: datetime | None, before: datetime | None
) -> dict[str, Any] | None:
    """The line above the calendar after a move; `before` is offered as a way back while it lies ahead."""
    if after is None:
        return None
    can_undo = before is not None and work.now < before != after
    return {"id": message_id, "title": title, "after": after, "before": before if can_undo else None}


@blueprint.get("/zone")
@access.needs("calendar.read")
def zone(project_id: str) -> Response:
    """Choose a zone to look at the calendar in."""
    with reading() as work:
        asked = read_asked(work.now)
    first = WEEKDAYS[asked.week_start]
    return render("calendar/zone.html", asked=asked, zones=time_zones(), week_start=first)


@blueprint.post("/gap")
@access.needs("project.write")
def change_gap(project_id: str) -> Response:
    """How near two messages to a topic may come without a warning."""
    form = GapForm()
    with opening() as work:
        asked = read_asked(work.now)
        try:
            calendar_clashes.set_gap(work, form.length)
        except Invalid as error:
            toast(error.message, "bad")
        else:
            toast("Saved.")
    return go(url_for(".index", **asked.args()))  # type: ignore[arg-type] # texts all
