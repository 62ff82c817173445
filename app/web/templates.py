"""Pages of templates: the list, one with what it says, keeping a message as one, rename, double, delete."""

from flask import Blueprint, Response, request, url_for

from app.domain.errors import Invalid
from app.services.lists.listing import Cursor
from app.services.messages import messages, templates
from app.services.previews import template_sheets
from app.services.writing import beginnings
from app.web import access
from app.web.context import opening, reading
from app.web.fields import options, put_errors
from app.web.forms.templates import NameForm, NewTemplateForm, NewVersionForm
from app.web.frames import frame
from app.web.htmx import go, redraw, render, toast
from app.web.wording import CHANNELS

blueprint = Blueprint("templates", __name__, url_prefix="/p/<project_id>/templates")

FEW = 5  # versions and messages that the page of a template shows; the others have pages of their own


def cursor() -> Cursor:
    """Where the page of a list begins, as the address says."""
    return Cursor.parse(request.args.get("after", ""), request.args.get("before", ""))


def asked_version() -> int | None:
    """The version that the address names; None for none, and 0, which no template has, for what is no number."""
    text = request.args.get("version", "")
    if not text:
        return None
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0


@blueprint.get("")
@access.needs("messages.read")
def index(project_id: str) -> Response:
    """Every template, newest first; search and channel stand in the address."""
    filters = {name: request.args.get(name, "").replace("\0", "").strip()[:320] for name in ("q", "channel")}
    with reading() as work:
        rows = templates.list_templates(work, cursor(), words=filters["q"], channel=filters["channel"])
        is_new = not rows.items and templates.is_empty(work)
    kept = {name: text for name, text in filters.items() if text}
    return render(
        "templates/index.html", "templates/_table.html", rows=rows, filters=filters, kept=kept, is_new=is_new,
        channels=CHANNELS,
    )  # fmt: skip


@blueprint.get("/<template_id>")
@access.needs("messages.read")
def show(project_id: str, template_id: str) -> Response:
    """One template: what it says (or said, in an older version), its versions, and what was made from it."""
    with reading() as work:
        template = templates.find(work, template_id)
        version = templates.find_version(work, template, asked_version())
        asked, who = request.args.get("as", ""), request.args.get("who", "").strip()
        return render(
            "templates/show.html", "templates/_content.html", template=template, version=version, who=who,
            sheet=template_sheets.lay_out(work, template, version, asked, who),
            uses_total=templates.count_uses(work, template),
            versions=templates.list_versions(work, template, Cursor(), FEW),
            uses=templates.list_uses(work, template, Cursor(), FEW),
        )  # fmt: skip


@blueprint.get("/<template_id>/-/preview.html")
@access.needs("messages.read")
def preview_html(project_id: str, template_id: str) -> Response:
    """The email itself, for the preview's frame."""
    with reading() as work:
        template = templates.find(work, template_id)
        version = templates.find_version(work, template, asked_version())
        page = template_sheets.frame_of(work, template, version, request.args.get("as", ""))
    return frame(page)


@blueprint.get("/<template_id>/messages")
@access.needs("messages.read")
def uses(project_id: str, template_id: str) -> Response:
    """Every message that was made from it."""
    with reading() as work:
        template = templates.find(work, template_id)
        rows = templates.list_uses(work, template, cursor(), 50)
        total = templates.count_uses(work, template)
    return render(
        "templates/uses.html", "templates/_uses.html", template=template, uses=rows, total=total, is_whole=True
    )


@blueprint.get("/new")
@access.needs("messages.write")
def new(project_id: str) -> Response:
    """Keep a message as a template; without one, ask on which channel to write it."""
    message_id = request.args.get("message_id", "")
    if not message_id:
        return render("templates/new.html", channels=CHANNELS)
    return _ask(message_id, NewTemplateForm(formdata=None), NewVersionForm(formdata=None))


def _ask(message_id: str, new_form: NewTemplateForm, version_form: NewVersionForm, status: int = 200) -> Response:
    with reading() as work:
        message = messages.find(work, message_id)
        offered = templates.choose_from(work, message.channel)
        origin = templates.origin_of(work, message)
        is_draft, is_for_template = messages.is_written_here(message), beginnings.is_for_template(work, message)
    if origin is not None and origin.channel == message.channel:
        offered = [origin, *(template for template in offered if template.pk != origin.pk)]
    version_form.template.choices = options(
        (f"{each.id}:{each.version}", f"{each.name} (version {each.version} now)") for each in offered
    )
    if request.method == "GET":
        new_form.ends_draft.data = version_form.ends_draft.data = is_for_template
        new_form.name.data = message.title[: templates.LONGEST_NAME]
    return render(
        "templates/keep.html", status=status, message=message, new_form=new_form, version_form=version_form,
        origin=origin, has_others=bool(offered), is_draft=is_draft,
    )  # fmt: skip


