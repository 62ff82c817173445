"""The message page: how far a message is, who got it, and what can be done about it now."""

import csv
import io
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from flask import Blueprint, Response, render_template, request, url_for

from app.domain.import_mapping import guard_cell
from app.domain.permissions import Actor
from app.services.lists.listing import Cursor
from app.services.messages import templates
from app.services.previews import message_sheets
from app.services.providers import providers
from app.services.sending import sending, watching
from app.services.sending.watching import Glance, Watched
from app.services.tracking import dead_letter_orders, deliveries, verifying
from app.services.tracking.deliveries import Filter
from app.services.work import Work, Workshop
from app.web import access
from app.web.context import actor, opening, reading, workshop
from app.web.deliveries import asked
from app.web.htmx import go, render, render_fragment, toast
from app.web.wording import say_reason, say_wall

blueprint = Blueprint("message_page", __name__, url_prefix="/p/<project_id>/messages/<message_id>")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MOST_DONE, SLOWEST = 10**9, 0.01  # what a page of ours may say of itself: deliveries, and deliveries a second
COLUMNS = ("address", "name", "channel", "state", "reason", "explanation", "attempts", "provider", "updated_at")


@blueprint.get("")
@access.needs("messages.read")
def show(project_id: str, message_id: str) -> Response:
    """The whole page; under htmx the recipients alone, because only their search asks so."""
    with reading() as work:
        seen = watching.watch(work, message_id)
        events = watching.timeline_of(work, seen.message)
        return render(
            "messages/show.html", "messages/_recipients.html", seen=seen, events=events, poll=_poll(seen),
            sheet=message_sheets.lay_out_sheet(work, seen.message), providers=providers.names_of(work),
            origin=templates.origin_of(work, seen.message),
            **_recipients(work, seen),
        )  # fmt: skip


@blueprint.get("/-/progress")
@access.needs("messages.read")
def progress(project_id: str, message_id: str) -> Response:
    """The numbers again, without the trigger once the message has settled."""
    with reading() as work:
        seen = watching.watch(work, message_id, _last_glance())
        return render_fragment("messages/_progress.html", seen=seen, poll=_poll(seen), wanted=wanted_rows())


@blueprint.get("/-/recipients")
@access.needs("deliveries.read")
def recipients(project_id: str, message_id: str) -> Response:
    """The table of recipients again, with the same filters on the same page."""
    with reading() as work:
        seen = watching.watch(work, message_id)
        return render_fragment("messages/_recipients.html", seen=seen, **_recipients(work, seen))


def _recipients(work: Work, seen: Watched) -> dict[str, Any]:
    wanted = wanted_rows()
    cursor = Cursor.parse(request.args.get("after", ""), request.args.get("before", ""))
    page = deliveries.recipients_of(work, seen.message, wanted, cursor)
    kept = asked("q", "state", "reason", "provider")
    here = asked("after", "before")
    return {"rows": page, "wanted": wanted, "kept": kept, "here": kept | here}


def wanted_rows() -> Filter:
    """The filters that stand in the address."""
    kept = asked("q", "state", "reason", "provider")
    return Filter(
        kept.get("q", ""), kept.get("state", ""), kept.get("reason", ""), provider_id=kept.get("provider", "")
    )


def _last_glance() -> Glance | None:
    try:
        at = EPOCH + timedelta(milliseconds=int(request.args["at"]))
        done, pace = int(request.args["done"]), float(request.args["pace"])
    except (KeyError, ValueError, OverflowError):
        return None
    is_ours = 0 <= done <= MOST_DONE and (pace == 0 or SLOWEST <= pace <= MOST_DONE)
    return Glance(done, at, pace) if is_ours else None


def _poll(seen: Watched) -> dict[str, Any]:
    """What the next glance needs to know of this one."""
    at = (seen.now - EPOCH) // timedelta(milliseconds=1)
    return {"done": seen.progress.done, "at": at, "pace": f"{seen.progress.pace:.2f}"}


@blueprint.get("/verify")
@access.needs("deliveries.read")
def verify(project_id: str, message_id: str) -> Response:
    """Recount the message from its rows, ask the Sandbox where it had a part, and say whether the numbers agree."""
    with reading() as work:
        seen = watching.watch(work, message_id)
    proof = verifying.verify(workshop(), actor(), message_id)
    return render("messages/verify.html", seen=seen, proof=proof)


@blueprint.get("/recipients.csv")
@access.needs("deliveries.export")
def export(project_id: str, message_id: str) -> Response:
    """Every recipient as CSV, sent while it is read."""
    with opening() as work:
        message = deliveries.begin_export(work, message_id)
    answer = Response(_csv_lines(workshop(), actor(), message.pk, wanted_rows()), mimetype="text/csv")
    answer.headers["Content-Disposition"] = f'attachment; filename="recipients-{message.id}.csv"'
    return answer


