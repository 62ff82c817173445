"""Users, accounts and sessions on the wire (contract, 8.9 to 8.11)."""

from typing import TYPE_CHECKING, Any

from app.api.credentials import encode
from app.api.wire import date, head, target
from app.services.accounts.user_agents import describe

if TYPE_CHECKING:
    from app.services.accounts.contact_sessions import SessionRecord
    from app.services.people.records import ContactRecord

_FACTORS = {"email": ["password"], "server": ["server"]}


def account(record: "ContactRecord") -> dict[str, Any]:
    """A contact as it sees itself: nothing of its password."""
    row = record.contact
    drawn = [target(each) for each in record.targets]
    first = {each["providerType"]: each["identifier"] for each in reversed(drawn)}
    return head(row) | {
        "name": row.name, "registration": date(row.created_at), "status": row.may_sign_in, "labels": list(row.labels),
        "passwordUpdate": date(row.password_at) if row.password_at else "", "email": first.get("email", ""),
        "phone": first.get("sms", ""), "emailVerification": row.email_verified,
        "phoneVerification": row.phone_verified, "mfa": False, "prefs": dict(row.attributes), "targets": drawn,
        "accessedAt": date(row.accessed_at) if row.accessed_at else "", "emailCanonical": None, "emailIsFree": None,
        "emailIsDisposable": None, "emailIsCorporate": None, "emailIsCanonical": None, "passwordPwned": None,
        "impersonator": None, "impersonatorUserId": None,
    }  # fmt: skip


def user(record: "ContactRecord", *, shows_hash: bool) -> dict[str, Any]:
    """A contact as programs see it. What its password was hashed to is for keys that may write users."""
    row = record.contact
    has_password = bool(row.password_hash)
    shown = has_password and shows_hash
    return account(record) | {
        "password": row.password_hash if shown else None, "hash": row.password_kind if has_password else None,
        "hashOptions": {"type": row.password_kind} | dict(row.password_options) if shown else None,
    }  # fmt: skip


def session(record: "SessionRecord", *, shows_secret: bool = False) -> dict[str, Any]:
    """A session; the country is unknown, for there is no database of addresses here.

    Its secret is what `X-Appwrite-Session` carries: SDKs hand it to `setSession` as it is.
    """
    row, device = record.session, describe(record.session.user_agent)
    secret = encode(record.contact.id, record.secret) if shows_secret and record.secret else ""
    return head(row) | {
        "userId": record.contact.id, "expire": date(row.expires_at), "provider": row.provider,
        "providerUid": row.provider_uid, "providerAccessToken": "", "providerAccessTokenExpiry": "",
        "providerRefreshToken": "", "ip": row.ip, "osCode": device.os_code, "osName": device.os_name,
        "osVersion": device.os_version, "clientType": device.client_type, "clientCode": device.client_code,
        "clientName": device.client_name, "clientVersion": device.client_version,
        "clientEngine": device.client_engine, "clientEngineVersion": device.client_engine_version,
        "deviceName": device.device_name, "deviceBrand": device.device_brand, "deviceModel": device.device_model,
        "countryCode": "--", "countryName": "Unknown", "current": record.is_current,
        "factors": list(_FACTORS[row.provider]), "secret": secret, "mfaUpdatedAt": "",
    }  # fmt: skip
