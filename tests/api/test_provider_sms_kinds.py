"""The services for text messages over the API: what is kept where, and when they may be enabled (contract 9.2, 9.3)."""

from typing import Any

import pytest

from tests.api.caller import Caller

PROVIDERS = "/messaging/providers"
FROM = {"from": "+15005550006"}
CREDENTIALS: dict[str, dict[str, Any]] = {
    "vonage": {"apiKey": "abcd1234", "apiSecret": "ABCDEFGH01234abc"},
    "textmagic": {"username": "charles.conway", "apiKey": "0123456789abcdef0123456789"},
    "telesign": {"customerId": "FFFFFFFF-EEEE-DDDD-1234-AB1234567890", "apiKey": "dGVsZXNpZ24tdGVzdC1rZXk="},
    "msg91": {"templateId": "0123456789abcdef01234567", "senderId": "ACMEIN", "authKey": "301234A0bcDEfGHijk5f0e1d2c"},
}
OPTIONS: dict[str, dict[str, Any]] = {"vonage": FROM, "textmagic": FROM, "telesign": FROM, "msg91": {}}
KINDS = sorted(CREDENTIALS)
WHOLE = {kind: CREDENTIALS[kind] | OPTIONS[kind] for kind in KINDS}


@pytest.mark.parametrize("kind", KINDS)
def test_what_was_given_comes_back_in_its_two_objects(api: Caller, kind: str) -> None:
    made = api.post(f"{PROVIDERS}/{kind}", providerId="p1", name="First", enabled=True, **WHOLE[kind])
    assert (made["provider"], made["type"], made["enabled"]) == (kind, "sms", True)
    assert (made["credentials"], made["options"]) == (CREDENTIALS[kind], OPTIONS[kind])


@pytest.mark.parametrize(("kind", "missing"), [(kind, name) for kind in KINDS for name in WHOLE[kind]])
def test_without_a_needed_value_it_is_made_and_stays_off(api: Caller, kind: str, missing: str) -> None:
    values = {name: value for name, value in WHOLE[kind].items() if name != missing}
    assert api.post(f"{PROVIDERS}/{kind}", providerId="p1", name="First", enabled=True, **values)["enabled"] is False
    refused = api.refused("PATCH", f"{PROVIDERS}/{kind}/p1", {"enabled": True})
    assert refused == (400, "provider_missing_credentials")
    assert api.patch(f"{PROVIDERS}/{kind}/p1", enabled=True, **{missing: WHOLE[kind][missing]})["enabled"] is True


def test_the_variables_of_a_template_are_told_only_when_they_are_set(api: Caller) -> None:
    api.post(f"{PROVIDERS}/msg91", providerId="p1", name="First", **WHOLE["msg91"])
    changed = api.patch(f"{PROVIDERS}/msg91/p1", variables="message")
    assert changed["options"] == {"variables": "message"}


@pytest.mark.parametrize("kind", ["textmagic", "telesign", "vonage"])
def test_a_sender_may_become_a_name_but_none_that_no_network_takes(api: Caller, kind: str) -> None:
    api.post(f"{PROVIDERS}/{kind}", providerId="p1", name="First", **WHOLE[kind])
    assert api.patch(f"{PROVIDERS}/{kind}/p1", **{"from": "ACME"})["options"] == {"from": "ACME"}
    refused = api.refused("PATCH", f"{PROVIDERS}/{kind}/p1", {"from": "a name of more letters than there may be"})
    assert refused == (400, "general_argument_invalid")
