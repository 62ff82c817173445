"""The installation as a whole: whether it may send after it was restored or copied, and who says so."""

from flask import Blueprint, Response, request, url_for

from app.domain.errors import Conflict
from app.services.sending import fences
from app.web import access
from app.web.context import opening, reading
from app.web.htmx import go, render, toast

blueprint = Blueprint("installation", __name__, url_prefix="/p/<project_id>/settings/installation")

CHOICES = ("cancel-rest", "go-on")


@blueprint.get("")
@access.needs("installation.confirm")
def show(project_id: str) -> Response:
    """What waits behind the fence, and the two ways to go on."""
    return _draw()


def _draw(*, is_unclear: bool = False) -> Response:
    with reading() as work:
        found, may_confirm = fences.waiting(work), fences.may_confirm(work)
    return render(
        "installation/confirm.html", status=422 if is_unclear else 200,
        found=found, may_confirm=may_confirm, is_unclear=is_unclear,
    )  # fmt: skip


@blueprint.post("")
@access.needs("installation.confirm")
def confirm(project_id: str) -> Response:
    """Let this installation send from now on, with or without what was on its way."""
    choice = request.form.get("choice", "")
    if choice not in CHOICES:
        return _draw(is_unclear=True)
    try:
        with opening() as work:
            fences.confirm(work, goes_on=choice == "go-on")
    except Conflict as error:
        toast(error.message, "warning")
        return go(url_for("home.index"))
    toast("This installation sends again.")
    return go(url_for("home.index"))
