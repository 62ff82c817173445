"""Where a kind is seen that nobody has told anything about: the form, the interface, its description, the lists."""

import pytest
from flask import Flask

from app.domain.permissions import Actor
from app.services.team import keys
from app.services.work import Workshop
from tests.api.caller import Caller
from tests.web.page_client import PageClient

VALUES = {"apiKey": "a-key-of-acme-0123456789", "from": "+15005550006"}
FORM = "/p/default/providers/new/acme"


@pytest.fixture
def api(app: Flask, workshop: Workshop, actor: Actor) -> Caller:
    """A program that may do everything."""
    with workshop.open(actor) as work:
        return Caller(app, keys.create_key(work, name="Shop", scopes=["all"])[1])


def test_the_form_asks_for_its_fields(olga: PageClient) -> None:
    assert olga.get("/p/default/providers/new").select(f"a[href='{FORM}']")
    page = olga.get(FORM)
    assert page.select("input[name='apiKey'][type='password']")
    assert "In Acme's console under Keys." in page.text


def test_it_is_connected_changed_and_listed_over_the_interface(api: Caller, olga: PageClient) -> None:
    made = api.post("/messaging/providers/acme", providerId="p", name="First", enabled=True, **VALUES)
    assert (made["provider"], made["type"], made["enabled"]) == ("acme", "sms", True)
    changed = api.patch("/messaging/providers/acme/p", **{"from": "+15005550007"})
    assert changed["options"] == {"from": "+15005550007"}
    assert [each["$id"] for each in api.get("/messaging/providers")["providers"]] == ["p"]
    page = olga.get("/p/default/providers")
    assert "First" in page.text
    assert VALUES["apiKey"] not in page.text


def test_the_description_of_the_interface_names_it(api: Caller) -> None:
    paths = api.get("/openapi.json")["paths"]
    assert "post" in paths["/messaging/providers/acme"]
    assert "patch" in paths["/messaging/providers/acme/{providerId}"]
