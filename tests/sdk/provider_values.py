"""What each kind of provider is connected with in the tests of the Python SDKs, by the names of their parameters."""

from collections.abc import Mapping
from functools import cache
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

_SENDER = {
    "from_name": "Shop", "from_email": "news@shop.example", "reply_to_name": "Desk",
    "reply_to_email": "desk@shop.example",
}  # fmt: skip
_PHONE = "+4930901820"


@cache
def _pem(kind: str) -> str:
    key = rsa.generate_private_key(65_537, 2_048) if kind == "rsa" else ec.generate_private_key(ec.SECP256R1())
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


@cache
def provider_values() -> Mapping[str, dict[str, Any]]:
    """What is enough to switch a provider on, by its kind."""
    service_account = {
        "type": "service_account", "project_id": "shop-app", "private_key_id": "0123456789abcdef",
        "private_key": _pem("rsa"), "client_email": "push@shop-app.iam.gserviceaccount.com",
        "token_uri": "https://oauth2.googleapis.com/token",
    }  # fmt: skip
    return {
        "smtp": {"host": "smtp.example.org", "port": 2_525, "username": "u", "password": "p", "mailer": "Shop",
                 "auto_tls": False, **_SENDER},
        "mailgun": {"api_key": "key-0123456789", "domain": "mg.shop.example", "is_eu_region": True, **_SENDER},
        "sendgrid": {"api_key": "SG.abcdefghijklmnop.0123456789", **_SENDER},
        "resend": {"api_key": "re_0123456789abcdef", **_SENDER},
        "ses": {"access_key": "AKIA0123456789ABCDEF", "secret_key": "s" * 40, "region": "eu-central-1", **_SENDER},
        "twilio": {"account_sid": "AC" + "0" * 32, "auth_token": "0123456789abcdef" * 2, "xfrom": _PHONE},
        "vonage": {"api_key": "0123abcd", "api_secret": "Secret0123456789", "xfrom": _PHONE},
        "textmagic": {"username": "shop", "api_key": "0123456789abcdef0123456789abcd", "xfrom": _PHONE},
        "telesign": {"customer_id": "01234567-89AB-CDEF-0123-456789ABCDEF", "api_key": "c2VjcmV0" * 11,
                     "xfrom": _PHONE},
        "msg91": {"template_id": "0123456789abcdef01234567", "sender_id": "SHOPIN", "auth_key": "0123456789abcdef"},
        "fcm": {"service_account_json": service_account},
        "apns": {"auth_key": _pem("ec"), "auth_key_id": "ABCDE12345", "team_id": "TEAM012345",
                 "bundle_id": "com.shop.app", "sandbox": True},
    }  # fmt: skip


# What is changed afterwards, under which object and name the change is then seen, and the type of messages it sends.
CHANGES: Mapping[str, tuple[str, Any, str, str, str]] = {
    "smtp": ("port", 587, "credentials", "port", "email"),
    "mailgun": ("domain", "post.shop.example", "credentials", "domain", "email"),
    "sendgrid": ("from_name", "Store", "options", "fromName", "email"),
    "resend": ("from_name", "Store", "options", "fromName", "email"),
    "ses": ("region", "us-east-1", "credentials", "region", "email"),
    "twilio": ("xfrom", "+4930901821", "options", "from", "sms"),
    "vonage": ("xfrom", "+4930901821", "options", "from", "sms"),
    "textmagic": ("xfrom", "+4930901821", "options", "from", "sms"),
    "telesign": ("xfrom", "+4930901821", "options", "from", "sms"),
    "msg91": ("template_id", "76543210fedcba9876543210", "credentials", "templateId", "sms"),
    "fcm": ("service_account_json", None, "credentials", "serviceAccountJSON", "push"),
    "apns": ("bundle_id", "com.shop.other", "credentials", "bundleId", "push"),
}


def change_of(kind: str) -> tuple[dict[str, Any], str, str, Any, str]:
    """The changed parameter, the object and name it is seen under, its value there, and the type of the provider."""
    parameter, value, part, name, type_ = CHANGES[kind]
    if value is None:
        value = provider_values()[kind][parameter] | {"project_id": "other-app"}
    return {parameter: value}, part, name, value, type_
