"""Providers of every kind by the official Python SDK 27.0.0: connected, changed, switched on, listed, deleted."""

import pytest
from appwrite.enums.smtp_encryption import SmtpEncryption
from appwrite.exception import AppwriteException
from appwrite.id import ID
from appwrite.query import Query
from appwrite.services.messaging import Messaging

from app.services.providers import providers
from tests.sdk.conftest import refusal
from tests.sdk.provider_values import CHANGES, change_of, provider_values


@pytest.mark.parametrize("kind", sorted(CHANGES))
def test_a_provider_of_each_kind_is_connected_and_changed(messaging: Messaging, kind: str) -> None:
    create, update = (getattr(messaging, f"{verb}_{kind}_provider") for verb in ("create", "update"))
    made = create(ID.unique(), f"First {kind}", enabled=True, **provider_values()[kind])
    changed_values, part, name, value, type_ = change_of(kind)
    assert (made.provider, made.type, made.name, made.enabled) == (kind, type_, f"First {kind}", True)
    changed = update(made.id, name="Second", enabled=False, **changed_values)
    assert (changed.name, changed.enabled, getattr(changed, part)[name]) == ("Second", False, value)
    assert messaging.get_provider(made.id).to_dict() == changed.to_dict()
    assert messaging.delete_provider(made.id) == b""
    assert refusal(messaging.get_provider, made.id) == (404, "provider_not_found")


@pytest.mark.parametrize("kind", sorted(set(CHANGES) - {"smtp"}))
def test_without_its_credentials_it_is_made_and_cannot_be_switched_on(messaging: Messaging, kind: str) -> None:
    made = getattr(messaging, f"create_{kind}_provider")(ID.unique(), "Empty", enabled=True)
    assert made.enabled is False
    refused = refusal(getattr(messaging, f"update_{kind}_provider"), made.id, enabled=True)
    assert refused == (400, "provider_missing_credentials")


def test_every_kind_of_the_house_is_tried() -> None:
    assert {spec.kind for spec in providers.specs()} == set(CHANGES)


def test_an_smtp_server_has_its_own_words(messaging: Messaging) -> None:
    made = messaging.create_smtp_provider(
        ID.unique(), "Post", "smtp.example.org", port=2525, encryption=SmtpEncryption.TLS, auto_tls=False,
        username="u", password="p", from_email="news@example.org", enabled=False,
    )  # fmt: skip
    assert (made.credentials["port"], made.credentials["password"]) == (2525, "p")
    assert (made.options["encryption"], made.options["autoTLS"]) == ("tls", False)
    changed = messaging.update_smtp_provider(made.id, encryption=SmtpEncryption.NONE, reply_to_email="desk@example.org")
    assert (changed.options["encryption"], changed.options["replyToEmail"]) == ("", "desk@example.org")


def test_providers_are_listed_by_what_they_are(messaging: Messaging) -> None:
    made = messaging.create_smtp_provider("listed", "Rare name", "smtp.example.org")
    for query in (Query.equal("name", "Rare name"), Query.equal("$id", [made.id])):
        found = messaging.list_providers(queries=[query, Query.equal("type", "email")], search="rare")
        assert (found.total, [each.id for each in found.providers]) == (1, ["listed"])


def test_the_push_server_of_the_vendor_is_refused_with_what_there_is_instead(messaging: Messaging) -> None:
    with pytest.raises(AppwriteException) as caught:
        messaging.create_appwrite_provider(ID.unique(), "Mqtt", qos=1)
    assert (caught.value.code, caught.value.type) == (501, "general_not_implemented")
    assert all(kind in str(caught.value.message) for kind in ("apns", "fcm", "smtp"))
