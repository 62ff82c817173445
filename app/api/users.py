"""/users: contacts as programs make, find, change and delete them, and their targets."""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from app.api import wire, wire_accounts
from app.api.kinds import EMAIL, NEW_ID, OBJECT, PASSWORD, PHONE, UID, choice, or_empty, text
from app.api.lists import QUERY, SEARCH, TARGETS, TOTAL, USERS, wish
from app.api.operations import Call, operation
from app.api.params import Param
from app.domain.channels import Channel
from app.infra import password_hashes
from app.services.accounts import contact_accounts
from app.services.people import contact_cards, contacts, records, targets
from app.services.programs import shelves
from app.services.work import Work

if TYPE_CHECKING:
    from app.models.contacts import Contact
    from app.services.people.records import ContactRecord


def draw_user(work: Work, call: Call, contact: "Contact") -> dict[str, Any]:
    """A contact as this caller may see it (8.9)."""
    return _draw(call)(records.of_contacts(work, [contact])[0])


def _draw(call: Call) -> Callable[["ContactRecord"], dict[str, Any]]:
    return partial(wire_accounts.user, shows_hash="users.write" in call.scopes)


@operation(
    "POST", "/users", "users.write", Param("user_id", NEW_ID, required=True), Param("email", EMAIL),
    Param("phone", PHONE), Param("password", PASSWORD), Param("name", text(128, 0), ""), status=201,
    fields={"id": "userId", "sms": "phone"}, model="User",
)  # fmt: skip
def create_user(work: Work, call: Call) -> dict[str, Any]:
    """Make a user, with a target for the email and one for the phone number."""
    addresses = {Channel.EMAIL.value: call.email or "", Channel.SMS.value: call.phone or ""}
    kept = partial(password_hashes.keep, call.password) if call.has("password") else None
    return draw_user(
        work, call, contact_accounts.make_contact(work, call.user_id, addresses, name=call.name, kept=kept)
    )


@operation("GET", "/users", "users.read", QUERY, SEARCH, TOTAL, model="UserList")
def list_users(work: Work, call: Call) -> dict[str, Any]:
    """List users."""
    found = shelves.list_contacts(work, wish(call, USERS))
    return wire.page("users", _draw(call), found.rows, found.total)


@operation("GET", "/users/{userId}", "users.read", model="User")
def get_user(work: Work, call: Call) -> dict[str, Any]:
    """Get a user."""
    return draw_user(work, call, contacts.find_contact(work, call.user_id))


@operation("DELETE", "/users/{userId}", "users.write")
def delete_user(work: Work, call: Call) -> None:
    """Delete a user with its targets and subscribers."""
    contacts.delete_contact(work, call.user_id)


@operation("PATCH", "/users/{userId}/name", "users.write", Param("name", text(128, 0), required=True), model="User")
def update_name(work: Work, call: Call) -> dict[str, Any]:
    """Rename a user."""
    contact = contacts.find_contact(work, call.user_id)
    attributes = dict(contact.attributes)
    return draw_user(work, call, contacts.update_contact(work, call.user_id, name=call.name, attributes=attributes))


@operation(
    "PATCH", "/users/{userId}/email", "users.write", Param("email", or_empty(EMAIL), required=True), model="User"
)
def update_email(work: Work, call: Call) -> dict[str, Any]:
    """Change the email address of a user, and its target; empty takes both away."""
    return draw_user(work, call, contact_cards.set_address(work, call.user_id, Channel.EMAIL.value, call.email))


@operation(
    "PATCH", "/users/{userId}/phone", "users.write", Param("number", or_empty(PHONE), required=True), model="User"
)
def update_phone(work: Work, call: Call) -> dict[str, Any]:
    """Change the phone number of a user, and its target; empty takes both away."""
    return draw_user(work, call, contact_cards.set_address(work, call.user_id, Channel.SMS.value, call.number))


@operation("GET", "/users/{userId}/prefs", "users.read", model="Preferences")
def get_prefs(work: Work, call: Call) -> dict[str, Any]:
    """Get the preferences of a user: the attributes that messages can name as variables."""
    return dict(contacts.find_contact(work, call.user_id).attributes)


@operation(
    "PATCH", "/users/{userId}/prefs", "users.write", Param("prefs", OBJECT, required=True),
    fields={"attributes": "prefs"}, model="Preferences",
)  # fmt: skip
def update_prefs(work: Work, call: Call) -> dict[str, Any]:
    """Replace the preferences of a user."""
    contact = contacts.find_contact(work, call.user_id)
    changed = contacts.update_contact(work, call.user_id, name=contact.name, attributes=call.prefs)
    return dict(changed.attributes)


@operation(
    "POST", "/users/{userId}/targets", "users.write", Param("target_id", NEW_ID, required=True),
    Param("provider_type", choice(*(each.value for each in Channel)), required=True),
    Param("identifier", text(255), required=True), Param("provider_id", UID), Param("name", text(128), ""), status=201,
    fields={"id": "targetId", "address": "identifier"}, model="Target",
)  # fmt: skip
def create_target(work: Work, call: Call) -> dict[str, Any]:
    """Give a user one more target."""
    address = targets.read_address(call.provider_type, call.identifier)
    contact = contacts.find_contact(work, call.user_id)
    made = targets.add_target(work, contact, address, name=call.name, target_id=call.target_id)
    if call.has("provider_id"):
        targets.bind_target(work, made, call.provider_id, is_lenient=True)
    return wire.target(records.of_targets(work, [made])[0])


@operation("GET", "/users/{userId}/targets", "users.read", QUERY, TOTAL, model="TargetList")
def list_targets(work: Work, call: Call) -> dict[str, Any]:
    """List the targets of a user."""
    contact = contacts.find_contact(work, call.user_id)
    found = shelves.list_targets_of_contact(work, contact, wish(call, TARGETS))
    return wire.page("targets", wire.target, found.rows, found.total)


@operation("GET", "/users/{userId}/targets/{targetId}", "users.read", model="Target")
def get_target(work: Work, call: Call) -> dict[str, Any]:
    """Get a target of a user."""
    found = contact_cards.find_target(work, call.user_id, call.target_id)
    return wire.target(records.of_targets(work, [found])[0])


@operation(
    "PATCH", "/users/{userId}/targets/{targetId}", "users.write", Param("identifier", text(255)),
    Param("provider_id", UID), Param("name", text(128)), fields={"address": "identifier"}, model="Target",
)  # fmt: skip
def update_target(work: Work, call: Call) -> dict[str, Any]:
    """Change a target of a user; a new identifier makes an expired one current again."""
    found = contact_cards.find_target(work, call.user_id, call.target_id)
    if call.has("provider_id"):
        targets.bind_target(work, found, call.provider_id)
    name = call.name if call.has("name") else found.name
    changed = targets.update_target(work, found.id, call.identifier or found.address, name=name)
    return wire.target(records.of_targets(work, [changed])[0])


@operation("DELETE", "/users/{userId}/targets/{targetId}", "users.write")
def delete_target(work: Work, call: Call) -> None:
    """Take a target away from a user, with its subscribers."""
    targets.remove_target(work, contact_cards.find_target(work, call.user_id, call.target_id).id)
