"""Every request has an id, and a line that names the route and never what the path held."""

import io
import json
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask

from app.domain.permissions import Actor
from app.factory import create_app
from app.services.team import keys
from app.services.work import Workshop
from tests.json_logs import read_logs
from tests.web.conftest import sign_in


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    with read_logs("web") as stream:
        yield stream


def lines(written: io.StringIO) -> list[dict[str, Any]]:
    found = [json.loads(line) for line in written.getvalue().splitlines()]
    return [line for line in found if line["event"] == "A request is answered"]


@pytest.fixture
def app(workshop: Workshop) -> Flask:
    return create_app(workshop.settings, workshop=workshop)


@pytest.mark.parametrize("name", ["abc", "7f9c2d1e-5a4b-4c3d-8e2f-1a2b3c4d5e6f", "edge.1_2"])
def test_a_request_keeps_the_id_that_it_came_with(app: Flask, name: str) -> None:
    for path in ("/healthz", "/v1/ping", "/nowhere", "/hooks/smtp/x/y"):
        assert app.test_client().get(path, headers={"X-Request-Id": name}).headers["X-Request-Id"] == name


@pytest.mark.parametrize("name", ["", " ", "-x", "x" * 37, "a b", "a\tb", "ann@example.org", "<script>", "\xfc"])
def test_an_id_that_cannot_be_one_is_replaced(app: Flask, name: str) -> None:
    given = app.test_client().get("/healthz", headers={"X-Request-Id": name}).headers["X-Request-Id"]
    assert given != name
    assert len(given) == 16


def test_two_requests_have_two_ids(app: Flask) -> None:
    client = app.test_client()
    assert len({client.get("/healthz").headers["X-Request-Id"] for _ in range(20)}) == 20


def test_the_line_of_a_page_names_route_project_and_actor(app: Flask, workshop: Workshop, written: io.StringIO) -> None:
    olga = sign_in(app, workshop, "olga@acme.example", "admin")
    written.seek(0)
    written.truncate()
    olga.raw.get("/p/default/messages/secret-planted?q=ann%40example.org", headers={"X-Request-Id": "r1"})
    [line] = lines(written)
    assert line["route"] == "/p/<project_id>/messages/<message_id>"
    assert (line["method"], line["status"], line["request"]) == ("GET", 404, "r1")
    assert (line["project"], line["actor"], line["process"]) == ("default", "member", "web")
    assert line["ms"] > 0
    assert "planted" not in written.getvalue()
    assert "ann" not in written.getvalue()


def test_the_line_of_the_api_names_the_operation_and_the_key(
    app: Flask, workshop: Workshop, actor: Actor, written: io.StringIO
) -> None:
    with workshop.open(actor) as work:
        secret = keys.create_key(work, name="Till", scopes=["all"])[1]
    headers = {"X-Appwrite-Project": "default", "X-Appwrite-Key": secret}
    assert app.test_client().get("/v1/messaging/messages/m-planted", headers=headers).status_code == 404
    [line] = lines(written)
    assert line["route"] == "/v1/messaging/messages/<message_id>"
    assert (line["project"], line["actor"], line["status"]) == ("default", "key", 404)
    assert secret not in written.getvalue()
    assert "planted" not in written.getvalue()


@pytest.mark.parametrize(
    "path",
    ["/hooks/smtp/provider/token-planted", "/start/token-planted", "/join/token-planted", "/nowhere/token-planted"],
)
def test_what_opens_a_door_stands_in_no_line(app: Flask, written: io.StringIO, path: str) -> None:
    app.test_client().post(path) if path.startswith("/hooks") else app.test_client().get(path)
    assert len(lines(written)) == 1
    assert "planted" not in written.getvalue()


def test_nothing_of_the_request_before_stays(app: Flask, workshop: Workshop, written: io.StringIO) -> None:
    sign_in(app, workshop, "olga@acme.example", "admin").raw.get("/p/default/")
    app.test_client().get("/nowhere")
    last = lines(written)[-1]
    assert (last["status"], "actor" in last, "project" in last, "route" in last) == (404, False, False, False)


@pytest.mark.parametrize("path", ["/healthz", "/static/css/tokens.css"])
def test_what_is_asked_every_few_seconds_has_no_line_while_it_is_well(
    app: Flask, written: io.StringIO, path: str
) -> None:
    assert app.test_client().get(path, buffered=True).status_code == 200
    assert lines(written) == []


def test_a_part_that_is_not_ready_has_a_line(app: Flask, written: io.StringIO) -> None:
    assert app.test_client().get("/readyz").status_code == 503
    assert [line["status"] for line in lines(written)] == [503]


def test_a_page_that_breaks_says_its_request_with_the_cause(app: Flask, written: io.StringIO) -> None:
    def break_down() -> str:
        raise ValueError("broken")

    break_down.permission = "public"  # type: ignore[attr-defined]
    app.add_url_rule("/broken", view_func=break_down)
    assert app.test_client().get("/broken", headers={"X-Request-Id": "r2"}).status_code == 500
    cause = [json.loads(line) for line in written.getvalue().splitlines() if "ValueError" in line]
    assert [line["request"] for line in cause] == ["r2"]
    assert [(line["status"], line["route"]) for line in lines(written)] == [(500, "/broken")]
