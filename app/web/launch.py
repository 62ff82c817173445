"""The last steps before a message goes out: a test, a time, and the question that names how many will get it."""

from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

from flask import Blueprint, Response, g, request, url_for

from app.domain.channels import Channel
from app.domain.errors import Conflict, Invalid
from app.domain.schedules import is_shown_twice
from app.infra.time_zones import names
from app.services.messages import messages
from app.services.planning import calendar_clashes
from app.services.sending import sending
from app.services.writing import composer, test_send
from app.services.writing.test_send import Trial
from app.web import access
from app.web.context import actor, opening, reading, workshop
from app.web.fields import options, put_errors
from app.web.forms.compose import ConsentForm, ScheduleForm, TrialForm
from app.web.htmx import go, redraw, render, render_fragment, toast

blueprint = Blueprint("launch", __name__, url_prefix="/p/<project_id>/messages")

ZONES = sorted(zone for zone in names() if zone == "UTC" or ("/" in zone and not zone.startswith("Etc/")))


@blueprint.get("/<message_id>/send")
@access.needs("messages.send")
def ask_send(project_id: str, message_id: str) -> Response:
    """Ask before sending, with the number of people and the provider."""
    with reading() as work:
        desk = composer.lay_out(work, message_id)
    if desk.message.status not in {"draft", "scheduled"}:
        return go(url_for("message_page.show", message_id=message_id))
    return render("compose/send.html", desk=desk, form=ConsentForm(version=desk.message.version))


@blueprint.post("/<message_id>/send")
@access.needs("messages.send")
def send(project_id: str, message_id: str) -> Response:
    """Send now: once, however many times the button was pressed."""
    form = ConsentForm()
    try:
        with opening() as work:
            sending.send(work, message_id, version=form.version.data)
    except Invalid as error:
        return _refuse("compose/send.html", message_id, form, error)
    except Conflict as error:
        toast(error.message, "warning")
        return _after_conflict(message_id, "launch.ask_send")
    return go(url_for("message_page.show", message_id=message_id))


@blueprint.get("/<message_id>/schedule")
@access.needs("messages.send")
def ask_schedule(project_id: str, message_id: str) -> Response:
    """Ask when it shall go out."""
    with reading() as work:
        desk = composer.lay_out(work, message_id)
    if desk.message.status not in {"draft", "scheduled"}:
        return go(url_for("message_page.show", message_id=message_id))
    form = _schedule_form(desk.message)
    return render("compose/schedule.html", desk=desk, form=form, **_both_zones(form, message_id))


@blueprint.post("/<message_id>/schedule")
@access.needs("messages.send")
def schedule(project_id: str, message_id: str) -> Response:
    """Put it on the calendar."""
    form = ScheduleForm()
    form.zone.choices = _zones(form.zone.data)
    form.offer_lateness(g.project.max_lateness)
    try:
        with opening() as work:
            sending.schedule(
                work, message_id, form.wall, form.zone.data or "", version=form.version.data,
                max_lateness=form.lateness,
            )  # fmt: skip
    except Invalid as error:
        return _refuse("compose/schedule.html", message_id, form, error, **_both_zones(form, message_id))
    except Conflict as error:
        toast(error.message, "warning")
        return _after_conflict(message_id, "launch.ask_schedule")
    toast("Scheduled.")
    return go(url_for("message_page.show", message_id=message_id))


@blueprint.get("/<message_id>/time")
@access.needs("messages.write")
def ask_time(project_id: str, message_id: str) -> Response:
    """Ask for when a draft is meant; it stays a draft."""
    with reading() as work:
        message = messages.find(work, message_id)
    if message.status != "draft":
        return go(url_for("message_page.show", message_id=message_id))
    form = _schedule_form(message)
    return render("compose/time.html", message=message, form=form, **_both_zones(form, message_id))


@blueprint.post("/<message_id>/time")
@access.needs("messages.write")
def note_time(project_id: str, message_id: str) -> Response:
    """Note the time of a draft."""
    form = ScheduleForm()
    form.zone.choices = _zones(form.zone.data)
    try:
        with opening() as work:
            sending.pencil_in_wall(work, message_id, form.wall, form.zone.data or "")
    except Invalid as error:
        put_errors(form, error)
        with reading() as work:
            message = messages.find(work, message_id)
        return redraw("compose/time.html", message=message, form=form, **_both_zones(form, message_id))
    except Conflict as error:
        toast(error.message, "warning")
        return _after_conflict(message_id, "compose.edit")
    return go(url_for("compose.edit", message_id=message_id))


