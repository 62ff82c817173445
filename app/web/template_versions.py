"""Pages of a template's versions: the list, what changed between two, and making an old one the newest again."""

from flask import Blueprint, Response, request, url_for

from app.services.lists.listing import Cursor
from app.services.messages import templates
from app.web import access
from app.web.context import opening, reading
from app.web.htmx import go, render, toast

blueprint = Blueprint("template_versions", __name__, url_prefix="/p/<project_id>/templates/<template_id>")

MOST_CHOICES = 200


def _number(name: str, otherwise: int) -> int:
    """The version that the address names; 0, which no template has, for what is no number."""
    text = request.args.get(name, "")
    if not text:
        return otherwise
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0


@blueprint.get("/versions")
@access.needs("messages.read")
def index(project_id: str, template_id: str) -> Response:
    """Every version, newest first."""
    cursor = Cursor.parse(request.args.get("after", ""), request.args.get("before", ""))
    with reading() as work:
        template = templates.find(work, template_id)
        rows = templates.list_versions(work, template, cursor, 50)
    return render(
        "templates/versions.html", "templates/_versions.html", template=template, versions=rows, is_whole=True
    )


@blueprint.get("/compare")
@access.needs("messages.read")
def compare(project_id: str, template_id: str) -> Response:
    """What changed from one version to another: from the last but one to the newest, when the address names none."""
    with reading() as work:
        template = templates.find(work, template_id)
        new = _number("new", template.version)
        old = _number("old", max(1, new - 1))
        changes = templates.compare(work, template, old, new)
        choices = templates.list_versions(work, template, Cursor(), MOST_CHOICES)
    return render(
        "templates/compare.html", "templates/_changes.html", template=template, old=old, new=new,
        changes=changes, choices=choices.items,
    )  # fmt: skip


@blueprint.post("/versions/<int:version>/restore")
@access.needs("messages.write")
def restore(project_id: str, template_id: str, version: int) -> Response:
    """Make an old version the newest one again."""
    with opening() as work:
        template, is_new = templates.restore(work, template_id, version)
    if is_new:
        toast(f"Version {version} is the newest again, as version {template.version}.")
    else:
        toast(f"Version {template.version} says the same already.", "neutral")
    return go(url_for("templates.show", template_id=template.id))
