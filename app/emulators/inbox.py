"""The Sandbox page: what the emulators received for a project, and the dial that makes them fail."""

import io
import json
from contextlib import suppress
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
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

from app.emulators.faults import FAULTS, Dial, Faults
from app.emulators.outbox import Outbox, Received, outbox_path

blueprint = Blueprint("sandbox", __name__, url_prefix="/p/<project_id>/sandbox")
PAGE_SIZE = 50
VIEWS = {"html": "HTML", "text": "Text", "headers": "Headers", "attachments": "Attachments", "source": "Source"}
CALLED = {"email": "Email", "sms": "SMS", "push": "Push"}
LONGEST_SOURCE = 200_000  # bytes of the source that are drawn; all of it can be downloaded
SHARES = (100, 50, 20, 5, 1)
COUNTS = (("", "until switched off"), ("1", "once"), ("10", "10 times"), ("100", "100 times"))
# The email stands in a frame without scripts and without our origin: whatever is in it can only be looked at.
FRAME_POLICY = (
    "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'none'; base-uri 'none'; "
    "frame-ancestors 'self'"
)
CONSEQUENCES = {
    "mailbox-full": "Inbox full: refused for now and tried again later",
    "mailbox-unknown": "Address unknown: refused for good",
    "throttled": "Asked to be slower: the session ends, the rest waits",
    "greylisted": "Asked to come back later: refused for now and tried again",
    "server-error": "Trouble inside the service: tried again later",
    "content-rejected": "Content refused: that message fails",
    "slow": "Slow answers",
    "drop-after-dot": "Goes silent after taking the message: uncertain, and it did arrive",
    "lose-after-dot": "Goes silent after taking the message: uncertain, and it is lost",
    "drop-before-body": "Hangs up before the message: tried again",
    "opted-out": "The person has opted out (SMS): never written to again",
    "busy": "Not available (SMS, push): tried again later",
    "accept-and-lie": "Says yes and loses the message (SMS, push): looks sent, and is not",
    "wrong-json": "Says yes in words nobody can read (SMS, push): uncertain",
    "wrong-password": "Password refused: the provider is blocked until it is repaired",
    "sender-refused": "Sender refused: the provider is blocked until it is repaired",
    "banner-busy": "Too busy to talk: tried again",
}


@cache
def _outbox(path: Path) -> Outbox:
    return Outbox(path)


@cache
def _faults(path: Path) -> Faults:
    return Faults(path)


def _path() -> Path:
    return outbox_path(current_app.extensions["carillon"].settings.data_dir)


def _find(project_id: str, number: int) -> Received:
    found = _outbox(_path()).get(number)
    if found is None or found.account != project_id:
        abort(404)
    return found


def _parse(raw: bytes) -> EmailMessage:
    return BytesParser(_class=EmailMessage, policy=policy.default).parsebytes(raw)


@blueprint.get("")
def index(project_id: str) -> Response:
    """What arrived, the newest first; under htmx the list alone."""
    is_piece = request.headers.get("HX-Request") == "true"
    page = "sandbox/_arrivals.html" if is_piece else "sandbox/index.html"
    answer = make_response(render_template(page, dial=_dial(project_id), **_arrivals(project_id)))
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
    box = _outbox(_path())
    rows = box.newest(PAGE_SIZE + 1, before, project_id, search)
    return {
        "rows": rows[:PAGE_SIZE], "next": rows[PAGE_SIZE - 1].id if len(rows) > PAGE_SIZE else None, "search": search,
        "before": before, "total": box.count(project_id, search),
    }  # fmt: skip


@blueprint.get("/<int:number>")
def show(project_id: str, number: int) -> str:
    """One message as it arrived: an email by its parts, anything else as text; and the request that brought it."""
    found = _find(project_id, number)
    views = dict(VIEWS) if found.channel == "email" else {"text": "Message"}
    if found.request:
        views["request"] = "Request"
    parts = _mail_parts(found) if found.channel == "email" else _plain_parts(found)
    first = "html" if parts["has_html"] else "text"
    view = request.args.get("view", first)
    source = found.request if view == "request" else found.raw
    return render_template(
        "sandbox/show.html",
        row=found,
        views=views,
        view=view if view in views else first,
        source=_drawable(source[:LONGEST_SOURCE].decode("utf-8", "replace")),
        is_cut=len(source) > LONGEST_SOURCE,
        **parts,
    )


