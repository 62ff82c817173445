"""The readable page of the API: whole, without a script, and with examples that work."""

import json
import re

import pytest
from bs4 import BeautifulSoup
from flask import Flask

from app.api import read_operations
from app.api.docs import example_of, read_guide, words_of
from app.api.kinds import EMAIL, NEW_ID, ROLES, UIDS, choice, or_empty, text, whole
from app.api.operations import Operation
from app.api.params import Kind, read_all
from tests.api.caller import Caller

CHANGING = [each for each in read_operations() if not each.is_reading]


def page(app: Flask, **headers: str) -> BeautifulSoup:
    answer = Caller(app, project="").call("GET", "/docs?project=shop", headers={"X-Appwrite-Project": "", **headers})
    assert answer.status_code == 200, answer.text
    return BeautifulSoup(answer.text, "html5lib")


@pytest.fixture
def shop(api: Caller, app: Flask) -> Flask:
    """The house with a project called shop."""
    from app.models.projects import Project  # noqa: PLC0415

    workshop = app.extensions["carillon"]
    with workshop.database.begin() as session:
        now = workshop.clock.now()
        session.add(Project(id="shop", name="Shop", created_at=now, updated_at=now))
    return app


def test_the_page_shows_every_operation_once(shop: Flask) -> None:
    shown = [line.get_text() for line in page(shop).select("article > div > p.code")]
    assert sorted(shown) == sorted(f"{each.method} /v1{each.path}" for each in read_operations())


def test_the_page_runs_nothing_and_says_so(app: Flask) -> None:
    answer = Caller(app, project="").call("GET", "/docs")
    policy = answer.headers["Content-Security-Policy"]
    assert ("default-src 'none'" in policy, "script" in policy, "unsafe" in policy) == (True, False, False)
    assert not re.search(r"<script|\sstyle=|<style|\son\w+=|javascript:", answer.text)
    assert "Cookie" in answer.headers["Vary"]


def test_every_anchor_leads_somewhere_and_every_id_is_there_once(shop: Flask) -> None:
    drawn = page(shop)
    ids = [element["id"] for element in drawn.select("[id]")]
    assert len(set(ids)) == len(ids)
    assert {link["href"][1:] for link in drawn.select('a[href^="#"]')} <= set(ids)


def test_the_examples_name_the_project_that_was_asked_for(shop: Flask) -> None:
    assert "X-Appwrite-Project: shop" in page(shop).get_text()
    assert Caller(shop, project="").refused("GET", "/docs?project=elsewhere") == (404, "project_not_found")


@pytest.mark.parametrize(("cookie", "theme"), [("dark", "dark"), ("light", "light"), ("system", None), ("<x>", None)])
def test_the_page_has_the_theme_of_the_dashboard(app: Flask, cookie: str, theme: str | None) -> None:
    nobody = Caller(app, project="")
    nobody.client.set_cookie("theme", cookie)
    answer = nobody.call("GET", "/docs")
    assert BeautifulSoup(answer.text, "html5lib").html.get("data-bs-theme") == theme


@pytest.mark.parametrize("operation", CHANGING, ids=lambda operation: operation.name)
def test_every_example_is_a_body_that_the_operation_takes(operation: Operation) -> None:
    params = [param for param in operation.params if param.wire_name not in operation.places]
    read_all(params, example_of(params))


def test_every_example_is_json_in_the_page() -> None:
    bodies = [entry.body for group in read_guide(read_operations()) for entry in group.entries if entry.body]
    assert all(isinstance(json.loads(body), dict) for body in bodies)
    assert not any("'" in body for body in bodies)  # they stand between such in the shell


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (NEW_ID, "id or “unique()”"), (UIDS, "array of id, at most 5,000"), (text(128), "string, at most 128"),
        (EMAIL, "email address"), (or_empty(EMAIL), "email address or empty"), (whole(1, 500), "integer from 1 to 500"),
        (choice("email", "sms"), "one of email, sms"), (ROLES, "array of string, at most 100"),
    ],
)  # fmt: skip
def test_a_value_is_told_in_words(kind: Kind, words: str) -> None:
    assert words_of(kind.schema) == words