def _csv_lines(shop: Workshop, who: Actor, message_pk: int, wanted: Filter) -> Iterator[str]:
    yield "\ufeff" + _csv_line(COLUMNS)
    cursor = Cursor()
    while True:
        with shop.read(who) as work:
            page = deliveries.export_page(work, message_pk, wanted, cursor)
            lines = [_csv_line(_cells(row)) for row in page.items]
        yield "".join(lines)
        if page.older is None:
            return
        cursor = Cursor.parse(page.older)


def _cells(row: deliveries.Row) -> tuple[str, ...]:
    it = row.delivery
    return (
        it.address, row.contact_name, it.channel, it.state, it.reason, say_reason(it.reason), str(it.attempts),
        row.provider_name, it.updated_at.isoformat(timespec="seconds"),
    )  # fmt: skip


def _csv_line(cells: tuple[str, ...]) -> str:
    line = io.StringIO()
    csv.writer(line).writerow([guard_cell(cell) for cell in cells])
    return line.getvalue()


@blueprint.post("/pause")
@access.needs("messages.control")
def pause(project_id: str, message_id: str) -> Response:
    """Stop between two recipients."""
    with opening() as work:
        sending.pause(work, message_id)
    toast("Paused. Nobody else gets it until you resume.")
    return go(url_for("message_page.show", message_id=message_id))


@blueprint.post("/resume")
@access.needs("messages.control")
def resume(project_id: str, message_id: str) -> Response:
    """Go on."""
    with opening() as work:
        sending.resume(work, message_id)
    toast("Sending goes on.")
    return go(url_for("message_page.show", message_id=message_id))


@blueprint.get("/cancel")
@access.needs("messages.control")
def ask_cancel(project_id: str, message_id: str) -> Response:
    """Ask, saying exactly how many would not get it."""
    with reading() as work:
        seen = watching.watch(work, message_id)
    return render("messages/cancel.html", seen=seen)


@blueprint.post("/cancel")
@access.needs("messages.control")
def cancel(project_id: str, message_id: str) -> Response:
    """Stop for good."""
    with opening() as work:
        left = sending.cancel(work, message_id)
    toast(f"Cancelled. {left:,} {'person does' if left == 1 else 'people do'} not get it.")
    return go(url_for("message_page.show", message_id=message_id))


@blueprint.get("/retry")
@access.needs("deliveries.retry")
def ask_retry(project_id: str, message_id: str) -> Response:
    """Ask which failed ones shall be tried again."""
    with reading() as work:
        seen = watching.watch(work, message_id)
        reasons = deliveries.reasons_of(work, seen.message.pk)
    failed = [line for line in reasons if line[0] == "failed"]
    return render("messages/retry.html", seen=seen, failed=failed)


@blueprint.post("/retry")
@access.needs("deliveries.retry")
def retry(project_id: str, message_id: str) -> Response:
    """Try the failed (or the uncertain) ones again."""
    with opening() as work:
        total = dead_letter_orders.retry(
            work, message_id, reasons=request.form.getlist("reason"), uncertain=request.form.get("what") == "uncertain"
        ).total
    toast(f"{total:,} {'delivery is' if total == 1 else 'deliveries are'} tried again.")
    return go(url_for("message_page.show", message_id=message_id))


def _say_people(count: int) -> str:
    return "1 person" if count == 1 else f"{count:,} people"


def event_words(event: str, details: dict[str, Any]) -> str:
    """One line of the timeline as people read it."""
    total, left = details.get("total", 0), details.get("left", 0)
    words = {
        "created": "Written",
        "duplicated": "Made as a copy of another message",
        "from_template": f"Made from the template {details.get('name', '')}, version {details.get('version', 1)}",
        "for_template": "Opened to be saved as a template",
        "scheduled": f"Scheduled for {say_wall(str(details.get('wall', '')))} {details.get('zone', '')}",
        "unscheduled": "Taken back to draft",
        "started": "Sending began",
        "fanned_out": _say_people(details.get("audience", 0)) + " in the audience",
        "paused": "Paused",
        "resumed": "Resumed",
        "cancelled": f"Cancelled; {_say_people(left)} {'was' if left == 1 else 'were'} not written to",
        "late": "Too late to start by itself: it waits for a person",
        "early_again": "The clock was set back, so its time lies ahead again",
        "moved_with_zone": f"The rules of {details.get('zone', '')} changed; it stays at "
        f"{say_wall(str(details.get('wall', '')))} there",
        "failed_inside": f"A fault in Carillon held it up: {details.get('why', '')}",
        "retried": f"{total:,} tried again",
        "settled": f"Finished: {details.get('sent', 0):,} went out, {details.get('failed', 0):,} failed",
    }
    return words.get(event, event.replace("_", " ").capitalize())


@blueprint.app_template_filter("event_words")
def _event_words(event: Any) -> str:
    return event_words(event.event, event.details)


@blueprint.get("/-/timeline")
@access.needs("messages.read")
def timeline(project_id: str, message_id: str) -> str:
    """The timeline again, while it may still grow."""
    with reading() as work:
        seen = watching.watch(work, message_id)
        events = watching.timeline_of(work, seen.message)
        return render_template("messages/_timeline.html", seen=seen, events=events)
