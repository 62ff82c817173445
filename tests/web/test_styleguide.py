"""The style guide and the frame around every page, in the real app."""

import re

import pytest
from flask import Flask

from tests.web.page_client import PageClient

THEMES = {"light": "light", "dark": "dark", "system": None, "purple": None}


def test_the_style_guide_is_sound_and_shows_every_state(olga: PageClient) -> None:
    page = olga.get("/styleguide")
    assert page.status == 200
    assert page.heading == "Style guide"
    for word in (
        "Queued",
        "Sending",
        "Sent",
        "Delivered",
        "Bounced",
        "Failed",
        "Skipped",
        "Uncertain",
        "Draft",
        "Paused",
    ):
        assert word in page.text


def test_the_style_guide_is_only_for_members(client: PageClient) -> None:
    assert client.get("/styleguide").path == "/sign-in"


@pytest.mark.parametrize(("cookie", "attribute"), THEMES.items())
def test_the_theme_of_the_cookie_is_on_the_page_before_any_script(
    client: PageClient, cookie: str, attribute: str | None
) -> None:
    client.raw.set_cookie("theme", cookie)
    assert client.get("/sign-in").select("html")[0].get("data-bs-theme") == attribute


def test_a_page_names_only_files_that_are_there_and_only_this_host(olga: PageClient) -> None:
    page = olga.get("/styleguide")
    addresses = {str(tag.get("href") or tag.get("src")) for tag in page.select("link, script, use")}
    assert len(addresses) > 10
    for address in addresses:
        assert address.startswith("/static/")
        assert re.search(r"\?v=[0-9a-f]{12}(#[\w-]+)?$", address)
        assert olga.raw.get(address.partition("#")[0]).status_code == 200


def test_a_page_that_is_not_there_says_so_with_one_next_step(app: Flask) -> None:
    page = PageClient(app).get("/nothing/here")
    assert page.status == 404
    assert page.heading == "There is nothing here"
    assert len(page.select("main a.btn")) == 1
