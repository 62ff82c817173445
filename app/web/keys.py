"""API keys: make one (its secret is shown once), look at them, revoke them."""

from flask import Blueprint, Response, url_for

from app.domain.errors import Invalid
from app.services.team import keys
from app.web import access
from app.web.context import opening, reading
from app.web.fields import put_errors
from app.web.forms.settings import KeyForm
from app.web.htmx import go, redraw, render, toast

EMPTY = {"name": "Name is missing.", "scopes": "Scopes are missing. Tick at least one."}

blueprint = Blueprint("keys", __name__, url_prefix="/p/<project_id>/settings/keys")


@blueprint.get("")
@access.needs("keys.read")
def index(project_id: str) -> Response:
    """Every key, without its secret."""
    with reading() as work:
        return render("settings/keys.html", keys=keys.list_keys(work), now=work.now)


@blueprint.get("/new")
@access.needs("keys.write")
def new(project_id: str) -> Response:
    """The form of a new key."""
    return render("settings/key_form.html", form=KeyForm())


@blueprint.post("/new")
@access.needs("keys.write")
def create(project_id: str) -> Response:
    """Make a key and show its secret this once."""
    form = KeyForm()
    form.expires_at.errors = list(form.expires_at.process_errors)
    if form.expires_at.errors:
        return redraw("settings/key_form.html", form=form)
    try:
        with opening() as work:
            key, secret = keys.create_key(
                work, name=form.name.data or "", scopes=form.scopes.data or [], expires_at=form.expires_at.data
            )
    except Invalid as error:
        put_errors(form, error, EMPTY)
        return redraw("settings/key_form.html", form=form)
    return render("settings/key_secret.html", key=key, secret=secret)


@blueprint.get("/<key_id>/revoke")
@access.needs("keys.write")
def ask_revoke(project_id: str, key_id: str) -> Response:
    """Ask, saying when it was used last."""
    with reading() as work:
        return render("settings/key_revoke.html", key=keys.find_key(work, key_id))


@blueprint.post("/<key_id>/revoke")
@access.needs("keys.write")
def revoke(project_id: str, key_id: str) -> Response:
    """Whatever uses it is refused from now on."""
    with opening() as work:
        keys.revoke_key(work, key_id)
    toast("Revoked. Whatever used it is refused from now on.")
    return go(url_for("keys.index"))
