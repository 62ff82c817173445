"""Another time for a message on the calendar: dropped there, or typed into the page that asks."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from flask import Blueprint, Response, make_response, render_template, request, url_for

from app.domain.errors import Conflict, Invalid
from app.services.planning import calendar_moves
from app.services.planning.calendar_moves import LARGE, AskFirst, Moved, Question
from app.services.team.settings import time_zones
from app.web import access
from app.web.calendar import board_of, notice_of
from app.web.calendar_asked import Asked, read_asked
from app.web.context import opening, reading, workshop
from app.web.fields import options, put_errors
from app.web.forms.calendar import MoveForm
from app.web.htmx import add_trigger, go, redraw, render, toast
from app.web.wording import say_wall

blueprint = Blueprint("calendar_moves", __name__, url_prefix="/p/<project_id>/calendar")


@blueprint.get("/move/<message_id>")
@access.needs("messages.write")
def ask(project_id: str, message_id: str) -> Response:
    """Ask for a time; `to` proposes one, `was` is where the message stood when it was taken."""
    asked = read_asked(workshop().clock.now())
    form = _form(asked)
    form.was.data = request.args.get("was", "")[:40]
    try:
        return _draw(message_id, form, asked, proposed=request.args.get("to", "")[:40])
    except Conflict as error:
        toast(error.message, "warning")
        return go(asked.url())


@blueprint.post("/move/<message_id>")
@access.needs("messages.write")
def move(project_id: str, message_id: str) -> Response:
    """Move it to the time that was typed, or back to where it was (`to`, a moment)."""
    asked = read_asked(workshop().clock.now())
    form = _form(asked)
    wall, was = request.form.get("to", "") or form.wall, request.form.get("was", "")
    try:
        with opening() as work:
            moved = calendar_moves.move(work, message_id, wall, form.zone.data or asked.zone.key, was=was)
    except Invalid as error:
        put_errors(form, error)
        return _draw(message_id, form, asked, status=422)
    except Conflict as error:
        toast(error.message, "warning")
        return go(asked.url())
    local = moved.after.astimezone(asked.zone)
    before = moved.before.isoformat() if moved.before and moved.can_undo else None
    return go(asked.url(date=local.date(), moved=moved.message.id, was=before))


@blueprint.post("/-/move/<message_id>")
@access.needs("messages.write")
def move_fragment(project_id: str, message_id: str) -> Response:
    """The same for what was dropped: the calendar anew, or the page that asks when it goes to many."""
    asked = read_asked(workshop().clock.now())
    wall, was = request.form.get("to", ""), request.form.get("was", "")
    try:
        with opening() as work:
            moved = calendar_moves.move(work, message_id, wall, asked.zone.key, was=was, is_sure=False)
    except AskFirst:
        return go(url_for(".ask", message_id=message_id, to=wall, was=was, **asked.args()))  # type: ignore[arg-type]
    except Invalid as error:
        return _calendar(asked, problem=("bad", error.message))
    except Conflict as error:
        return _calendar(asked, problem=("warning", error.message))
    return _calendar(asked, moved=moved)


def _calendar(asked: Asked, *, moved: Moved | None = None, problem: tuple[str, str] | None = None) -> Response:
    with reading() as work:
        notice: Any = None
        if moved is not None:
            before = moved.before if moved.can_undo else None
            notice = notice_of(work, moved.message.id, moved.message.title, moved.after, before)
        answer = make_response(
            render_template("calendar/_calendar.html", **board_of(work, asked), notice=notice, problem=problem)
        )
    answer.headers["Cache-Control"] = "no-store"
    if moved is not None:
        wall = say_wall(moved.after.astimezone(asked.zone).strftime("%Y-%m-%dT%H:%M"))
        add_trigger(answer, "speak", {"text": f"{moved.message.title[:80]} is moved to {wall}."})
    elif problem is not None:
        add_trigger(answer, "speak", {"text": problem[1]})
    return answer


def _form(asked: Asked) -> MoveForm:
    form = MoveForm()
    known = time_zones()
    extra = [form.zone.data] if form.zone.data and form.zone.data not in known and len(form.zone.data) <= 64 else []
    own = [asked.zone.key] if asked.zone.key not in known else []
    form.zone.choices = options((each, each.replace("_", " ")) for each in [*extra, *own, *known])
    return form


def _draw(message_id: str, form: MoveForm, asked: Asked, *, proposed: str = "", status: int = 200) -> Response:
    with reading() as work:
        wall, zone = (form.wall, form.zone.data or asked.zone.key) if status == 422 else (proposed, asked.zone.key)
        question = calendar_moves.ask(work, message_id, wall, zone)
        form.propose(_proposal(question, proposed, asked), asked.zone.key)
    draw = redraw if status == 422 else render
    return draw(
        "calendar/move.html", form=form, asked=asked, question=question, large=LARGE, is_proposed=bool(proposed),
        local=question.moment.astimezone(ZoneInfo(asked.zone.key)) if question.moment else None,
    )  # fmt: skip


def _proposal(question: Question, proposed: str, asked: Asked) -> datetime:
    """What the fields show first: the proposed wall time even when it cannot be, else where the message stands."""
    if question.moment is not None:
        return question.moment.astimezone(asked.zone)
    try:
        return datetime.fromisoformat(proposed)
    except ValueError:
        stands = question.message.scheduled_at or workshop().clock.now()
        return stands.astimezone(asked.zone)
