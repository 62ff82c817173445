"""The log explorer, and one delivery's story."""

from datetime import datetime, timedelta

from flask import Blueprint, Response, request

from app.domain.delivery_states import DeliveryState
from app.services.lists.listing import Cursor
from app.services.providers import providers
from app.services.tracking import dead_letter_orders, dead_letters, deliveries
from app.services.tracking.deliveries import Filter
from app.web import access
from app.web.context import reading
from app.web.filters import DELIVERY_BADGES
from app.web.htmx import render
from app.web.wording import CHANNELS, REASONS

blueprint = Blueprint("deliveries", __name__, url_prefix="/p/<project_id>/deliveries")
TIMES = {
    "hour": ("Last hour", 1),
    "day": ("Last 24 hours", 24),
    "week": ("Last 7 days", 168),
    "month": ("Last 30 days", 720),
}
FILTERS = ("q", "time", "channel", "state", "provider", "reason")


@blueprint.get("")
@access.needs("deliveries.read")
def index(project_id: str) -> Response:
    """Every delivery of the project, the newest first, through the filters of the address."""
    kept = asked(*FILTERS)
    with reading() as work:
        names = providers.names_of(work)
        wanted = _wanted(kept, work.now)
        cursor = Cursor.parse(request.args.get("after", ""), request.args.get("before", ""))
        page = deliveries.explore(work, wanted, cursor)
        return render(
            "deliveries/index.html", "deliveries/_table.html", rows=page, kept=kept, wanted=wanted,
            providers=names, chips=chips(kept, _choices(names)), choices=_choices(names),
        )  # fmt: skip


def asked(*names: str) -> dict[str, str]:
    """The filters of these names that the address sets, without signs that nobody can type."""
    typed = {name: "".join(filter(str.isprintable, request.args.get(name, "")))[:320] for name in names}
    return {name: text for name, text in typed.items() if text}


def _wanted(kept: dict[str, str], now: datetime) -> Filter:
    _, hours = TIMES.get(kept.get("time", ""), ("", 0))
    return Filter(
        search=kept.get("q", ""),
        state=kept.get("state", ""),
        reason=kept.get("reason", ""),
        channel=kept.get("channel", ""),
        provider_id=kept.get("provider", ""),
        since=now - timedelta(hours=hours) if hours else None,
    )


def _choices(names: list[tuple[str, str]]) -> dict[str, list[tuple[str, str]]]:
    return {
        "time": [("", "Any time"), *((key, words) for key, (words, _) in TIMES.items())],
        "channel": [("", "Any channel"), *CHANNELS],
        "state": [("", "Any state"), *((each.value, DELIVERY_BADGES[each.value].word) for each in DeliveryState)],
        "provider": [("", "Any provider"), *names],
        "reason": [("", "Any reason"), *((reason.value, words.says.rstrip(".")) for reason, words in REASONS.items())],
    }


def chips(kept: dict[str, str], choices: dict[str, list[tuple[str, str]]]) -> list[tuple[str, dict[str, str]]]:
    """A chip for each filter that is set: its words, and the filters that stay when it is taken away."""
    words = {name: dict(pairs) for name, pairs in choices.items()}
    return [
        (
            f"Address: {value}" if name == "q" else words.get(name, {}).get(value, value),
            {other: text for other, text in kept.items() if other != name},
        )
        for name, value in kept.items()
    ]


@blueprint.get("/<int:number>")
@access.needs("deliveries.read")
def show(project_id: str, number: int) -> Response:
    """One delivery: every attempt, and what is known."""
    with reading() as work:
        story = deliveries.story_of(work, number)
        is_dead = dead_letters.is_dead(story.row.delivery)
        dismissal = dead_letter_orders.dismissal_of(work, story.row.delivery)
    return render("deliveries/show.html", "deliveries/_story.html", story=story, is_dead=is_dead, dismissal=dismissal)
