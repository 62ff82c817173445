"""The list of messages, the question that begins a new one, duplicate and delete."""

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, Response, request, url_for

from app.domain.channels import Channel
from app.domain.errors import Invalid
from app.services.lists.listing import Cursor
from app.services.messages import messages, templates
from app.services.providers import sender
from app.services.tracking import deliveries
from app.services.writing import beginnings
from app.services.writing.beginnings import Prospect, Wish
from app.web import access
from app.web.context import opening, reading
from app.web.filters import message_badge
from app.web.htmx import go, render, toast
from app.web.wording import CHANNELS

blueprint = Blueprint("messages", __name__, url_prefix="/p/<project_id>/messages")

NAMES = frozenset(channel.value for channel in Channel)
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
        "messages/index.html", "messages/_table.html", listing=listing, is_new=is_new, phases=STATES,
        channels=CHANNELS, filters=filters,
    )  # fmt: skip


@blueprint.get("/new")
@access.needs("messages.write")
def new(project_id: str) -> Response:
    """The one question: on which channel, or from which template.

    The address may say for when (`at`, a wall time, in `zone`) and for whom (`topic`, `contact`), and one channel.
    """
    return _ask(request.args)


def _ask(asked: Mapping[str, str], status: int = 200) -> Response:
    wish, channel = _wish(asked), asked.get("channel", "")
    words = asked.get("q", "").replace("\0", "").strip()[:320]
    with reading() as work:
        ahead = beginnings.look_ahead(work, wish)
        context: dict[str, Any] = {"wish": wish, "ahead": ahead, "kept": _carried(wish, ahead)}
        if channel not in NAMES:
            return render("compose/choose.html", status=status, ways=beginnings.ways(work), **context)
        cursor = Cursor.parse(asked.get("after", ""), asked.get("before", ""))
        rows = templates.list_templates(work, cursor, words=words, channel=channel)
        has_provider = bool(sender.candidates(work, channel))
    return render(
        "compose/begin.html", "compose/_templates.html", status=status, rows=rows, q=words, channel=channel,
        has_provider=has_provider, **context,
    )  # fmt: skip


def _wish(asked: Mapping[str, str]) -> Wish:
    return Wish(*(asked.get(name, "").replace("\0", "")[:64] for name in ("at", "zone", "topic", "contact")))


def _carried(wish: Wish, ahead: Prospect) -> dict[str, str]:
    """What goes along to the next page: everything that was wished and can be."""
    time = {"at": wish.at, "zone": wish.zone} if ahead.moment is not None else {}
    return {name: text for name, text in {**time, "topic": wish.topic, "contact": wish.contact}.items() if text}


@blueprint.post("/new")
@access.needs("messages.write")
def create(project_id: str) -> Response:
    """A new draft, empty or from a template, opened in the composer."""
    form = request.form
    wish, template_id = _wish(form), form.get("template", "")
    try:
        with opening() as work:
            if template_id:
                message = beginnings.begin_from(work, template_id, wish)
            else:
                message = beginnings.begin(work, form.get("channel", ""), wish)
            gone = beginnings.files_gone(work, message)
    except Invalid as error:
        if "channel" in error.fields:
            raise
        return _ask(form, status=422)
    if gone:
        toast("A file of this template was deleted. The checks of the draft name it.", "warning")
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


@blueprint.post("/duplicate")
@access.needs("messages.write")
def duplicate_many(project_id: str) -> Response:
    """A new draft for each message that was ticked; they stand on top of the list."""
    with opening() as work:
        copies = messages.duplicate_many(work, request.form.getlist("message"))
    toast(f"{len(copies)} duplicated. The new drafts stand on top." if len(copies) > 1 else "Duplicated.")
    return go(url_for(".index"))


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
