"""Pages of topics: list, add, edit, delete, and who is in one."""

from flask import Blueprint, Response, request, url_for

from app.domain.errors import AppError, Conflict, Invalid
from app.services.lists.listing import Cursor
from app.services.people import subscribers, topic_uses, topics
from app.web import access
from app.web.context import opening, reading
from app.web.forms.audience import PasteForm, TopicForm, put_problem
from app.web.htmx import go, redraw, render, toast
from app.web.wording import CHANNELS

blueprint = Blueprint("topics", __name__, url_prefix="/p/<project_id>/topics")


def _cursor() -> Cursor:
    return Cursor.parse(request.args.get("after", ""), request.args.get("before", ""))


def _typed(name: str) -> str:
    return request.args.get(name, "").replace("\0", "")[:320]


@blueprint.get("")
@access.needs("topics.read")
def index(project_id: str) -> Response:
    """Topics with their totals."""
    search = _typed("q")
    with reading() as work:
        page = topics.list_topics(work, _cursor(), search=search)
    return render("topics/index.html", "topics/_table.html", rows=page, q=search)


@blueprint.get("/new")
@access.needs("topics.write")
def new(project_id: str) -> Response:
    """The empty form."""
    return render("topics/form.html", form=TopicForm(), topic=None)


@blueprint.post("/new")
@access.needs("topics.write")
def create(project_id: str) -> Response:
    """Add a topic."""
    form = TopicForm()
    try:
        with opening() as work:
            topic = topics.create_topic(
                work, name=form.name.data or "", description=form.description.data or "", topic_id=form.id.data or ""
            )
    except (Invalid, Conflict) as error:
        put_problem(form, error)
        return redraw("topics/form.html", form=form, topic=None)
    toast("Topic added.")
    return go(url_for("topics.show", topic_id=topic.id))


@blueprint.get("/<topic_id>")
@access.needs("topics.read")
def show(project_id: str, topic_id: str) -> Response:
    """One topic and its subscribers."""
    kept = {name: _typed(name) for name in ("q", "channel") if request.args.get(name)}
    with reading() as work:
        topic = topics.find_topic(work, topic_id)
        page = subscribers.list_subscribers(
            work, topic, _cursor(), search=kept.get("q", ""), channel=kept.get("channel", "")
        )
    return render(
        "topics/show.html", "topics/_subscribers.html", topic=topic, rows=page, kept=kept,
        channels=[("", "Any channel"), *CHANNELS], total=topics.total_of(topic),
    )  # fmt: skip


@blueprint.get("/<topic_id>/edit")
@access.needs("topics.write")
def edit(project_id: str, topic_id: str) -> Response:
    """The topic, to be changed."""
    with reading() as work:
        topic = topics.find_topic(work, topic_id)
    return render("topics/form.html", form=TopicForm(obj=topic), topic=topic)


@blueprint.post("/<topic_id>/edit")
@access.needs("topics.write")
def update(project_id: str, topic_id: str) -> Response:
    """Save name and description."""
    form = TopicForm()
    try:
        with opening() as work:
            topics.update_topic(work, topic_id, name=form.name.data or "", description=form.description.data or "")
    except Invalid as error:
        put_problem(form, error)
        with reading() as work:
            topic = topics.find_topic(work, topic_id)
        return redraw("topics/form.html", form=form, topic=topic)
    toast("Topic saved.")
    return go(url_for("topics.show", topic_id=topic_id))


@blueprint.get("/<topic_id>/delete")
@access.needs("topics.write")
def ask_delete(project_id: str, topic_id: str) -> Response:
    """Ask, saying how many subscriptions go, and which messages count on the topic."""
    with reading() as work:
        topic = topics.find_topic(work, topic_id)
        uses = topic_uses.uses_of(work, topic)
        is_stopped = work.project.stopped_at is not None
    return render("topics/delete.html", topic=topic, total=topics.total_of(topic), uses=uses, is_stopped=is_stopped)


@blueprint.post("/<topic_id>/delete")
@access.needs("topics.write")
def delete(project_id: str, topic_id: str) -> Response:
    """Delete the topic."""
    with opening() as work:
        topic = topics.delete_topic(work, topic_id)
    toast(f"{topic.name} was deleted.")
    return go(url_for("topics.index"))


@blueprint.get("/<topic_id>/add")
@access.needs("topics.write")
def add(project_id: str, topic_id: str) -> Response:
    """Find contacts to add, or paste addresses."""
    return _add(topic_id, PasteForm(formdata=None))


def _add(topic_id: str, form: PasteForm, status: int = 200) -> Response:
    search = _typed("q")
    with reading() as work:
        topic = topics.find_topic(work, topic_id)
        choices = subscribers.find_choices(work, topic, search)
    fragment = "topics/_choices.html" if status == 200 else ""
    return render("topics/add.html", fragment, status=status, topic=topic, choices=choices, q=search, form=form)


@blueprint.post("/<topic_id>/add")
@access.needs("topics.write")
def subscribe(project_id: str, topic_id: str) -> Response:
    """Add one address that was picked."""
    try:
        with opening() as work:
            subscribers.subscribe(work, topic_id, request.form.get("target", ""))
    except AppError as error:
        toast(error.message, "warning")
    else:
        toast("Added to the topic.")
    return go(url_for("topics.add", topic_id=topic_id, q=request.form.get("q") or None))


@blueprint.post("/<topic_id>/paste")
@access.needs("topics.write")
def paste(project_id: str, topic_id: str) -> Response:
    """Add pasted addresses; those that nobody has stay in the form."""
    form = PasteForm()
    try:
        with opening() as work:
            pasted = subscribers.subscribe_addresses(work, topic_id, form.addresses.data or "")
    except Invalid as error:
        put_problem(form, error)
        return _add(topic_id, form, 422)
    if pasted.unknown:
        form.addresses.data = "\n".join(pasted.unknown)
        put_problem(form, Invalid({"addresses": [_say_unknown(pasted)]}))
        return _add(topic_id, form, 422)
    toast(f"{pasted.added:,} added, {pasted.already:,} were in the topic already.")
    return go(url_for("topics.show", topic_id=topic_id))


def _say_unknown(pasted: subscribers.Pasted) -> str:
    count = len(pasted.unknown)
    who = "1 address belongs" if count == 1 else f"{count:,} addresses belong"
    return (
        f"{pasted.added:,} added, {pasted.already:,} were in the topic already. {who} to no contact and stay below: "
        "correct them, or add their contacts first."
    )


@blueprint.post("/<topic_id>/subscribers/<subscriber_id>/remove")
@access.needs("topics.write")
def unsubscribe(project_id: str, topic_id: str, subscriber_id: str) -> Response:
    """Take one address out of the topic."""
    with opening() as work:
        address = subscribers.unsubscribe(work, topic_id, subscriber_id)
    toast(f"{address} was taken out of the topic.")
    return go(url_for("topics.show", topic_id=topic_id))
