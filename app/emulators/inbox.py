"""The Sandbox page: what the emulators received for a project; the dials that make them fail are in `inbox_dials`."""

import io
from functools import cache
from pathlib import Path
from typing import Any

from flask import (
    Blueprint,
    Response,
    abort,
    current_app,  # noqa: TID251 - emulators import nothing of Carillon's, so the app is asked where its data lies
    flash,
    make_response,
    redirect,
    render_template,
    request,
    send_file,
    url_for,
)

from app.emulators import inbox_dials
from app.emulators.inbox_parts import bytes_of, drawable, page_of, parse_mail, parts_of, plain_name, views_of
from app.emulators.outbox import Outbox, Received, outbox_path

blueprint = Blueprint("sandbox", __name__, url_prefix="/p/<project_id>/sandbox")
PAGE_SIZE = 50
CALLED = {"email": "Email", "sms": "SMS", "push": "Push"}
LONGEST_SOURCE = 200_000  # bytes of the source that are drawn; all of it can be downloaded
# The email stands in a frame without scripts and without our origin: whatever is in it can only be looked at.
FRAME_POLICY = (
    "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'none'; base-uri 'none'; "
    "frame-ancestors 'self'"
)


@cache
def _outbox(path: Path) -> Outbox:
    return Outbox(path)


def _path() -> Path:
    return outbox_path(current_app.extensions["carillon"].settings.data_dir)


def _find(project_id: str, number: int) -> Received:
    found = _outbox(_path()).get(number)
    if found is None or found.account != project_id:
        abort(404)
    return found


@blueprint.get("")
def index(project_id: str) -> Response:
    """What arrived, the newest first; under htmx the list alone."""
    is_piece = request.headers.get("HX-Request") == "true"
    page = "sandbox/_arrivals.html" if is_piece else "sandbox/index.html"
    answer = make_response(render_template(page, dials=inbox_dials.dials_of(project_id), **_arrivals(project_id)))
    answer.vary.add("HX-Request")
    return answer


@blueprint.get("/-/arrivals")
def arrivals(project_id: str) -> str:
    """The list again, as it is now."""
    return render_template("sandbox/_arrivals.html", **_arrivals(project_id))


def _arrivals(project_id: str) -> dict[str, Any]:
    search = request.args.get("q", "")[:320]
    text = request.args.get("before", "")
    before = int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None
    asked = request.args.get("channel", "")
    channel = asked if asked in CALLED else ""
    box = _outbox(_path())
    rows = box.newest(PAGE_SIZE + 1, before, project_id, search, channel)
    return {
        "rows": rows[:PAGE_SIZE], "next": rows[PAGE_SIZE - 1].id if len(rows) > PAGE_SIZE else None, "search": search,
        "before": before, "total": box.count(project_id, search, channel), "chosen": channel, "channels": CALLED,
        "is_empty": not rows and box.count(project_id) == 0,
    }  # fmt: skip


@blueprint.get("/<int:number>")
def show(project_id: str, number: int) -> str:
    """One message as it arrived: an email by its parts, a text and a push as people see them; and the request."""
    found = _find(project_id, number)
    views, parts = views_of(found), parts_of(found)
    first = "html" if parts.get("has_html") else "text"
    view = request.args.get("view", first)
    source = found.request if view == "request" else found.raw
    return render_template(
        "sandbox/show.html",
        row=found,
        views=views,
        view=view if view in views else first,
        source=drawable(source[:LONGEST_SOURCE].decode("utf-8", "replace")),
        is_cut=len(source) > LONGEST_SOURCE,
        **parts,
    )


@blueprint.get("/<int:number>/-/frame.html")
def frame(project_id: str, number: int) -> Response:
    """The HTML of a message, for its frame."""
    html = page_of(parse_mail(_find(project_id, number).raw))
    answer = make_response(html or "<p>This message has no HTML part.</p>")
    answer.headers["Content-Security-Policy"] = FRAME_POLICY
    return answer


@blueprint.get("/<int:number>/source.eml")
def source(project_id: str, number: int) -> Response:
    """Every byte as it arrived."""
    found = _find(project_id, number)
    ending = {"sms": "txt", "push": "json"}.get(found.channel, "eml")
    return send_file(
        io.BytesIO(found.raw), "application/octet-stream", as_attachment=True,
        download_name=f"message-{found.id}.{ending}",
    )  # fmt: skip


@blueprint.get("/<int:number>/attachments/<int:part>")
def attachment(project_id: str, number: int, part: int) -> Response:
    """One attachment; always as a download, whatever it says of itself."""
    parts = list(parse_mail(_find(project_id, number).raw).iter_attachments())
    if part >= len(parts):
        abort(404)
    name = plain_name(parts[part].get_filename() or "") or f"part-{part}"
    return send_file(
        io.BytesIO(bytes_of(parts[part])), "application/octet-stream", as_attachment=True, download_name=name
    )


@blueprint.get("/clear")
def ask_clear(project_id: str) -> str:
    """Ask, with the number of messages."""
    return render_template("sandbox/clear.html", total=_outbox(_path()).count(project_id))


@blueprint.post("/clear")
def clear(project_id: str) -> Response:
    """Forget everything that arrived for this project."""
    gone = _outbox(_path()).clear(project_id)
    flash(f"{gone:,} {'message is' if gone == 1 else 'messages are'} gone.", "good")
    return _go(url_for("sandbox.index", project_id=project_id))


def _go(address: str) -> Response:
    return make_response(redirect(address, 303))


inbox_dials.register(blueprint)
blueprint.add_app_template_filter(lambda channel: CALLED.get(channel, channel), "called")
for _view in (index, arrivals, show, frame, source, attachment):
    vars(_view)["permission"] = "sandbox.read"  # what the gate of the dashboard reads
for _view in (ask_clear, clear):
    vars(_view)["permission"] = "sandbox.write"