def _mail_parts(found: Received) -> dict[str, Any]:
    mail = _parse(found.raw)
    text, html = mail.get_body(("plain",)), mail.get_body(("html",))
    return {
        "has_html": html is not None,
        "text": _drawable(_content(text)),
        "headers": [(name, _drawable(str(value))) for name, value in mail.items()],
        "attachments": _attachments(mail),
    }


def _plain_parts(found: Received) -> dict[str, Any]:
    """A text message as it is; a push with its JSON in lines."""
    text = found.raw.decode("utf-8", "replace")
    if found.channel == "push":
        with suppress(ValueError):  # shown as it came
            text = json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    return {"has_html": False, "text": _drawable(text), "headers": [], "attachments": []}


def _content(part: Any) -> str:
    if part is None:
        return ""
    try:
        return str(part.get_content())
    except (LookupError, UnicodeError):  # a charset nobody knows
        return bytes(part.get_payload(decode=True) or b"").decode("utf-8", "replace")


def _drawable(text: str) -> str:
    """The text with a mark in place of each sign that HTML cannot hold, such as NUL."""
    return "".join(sign if sign.isprintable() or sign in "\n\t" else "\ufffd" for sign in text.replace("\r\n", "\n"))


def _attachments(mail: EmailMessage) -> list[dict[str, Any]]:
    return [
        {"name": part.get_filename() or f"part-{number}", "type": part.get_content_type(), "size": len(_bytes(part))}
        for number, part in enumerate(mail.iter_attachments())
    ]


def _bytes(part: Any) -> bytes:
    return bytes(part.get_payload(decode=True) or b"")


@blueprint.get("/<int:number>/-/frame.html")
def frame(project_id: str, number: int) -> Response:
    """The HTML of a message, for its frame."""
    html = _content(_parse(_find(project_id, number).raw).get_body(("html",)))
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
    parts = list(_parse(_find(project_id, number).raw).iter_attachments())
    if part >= len(parts):
        abort(404)
    name = _plain_name(parts[part].get_filename() or "") or f"part-{part}"
    return send_file(
        io.BytesIO(_bytes(parts[part])), "application/octet-stream", as_attachment=True, download_name=name
    )


def _plain_name(name: str) -> str:
    """A file's name without folders and without what no header line holds."""
    return "".join(filter(str.isprintable, name.replace("\\", "/").rpartition("/")[2]))[:128].strip(". ")


def _dial(project_id: str) -> Dial | None:
    for dial in _faults(_path()).dials():
        if dial.account == project_id and dial.remaining != 0:
            return dial
    return None


def say_dial(dial: Dial) -> str:
    """What the dial does, in a sentence without its full stop."""
    words = CONSEQUENCES.get(dial.fault) or FAULTS[dial.fault].label
    share = "each time" if dial.share == 100 else f"in {dial.share} % of the cases"
    left = "" if dial.remaining is None else f", {dial.remaining} more {'time' if dial.remaining == 1 else 'times'}"
    return f"{words}; {share}{left}"


@blueprint.get("/faults")
def ask_fault(project_id: str) -> str:
    """The dial: which failure, how often."""
    return _draw_dial(project_id)


def _draw_dial(project_id: str, problem: str = "") -> str:
    return render_template(
        "sandbox/faults.html", dial=_dial(project_id), consequences=CONSEQUENCES, shares=SHARES, counts=COUNTS,
        problem=problem,
    )  # fmt: skip


@blueprint.post("/faults")
def turn(project_id: str) -> Response:
    """Turn the dial, or switch it off."""
    name, faults = request.form.get("fault", ""), _faults(_path())
    if not name:
        faults.turn_off(project_id)
        flash("The Sandbox accepts everything again.", "good")
        return _go(url_for("sandbox.index", project_id=project_id))
    try:
        count = request.form.get("count", "")
        amount = 2 if name == "slow" else 0  # seconds
        dial = Dial(project_id, name, int(request.form.get("share", "100")), int(count) if count else None, amount)
        faults.turn(dial)
    except ValueError:
        problem = "Choose one failure of the list, a share from 1 to 100 % and how often."
        return make_response(_draw_dial(project_id, problem), 422)
    flash("The Sandbox fails from now on, as you said.", "warning")
    return _go(url_for("sandbox.index", project_id=project_id))


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


blueprint.add_app_template_filter(say_dial, "say_dial")
blueprint.add_app_template_filter(lambda channel: CALLED.get(channel, channel), "called")
for _view in (index, arrivals, show, frame, source, attachment):
    vars(_view)["permission"] = "sandbox.read"  # what the gate of the dashboard reads
for _view in (ask_fault, turn, ask_clear, clear):
    vars(_view)["permission"] = "sandbox.write"
