"""Pages of suppressions: who must not be contacted, why, and how that is lifted."""

from flask import Blueprint, Response, request, url_for

from app.domain.errors import Conflict, Invalid
from app.services.lists.listing import Cursor
from app.services.people import suppressions
from app.services.people.suppressions import REASONS, SuppressionFilter
from app.web import access
from app.web.context import opening, reading
from app.web.forms.audience import SuppressionForm, put_problem
from app.web.htmx import go, redraw, render, toast
from app.web.wording import CHANNELS

blueprint = Blueprint("suppressions", __name__, url_prefix="/p/<project_id>/suppressions")
FILTERS = ("q", "channel", "reason")


@blueprint.get("")
@access.needs("suppressions.read")
def index(project_id: str) -> Response:
    """Suppressed addresses, newest first."""
    kept = {name: request.args[name].replace("\0", "")[:320] for name in FILTERS if request.args.get(name)}
    wanted = SuppressionFilter(kept.get("q", ""), kept.get("channel", ""), kept.get("reason", ""))
    with reading() as work:
        cursor = Cursor.parse(request.args.get("after", ""), request.args.get("before", ""))
        page = suppressions.list_suppressions(work, wanted, cursor)
    choices = {"channel": [("", "Any channel"), *CHANNELS], "reason": [("", "Any reason"), *REASONS.items()]}
    return render(
        "suppressions/index.html", "suppressions/_table.html", rows=page, kept=kept, choices=choices, reasons=REASONS
    )


@blueprint.get("/new")
@access.needs("suppressions.write")
def new(project_id: str) -> Response:
    """The empty form."""
    return render("suppressions/form.html", form=SuppressionForm())


@blueprint.post("/new")
@access.needs("suppressions.write")
def create(project_id: str) -> Response:
    """Suppress an address by hand."""
    form = SuppressionForm()
    try:
        with opening() as work:
            suppressions.add_suppression(work, form.channel.data or "", form.address.data or "", form.reason.data or "")
    except (Invalid, Conflict) as error:
        put_problem(form, error)
        return redraw("suppressions/form.html", form=form)
    toast("From now on this address is left out.")
    return go(url_for("suppressions.index"))


@blueprint.get("/<suppression_id>/lift")
@access.needs("suppressions.write")
def ask_lift(project_id: str, suppression_id: str) -> Response:
    """Ask, saying why the address was suppressed."""
    with reading() as work:
        row = suppressions.find_suppression(work, suppression_id)
    return render("suppressions/lift.html", row=row, reasons=REASONS)


@blueprint.post("/<suppression_id>/lift")
@access.needs("suppressions.write")
def lift(project_id: str, suppression_id: str) -> Response:
    """Let the address be contacted again."""
    with opening() as work:
        row = suppressions.lift(work, suppression_id)
    toast(f"{row.address_key} can be contacted again.")
    return go(url_for("suppressions.index"))
