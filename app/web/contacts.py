"""Pages of contacts: list, search, add, edit, addresses, topics, delete, export."""

from flask import Blueprint, Response, request, url_for

from app.domain.contact_fields import format_attributes, say_value
from app.domain.errors import AppError, Conflict, Invalid, NotFound
from app.services.people import contact_search, contacts, exports, subscribers, targets, topics
from app.services.people.contact_search import ContactFilter
from app.web import access
from app.web.context import actor, opening, reading, workshop
from app.web.fields import options
from app.web.forms.audience import ContactEditForm, ContactForm, SubscribeForm, TargetForm, put_problem
from app.web.htmx import go, redraw, render, toast
from app.web.wording import CHANNELS

blueprint = Blueprint("contacts", __name__, url_prefix="/p/<project_id>/contacts")
FILTERS = ("q", "topic", "channel")


@blueprint.get("")
@access.needs("contacts.read")
def index(project_id: str) -> Response:
    """Contacts, newest first, or those that a search finds."""
    kept = {name: request.args[name].replace("\0", "")[:320] for name in FILTERS if request.args.get(name)}
    wanted = ContactFilter(kept.get("q", ""), kept.get("topic", ""), kept.get("channel", ""))
    with reading() as work:
        page = contact_search.list_contacts(
            work, wanted, after=request.args.get("after", ""), before=request.args.get("before", "")
        )
        total = contact_search.count_contacts(work)
        choices = {
            "topic": [("", "Any topic"), *((topic.id, topic.name) for topic in topics.choose_from(work))],
            "channel": [("", "Any channel"), *CHANNELS],
        }
    return render(
        "contacts/index.html", "contacts/_table.html", rows=page, kept=kept, total=total, choices=choices,
        chips=_chips(kept, choices), most=contact_search.COUNTED,
    )  # fmt: skip


def _chips(kept: dict[str, str], choices: dict[str, list[tuple[str, str]]]) -> list[tuple[str, dict[str, str]]]:
    """A chip for each filter that is set: its words, and the filters that stay when it is taken away."""
    return [
        (dict(choices[name]).get(value, value), {other: text for other, text in kept.items() if other != name})
        for name, value in kept.items()
        if name in choices
    ]


@blueprint.get("/new")
@access.needs("contacts.write")
def new(project_id: str) -> Response:
    """The empty form."""
    return render("contacts/form.html", form=ContactForm(), contact=None)


@blueprint.post("/new")
@access.needs("contacts.write")
def create(project_id: str) -> Response:
    """Add a contact with its first addresses."""
    form = ContactForm()
    addresses = {"email": form.email.data or "", "sms": form.sms.data or "", "push": form.push.data or ""}
    try:
        with opening() as work:
            contact = contacts.create_contact(
                work, name=form.name.data or "", attributes=form.attributes.data or "", addresses=addresses
            )
    except (Invalid, Conflict) as error:
        put_problem(form, error)
        return redraw("contacts/form.html", form=form, contact=None)
    toast("Contact added.")
    return go(url_for("contacts.show", contact_id=contact.id))


@blueprint.get("/export.csv")
@access.needs("contacts.export")
def export(project_id: str) -> Response:
    """All contacts as CSV, as a download that begins at once."""
    pieces = exports.export_contacts(workshop(), actor())
    answer = Response(pieces, mimetype="text/csv")
    answer.headers["Content-Disposition"] = f'attachment; filename="contacts-{project_id}.csv"'
    return answer


@blueprint.get("/<contact_id>")
@access.needs("contacts.read")
def show(project_id: str, contact_id: str) -> Response:
    """One contact: addresses, topics, attributes."""
    return _show(contact_id, TargetForm(formdata=None))


def _show(contact_id: str, form: TargetForm, status: int = 200) -> Response:
    with reading() as work:
        contact = contacts.find_contact(work, contact_id)
        addresses = targets.targets_of(work, contact)
        subscriptions = contacts.subscriptions_of(work, contact)
        left = contacts.left_topics_of(work, contact)
        choices = topics.choose_from(work)
    subscribing = SubscribeForm(formdata=None)
    subscribing.target.choices = options((target.id, target.address) for target in addresses)
    subscribing.topic.choices = options((topic.id, topic.name) for topic in choices)
    return render(
        "contacts/show.html", status=status, contact=contact, targets=addresses, subscriptions=subscriptions,
        attributes=[(name, say_value(value)) for name, value in sorted(contact.attributes.items())], form=form,
        subscribing=subscribing, left=left,
    )  # fmt: skip


@blueprint.get("/<contact_id>/edit")
@access.needs("contacts.write")
def edit(project_id: str, contact_id: str) -> Response:
    """Name and attributes, to be changed."""
    with reading() as work:
        contact = contacts.find_contact(work, contact_id)
    form = ContactEditForm(data={"name": contact.name, "attributes": format_attributes(contact.attributes)})
    return render("contacts/form.html", form=form, contact=contact)


