"""Dead letters: what ended without reaching anybody, in groups; replay them, dismiss them, take that back."""

from datetime import datetime, timedelta

from flask import Blueprint, Response, request, url_for

from app.domain.dead_letters import CAUSES
from app.domain.delivery_states import RETRYABLE
from app.domain.errors import NotFound
from app.services.lists.listing import Cursor
from app.services.providers import providers
from app.services.tracking import dead_letter_orders, dead_letters
from app.services.tracking.dead_letters import Wish
from app.services.work import Work
from app.web import access
from app.web.context import opening, reading
from app.web.deliveries import TIMES, asked, chips
from app.web.filters import DELIVERY_BADGES
from app.web.htmx import go, render, render_fragment, toast
from app.web.message_page import EPOCH
from app.web.wording import CHANNELS, REASONS

blueprint = Blueprint("dead_letters", __name__, url_prefix="/p/<project_id>/dead-letters")
FILTERS = ("time", "channel", "state", "reason", "provider", "message")
CALLED = {  # what a question calls them, in the order in which it says them
    "message": "Message", "state": "State", "reason": "What happened", "provider": "Provider", "channel": "Channel",
    "time": "Time", "delivery": "To",
}  # fmt: skip
Choices = dict[str, list[tuple[str, str]]]


@blueprint.get("")
@access.needs("deliveries.read")
def index(project_id: str) -> Response:
    """The groups, those of the newest message first, through the filters of the address."""
    kept = asked(*FILTERS)
    with reading() as work:
        cursor = Cursor.parse(request.args.get("after", ""), request.args.get("before", ""))
        page = dead_letters.list_groups(work, _wish(kept, work.now), cursor)
        choices = _choices(work)
        choices["message"] = [(group.message.id, group.message.title) for group in page.items]
        return render(
            "dead_letters/index.html", "dead_letters/_groups.html", groups=page, kept=kept, choices=choices,
            chips=chips(kept, choices), orders=dead_letter_orders.recent(work),
        )  # fmt: skip


def _wish(kept: dict[str, str], now: datetime) -> Wish:
    _, hours = TIMES.get(kept.get("time", ""), ("", 0))
    number = kept.get("delivery", "")
    if number and not (number.isascii() and number.isdigit() and len(number) < 19):
        raise NotFound("This delivery does not exist, or its message was deleted.")
    return Wish(
        message_id=kept.get("message", ""),
        state=kept.get("state", ""),
        reason=kept.get("reason", ""),
        provider=kept.get("provider", ""),
        channel=kept.get("channel", ""),
        since=now - timedelta(hours=hours) if hours else None,
        delivery_pk=int(number) if number else None,
    )


def _choices(work: Work) -> Choices:
    return {
        "time": [("", "Any time"), *((key, words) for key, (words, _) in TIMES.items())],
        "channel": [("", "Any channel"), *CHANNELS],
        "state": [("", "Any state"), *((each.value, DELIVERY_BADGES[each.value].word) for each in sorted(RETRYABLE))],
        "reason": [("", "Any reason"), *((cause.value, REASONS[cause].says.rstrip(".")) for cause in CAUSES)],
        "provider": [("", "Any provider"), *providers.names_of(work), (dead_letters.NOBODY, "No provider")],
    }


@blueprint.get("/group")
@access.needs("deliveries.read")
def show(project_id: str) -> Response:
    """The deliveries of one group, with what the service said to each."""
    kept = asked(*FILTERS)
    if "message" not in kept:  # that is no group
        return go(url_for("dead_letters.index"))
    with reading() as work:
        wish = _wish(kept, work.now)
        page = dead_letters.list_letters(work, wish, request.args.get("after", ""), request.args.get("before", ""))
        groups = dead_letters.list_groups(work, wish, Cursor()).items
        group = groups[0] if groups else None
        return render(
            "dead_letters/show.html", "dead_letters/_letters.html", letters=page, group=group, kept=kept,
            orders=dead_letter_orders.recent(work),
        )  # fmt: skip


@blueprint.get("/-/orders")
@access.needs("deliveries.read")
def recent(project_id: str) -> Response:
    """How far the last orders are, without the trigger once nothing moves."""
    with reading() as work:
        return render_fragment("dead_letters/_recent.html", orders=dead_letter_orders.recent(work))


@blueprint.get("/orders")
@access.needs("deliveries.read")
def orders(project_id: str) -> Response:
    """Everything that was decided, and by whom."""
    with reading() as work:
        cursor = Cursor.parse(request.args.get("after", ""), request.args.get("before", ""))
        page = dead_letter_orders.list_orders(work, cursor)
        return render("dead_letters/orders.html", "dead_letters/_orders.html", orders=page)


@blueprint.get("/replay")
@access.needs("deliveries.retry")
def ask_replay(project_id: str) -> Response:
    """Ask, with exact numbers, before anybody is written to again."""
    return _ask("dead_letters/replay.html")


@blueprint.get("/dismiss")
@access.needs("deliveries.retry")
def ask_dismiss(project_id: str) -> Response:
    """Ask, with the exact number, before they leave the page."""
    return _ask("dead_letters/dismiss.html")


def _ask(template: str) -> Response:
    kept = asked(*FILTERS, "delivery")
    with reading() as work:
        question = dead_letter_orders.ask(work, _wish(kept, work.now))
        choices = _choices(work)
        choices["message"] = [(kept.get("message", ""), question.title)]
        choices["delivery"] = [(kept.get("delivery", ""), question.address)]
        until = (work.now - EPOCH) // timedelta(milliseconds=1)
        words = {name: text for name, (text, _) in zip(kept, chips(kept, choices), strict=True)}
        chosen = [(label, words[name]) for name, label in CALLED.items() if name in words]
        return render(template, question=question, numbers=question.numbers, kept=kept, until=until, chosen=chosen)


@blueprint.post("/replay")
@access.needs("deliveries.retry")
def replay(project_id: str) -> Response:
    """Try them again."""
    kept = asked(*FILTERS, "delivery")
    with opening() as work:
        order = dead_letter_orders.replay(
            work, _wish(kept, work.now), until=_until(), with_uncertain=request.form.get("uncertain") == "1"
        )
        total = order.total
    toast(f"{total:,} {'delivery is' if total == 1 else 'deliveries are'} tried again.")
    return go(_back(kept))


@blueprint.post("/dismiss")
@access.needs("deliveries.retry")
def dismiss(project_id: str) -> Response:
    """Take them off the list."""
    kept = asked(*FILTERS, "delivery")
    with opening() as work:
        total = dead_letter_orders.dismiss(work, _wish(kept, work.now), until=_until()).total
    toast(f"{total:,} {'delivery' if total == 1 else 'deliveries'} dismissed.")
    return go(_back(kept))


@blueprint.post("/orders/<order_id>/undo")
@access.needs("deliveries.retry")
def undo(project_id: str, order_id: str) -> Response:
    """Put back on the list what was dismissed."""
    with opening() as work:
        total = dead_letter_orders.undo(work, order_id).total
    toast(f"{total:,} {'delivery is' if total == 1 else 'deliveries are'} on the list again.")
    return go(url_for("dead_letters.index"))


def _until() -> datetime | None:
    """When the page that asked was made: what died since was not in its number."""
    typed = request.form.get("until", "")
    is_ours = typed.isascii() and typed.isdigit() and len(typed) < 15
    return EPOCH + timedelta(milliseconds=int(typed)) if is_ours else None


def _back(kept: dict[str, str]) -> str:
    if "delivery" in kept:
        return url_for("deliveries.show", number=int(kept["delivery"]))
    return url_for("dead_letters.index")
