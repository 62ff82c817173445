"""The composer: a draft beside its live preview and its checks; every button is a plain form button too."""

from typing import Any

from flask import Blueprint, Response, make_response, request, url_for

from app.domain.content import EmailContent
from app.domain.errors import Conflict, Invalid
from app.services import composer, messages, sending
from app.services.composer import Desk
from app.services.messages import StaleDraft
from app.web import access
from app.web.context import opening, reading
from app.web.fields import put_errors
from app.web.forms.compose import ConsentForm, EmailForm
from app.web.htmx import go, redraw, render, render_fragment, toast

blueprint = Blueprint("compose", __name__, url_prefix="/p/<project_id>/messages")

VIEWS = (("desktop", "Desktop"), ("mobile", "Mobile"), ("dark", "Dark"), ("text", "Text"), ("source", "Source"))
# A frame of its own, without scripts and without our origin: whatever is in the email can only be looked at.
FRAME_POLICY = (
    "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src https: http: data:; form-action 'none'; "
    "base-uri 'none'; frame-ancestors 'self'"
)
NEXT = {"send": "launch.ask_send", "schedule": "launch.ask_schedule", "test": "launch.ask_test"}


@blueprint.get("/<message_id>/edit")
@access.needs("messages.write")
def edit(project_id: str, message_id: str) -> Response:
    """The composer; a message that is not a draft leads to where it can be looked at."""
    with reading() as work:
        desk = _lay_out(work, message_id)
    if desk.message.status == "scheduled":
        return render("compose/scheduled.html", message=desk.message, form=ConsentForm(version=desk.message.version))
    if not desk.is_written_here or not isinstance(desk.content, EmailContent):
        return go(url_for("message_page.show", message_id=message_id))
    return render("compose/edit.html", **_page(desk, _filled_form(desk.message.version, desk.content)))


@blueprint.post("/<message_id>/edit")
@access.needs("messages.write")
def save(project_id: str, message_id: str) -> Response:
    """Save what was typed, then go where the pressed button leads. Nothing typed is lost when it cannot be saved."""
    form = EmailForm()
    try:
        _save(message_id, form)
    except (Invalid, StaleDraft) as error:
        return _redraw_typed(message_id, form, error)
    shown = _shown(request.form.get("as"), _view())
    then = NEXT.get(request.form.get("then", ""))
    if then:
        return go(url_for(then, message_id=message_id, **_shown(request.form.get("as"))))
    text = request.form.get("q", "").strip()
    place = "audience" if text or request.form.getlist("add") or request.form.getlist("remove") else None
    who = request.form.get("who") or None
    return go(url_for(".edit", message_id=message_id, q=text or None, who=who, _anchor=place, **shown))


@blueprint.post("/<message_id>/-/save")
@access.needs("messages.write")
def save_fragment(project_id: str, message_id: str) -> Response:
    """Save by itself while somebody types; everything around the form follows."""
    form = EmailForm()
    try:
        _save(message_id, form)
    except Invalid as error:
        return render_fragment(
            "compose/_unsaved.html", sentences=[text for each in error.fields.values() for text in each]
        )
    except StaleDraft as stale:
        return render_fragment("compose/_stale.html", stale=stale, message_id=message_id)
    with reading() as work:
        desk = _lay_out(work, message_id)
    return render_fragment("compose/_saved.html", **_page(desk, form))


@blueprint.get("/<message_id>/-/found")
@access.needs("messages.write")
def found_fragment(project_id: str, message_id: str) -> Response:
    """What the audience picker offers while somebody types."""
    text = request.args.get("q", "")
    with reading() as work:
        found = composer.search_picker(work, message_id, text)
    return render_fragment("compose/_found.html", found=found, text=text, message_id=message_id)


@blueprint.get("/<message_id>/-/preview")
@access.needs("messages.read")
def preview_fragment(project_id: str, message_id: str) -> Response:
    """The preview as another person or device sees it; the page's address follows."""
    with reading() as work:
        desk = _lay_out(work, message_id)
    if not isinstance(desk.content, EmailContent):
        raise Conflict("The composer previews emails only; the page of this message shows what people get.")
    answer = render_fragment("compose/_preview.html", **_page(desk, None))
    shown = _shown(request.args.get("as"), _view())
    answer.headers["HX-Replace-Url"] = url_for(".edit", message_id=message_id, **shown)
    return answer


@blueprint.get("/<message_id>/-/preview.html")
@access.needs("messages.read")
def preview_html(project_id: str, message_id: str) -> Response:
    """The email itself, for the preview's frame."""
    with reading() as work:
        page = composer.show(work, message_id, request.args.get("as", ""), is_dark="dark" in request.args)
    answer = make_response(page)
    answer.headers["Content-Security-Policy"] = FRAME_POLICY
    answer.headers["Referrer-Policy"] = "no-referrer"
    return answer


@blueprint.post("/<message_id>/unschedule")
@access.needs("messages.send")
def unschedule(project_id: str, message_id: str) -> Response:
    """Take a scheduled message back to draft, to change it."""
    with opening() as work:
        sending.unschedule(work, message_id)
    toast("Back to draft. It will not go out until you send or schedule it again.")
    return go(url_for(".edit", message_id=message_id))


def _save(message_id: str, form: EmailForm) -> None:
    draft = form.command(request.form.getlist("add"), request.form.getlist("remove"))
    keeps = request.form.get("keep", "")
    version = int(keeps) if keeps.isascii() and keeps.isdigit() and len(keeps) < 10 else form.version.data or 0
    with opening() as work:
        messages.save_draft(work, message_id, draft, version)


def _redraw_typed(message_id: str, form: EmailForm, error: Invalid | StaleDraft) -> Response:
    with reading() as work:
        desk = _lay_out(work, message_id)
    if isinstance(error, Invalid):
        put_errors(form, error)
        return redraw("compose/edit.html", **_page(desk, form))
    return redraw("compose/edit.html", stale=error, **_page(desk, form))


def _lay_out(work: Any, message_id: str) -> Desk:
    asked = request.values
    return composer.lay_out(
        work, message_id, as_target=asked.get("as", ""), looking_for=asked.get("q", ""), who=asked.get("who", "")
    )


def _filled_form(version: int, content: EmailContent) -> EmailForm:
    return EmailForm(
        version=version, subject=content.subject, preheader=content.preheader, format=content.format,
        body=content.body,
    )  # fmt: skip


def _page(desk: Desk, form: EmailForm | None) -> dict[str, Any]:
    return {
        "desk": desk, "form": form, "view": _view(), "views": VIEWS, "message_id": desk.message.id,
        "changes_audience": bool(request.form.get("add") or request.form.get("remove")),
        "text": request.values.get("q", ""), "who": request.values.get("who", ""),
    }  # fmt: skip


def _shown(target_id: str | None, view: str = "desktop") -> dict[str, Any]:
    """The part of the address that says as whom and on which device the preview is shown."""
    return {"as": target_id or None, "view": view if view != "desktop" else None}


def _view() -> str:
    wanted = request.values.get("show") or request.values.get("view", "")
    return wanted if wanted in dict(VIEWS) else "desktop"