@blueprint.get("/<message_id>/-/when")
@access.needs("messages.send")
def when_fragment(project_id: str, message_id: str) -> Response:
    """The chosen time in its own zone and in the project's."""
    form = ScheduleForm(request.args, meta={"csrf": False})
    return render_fragment("compose/_when.html", form=form, **_both_zones(form, message_id))


@blueprint.get("/<message_id>/test")
@access.needs("messages.send")
def ask_test(project_id: str, message_id: str) -> Response:
    """Ask where a test shall go."""
    return _draw_test(message_id, None)


@blueprint.post("/<message_id>/test")
@access.needs("messages.send")
def test(project_id: str, message_id: str) -> Response:
    """Send the draft to one address, really and at once."""
    form = TrialForm()
    try:
        trial = test_send.send_test(workshop(), actor(), message_id, form.address.data or "", form.as_target.data or "")
    except Invalid as error:
        put_errors(form, error)
        return _draw_test(message_id, form, status=422)
    return _draw_test(message_id, form, trial=trial)


def _draw_test(message_id: str, form: TrialForm | None, *, trial: Trial | None = None, status: int = 200) -> Response:
    visitor, shown = access.visitor(), form.as_target.data if form else request.args.get("as", "")
    with reading() as work:
        desk = composer.lay_out(work, message_id, as_target=shown or "")
    channel = Channel(desk.message.channel)
    if form is None:
        own = {Channel.EMAIL: visitor.who.email if visitor else ""}  # all that is known of a member
        form = TrialForm(address=own.get(channel, ""), as_target=shown)
    return render("compose/test.html", status=status, desk=desk, form=form.fit(channel), trial=trial)


def _refuse(template: str, message_id: str, form: Any, error: Invalid, **context: Any) -> Response:
    put_errors(form, error)
    with reading() as work:
        desk = composer.lay_out(work, message_id)
    return redraw(template, desk=desk, form=form, **context)


def _after_conflict(message_id: str, question: str) -> Response:
    """Where to look after a Conflict: the question again while it is a draft, else what became of the message."""
    with reading() as work:
        status = messages.find(work, message_id).status
    return go(url_for(question if status in {"draft", "scheduled"} else "message_page.show", message_id=message_id))


def _schedule_form(message: Any) -> ScheduleForm:
    """Filled with the time it has, unless that is over; else with tomorrow at nine in its zone or the project's."""
    zone = message.scheduled_zone or g.project.time_zone
    now, due = workshop().clock.now(), message.scheduled_at
    tomorrow = now.astimezone(ZoneInfo(zone)) + timedelta(days=1)
    local = due.astimezone(ZoneInfo(zone)) if due is not None and due > now else tomorrow.replace(hour=9, minute=0)
    form = ScheduleForm(version=message.version)
    form.propose(local, zone)
    form.zone.choices = _zones(zone)
    form.offer_lateness(g.project.max_lateness, message.max_lateness)
    return form


def _zones(chosen: str | None) -> list[Any]:
    """The zones to choose from; a known one that we would not offer stays when it was chosen."""
    extra = [chosen] if chosen and chosen not in ZONES and len(chosen) <= 64 else []
    return options((zone, zone.replace("_", " ")) for zone in [*extra, *ZONES])


def _both_zones(form: ScheduleForm, message_id: str) -> dict[str, Any]:
    """The moment, its wall time in the chosen zone, whether clocks there show it twice, and what else is near it.

    When there is none, the sentence that refuses it.
    """
    zone = form.zone.data or ""
    try:
        moment = sending.parse_wall_time(form.wall, zone, workshop().clock.now())
    except Invalid as error:
        return {"moment": None, "local": None, "refusal": error.message, "twice": False, "clashes": []}
    local = moment.astimezone(ZoneInfo(zone))
    with reading() as work:
        clashes = calendar_clashes.clashes_of(work, messages.find(work, message_id), moment)
    twice = is_shown_twice(local, ZoneInfo(zone))
    return {"moment": moment, "local": local, "refusal": "", "twice": twice, "clashes": clashes}