@blueprint.post("/new")
@access.needs("messages.write")
def create(project_id: str) -> Response:
    """Keep a message as a new template."""
    form, message_id = NewTemplateForm(), request.form.get("message_id", "")
    try:
        with opening() as work:
            template = templates.create(work, form.name.data or "", message_id, form.note.data or "")
            ended = form.ends_draft.data and beginnings.end_draft(work, message_id)
    except Invalid as error:
        put_errors(form, error)
        return _ask(message_id, form, NewVersionForm(formdata=None), status=422)
    toast(f"Saved as the template “{template.name}”." + (" The draft is deleted." if ended else ""))
    return go(url_for(".show", template_id=template.id))


@blueprint.post("/new-version")
@access.needs("messages.write")
def add_version(project_id: str) -> Response:
    """Keep a message as the next version of a template."""
    form, message_id = NewVersionForm(), request.form.get("message_id", "")
    template_id, seen = form.chosen
    try:
        with opening() as work:
            template, is_new = templates.save_version(
                work, template_id, message_id, seen=seen, note=form.note.data or ""
            )
            ended = form.ends_draft.data and beginnings.end_draft(work, message_id)
    except (Invalid, templates.NewerVersion) as error:
        put_errors(form, Invalid(error.fields))
        return _ask(message_id, NewTemplateForm(formdata=None), form, status=422)
    says = f"Saved as version {template.version}." if is_new else f"Version {template.version} says the same already."
    toast(says + (" The draft is deleted." if ended else ""), "good" if is_new else "neutral")
    return go(url_for(".show", template_id=template.id))


@blueprint.post("/new-draft")
@access.needs("messages.write")
def write(project_id: str) -> Response:
    """A draft that is written to become a template."""
    with opening() as work:
        message = beginnings.begin(work, request.form.get("channel", ""), for_template=True)
    toast("This draft becomes a template: write it, then choose “Save as template”.", "neutral")
    return go(url_for("compose.edit", message_id=message.id))


@blueprint.post("/<template_id>/edit")
@access.needs("messages.write")
def edit(project_id: str, template_id: str) -> Response:
    """A draft that is written to become the next version."""
    with opening() as work:
        message = beginnings.begin_from(work, template_id, for_template=True)
    toast("This is a draft made from the template: change it, then choose “Save as new version”.", "neutral")
    return go(url_for("compose.edit", message_id=message.id))


@blueprint.post("/<template_id>/duplicate")
@access.needs("messages.write")
def duplicate(project_id: str, template_id: str) -> Response:
    """A template of its own with the same content."""
    with opening() as work:
        template = templates.duplicate(work, template_id)
    toast("Duplicated. This is the copy.")
    return go(url_for(".show", template_id=template.id))


@blueprint.get("/<template_id>/rename")
@access.needs("messages.write")
def ask_name(project_id: str, template_id: str) -> Response:
    """Ask for another name."""
    with reading() as work:
        template = templates.find(work, template_id)
    return render("templates/rename.html", template=template, form=NameForm(name=template.name))


@blueprint.post("/<template_id>/rename")
@access.needs("messages.write")
def rename(project_id: str, template_id: str) -> Response:
    """Give it another name."""
    form = NameForm()
    try:
        with opening() as work:
            template = templates.rename(work, template_id, form.name.data or "")
    except Invalid as error:
        put_errors(form, error)
        with reading() as work:
            template = templates.find(work, template_id)
        return redraw("templates/rename.html", template=template, form=form)
    toast("Renamed.")
    return go(url_for(".show", template_id=template.id))


@blueprint.get("/<template_id>/delete")
@access.needs("messages.write")
def ask_delete(project_id: str, template_id: str) -> Response:
    """Ask, saying what goes and what stays."""
    with reading() as work:
        template = templates.find(work, template_id)
        total = templates.count_uses(work, template)
    return render("templates/delete.html", template=template, uses=total)


@blueprint.post("/<template_id>/delete")
@access.needs("messages.write")
def delete(project_id: str, template_id: str) -> Response:
    """Delete the template."""
    with opening() as work:
        name = templates.delete(work, template_id)
    toast(f"The template “{name}” was deleted.")
    return go(url_for(".index"))
