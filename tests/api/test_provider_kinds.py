"""Every kind over the API: its parameters, what is kept of them, and when it may be enabled (contract 9.2, 9.3)."""

from typing import Any

import pytest

from tests.api.caller import Caller

PROVIDERS = "/messaging/providers"
SENDER = {
    "fromName": "Acme",
    "fromEmail": "news@example.org",
    "replyToName": "Help",
    "replyToEmail": "help@example.org",
}
MAILGUN = {"apiKey": "key-0123456789", "domain": "mg.example.org", "isEuRegion": False, **SENDER}
TWILIO = {"accountSid": "AC" + "0" * 32, "authToken": "0123456789abcdef", "from": "+15005550006"}
CREDENTIALS = {"mailgun": ("isEuRegion", "apiKey", "domain"), "twilio": ("accountSid", "authToken")}
OPTIONS = {"mailgun": ("fromName", "fromEmail", "replyToName", "replyToEmail"), "twilio": ("from",)}
WHOLE: dict[str, dict[str, Any]] = {"mailgun": MAILGUN, "twilio": TWILIO}
KINDS = sorted(WHOLE)


def create(api: Caller, kind: str, values: dict[str, Any], **more: Any) -> dict[str, Any]:
    made: dict[str, Any] = api.post(f"{PROVIDERS}/{kind}", providerId="p1", name="First", **values, **more)
    return made


@pytest.mark.parametrize("kind", KINDS)
def test_what_was_given_comes_back_in_its_two_objects(api: Caller, kind: str) -> None:
    made = create(api, kind, WHOLE[kind], enabled=True)
    assert (made["provider"], made["enabled"]) == (kind, True)
    assert made["credentials"] == {name: WHOLE[kind][name] for name in CREDENTIALS[kind]}
    assert made["options"] == {name: WHOLE[kind][name] for name in OPTIONS[kind]}


@pytest.mark.parametrize(
    ("kind", "missing"),
    [("mailgun", name) for name in ("apiKey", "domain", "isEuRegion", "fromEmail")]
    + [("twilio", name) for name in ("accountSid", "authToken", "from")],
)
def test_without_a_needed_value_it_is_made_and_stays_off(api: Caller, kind: str, missing: str) -> None:
    values = {name: value for name, value in WHOLE[kind].items() if name != missing}
    assert create(api, kind, values, enabled=True)["enabled"] is False
    refused = api.refused("PATCH", f"{PROVIDERS}/{kind}/p1", {"enabled": True})
    assert refused == (400, "provider_missing_credentials")
    assert api.patch(f"{PROVIDERS}/{kind}/p1", enabled=True, **{missing: WHOLE[kind][missing]})["enabled"] is True


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_but_a_name_is_enough_to_begin(api: Caller, kind: str) -> None:
    made = create(api, kind, {})
    assert made["enabled"] is False
    assert "isEuRegion" not in made["credentials"], "neither yes nor no was said"


@pytest.mark.parametrize("kind", KINDS)
def test_one_value_is_changed_and_the_others_stay(api: Caller, kind: str) -> None:
    create(api, kind, WHOLE[kind], enabled=True)
    secret = {"mailgun": "apiKey", "twilio": "authToken"}[kind]
    changed = api.patch(f"{PROVIDERS}/{kind}/p1", **{secret: "another-secret-value"})
    assert changed["credentials"] == {name: WHOLE[kind][name] for name in CREDENTIALS[kind]} | {
        secret: "another-secret-value"
    }
    assert changed["enabled"] is True
    assert changed["options"] == {name: WHOLE[kind][name] for name in OPTIONS[kind]}


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        ("mailgun", {"isEuRegion": "true"}),
        ("mailgun", {"isEuRegion": 1}),
        ("mailgun", {"fromEmail": "nobody"}),
        ("mailgun", {"fromEmail": ""}),
        ("mailgun", {"fromName": "x" * 129}),
        ("mailgun", {"apiKey": ""}),
        ("mailgun", {"apiKey": 7}),
        ("mailgun", {"domain": "mg.example.org/v3"}),
        ("twilio", {"from": "ACME"}),
        ("twilio", {"from": "15005550006"}),
        ("twilio", {"accountSid": ["AC"]}),
        ("twilio", {"authToken": "two\nlines"}),
        ("twilio", {"authToken": "x" * 5000}),
    ],
)
def test_what_cannot_be_is_refused_and_leaves_nothing_behind(api: Caller, kind: str, change: dict[str, Any]) -> None:
    body = {"providerId": "p1", "name": "First", **WHOLE[kind], **change}
    assert api.refused("POST", f"{PROVIDERS}/{kind}", body) == (400, "general_argument_invalid")
    assert api.get(PROVIDERS)["total"] == 0


def test_a_sender_that_is_a_name_can_be_set_by_an_update(api: Caller) -> None:
    create(api, "twilio", TWILIO)
    assert api.patch(f"{PROVIDERS}/twilio/p1", **{"from": "ACME"})["options"] == {"from": "ACME"}
    refused = api.refused("PATCH", f"{PROVIDERS}/twilio/p1", {"from": "x" * 257})
    assert refused == (400, "general_argument_invalid")


def test_one_kind_is_not_changed_as_another(api: Caller) -> None:
    create(api, "twilio", TWILIO)
    assert api.refused("PATCH", f"{PROVIDERS}/mailgun/p1", {"name": "x"}) == (400, "provider_incorrect_type")


def test_null_is_as_good_as_nothing(api: Caller) -> None:
    made = create(api, "mailgun", MAILGUN | {"isEuRegion": None, "replyToEmail": None}, enabled=None)
    assert "isEuRegion" not in made["credentials"]
    assert made["options"]["replyToEmail"] == ""
