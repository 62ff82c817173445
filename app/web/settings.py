"""The settings of a project: name and time zone, demo data, and the trail of who did what."""

from flask import Blueprint, Response, request, url_for

from app.domain.errors import Invalid
from app.services.lists.listing import Cursor
from app.services.story import demo
from app.services.team import audit, settings
from app.web import access
from app.web.activity_words import draw
from app.web.context import opening, reading
from app.web.fields import options, put_errors, read_lateness
from app.web.forms.settings import ProjectForm
from app.web.htmx import go, redraw, render, toast

blueprint = Blueprint("settings", __name__, url_prefix="/p/<project_id>/settings")


@blueprint.get("")
@access.needs("settings.read")
def index(project_id: str) -> Response:
    """The project itself."""
    with reading() as work:
        project = settings.project_of(work)
        has_demo = demo.is_there(work)
    form = _form(ProjectForm(obj=project))
    return render("settings/index.html", form=form, has_demo=has_demo)


def _form(form: ProjectForm) -> ProjectForm:
    form.time_zone.choices = options((zone, zone.replace("_", " ")) for zone in settings.time_zones())
    return form


@blueprint.post("")
@access.needs("project.write")
def change(project_id: str) -> Response:
    """Save what was typed."""
    form = _form(ProjectForm())
    try:
        with opening() as work:
            settings.change_project(
                work, name=form.name.data or "", time_zone=form.time_zone.data or "",
                unsubscribe_mailbox=form.unsubscribe_mailbox.data, max_lateness=read_lateness(form.max_lateness.data),
            )  # fmt: skip
    except Invalid as error:
        put_errors(form, error)
        with reading() as work:
            has_demo = demo.is_there(work)
        return redraw("settings/index.html", form=form, has_demo=has_demo)
    toast("Saved.")
    return go(url_for("settings.index"))


@blueprint.get("/activity")
@access.needs("audit.read")
def activity(project_id: str) -> Response:
    """Who did what, when, from where."""
    resource = request.args.get("resource", "")[:160]
    with reading() as work:
        cursor = Cursor.parse(request.args.get("after", ""), request.args.get("before", ""))
        page = audit.list_lines(work, cursor, resource)
    acts = [draw(line) for line in page.items]
    return render("settings/activity.html", "settings/_activity.html", trail=page, acts=acts, resource=resource)


@blueprint.post("/sample-data/new")
@access.needs("demo.write")
def add_demo(project_id: str) -> Response:
    """Fill the project with the sample story."""
    with opening() as work:
        cast = demo.add(work)
    toast(f"Added {cast.contacts:,} sample contacts, {cast.topics:,} topics and {cast.messages:,} messages.")
    return go(url_for("settings.index"))


@blueprint.get("/sample-data")
@access.needs("demo.write")
def ask_remove_demo(project_id: str) -> Response:
    """Ask, saying what goes and what stays."""
    with reading() as work:
        cast = demo.cast_of(work)
    return render("settings/remove_demo.html", cast=cast)


@blueprint.post("/sample-data")
@access.needs("demo.write")
def remove_demo(project_id: str) -> Response:
    """Take the sample data away, in one action."""
    with opening() as work:
        demo.remove(work)
    toast("The sample data is gone. What you made yourself is still here.")
    return go(url_for("settings.index"))
