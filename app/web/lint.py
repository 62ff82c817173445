"""What rendering a draft for everybody brought to light: a fragment of the composer, and the people of each finding."""

from flask import Blueprint, Response, request, url_for

from app.services.messages import messages
from app.services.previews import lint, lint_list, lint_picks
from app.web import access
from app.web.context import opening, reading, workshop
from app.web.htmx import add_trigger, go, render, render_fragment

blueprint = Blueprint("lint", __name__, url_prefix="/p/<project_id>/messages/<message_id>")

MOST_TRIES = 60  # looks of a page, one a second, at something that nobody has begun


@blueprint.get("/-/lint")
@access.needs("messages.read")
def report_fragment(project_id: str, message_id: str) -> Response:
    """How far it is, and what was found by now; without the trigger when it has ended."""
    with reading() as work:
        message = messages.find(work, message_id)
        lint.ring_if_wanted(workshop(), work, message)
        report, worst = lint.report_of(work, message), lint_picks.picks(work, message, [])
    tries = 0 if report is None or report.has_begun else request.args.get("tries", 0, type=int) + 1
    is_live = report is not None and report.is_live and 0 <= tries <= MOST_TRIES
    answer = render_fragment(
        "compose/_lint.html", lint=report, worst=worst, is_live=is_live, tries=tries, message_id=message_id
    )  # fmt: skip
    if not is_live:
        add_trigger(answer, "looked-at-all")  # what counts people draws itself anew
    return answer


@blueprint.post("/lint")
@access.needs("messages.write")
def again(project_id: str, message_id: str) -> Response:
    """Look at everybody anew."""
    with opening() as work:
        lint.again(work, message_id)
    return go(url_for("compose.edit", message_id=message_id, _anchor="lint"))


@blueprint.get("/lint")
@access.needs("messages.read")
def people(project_id: str, message_id: str) -> Response:
    """The people of one finding; without one, where the findings stand."""
    key = request.args.get("found", "")
    with reading() as work:
        if not key:
            found = messages.find(work, message_id)
            return go(url_for("compose.edit", message_id=found.id, _anchor="lint"))
        listed = lint_list.people_of(work, message_id, key, request.args.get("after", ""))
    return render("compose/lint.html", listed=listed, key=key, message_id=message_id)
