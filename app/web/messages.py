"""The list of messages, the question that begins a new one, duplicate and delete."""

from flask import Blueprint, Response, request, url_for

from app.services import deliveries, messages
from app.services.listing import Cursor
from app.web import access
from app.web.context import opening, reading
from app.web.filters import message_badge
from app.web.htmx import go, render, toast

blueprint = Blueprint("messages", __name__, url_prefix="/p/<project_id>/messages")

STATES = [(phase, message_badge(phase).word) for phase in messages.PHASES]


@blueprint.get("")
@access.needs("messages.read")
def index(project_id: str) -> Response:
    """Every message, newest first; search and filters stand in the address."""
    asked = request.args
    filters = {"q": asked.get("q", "").strip(), "phase": asked.get("phase", ""), "channel": asked.get("channel", "")}
    with reading() as work:
        listing = messages.list_messages(
            work, Cursor.parse(asked.get("after", ""), asked.get("before", "")), words=filters["q"],
            phase=filters["phase"], channel=filters["channel"],
        )  # fmt: skip
        is_new = not listing.items and messages.is_empty(work)
    return render(
        "messages/index.html", "messages/_table.html", listing=listing, is_new=is_new, phases=STATES, filters=filters
    )


@blueprint.get("/new")
@access.needs("messages.write")
def new(project_id: str) -> Response:
    """The one question: on which channel."""
    return render("compose/choose.html")


@blueprint.post("/new")
@access.needs("messages.write")
def create(project_id: str) -> Response:
    """A new draft, opened in the composer."""
    with opening() as work:
        message = messages.create_draft(work, request.form.get("channel", ""))
    return go(url_for("compose.edit", message_id=message.id))


@blueprint.post("/<message_id>/duplicate")
@access.needs("messages.write")
def duplicate(project_id: str, message_id: str) -> Response:
    """A new draft with the same content and audience, opened in the composer where that can write on it."""
    with opening() as work:
        message = messages.duplicate(work, message_id)
        place = "compose.edit" if messages.is_written_here(message) else "message_page.show"
    toast("Duplicated. This is the new draft.")
    return go(url_for(place, message_id=message.id))


@blueprint.get("/<message_id>/delete")
@access.needs("messages.write")
def ask_delete(project_id: str, message_id: str) -> Response:
    """Ask before deleting, with what would go."""
    with reading() as work:
        message = messages.find(work, message_id)
        tally = deliveries.tallies_of(work, [message.pk]).get(message.pk)
    return render(
        "messages/delete.html", message=message, deliveries=tally.audience if tally else 0,
        goes_out_at=messages.goes_out_at(message),
    )  # fmt: skip


@blueprint.post("/<message_id>/delete")
@access.needs("messages.write")
def delete(project_id: str, message_id: str) -> Response:
    """Delete the message and all that is known of its deliveries."""
    with opening() as work:
        title = messages.remove(work, message_id)
    toast(f"“{title[:60]}” was deleted.")
    return go(url_for(".index"))
