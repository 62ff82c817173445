"""/users/…: what a user signs in with and is known by: password, status, labels, verification; and its log."""

from typing import Any

from app.api.kinds import BOOL, LABELS, LOOSE_BOOL, PASSWORD, or_empty
from app.api.lists import QUERY, SEARCH, TOTAL, wish
from app.api.logs import page_of_log
from app.api.operations import Call, operation
from app.api.params import Param
from app.api.users import draw_user
from app.domain.channels import Channel
from app.domain.errors import NotFound
from app.domain.list_query import Attribute, Shape
from app.services.accounts import contact_accounts, contact_passwords
from app.services.people import contacts
from app.services.work import Work

IDENTITIES = {
    "userId": Attribute("user_id"), "provider": Attribute("provider"), "providerUid": Attribute("provider_uid"),
    "providerEmail": Attribute("provider_email"),
    "providerAccessTokenExpiry": Attribute("provider_access_token_expiry", Shape.MOMENT),
}  # fmt: skip
MEMBERSHIPS = {
    "userId": Attribute("user_id"), "teamId": Attribute("team_id"), "invited": Attribute("invited", Shape.MOMENT),
    "joined": Attribute("joined", Shape.MOMENT), "confirm": Attribute("confirm", Shape.FLAG),
    "roles": Attribute("roles", Shape.TEXTS),
}  # fmt: skip
NO_FACTORS = {"totp": False, "phone": False, "email": False, "recoveryCode": False, "custom": False}


@operation(
    "PATCH", "/users/{userId}/password", "users.write", Param("password", or_empty(PASSWORD), required=True),
    model="User",
)  # fmt: skip
def update_password(work: Work, call: Call) -> dict[str, Any]:
    """Give a user another password; empty takes it away. Its sessions end."""
    return draw_user(work, call, contact_passwords.set_password(work, call.user_id, call.password))


@operation("PATCH", "/users/{userId}/status", "users.write", Param("status", LOOSE_BOOL, required=True), model="User")
def update_status(work: Work, call: Call) -> dict[str, Any]:
    """Block a user from signing in (false), or let it in again; messages reach it either way."""
    return draw_user(work, call, contact_accounts.set_status(work, call.user_id, may_sign_in=call.status))


@operation("PUT", "/users/{userId}/labels", "users.write", Param("labels", LABELS, required=True), model="User")
def update_labels(work: Work, call: Call) -> dict[str, Any]:
    """Replace the labels of a user; each is a role, `label:<label>`, that it then holds."""
    return draw_user(work, call, contact_accounts.set_labels(work, call.user_id, call.labels))


@operation(
    "PATCH", "/users/{userId}/verification", "users.write", Param("email_verification", BOOL, required=True),
    model="User",
)  # fmt: skip
def update_email_verification(work: Work, call: Call) -> dict[str, Any]:
    """Say whether the email address of a user is known to be its own."""
    return _verify(work, call, Channel.EMAIL, call.email_verification)


@operation(
    "PATCH", "/users/{userId}/verification/phone", "users.write", Param("phone_verification", BOOL, required=True),
    model="User",
)  # fmt: skip
def update_phone_verification(work: Work, call: Call) -> dict[str, Any]:
    """Say whether the phone number of a user is known to be its own."""
    return _verify(work, call, Channel.SMS, call.phone_verification)


def _verify(work: Work, call: Call, channel: Channel, is_verified: bool) -> dict[str, Any]:
    changed = contact_accounts.set_verified(work, call.user_id, channel, is_verified=is_verified)
    return draw_user(work, call, changed)


@operation("GET", "/users/{userId}/logs", "users.read", QUERY, TOTAL, model="LogList")
def list_user_logs(work: Work, call: Call) -> dict[str, Any]:
    """List what was done to a user, and by it to its own account."""
    return page_of_log(work, call, f"contact/{contacts.find_contact(work, call.user_id).id}")


@operation("GET", "/users/{userId}/memberships", "users.read", QUERY, SEARCH, TOTAL, model="MembershipList")
def list_memberships(work: Work, call: Call) -> dict[str, Any]:
    """List the teams of a user: none, for there are no teams here."""
    contacts.find_contact(work, call.user_id)
    wish(call, MEMBERSHIPS)
    return {"total": 0, "memberships": []}


@operation("GET", "/users/{userId}/mfa/factors", "users.read", model="MfaFactors")
def list_mfa_factors(work: Work, call: Call) -> dict[str, Any]:
    """Say which second factors a user has: none, for nobody is asked for one here."""
    contacts.find_contact(work, call.user_id)
    return dict(NO_FACTORS)


@operation("GET", "/users/identities", "users.read", QUERY, SEARCH, TOTAL, model="IdentityList")
def list_identities(work: Work, call: Call) -> dict[str, Any]:
    """List identities at other services: none, for nobody signs in through one here."""
    work.require("contacts.read")
    wish(call, IDENTITIES)
    return {"total": 0, "identities": []}


@operation("DELETE", "/users/identities/{identityId}", "users.write")
def delete_identity(work: Work, _call: Call) -> None:
    """Delete an identity; there is none to delete."""
    work.require("contacts.write")
    raise NotFound("There is no identity with that id: nobody signs in through another service here.",
                   type="user_identity_not_found")  # fmt: skip
