"""What the Python SDKs can ask for and Carillon has not: each method, the error it raises, and why it is so.

The tests call every one of them; the table in docs/api.md is made from this.
"""

from collections.abc import Iterator
from dataclasses import dataclass

ROUTE, NOT_HERE, IDENTITY = "general_route_not_found", "general_not_implemented", "user_identity_not_found"
STATUS = {ROUTE: 404, NOT_HERE: 501, IDENTITY: 404}


@dataclass(frozen=True)
class Area:
    """Methods that are refused for one reason, by service; those that only some versions have are named too."""

    reason: str
    type: str
    methods: tuple[str, ...]


AREAS = (
    Area("users sign in with email and password; a program can begin a session for them "
         "(`users.create_session`)", ROUTE, (
        "account.create_anonymous_session", "account.create_email_token", "account.create_id_token_session",
        "account.create_magic_url_token", "account.create_o_auth2_token", "account.create_phone_token",
        "account.create_session", "account.update_magic_url_session", "account.update_phone_session",
        "users.create_token",
    )),
    Area("no mail or text of Carillon's own proves an address or recovers a password; a program says what is proven "
         "(`users.update_email_verification`) and sets passwords (`users.update_password`)", ROUTE, (
        "account.create_email_verification", "account.create_email_verification_otp",
        "account.create_phone_verification", "account.create_recovery", "account.create_recovery_otp",
        "account.create_verification", "account.update_email_verification", "account.update_email_verification_otp",
        "account.update_phone_verification", "account.update_recovery", "account.update_recovery_otp",
        "account.update_verification",
    )),
    Area("there is no second factor", ROUTE, (
        "account.create_mfa_authenticator", "account.create_mfa_challenge", "account.create_mfa_recovery_codes",
        "account.delete_mfa_authenticator", "account.get_mfa_recovery_codes", "account.update_mfa",
        "account.update_mfa_authenticator", "account.update_mfa_challenge", "account.update_mfa_recovery_codes",
        "users.create_mfa_recovery_codes", "users.delete_mfa_authenticator", "users.get_mfa_challenge",
        "users.get_mfa_recovery_codes", "users.update_mfa", "users.update_mfa_recovery_codes",
    )),
    Area("there are no passkeys", ROUTE, (
        "account.create_passkey", "account.create_passkey_token", "account.delete_passkey", "account.get_passkey",
        "account.list_passkeys", "account.update_passkey", "account.update_passkey_token",
        "account.update_passkey_verification", "users.delete_passkey", "users.get_passkey", "users.list_passkeys",
        "users.update_passkey",
    )),
    Area("Carillon is no OAuth server, so nobody has consented to anything", ROUTE, (
        "account.delete_consent", "account.delete_consent_token", "account.get_consent", "account.get_consent_token",
        "account.list_consent_tokens", "account.list_consents",
    )),
    Area("nobody acts in another's name; the trail says who did what", ROUTE, ("users.update_impersonator",)),
    Area("there is none to delete: nobody signs in through another service", IDENTITY, (
        "account.delete_identity", "users.delete_identity",
    )),
    Area("push goes through Apple and Google; the answer names the kinds that are here", NOT_HERE, (
        "messaging.create_appwrite_provider", "messaging.update_appwrite_provider",
    )),
)  # fmt: skip


def absent_methods() -> dict[str, Area]:
    """Each such method (`account.create_recovery`) with its area."""
    return {method: area for area in AREAS for method in area.methods}


def table() -> Iterator[str]:
    """The lines of the table in the docs."""
    yield "| methods | answer | because |"
    yield "| --- | --- | --- |"
    for area in AREAS:
        names = ", ".join(f"`{method}`" for method in area.methods)
        yield f"| {names} | {STATUS[area.type]} `{area.type}` | {area.reason} |"
