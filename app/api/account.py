"""/account: whoever is signed in sees and changes what is its own; and whoever is not makes an account."""

from typing import Any

from app.api import credentials, wire_accounts
from app.api.kinds import EMAIL, NEW_ID, OBJECT, PASSWORD, PHONE, text
from app.api.limits import By, Limit
from app.api.lists import QUERY, TOTAL, wish
from app.api.logs import page_of_log
from app.api.operations import Call, operation
from app.api.params import Param
from app.api.users_accounts import IDENTITIES, MEMBERSHIPS, NO_FACTORS
from app.domain.channels import Channel
from app.domain.errors import NotFound
from app.services.accounts import contact_accounts
from app.services.people import records
from app.services.work import Work, Workshop

_GUESSES = Limit(10, 3600, by=(By.USER,), name="password", cleared_on=200)  # whoever holds a session may not try on


def _draw(work: Work, contact: Any) -> dict[str, Any]:
    return wire_accounts.account(records.of_contacts(work, [contact])[0])


@operation(
    "POST", "/account", "sessions.write", Param("user_id", NEW_ID, required=True),
    Param("email", EMAIL, required=True), Param("password", PASSWORD, required=True), Param("name", text(128, 0), ""),
    status=201, fields={"id": "userId"}, model="Account", limit=Limit(10, 3600, by=(By.IP,)),
)  # fmt: skip
def create_account(work: Work, call: Call) -> dict[str, Any]:
    """Make an account; a session is begun by another call."""
    made = contact_accounts.make_account(
        work, contact_id=call.user_id, email=call.email, password=call.password, name=call.name
    )
    return _draw(work, made)


@operation("GET", "/account", "account", model="Account")
def get_account(work: Work, _call: Call) -> dict[str, Any]:
    """Get the account of whoever is signed in."""
    return _draw(work, contact_accounts.me(work))


@operation("PATCH", "/account/name", "account", Param("name", text(128), required=True), model="Account")
def update_account_name(work: Work, call: Call) -> dict[str, Any]:
    """Change one's name."""
    return _draw(work, contact_accounts.rename(work, call.name))


@operation(
    "PATCH", "/account/email", "account", Param("email", EMAIL, required=True),
    Param("password", PASSWORD, required=True), model="Account", limit=_GUESSES, opens_own=True,
)  # fmt: skip
def update_account_email(shop: Workshop, call: Call) -> dict[str, Any]:
    """Change one's email address; an account without a password gets this one."""
    return _change_address(shop, call, Channel.EMAIL, call.email)


@operation(
    "PATCH", "/account/phone", "account", Param("phone", PHONE, required=True),
    Param("password", PASSWORD, required=True), model="Account", limit=_GUESSES, opens_own=True,
)  # fmt: skip
def update_account_phone(shop: Workshop, call: Call) -> dict[str, Any]:
    """Change one's phone number; an account without a password gets this one."""
    return _change_address(shop, call, Channel.SMS, call.phone)


def _change_address(shop: Workshop, call: Call, channel: Channel, text: str) -> dict[str, Any]:
    with shop.read(call.actor) as work:
        proof = contact_accounts.prove_own(work, call.password)
    with shop.open(call.actor) as work:
        return _draw(work, contact_accounts.change_address(work, channel, text, proof))


@operation(
    "PATCH", "/account/password", "account", Param("password", PASSWORD, required=True),
    Param("old_password", PASSWORD, ""), model="Account", limit=_GUESSES, opens_own=True,
)  # fmt: skip
def update_account_password(shop: Workshop, call: Call) -> dict[str, Any]:
    """Change one's password, knowing the old one if there is one; all other sessions end."""
    with shop.read(call.actor) as work:
        proof = contact_accounts.prove_own(work, call.old_password, fresh=call.password)
    with shop.open(call.actor) as work:
        return _draw(work, contact_accounts.change_password(work, proof, session_pk=call.session_pk))


@operation("GET", "/account/prefs", "account", model="Preferences")
def get_account_prefs(work: Work, _call: Call) -> dict[str, Any]:
    """Get one's preferences."""
    return dict(contact_accounts.me(work).attributes)


@operation(
    "PATCH", "/account/prefs", "account", Param("prefs", OBJECT, required=True), fields={"attributes": "prefs"},
    model="Account",
)  # fmt: skip
def update_account_prefs(work: Work, call: Call) -> dict[str, Any]:
    """Replace one's preferences."""
    return _draw(work, contact_accounts.set_prefs(work, call.prefs))


@operation("PATCH", "/account/status", "account", model="Account")
def update_account_status(work: Work, call: Call) -> dict[str, Any]:
    """Block one's own account; only a program with a key can undo it."""
    blocked = contact_accounts.block_myself(work)
    credentials.take_back(call.address)
    return _draw(work, blocked)


@operation("GET", "/account/logs", "account", QUERY, TOTAL, model="LogList")
def list_account_logs(work: Work, call: Call) -> dict[str, Any]:
    """List what was done to one's account."""
    return page_of_log(work, call, f"contact/{contact_accounts.me(work).id}")


@operation("GET", "/account/memberships", "account", QUERY, TOTAL, model="MembershipList")
def list_account_memberships(work: Work, call: Call) -> dict[str, Any]:
    """List one's teams: none, for there are no teams here."""
    contact_accounts.me(work)
    wish(call, MEMBERSHIPS)
    return {"total": 0, "memberships": []}


@operation("GET", "/account/mfa/factors", "account", model="MfaFactors")
def list_account_mfa_factors(work: Work, _call: Call) -> dict[str, Any]:
    """Say which second factors one has: none, for nobody is asked for one here."""
    contact_accounts.me(work)
    return dict(NO_FACTORS)


@operation("GET", "/account/identities", "account", QUERY, TOTAL, model="IdentityList")
def list_account_identities(work: Work, call: Call) -> dict[str, Any]:
    """List one's identities at other services: none, for nobody signs in through one here."""
    contact_accounts.me(work)
    wish(call, IDENTITIES)
    return {"total": 0, "identities": []}


@operation("DELETE", "/account/identities/{identityId}", "account")
def delete_account_identity(work: Work, _call: Call) -> None:
    """Delete an identity; there is none to delete."""
    contact_accounts.me(work)
    raise NotFound("There is no identity with that id.", type="user_identity_not_found")
