"""The API with the ids of another project: nothing of it is shown, changed, named or sent to."""

from collections.abc import Mapping
from typing import Any

import pytest
from flask import Flask

from app.api.operations import OPERATIONS, PUBLIC, Operation
from app.domain.permissions import permissions_of_scope, system
from app.services.team import keys
from app.services.work import Workshop
from tests.api.caller import Caller
from tests.api.test_uploads import multipart
from tests.security.conftest import World

_PNG = b"\x89PNG\r\n\x1a\n" + bytes(60)
# What stands at each place of a path, in the project that is attacked.
_THERE = {
    "topicId": "t", "subscriberId": "s", "messageId": "m", "providerId": "p", "userId": "u", "targetId": "u-push",
    "bucketId": "b", "fileId": "f", "deliveryId": "1", "sessionId": "current", "identityId": "i",
    "suppressionId": "x",
}  # fmt: skip
# Bodies that would be fine in that project, so that only whose it is stands in the way.
_BODIES: Mapping[str, dict[str, Any]] = {
    "/messaging/topics/{topicId}/subscribers": {"subscriberId": "unique()", "targetId": "u-push"},
    "/users/{userId}/targets": {"targetId": "unique()", "providerType": "push", "identifier": "another-token"},
    "/users/{userId}/email": {"email": "new@example.org"}, "/users/{userId}/phone": {"number": "+491701234567"},
    "/users/{userId}/name": {"name": "New"}, "/users/{userId}/password": {"password": "correct horse battery"},
    "/users/{userId}/status": {"status": False}, "/users/{userId}/labels": {"labels": ["vip"]},
    "/users/{userId}/prefs": {"prefs": {"city": "Bonn"}},
    "/users/{userId}/verification": {"emailVerification": True},
    "/users/{userId}/verification/phone": {"phoneVerification": True},
    "/users/{userId}/targets/{targetId}": {"name": "New"}, "/storage/buckets/{bucketId}": {"name": "New"},
}  # fmt: skip


@pytest.fixture
def mine(world: World, workshop: Workshop) -> Caller:
    """A program with every scope in the project that is attacked, which holds one of everything."""
    return _caller(world.app, workshop, 1, "default")


@pytest.fixture
def theirs(world: World, workshop: Workshop) -> Caller:
    """A program with every scope in another project."""
    return _caller(world.app, workshop, 2, "other")


def _caller(app: Flask, workshop: Workshop, project_pk: int, project_id: str) -> Caller:
    with workshop.open(system(project_pk)) as work:
        secret = keys.create_key(work, name="Shop", scopes=["all"])[1]
    return Caller(app, secret, project_id)


def _furnish(mine: Caller) -> None:
    mine.post("/users", userId="u", email="u@example.org", name="Ursula")
    mine.post("/users/u/targets", targetId="u-push", providerType="push", identifier="token-of-u")
    mine.post("/messaging/topics", topicId="t", name="News")
    mine.post("/messaging/topics/t/subscribers", subscriberId="s", targetId="u-push")
    mine.post("/messaging/providers/smtp", providerId="p", name="Mail", host="mail.example.org")
    mine.post("/messaging/messages/email", messageId="m", subject="Hi", content="Hello", users=["u"], draft=True)
    mine.post("/messaging/suppressions", suppressionId="x", providerType="email", identifier="no@example.org")
    mine.post("/storage/buckets", bucketId="b", name="Pictures", permissions=['read("any")'])
    body = multipart(_PNG, "a.png", {"fileId": "f"})
    sent = mine.call(
        "POST", "/storage/buckets/b/files", data=body, content_type="multipart/form-data; boundary=edge"
    )  # fmt: skip
    assert sent.status_code == 201, sent.text


def _attack(caller: Caller, operation: Operation) -> Any:
    path = operation.path
    for place in operation.places:
        path = path.replace("{" + place + "}", _THERE[place])
    if operation.method == "POST" and operation.path.endswith("/files"):
        body = multipart(b"x", "a.txt", {"fileId": "unique()"})
        return caller.call("POST", path, data=body, content_type="multipart/form-data; boundary=edge")
    if operation.is_reading:
        return caller.call(operation.method, path)
    return caller.call(operation.method, path, _BODIES.get(operation.path, {}))


