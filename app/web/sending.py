"""The stop of all sending, and its end: each asks with numbers before it acts."""

from flask import Blueprint, Response, url_for

from app.services.sending import stopping
from app.web import access
from app.web.context import opening, reading
from app.web.htmx import go, render, toast

blueprint = Blueprint("sending", __name__, url_prefix="/p/<project_id>/sending")


@blueprint.get("/stop")
@access.needs("messages.control")
def ask_stop(project_id: str) -> Response:
    """Ask, with how many messages and people are on their way."""
    with reading() as work:
        traffic = stopping.traffic_of(work)
    return render("sending/resume.html" if traffic.stopped_at else "sending/stop.html", traffic=traffic)


@blueprint.post("/stop")
@access.needs("messages.control")
def stop(project_id: str) -> Response:
    """Stop everything at once."""
    with opening() as work:
        stopping.stop(work)
    toast("All sending is stopped. Nobody is written to until somebody resumes.", "warning")
    return go(url_for("sending.ask_resume"))


@blueprint.get("/resume")
@access.needs("messages.control")
def ask_resume(project_id: str) -> Response:
    """What is held, to the last recipient, and the question whether it shall go on."""
    return ask_stop(project_id)


@blueprint.post("/resume")
@access.needs("messages.control")
def resume(project_id: str) -> Response:
    """Go on with exactly what was left."""
    with opening() as work:
        stopping.resume(work)
    toast("Sending goes on.")
    return go(url_for("home.index"))
