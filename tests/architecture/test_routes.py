"""Routes: each says who may open it, those of a project name the project, and what is open to all is listed here."""

import re

import pytest
from flask import Flask
from werkzeug.routing import Rule

from app.api import read_operations
from app.api.operations import PUBLIC as OPEN_SCOPE
from app.domain.permissions import (
    EVERY_PERMISSION,
    EVERY_SCOPE,
    GUEST_SCOPES,
    MAKE_ACCOUNT,
    OWN_ACCOUNT,
    permissions_of_scope,
)
from app.factory import create_app
from app.infra.settings import Settings
from app.services.work import Workshop
from app.web.access import PUBLIC, SIGNED_IN

STATIC = "static"
# What anybody may open without signing in. A new line here is a decision.
OPEN_TO_ALL = {
    "auth.first_member", "auth.first_member_now", "auth.sign_in", "auth.sign_in_now", "auth.sign_out", "auth.theme",
    "members.join", "members.join_now", "health.healthz", "health.readyz", "health.readyz_web",
    "metrics.show", "calendar_feed.read",
    "unsubscribe.ask", "unsubscribe.leave", "unsubscribe.choices", "unsubscribe.choose", "unsubscribe.stop",
    "unsubscribe.resume", "unsubscribe.undo",
}  # fmt: skip


@pytest.fixture
def app(settings: Settings, workshop: Workshop) -> Flask:
    """The whole application."""
    return create_app(settings, workshop=workshop)


def _rules(app: Flask) -> list[Rule]:
    return [rule for rule in app.url_map.iter_rules() if rule.endpoint != STATIC]


def _some_path(rule: Rule) -> str:
    """An address the rule fits: the first of the words it allows, else a 1."""
    return re.sub(r"<(?:any\((\w+)[^>]*|[^>]*)>", lambda found: found.group(1) or "1", rule.rule)


def test_every_route_declares_a_permission_that_exists(app: Flask) -> None:
    known = EVERY_PERMISSION | {PUBLIC, SIGNED_IN}
    declared = {rule.endpoint: getattr(app.view_functions[rule.endpoint], "permission", None) for rule in _rules(app)}
    assert {endpoint: word for endpoint, word in declared.items() if word not in known} == {}


def test_a_route_that_needs_a_permission_names_its_project(app: Flask) -> None:
    homeless = [
        rule.rule
        for rule in _rules(app)
        if app.view_functions[rule.endpoint].permission in EVERY_PERMISSION and "project_id" not in rule.arguments
    ]
    assert homeless == []


def test_only_the_listed_routes_are_open_to_all(app: Flask) -> None:
    opened = {rule.endpoint for rule in _rules(app) if app.view_functions[rule.endpoint].permission == PUBLIC}
    assert opened - OPEN_TO_ALL == set()


def test_nothing_is_changed_by_looking(app: Flask) -> None:
    """A view that answers GET answers nothing that changes things, so that no link can."""
    changing = {"POST", "PUT", "PATCH", "DELETE"}
    both = [rule.rule for rule in _rules(app) if rule.methods and "GET" in rule.methods and rule.methods & changing]
    assert both == []


def test_a_fragment_has_an_address_of_its_own_kind(app: Flask) -> None:
    """One URL, one meaning: what htmx swaps in lies behind a dash."""
    assert [rule.rule for rule in _rules(app) if rule.endpoint.endswith("_fragment") and "/-/" not in rule.rule] == []


def test_a_stranger_is_sent_to_the_sign_in_page_everywhere_else(app: Flask) -> None:
    client = app.test_client()
    for rule in _rules(app):
        if rule.methods and "GET" in rule.methods and app.view_functions[rule.endpoint].permission != PUBLIC:
            answer = client.get(_some_path(rule))
            assert answer.status_code in {302, 303, 404}, rule.rule
            assert answer.status_code == 404 or "/sign-in" in answer.headers["Location"]


def test_every_operation_of_the_api_declares_a_scope_that_grants_something() -> None:
    open_to_all = {operation.name for operation in read_operations() if operation.scope == OPEN_SCOPE}
    assert open_to_all == {
        "GET /ping", "GET /openapi_json", "GET /docs", "GET /storage/buckets/{bucketId}/files/{fileId}/push",
    }  # fmt: skip
    scopes = {operation.scope for operation in read_operations()} - {OPEN_SCOPE}
    assert scopes <= EVERY_SCOPE
    known = EVERY_PERMISSION | {OWN_ACCOUNT, MAKE_ACCOUNT}
    granted = [permissions_of_scope(scope) | permissions_of_scope(scope, is_key=False) for scope in scopes]
    assert all(permissions and permissions <= known for permissions in granted)


def test_the_api_refuses_a_stranger_everywhere_else(app: Flask) -> None:
    client = app.test_client()
    for operation in read_operations():
        if operation.scope not in GUEST_SCOPES | {OPEN_SCOPE}:
            path = "/v1" + re.sub(r"\{\w+\}", "1", operation.path)
            answer = client.open(path, method=operation.method, json={}, headers={"X-Appwrite-Project": "default"})
            assert (answer.status_code, answer.get_json()["type"]) == (401, "general_unauthorized_scope"), path


def test_what_reads_asks_for_a_scope_that_reads_and_what_changes_for_one_that_writes() -> None:
    odd = {
        operation.name
        for operation in read_operations()
        if operation.scope not in {OPEN_SCOPE, "account"} and operation.is_reading != operation.scope.endswith(".read")
    }
    assert odd == {"POST /messaging/preview"}  # renders what is sent along, and saves nothing
