"""The style guide and the frame around every page, in the real app."""

import re

import pytest
from flask import Flask

from tests.web.page_client import PageClient

# Flask-Compress 1.x leaves closing a streamed file to the garbage collector, which Python reports
COMPRESSED_FILES = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
THEMES = {"light": "light", "dark": "dark", "system": None, "purple": None}


def weigh(client: PageClient, address: str) -> int:
    """How many bytes travel for it, compressed as browsers ask for it."""
    with client.raw.get(address, headers={"Accept-Encoding": "gzip, br"}) as answer:
        assert answer.status_code == 200, address
        return len(answer.data)


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


@COMPRESSED_FILES
def test_a_page_names_only_files_that_are_there_and_only_this_host(olga: PageClient) -> None:
    page = olga.get("/styleguide")
    addresses = {str(tag.get("href") or tag.get("src")) for tag in page.select("link, script, use")}
    assert len(addresses) > 10
    for address in addresses:
        assert address.startswith("/static/")
        assert re.search(r"\?v=[0-9a-f]{12}(#[\w-]+)?$", address) or address.endswith(".woff2")
        assert weigh(olga, address.partition("#")[0]) > 0


def test_the_sign_in_page_may_load_its_files_before_anybody_signed_in(client: PageClient) -> None:
    for tag in client.get("/sign-in").select("link, script"):
        with client.raw.get(str(tag.get("href") or tag.get("src"))) as answer:
            assert answer.status_code == 200


def test_a_page_that_is_not_there_says_so_with_one_next_step(app: Flask) -> None:
    page = PageClient(app).get("/nothing/here")
    assert page.status == 404
    assert page.heading == "There is nothing here"
    assert len(page.select("main a.btn")) == 1


def test_trouble_inside_a_project_leaves_the_member_in_it(olga: PageClient, vera: PageClient) -> None:
    gone = olga.get("/p/default/messages/never-written")
    assert (gone.status, gone.heading) == (404, "There is nothing here")
    assert gone.select("nav a[aria-current]")[0].get_text() == "Messages"
    refused = vera.get("/p/default/contacts/new")
    assert refused.status == 403
    assert "Your role in Acme is viewer, which does not allow this." in refused.text
    for page in (gone, refused):
        assert [link["href"] for link in page.select("main a.btn")] == ["/p/default"]


def test_a_stranger_in_trouble_is_led_to_the_sign_in(client: PageClient) -> None:
    assert [link["href"] for link in client.get("/nothing/here").select("main a.btn")] == ["/sign-in"]


@COMPRESSED_FILES
def test_a_first_visit_weighs_at_most_180_kilobytes_and_a_later_page_at_most_25(olga: PageClient) -> None:
    page = olga.get("/styleguide")
    files = {str(tag.get("href") or tag.get("src")).partition("#")[0] for tag in page.select("link, script, use")}
    weights = {name: weigh(olga, name) for name in files}
    own = weigh(olga, "/styleguide")
    assert own <= 25 * 1024
    assert own + sum(weights.values()) <= 180 * 1024, sorted(weights.items(), key=lambda pair: -pair[1])
