"""Providers over the API: made from the spec, secrets shown to whoever may write them, the rule of `enabled`."""

from typing import Any

import pytest
from flask import Flask

from tests.api.caller import Caller
from tests.api.conftest import MakeKey

PROVIDERS, SMTP = "/messaging/providers", "/messaging/providers/smtp"
WHOLE = {"host": "smtp.example.org", "fromEmail": "news@example.org"}


def test_a_new_provider_has_every_field(api: Caller) -> None:
    made = api.post(SMTP, providerId="mail", name="Mail", enabled=True, username="u", password="p", **WHOLE)
    assert made["enabled"] is True
    assert (made["provider"], made["type"]) == ("smtp", "email")
    assert made["credentials"] == {"host": "smtp.example.org", "port": 587, "username": "u", "password": "p"}
    assert made["options"] == {
        "fromName": "", "fromEmail": "news@example.org", "replyToName": "", "replyToEmail": "", "encryption": "",
        "autoTLS": True, "mailer": "",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("body", "enabled"),
    [
        (WHOLE | {"enabled": True}, True),
        (WHOLE, False),
        (WHOLE | {"enabled": None}, False),
        ({"host": "smtp.example.org", "enabled": True}, False),
        (WHOLE | {"enabled": True, "username": "only"}, False),
    ],
)
def test_a_provider_is_enabled_only_when_asked_and_complete(api: Caller, body: dict[str, Any], enabled: bool) -> None:
    assert api.post(SMTP, providerId="mail", name="Mail", **body)["enabled"] is enabled


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"host": None}, (400, "general_argument_invalid")),
        ({"host": ""}, (400, "general_argument_invalid")),
        ({"host": "two\nlines"}, (400, "general_argument_invalid")),
        ({"port": 0}, (400, "general_argument_invalid")),
        ({"port": 587.0}, (400, "general_argument_invalid")),
        ({"encryption": "rot13"}, (400, "general_argument_invalid")),
        ({"autoTLS": "true"}, (400, "general_argument_invalid")),
        ({"fromEmail": "nobody"}, (400, "general_argument_invalid")),
        ({"fromName": "x" * 129}, (400, "general_argument_invalid")),
        ({"enabled": 1}, (400, "general_argument_invalid")),
        ({"providerId": "used"}, (409, "provider_already_exists")),
    ],
)
def test_a_provider_that_cannot_be_is_refused(api: Caller, change: dict[str, Any], expected: tuple[int, str]) -> None:
    api.post(SMTP, providerId="used", name="Used", **WHOLE)
    body = {"providerId": "mail", "name": "Mail", **WHOLE}
    assert api.refused("POST", SMTP, body | change) == expected
    assert api.get(PROVIDERS)["total"] == 1


def test_update_merges_and_keeps_secrets(api: Caller) -> None:
    api.post(SMTP, providerId="mail", name="Mail", username="u", password="secret", **WHOLE)
    changed = api.patch(SMTP + "/mail", port="2525", encryption="TLS", name="Post")
    assert changed["credentials"] == {"host": "smtp.example.org", "port": 2525, "username": "u", "password": "secret"}
    assert (changed["name"], changed["options"]["encryption"], changed["enabled"]) == ("Post", "tls", False)
    assert api.patch(SMTP + "/mail", enabled=True)["enabled"] is True
    assert api.patch(SMTP + "/mail", enabled=False)["enabled"] is False


def test_enabling_what_is_not_complete_saves_nothing(api: Caller) -> None:
    api.post(SMTP, providerId="mail", name="Mail", host="smtp.example.org")
    refused = api.refused("PATCH", SMTP + "/mail", {"enabled": True, "name": "New"})
    assert refused == (400, "provider_missing_credentials")
    assert api.get(PROVIDERS + "/mail")["name"] == "Mail"
    changed = api.patch(SMTP + "/mail", enabled=True, fromEmail="news@example.org")
    assert changed["enabled"] is True


def test_whoever_may_not_write_secrets_does_not_see_them(app: Flask, api: Caller, make_key: MakeKey) -> None:
    api.post(SMTP, providerId="mail", name="Mail", username="u", password="secret", **WHOLE)
    reader = Caller(app, make_key("providers.read"))
    shown = reader.get(PROVIDERS)["providers"][0]
    assert shown["credentials"]["host"] == "smtp.example.org"
    assert "secret" not in str(shown)
    assert shown["credentials"]["password"]


def test_providers_are_listed_filtered_and_deleted(api: Caller) -> None:
    api.post(SMTP, providerId="one", name="One", **WHOLE)
    api.post(SMTP, providerId="two", name="Two", enabled=True, **WHOLE)
    on = '{"method":"equal","attribute":"enabled","values":[true]}'
    assert [row["$id"] for row in api.get(PROVIDERS, on)["providers"]] == ["two"]
    assert api.get(PROVIDERS, search="smtp one")["total"] == 1
    api.delete(PROVIDERS + "/one")
    assert api.refused("GET", PROVIDERS + "/one") == (404, "provider_not_found")
    assert api.refused("PATCH", SMTP + "/one", {"name": "x"}) == (404, "provider_not_found")
