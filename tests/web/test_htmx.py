"""Pages and fragments, redirects and toasts, with and without htmx; the menu as data."""

import importlib
import json
import pkgutil

import pytest
from flask import Flask, Response, get_flashed_messages
from htmx_flask import Htmx
from jinja2 import DictLoader

from app import web
from app.web import htmx, nav

HX = {"HX-Request": "true"}


@pytest.fixture
def app() -> Flask:
    app = Flask("specimen")
    app.secret_key = "specimen"
    app.jinja_env.loader = DictLoader({"page.html": "page", "_piece.html": "piece"})
    Htmx(app)
    return app


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ({}, "page"),
        (HX, "piece"),
        ({**HX, "HX-Boosted": "true"}, "page"),
        ({**HX, "HX-History-Restore-Request": "true"}, "page"),
    ],
)
def test_htmx_gets_the_fragment_and_everybody_else_the_page(app: Flask, headers: dict[str, str], body: str) -> None:
    with app.test_request_context(headers=headers):
        answer = htmx.render("page.html", "_piece.html")
    assert answer.get_data(as_text=True) == body
    assert "HX-Request" in answer.vary
    assert answer.headers.get("Cache-Control") == ("no-store" if body == "piece" else None)


def test_a_form_drawn_again_says_422(app: Flask) -> None:
    with app.test_request_context(headers=HX):
        assert htmx.redraw("page.html", "_piece.html").status_code == 422


def test_after_a_form_the_browser_is_led_on(app: Flask) -> None:
    with app.test_request_context():
        answer = htmx.go("/next")
        assert (answer.status_code, answer.headers["Location"]) == (303, "/next")
    with app.test_request_context(headers=HX):
        answer = htmx.go("/next")
        assert (answer.status_code, answer.headers["HX-Redirect"]) == (204, "/next")


def test_a_toast_travels_with_the_fragment_or_waits_for_the_page(app: Flask) -> None:
    with app.test_request_context(headers=HX):
        answer = Response()
        htmx.add_trigger(answer, "speak", {"text": "3 found"})
        htmx.toast("Saved.", response=answer)
        assert json.loads(answer.headers["HX-Trigger"]) == {
            "speak": {"text": "3 found"},
            "toast": {"text": "Saved.", "tone": "good"},
        }
        assert get_flashed_messages() == []
    with app.test_request_context():
        htmx.toast("Saved.")
        assert get_flashed_messages(with_categories=True) == [("good", "Saved.")]


def test_the_menu_shows_what_exists_and_may_be_read() -> None:
    endpoints = {"home.index", "messages.index", "settings.index"}
    items = nav.menu(endpoints, lambda permission: permission != "settings.read", "compose.email")
    assert [(item.label, item.active) for item in items] == [("Home", False), ("Messages", True)]


def test_every_page_of_a_project_belongs_to_a_place_of_the_menu() -> None:
    places = {place.endpoint.partition(".")[0] for place in nav.PLACES}
    homeless = [
        info.name
        for info in pkgutil.iter_modules(web.__path__)
        for blueprint in [getattr(importlib.import_module(f"{web.__name__}.{info.name}"), "blueprint", None)]
        if blueprint and (blueprint.url_prefix or "").startswith("/p/<project_id>")
        if nav.HOMES.get(blueprint.name, blueprint.name) not in places
    ]
    assert homeless == []


def test_menu_keys_are_all_different() -> None:
    assert len({place.key for place in nav.PLACES}) == len(nav.PLACES)
