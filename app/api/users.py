"""/users: contacts, and their targets. Contacts have neither passwords nor sessions."""

from typing import Any

from app.api import wire
from app.api.kinds import EMAIL, NEW_ID, OBJECT, PHONE, UID, choice, or_empty, text
from app.api.lists import QUERY, SEARCH, TARGETS, TOTAL, USERS, wish
from app.api.operations import Call, operation
from app.api.params import Param
from app.domain.channels import Channel
from app.domain.errors import AppError
from app.services import contact_cards, contacts, records, shelves, targets
from app.services.work import Work

_NO_PASSWORDS = "Users have no passwords here yet. Leave the password out."


class Unsupported(AppError):
    """The reference can do it, and we cannot yet."""

    type = "user_auth_method_unsupported"
    status = 501


def _user(work: Work, user_id: str) -> dict[str, Any]:
    contact = contacts.find_contact(work, user_id)
    return wire.user(records.of_contacts(work, [contact])[0])


@operation(
    "POST", "/users", "users.write", Param("user_id", NEW_ID, required=True), Param("email", EMAIL),
    Param("phone", PHONE), Param("password", text(256)), Param("name", text(128, 0), ""), status=201,
    fields={"id": "userId", "sms": "phone"},
)  # fmt: skip
def create_user(work: Work, call: Call) -> dict[str, Any]:
    """Make a user, with a target for the email and one for the phone number."""
    if call.has("password"):
        raise Unsupported(_NO_PASSWORDS)
    addresses = {Channel.EMAIL.value: call.email or "", Channel.SMS.value: call.phone or ""}
    contact_cards.refuse_known(work, addresses)
    made = contacts.create_contact(work, name=call.name, addresses=addresses, contact_id=call.user_id)
    return _user(work, made.id)


@operation("GET", "/users", "users.read", QUERY, SEARCH, TOTAL)
def list_users(work: Work, call: Call) -> dict[str, Any]:
    """List users."""
    found = shelves.list_contacts(work, wish(call, USERS))
    return wire.page("users", wire.user, found.rows, found.total)


@operation("GET", "/users/{userId}", "users.read")
def get_user(work: Work, call: Call) -> dict[str, Any]:
    """Get a user."""
    return _user(work, call.user_id)


@operation("DELETE", "/users/{userId}", "users.write")
def delete_user(work: Work, call: Call) -> None:
    """Delete a user with its targets and subscribers."""
    contacts.delete_contact(work, call.user_id)


@operation("PATCH", "/users/{userId}/name", "users.write", Param("name", text(128, 0), required=True))
def update_name(work: Work, call: Call) -> dict[str, Any]:
    """Rename a user."""
    contact = contacts.find_contact(work, call.user_id)
    contacts.update_contact(work, call.user_id, name=call.name, attributes=dict(contact.attributes))
    return _user(work, call.user_id)


@operation("PATCH", "/users/{userId}/email", "users.write", Param("email", or_empty(EMAIL), required=True))
def update_email(work: Work, call: Call) -> dict[str, Any]:
    """Change the email address of a user, and its target; empty takes both away."""
    contact_cards.set_address(work, call.user_id, Channel.EMAIL.value, call.email)
    return _user(work, call.user_id)


@operation("PATCH", "/users/{userId}/phone", "users.write", Param("number", or_empty(PHONE), required=True))
def update_phone(work: Work, call: Call) -> dict[str, Any]:
    """Change the phone number of a user, and its target; empty takes both away."""
    contact_cards.set_address(work, call.user_id, Channel.SMS.value, call.number)
    return _user(work, call.user_id)


@operation("GET", "/users/{userId}/prefs", "users.read")
def get_prefs(work: Work, call: Call) -> dict[str, Any]:
    """Get the preferences of a user: the attributes that messages can name as variables."""
    return dict(contacts.find_contact(work, call.user_id).attributes)


@operation(
    "PATCH", "/users/{userId}/prefs", "users.write", Param("prefs", OBJECT, required=True),
    fields={"attributes": "prefs"},
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
    fields={"id": "targetId", "address": "identifier"},
)  # fmt: skip
def create_target(work: Work, call: Call) -> dict[str, Any]:
    """Give a user one more target."""
    address = targets.read_address(call.provider_type, call.identifier)
    contact = contacts.find_contact(work, call.user_id)
    made = targets.add_target(work, contact, address, name=call.name, target_id=call.target_id)
    if call.has("provider_id"):
        targets.bind_target(work, made, call.provider_id, is_lenient=True)
    return wire.target(records.of_targets(work, [made])[0])


@operation("GET", "/users/{userId}/targets", "users.read", QUERY, TOTAL)
def list_targets(work: Work, call: Call) -> dict[str, Any]:
    """List the targets of a user."""
    contact = contacts.find_contact(work, call.user_id)
    found = shelves.list_targets_of_contact(work, contact, wish(call, TARGETS))
    return wire.page("targets", wire.target, found.rows, found.total)


@operation("GET", "/users/{userId}/targets/{targetId}", "users.read")
def get_target(work: Work, call: Call) -> dict[str, Any]:
    """Get a target of a user."""
    found = contact_cards.find_target(work, call.user_id, call.target_id)
    return wire.target(records.of_targets(work, [found])[0])


@operation(
    "PATCH", "/users/{userId}/targets/{targetId}", "users.write", Param("identifier", text(255)),
    Param("provider_id", UID), Param("name", text(128)), fields={"address": "identifier"},
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