def test_the_ids_of_another_project_lead_nowhere(mine: Caller, theirs: Caller) -> None:
    _furnish(mine)
    tried = 0
    for operation in OPERATIONS.values():
        is_open = not operation.places or operation.scope in {PUBLIC, "account"}
        if is_open or not permissions_of_scope(operation.scope) or operation.path.startswith("/account"):
            continue
        answer = _attack(theirs, operation)
        assert answer.status_code == 404, (operation.name, answer.text)
        assert "Ursula" not in answer.text
        tried += 1
    assert tried > 50
    assert mine.get("/users/u")["name"] == "Ursula"


def test_no_list_shows_what_is_another_projects(mine: Caller, theirs: Caller) -> None:
    _furnish(mine)
    lists = [each for each in OPERATIONS.values() if each.model.endswith("List") and not each.places]
    seen = 0
    for operation in lists:
        if operation.scope == "account":
            continue
        assert theirs.get(operation.path)["total"] == 0, operation.name
        cursor = theirs.call(
            "GET", operation.path, query_string={"queries[0]": '{"method":"cursorAfter","values":["u"]}'}
        )
        assert cursor.status_code in {200, 400}
        seen += 1
    assert seen >= 5


def test_what_a_message_names_is_looked_for_in_its_own_project(mine: Caller, theirs: Caller) -> None:
    _furnish(mine)
    there = "/messaging/messages/"
    new: dict[str, Any] = {"messageId": "unique()", "draft": True}
    for kind, body, refusal in (
        ("push", {"targets": ["u-push"]}, (400, "message_target_not_push")),
        ("push", {"image": "b:f"}, (404, "storage_bucket_not_found")),
        ("email", {"subject": "Hi", "content": "x", "attachments": ["b:f"]}, (404, "storage_bucket_not_found")),
    ):
        assert theirs.refused("POST", there + kind, new | body) == refusal
    wish = {"title": "x", "providerType": "push", "targetId": "u-push"}
    assert theirs.refused("POST", "/messaging/preview", wish) == (404, "user_target_not_found")
    theirs.post("/users", userId="v", email="u@example.org")  # the same address is another person there
    made = theirs.post(
        "/users/v/targets", targetId="v1", providerType="email", identifier="v@example.org", providerId="p"
    )
    assert made["providerId"] is None
    assert theirs.refused("PATCH", "/users/v/targets/v1", {"providerId": "p"}) == (404, "provider_not_found")


def test_a_session_and_a_token_count_in_their_own_project_only(mine: Caller, theirs: Caller, world: World) -> None:
    _furnish(mine)
    theirs.post("/users", userId="u", email="other@example.org", name="Ulf")
    secret = mine.post("/users/u/sessions")["secret"]
    token = mine.post("/users/u/jwts")["jwt"]
    for headers, refusal in (
        ({"X-Appwrite-Session": secret}, (401, "general_unauthorized_scope")),
        ({"X-Appwrite-JWT": token}, (401, "user_jwt_invalid")),
    ):
        visitor = Caller(world.app, project="other")
        assert visitor.refused("GET", "/account", headers=headers) == refusal
        assert Caller(world.app).call("GET", "/account", headers=headers).json["name"] == "Ursula"


@pytest.mark.parametrize(
    "content", ["{{ name", "{{ name | }}", "{% if %}", "{{ 1 }}", "{{ __class__ }}", "\u202e{{ x | y | z }}"]
)
def test_the_page_of_a_message_with_odd_words_is_shown(mine: Caller, world: World, content: str) -> None:
    browser = world.enter("viewer")
    for kind, body in (
        ("sms", {"content": content}), ("email", {"subject": content, "content": content}),
        ("push", {"title": content, "body": content, "data": {"items": [content], "<b>": {"a": content}}}),
    ):  # fmt: skip
        answer = mine.call("POST", f"/messaging/messages/{kind}", {"messageId": "unique()", "draft": True} | body)
        assert answer.status_code in {201, 400}
        if answer.status_code == 201:
            page = browser.get(f"/p/default/messages/{answer.json['$id']}")
            assert page.status_code == 200, (kind, content)
            assert "<b>" not in page.text
