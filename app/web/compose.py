"""The composer: a draft beside its live preview and its checks; every button is a plain form button too."""

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, Response, request, url_for

from app.domain.errors import Conflict, Invalid, NotFound
from app.services.messages import messages
from app.services.sending import sending
from app.services.writing import composer, drafts
from app.services.writing.composer import Desk
from app.services.writing.drafts import StaleDraft
from app.web import access
from app.web.context import opening, reading
from app.web.fields import put_errors
from app.web.forms.compose import ConsentForm
from app.web.forms.drafts import DraftForm
from app.web.frames import frame
from app.web.htmx import go, redraw, render, render_fragment, toast
from app.web.kept_words import kept
from app.web.sheets import SHEETS, Sheet

blueprint = Blueprint("compose", __name__, url_prefix="/p/<project_id>/messages")

BUTTONS = ("add", "remove", "attach", "detach", "inline")  # what changes beside the words; each may come often
NEXT = {
    "send": "launch.ask_send", "schedule": "launch.ask_schedule", "test": "launch.ask_test",
    "time": "launch.ask_time", "template": "templates.new",
    "pick": "picker.index",  # as `pick:image`, by what the files are for
}  # fmt: skip


@blueprint.get("/<message_id>/edit")
@access.needs("messages.write")
def edit(project_id: str, message_id: str) -> Response:
    """The composer; a message that is not a draft leads to where it can be looked at."""
    with reading() as work:
        desk = _lay_out(work, message_id)
    if desk.message.status == "scheduled":
        return render("compose/scheduled.html", message=desk.message, form=ConsentForm(version=desk.message.version))
    if not desk.is_written_here:
        return go(url_for("message_page.show", message_id=message_id))
    form = _sheet(desk).form.filled(desk.content, desk.message.version, desk.pinned)
    return render("compose/edit.html", **_page(desk, form))


@blueprint.post("/<message_id>/edit")
@access.needs("messages.write")
@kept(lambda error, message_id, **_: _redraw_typed(message_id, _form(message_id), error))
def save(project_id: str, message_id: str) -> Response:
    """Save what was typed, then go where the pressed button leads. Nothing typed is lost when it cannot be saved."""
    form = _form(message_id)
    try:
        _save(message_id, form)
    except (Invalid, NotFound, Conflict) as error:
        return _redraw_typed(message_id, form, error)
    asked = request.form
    then, _, use = asked.get("then", "").partition(":")
    if then in NEXT:
        return go(url_for(NEXT[then], message_id=message_id, use=use or None, **_shown()))
    if then == "no-time":
        with opening() as work:
            sending.rub_out(work, message_id)
        toast("It has no time any more.")
    text, who = asked.get("q", "").strip(), asked.get("who") or None
    place = "audience" if text or _buttons()["add"] or _buttons()["remove"] else None
    place = "files" if any(_buttons()[name] for name in ("attach", "detach", "inline")) else place
    return go(url_for(".edit", message_id=message_id, q=text or None, who=who, _anchor=place, **_shown(), **_viewed()))


@blueprint.post("/<message_id>/-/save")
@access.needs("messages.write")
def save_fragment(project_id: str, message_id: str) -> Response:
    """Save by itself while somebody types; everything around the form follows."""
    form = _form(message_id)
    try:
        _save(message_id, form)
    except Invalid as error:
        return render_fragment(
            "compose/_unsaved.html", sentences=[text for each in error.fields.values() for text in each]
        )
    except StaleDraft as stale:
        return render_fragment("compose/_stale.html", stale=stale, message_id=message_id)
    except (NotFound, Conflict) as error:
        return render_fragment("compose/_unsaved.html", sentences=[error.message])
    with reading() as work:
        desk = _lay_out(work, message_id)
    form.follow(desk.content)
    return render_fragment("compose/_saved.html", **_page(desk, form))


@blueprint.get("/<message_id>/-/found")
@access.needs("messages.write")
def found_fragment(project_id: str, message_id: str) -> Response:
    """What the audience picker offers while somebody types."""
    text = request.args.get("q", "")
    with reading() as work:
        found = composer.search_picker(work, message_id, text)
    return render_fragment("compose/_found.html", found=found, text=text, message_id=message_id)


@blueprint.get("/<message_id>/-/checks")
@access.needs("messages.write")
def checks_fragment(project_id: str, message_id: str) -> Response:
    """The checks, once everybody's copy was looked at."""
    with reading() as work:
        desk = _lay_out(work, message_id)
    return render_fragment("compose/_checks.html", **_page(desk, None))


