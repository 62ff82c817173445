"""Addresses, methods, headers, CORS and bodies of the API."""

import pytest
from flask import Flask

from tests.api.caller import Caller


def test_ping_needs_nothing(app: Flask) -> None:
    answer = Caller(app, project="").call("GET", "/ping")
    assert (answer.status_code, answer.text) == (200, "Pong!")


@pytest.mark.parametrize("path", ["/messaging/topics/", "//messaging///topics", "/messaging/topics"])
def test_a_slash_too_many_does_not_matter(api: Caller, path: str) -> None:
    assert api.get(path) == {"total": 0, "topics": []}


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/nothing"), ("GET", ""), ("PUT", "/messaging/topics"), ("DELETE", "/messaging/topics"),
        ("POST", "/messaging/messages/fax"), ("POST", "/messaging/providers/pigeon"), ("POST", "/users/rot13"),
        ("GET", "/databases"), ("GET", "/health/db"), ("GET", "/v1/ping"), ("PATCH", "/ping"), ("POST", "/docs"),
    ],
)  # fmt: skip
def test_what_is_not_offered_is_an_unknown_route(api: Caller, method: str, path: str) -> None:
    assert api.refused(method, path, {}) == (404, "general_route_not_found")


def test_head_is_a_get_without_a_body(api: Caller) -> None:
    answer = api.call("HEAD", "/messaging/topics")
    assert (answer.status_code, answer.data) == (200, b"")


def test_no_answer_carries_what_belongs_to_the_pages(api: Caller) -> None:
    answer = api.call("GET", "/messaging/topics")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "Content-Security-Policy" not in answer.headers


def test_json_says_its_charset_and_does_not_escape(api: Caller) -> None:
    api.post("/messaging/topics", topicId="a", name="Grüße 👋")
    answer = api.call("GET", "/messaging/topics/a")
    assert answer.headers["Content-Type"] == "application/json; charset=UTF-8"
    assert "Grüße 👋" in answer.text


def test_a_preflight_is_answered_for_known_hosts_only(app: Flask) -> None:
    nobody = Caller(app, project="")
    known = nobody.call("OPTIONS", "/messaging/topics", headers={"Origin": "http://localhost:3000"})
    assert known.status_code == 204
    assert known.headers["Access-Control-Allow-Origin"] == "http://localhost:3000"
    assert "X-Appwrite-Project" in known.headers["Access-Control-Allow-Headers"]
    unknown = nobody.call("OPTIONS", "/messaging/topics", headers={"Origin": "https://evil.example"})
    assert "Access-Control-Allow-Origin" not in unknown.headers


# Every header that a client of the contract may send (sections 1.3, 3.1 and 11.3).
SENT = (
    "authorization, content-range, content-type, cookie, idempotency-key, origin, range, x-appwrite-dev-key, "
    "x-appwrite-id, x-appwrite-jwt, x-appwrite-key, x-appwrite-locale, x-appwrite-mode, x-appwrite-organization, "
    "x-appwrite-project, x-appwrite-response-format, x-appwrite-session, x-appwrite-timestamp, x-fallback-cookies, "
    "x-forwarded-user-agent, x-request-id, x-sdk-language, x-sdk-name, x-sdk-platform, x-sdk-version"
)


def test_a_preflight_lets_through_whatever_a_client_sends(app: Flask) -> None:
    answer = Caller(app, project="").call("OPTIONS", "/nothing", headers={"Origin": "https://localhost"})
    allowed = {name.strip().lower() for name in answer.headers["Access-Control-Allow-Headers"].split(",")}
    assert set(SENT.split(", ")) - allowed == set()
    assert answer.headers["Access-Control-Allow-Methods"] == "GET, POST, PUT, PATCH, DELETE"
    assert answer.headers["Access-Control-Max-Age"] == "86400"
    assert not answer.headers["Content-Type"].startswith("application/json")