@blueprint.post("/<contact_id>/edit")
@access.needs("contacts.write")
def update(project_id: str, contact_id: str) -> Response:
    """Save name and attributes."""
    form = ContactEditForm()
    try:
        with opening() as work:
            contacts.update_contact(work, contact_id, name=form.name.data or "", attributes=form.attributes.data or "")
    except Invalid as error:
        put_problem(form, error)
        with reading() as work:
            contact = contacts.find_contact(work, contact_id)
        return redraw("contacts/form.html", form=form, contact=contact)
    toast("Contact saved.")
    return go(url_for("contacts.show", contact_id=contact_id))


@blueprint.get("/<contact_id>/delete")
@access.needs("contacts.write")
def ask_delete(project_id: str, contact_id: str) -> Response:
    """Ask, saying how many addresses and subscriptions go too."""
    with reading() as work:
        contact, cost = contacts.find_contact(work, contact_id), contacts.deletion_cost(work, contact_id)
    return render("contacts/delete.html", contact=contact, cost=cost)


@blueprint.post("/<contact_id>/delete")
@access.needs("contacts.write")
def delete(project_id: str, contact_id: str) -> Response:
    """Delete the contact."""
    with opening() as work:
        contact = contacts.delete_contact(work, contact_id)
    toast(f"{contact.name or 'The contact'} was deleted.")
    return go(url_for("contacts.index"))


@blueprint.post("/<contact_id>/targets")
@access.needs("contacts.write")
def add_target(project_id: str, contact_id: str) -> Response:
    """Add an address to the contact."""
    form = TargetForm()
    try:
        with opening() as work:
            contact = contacts.find_contact(work, contact_id)
            address = targets.read_address(form.channel.data or "", form.address.data or "")
            targets.add_target(work, contact, address, name=form.name.data or "")
    except (Invalid, Conflict) as error:
        put_problem(form, error)
        return _show(contact_id, form, 422)
    toast("Address added.")
    return go(url_for("contacts.show", contact_id=contact_id))


@blueprint.get("/<contact_id>/targets/<target_id>")
@access.needs("contacts.write")
def edit_target(project_id: str, contact_id: str, target_id: str) -> Response:
    """One address, to be corrected."""
    with reading() as work:
        contact, target = contacts.find_contact(work, contact_id), targets.find_target(work, target_id)
    form = TargetForm(data={"address": target.address, "name": target.name})
    return render("contacts/target.html", form=form, contact=contact, target=target)


@blueprint.post("/<contact_id>/targets/<target_id>")
@access.needs("contacts.write")
def update_target(project_id: str, contact_id: str, target_id: str) -> Response:
    """Save the corrected address."""
    form = TargetForm()
    try:
        with opening() as work:
            targets.update_target(work, target_id, form.address.data or "", name=form.name.data or "")
    except (Invalid, Conflict) as error:
        put_problem(form, error)
        with reading() as work:
            contact, target = contacts.find_contact(work, contact_id), targets.find_target(work, target_id)
        return redraw("contacts/target.html", form=form, contact=contact, target=target)
    toast("Address saved.")
    return go(url_for("contacts.show", contact_id=contact_id))


@blueprint.get("/<contact_id>/targets/<target_id>/remove")
@access.needs("contacts.write")
def ask_remove_target(project_id: str, contact_id: str, target_id: str) -> Response:
    """Ask, saying in how many topics the address is."""
    with reading() as work:
        contact = contacts.find_contact(work, contact_id)
        target = next((card for card in targets.targets_of(work, contact) if card.id == target_id), None)
    if target is None:
        raise NotFound("This target does not exist, or was deleted.", type="user_target_not_found")
    return render("contacts/remove_target.html", contact=contact, target=target)


@blueprint.post("/<contact_id>/targets/<target_id>/remove")
@access.needs("contacts.write")
def remove_target(project_id: str, contact_id: str, target_id: str) -> Response:
    """Take the address away."""
    with opening() as work:
        target = targets.remove_target(work, target_id)
    toast(f"{target.address} was removed.")
    return go(url_for("contacts.show", contact_id=contact_id))


@blueprint.post("/<contact_id>/topics")
@access.needs("topics.write")
def subscribe(project_id: str, contact_id: str) -> Response:
    """Put one of the contact's addresses into a topic."""
    try:
        with opening() as work:
            subscribers.subscribe(work, request.form.get("topic", ""), request.form.get("target", ""))
    except AppError as error:
        toast(error.message, "warning")
    else:
        toast("Added to the topic.")
    return go(url_for("contacts.show", contact_id=contact_id))


@blueprint.post("/<contact_id>/topics/<topic_id>/<subscriber_id>/remove")
@access.needs("topics.write")
def unsubscribe(project_id: str, contact_id: str, topic_id: str, subscriber_id: str) -> Response:
    """Take one of the contact's addresses out of a topic."""
    with opening() as work:
        address = subscribers.unsubscribe(work, topic_id, subscriber_id)
    toast(f"{address} was taken out of the topic.")
    return go(url_for("contacts.show", contact_id=contact_id))