@blueprint.get("/<message_id>/-/preview")
@access.needs("messages.read")
def preview_fragment(project_id: str, message_id: str) -> Response:
    """The preview as another person or device sees it; the page's address follows."""
    with reading() as work:
        desk = _lay_out(work, message_id)
    answer = render_fragment("compose/_preview.html", **_page(desk, None))
    answer.headers["HX-Replace-Url"] = url_for(".edit", message_id=message_id, **_shown(), **_viewed())
    return answer


@blueprint.get("/<message_id>/-/preview.html")
@access.needs("messages.read")
def preview_html(project_id: str, message_id: str) -> Response:
    """The email itself, for the preview's frame."""
    with reading() as work:
        asked = request.args
        page = composer.show(
            work, message_id, asked.get("as", ""), inverted=asked.get("mode") == "inverted",
            images=asked.get("images") != "off",
        )  # fmt: skip
    return frame(page)


@blueprint.post("/<message_id>/unschedule")
@access.needs("messages.send")
def unschedule(project_id: str, message_id: str) -> Response:
    """Take a scheduled message back to draft, to change it."""
    with opening() as work:
        sending.unschedule(work, message_id, keeps_time=True)
    toast("Back to draft. It keeps its time, and will not go out until you send or schedule it again.")
    return go(url_for(".edit", message_id=message_id))


def _form(message_id: str) -> DraftForm:
    """The form that was sent, of the channel that the message is on."""
    with reading() as work:
        return SHEETS[messages.find(work, message_id).channel].form()


def _save(message_id: str, form: DraftForm) -> None:
    keeps = request.form.get("keep", "")
    version = int(keeps) if keeps.isascii() and keeps.isdigit() and len(keeps) < 10 else form.version.data or 0
    with opening() as work:
        drafts.save_draft(work, message_id, form.command(_buttons()), version)


def _buttons() -> Mapping[str, list[str]]:
    return {name: request.form.getlist(name) for name in BUTTONS}


def _redraw_typed(message_id: str, form: DraftForm, error: Invalid | NotFound | Conflict) -> Response:
    with reading() as work:
        desk = _lay_out(work, message_id)
    if not form.version.raw_data:  # only a button was pressed, so what is stored is what was typed
        form = _sheet(desk).form.filled(desk.content, desk.message.version, desk.pinned)
    if isinstance(error, StaleDraft):
        return redraw("compose/edit.html", stale=error, **_page(desk, form))
    field = "files" if isinstance(error, NotFound) else ""
    put_errors(form, error if isinstance(error, Invalid) else Invalid({field: [error.message]}))
    return redraw("compose/edit.html", **_page(desk, form))


def _lay_out(work: Any, message_id: str) -> Desk:
    asked = request.values
    return composer.lay_out(
        work, message_id, as_target=asked.get("as", ""), looking_for=asked.get("q", ""), who=asked.get("who", ""),
        view=_wanted_view(),
    )  # fmt: skip


def _sheet(desk: Desk) -> Sheet:
    return SHEETS[desk.message.channel]


def _page(desk: Desk, form: DraftForm | None) -> dict[str, Any]:
    sheet, asked = _sheet(desk), request.form
    if form is not None:
        form.offer_providers((provider.id, provider.name) for provider in desk.providers)
    return {
        "desk": desk, "form": form, "sheet": sheet, "view": sheet.view(_wanted_view()), "message_id": desk.message.id,
        "switched": sheet.switched(_switches()),
        "picker_url": url_for("picker.index", message_id=desk.message.id, use=sheet.picks[0]) if sheet.picks else "",
        "changes_audience": bool(asked.get("add") or asked.get("remove")),
        "text": request.values.get("q", ""), "who": request.values.get("who", ""),
    }  # fmt: skip


def _shown() -> dict[str, Any]:
    """The part of the address that says as whom the preview is shown."""
    return {"as": request.values.get("as") or None}


def _viewed() -> dict[str, Any]:
    """The part that says in which view, and how its switches stand; nothing for where one begins."""
    wanted, asked = _wanted_view(), _switches()
    known = {value for sheet in SHEETS.values() for value, _ in sheet.views[1:]}
    turned = {
        name: asked.get(name)
        for sheet in SHEETS.values()
        for name, choices in sheet.switches.items()
        if asked.get(name) in dict(choices[1:])
    }
    return {"view": wanted if wanted in known else None, **turned}


def _wanted_view() -> str:
    pressed = request.values.get("show", "")
    return pressed if pressed and ":" not in pressed else request.values.get("view", "")


def _switches() -> dict[str, str]:
    """How the switches were asked for; the button that was pressed (`show=width:320`) has the last word."""
    name, _, value = request.values.get("show", "").partition(":")
    return {**request.values.to_dict(), name: value}
