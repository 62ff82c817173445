"""The page of the exact request: what each provider would be told of a message, for a recipient of one's choice."""

from flask import Blueprint, Response, request

from app.services.previews import request_sheets
from app.web import access
from app.web.context import reading
from app.web.htmx import render

blueprint = Blueprint("exact_request", __name__, url_prefix="/p/<project_id>/messages/<message_id>/request")


@blueprint.get("")
@access.needs("messages.read")
def show(project_id: str, message_id: str) -> Response:
    """Method, address, headers and body for each provider that may carry it; nothing is sent."""
    with reading() as work:
        sheet = request_sheets.lay_out_requests(work, message_id, request.args.get("as", ""))
        return render("messages/request.html", "messages/_requests.html", sheet=sheet)
