"""Acme: how the contract tries it."""

from app.emulators.acme import EMULATOR
from app.providers.acme import PROVIDER

from tests.providers.http_rig import HttpRig, json_of

GOOD = {"apiKey": "a-key-of-acme-0123456789", "from": "+15005550006"}
RIG = HttpRig(PROVIDER, EMULATOR, GOOD, (GOOD["apiKey"],), key_of=lambda row: json_of(row)["reference"])


def test_the_form_asks_for_what_acme_needs():
    assert [field.name for field in PROVIDER.spec.fields] == ["apiKey", "from"]