@pytest.mark.parametrize(
    ("origin", "is_known"),
    [
        ("http://localhost:5173", True), ("https://127.0.0.1", True), ("http://[::1]:8080", True), ("null", False),
        ("http://localhost.evil.example", False), ("http://evil.example/localhost", False), ("localhost", False),
        ("http://localhost@evil.example", False), ("file://", False), ("http://[x", False), ("é", False),
    ],
)  # fmt: skip
def test_an_origin_is_known_by_its_whole_host(app: Flask, origin: str, is_known: bool) -> None:
    answer = Caller(app, project="").call("GET", "/ping", headers={"Origin": origin})
    assert answer.status_code == (200 if is_known else 403)
    assert answer.headers.get("Access-Control-Allow-Origin") == (origin if is_known else None)
    assert (answer.headers.get("Access-Control-Allow-Credentials") == "true") is is_known
    assert "Origin" in answer.headers["Vary"]
    if is_known:
        exposed = answer.headers["Access-Control-Expose-Headers"]
        assert {"X-Appwrite-Session", "X-Fallback-Cookies", "X-Request-Id"} <= set(exposed.split(", "))


def test_a_refusal_may_be_read_by_the_page_that_asked_and_is_kept_by_nobody(app: Flask) -> None:
    answer = Caller(app).call("GET", "/messaging/topics", headers={"Origin": "http://localhost"})
    assert (answer.status_code, answer.headers["Access-Control-Allow-Origin"]) == (401, "http://localhost")
    assert answer.headers["Cache-Control"] == "no-cache, no-store, must-revalidate"
    assert (answer.headers["Expires"], answer.headers["Pragma"]) == ("0", "no-cache")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("path", ["/ping", "/messaging/topics", "/nowhere"])
def test_no_answer_says_what_an_sdk_would_print_or_mistake(api: Caller, path: str) -> None:
    answer = api.call("GET", path, headers={"X-Appwrite-Response-Format": "2.5.0"})
    assert "X-Appwrite-Warning" not in answer.headers
    assert answer.headers.get("Server", "") != "Appwrite"


def test_an_unknown_origin_needs_a_key(app: Flask, api: Caller) -> None:
    evil = {"Origin": "https://evil.example"}
    assert Caller(app).refused("GET", "/messaging/topics", headers=evil) == (403, "general_unknown_origin")
    assert api.call("GET", "/messaging/topics", headers=evil).status_code == 200


@pytest.mark.parametrize("body", [b"{", b"[1]", b"null", b"\xff\xfe", b'{"name": NaN}', b"[" * 100_000, b"9" * 9_000])
def test_a_body_that_cannot_be_read_has_no_parameters(api: Caller, body: bytes) -> None:
    answer = api.call("POST", "/messaging/topics", data=body, content_type="application/json")
    assert (answer.status_code, answer.json["message"]) == (400, 'Param "topicId" is not optional.')


def test_more_than_twelve_mebibytes_are_refused(api: Caller) -> None:
    answer = api.call("POST", "/messaging/topics", data=b" " * (12 * 1024 * 1024 + 1), content_type="application/json")
    assert answer.status_code == 413


def test_forms_and_multipart_are_read_with_brackets(api: Caller) -> None:
    form = {"topicId": "a", "name": "News", "subscribe[0]": "any", "subscribe[1]": "users/verified"}
    assert api.call("POST", "/messaging/topics", data=form).json["subscribe"] == ["any", "users/verified"]
    multipart = {"topicId": "b", "name": "News", "subscribe[]": "any"}
    answer = api.call("POST", "/messaging/topics", data=multipart, content_type="multipart/form-data")
    assert answer.json["subscribe"] == ["any"]


def test_the_path_wins_over_the_body_and_unknown_parameters_are_ignored(api: Caller) -> None:
    api.post("/messaging/topics", topicId="a", name="News")
    assert api.patch("/messaging/topics/a", topicId="b", nothing=1, name="New")["$id"] == "a"


def test_a_query_is_not_read_where_a_body_belongs(api: Caller) -> None:
    answer = api.call("POST", "/messaging/topics?topicId=a&name=b", {})
    assert answer.json["message"] == 'Param "topicId" is not optional.'


@pytest.mark.parametrize("path", ["/messaging/topics/%00", "/messaging/topics/_a", "/messaging/topics/" + "a" * 37])
def test_an_id_in_the_path_is_judged(api: Caller, path: str) -> None:
    assert api.refused("GET", path) == (400, "general_argument_invalid")
