"""Providers by the Python SDK 11.1.0: each kind that it knows is connected, changed and deleted."""

from typing import Any

from tests.sdk.provider_values import CHANGES, change_of, provider_values

KINDS = sorted(set(CHANGES) - {"resend", "ses"})  # which came later


def connect_providers(messaging: Any) -> None:
    """Connect one of each kind."""
    for kind in KINDS:
        made = getattr(messaging, f"create_{kind}_provider")(
            kind, kind.title(), enabled=True, **provider_values()[kind]
        )
        assert made["enabled"], made
        values, part, name, value, _ = change_of(kind)
        changed = getattr(messaging, f"update_{kind}_provider")(kind, enabled=False, **values)
        assert (changed[part][name], changed["enabled"]) == (value, False), changed
    assert messaging.list_providers(search="Apns")["total"] == 1
    assert messaging.get_provider("apns")["provider"] == "apns"
    assert messaging.list_provider_logs("apns")["logs"][0]["event"]
    messaging.delete_provider("msg91")
