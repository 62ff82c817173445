"""The order of the checks (section 3.3): a request that is wrong in many ways is told the first, and so on upwards.

origin → project → key expiry → scope → blocked → rate limit → parameters → the operation itself.
"""

from datetime import timedelta

import pytest
from flask import Flask

from tests.api.caller import Caller
from tests.api.conftest import MakeKey
from tests.conftest import FakeClock

TOPICS, EVIL = "/messaging/topics", {"Origin": "https://evil.example"}
ANN = {"userId": "ann", "email": "ann@example.org", "password": "correct horse battery"}
BAD, USED = {"topicId": "_"}, {"topicId": "used", "name": "Used"}


def test_a_guest_is_told_of_origin_project_scope_parameters_and_the_rest_in_this_order(app: Flask, api: Caller) -> None:
    api.post("/users", **ANN)
    guest, lost = Caller(app), Caller(app, project="nowhere")
    assert [
        lost.refused("POST", TOPICS, BAD, headers=EVIL),
        lost.refused("POST", TOPICS, BAD),
        guest.refused("POST", TOPICS, BAD),
        guest.refused("POST", "/account", ANN | {"userId": "_"}),
        guest.refused("POST", "/account", ANN),
    ] == [
        (403, "general_unknown_origin"), (404, "project_not_found"), (401, "general_unauthorized_scope"),
        (400, "general_argument_invalid"), (409, "user_already_exists"),
    ]  # fmt: skip


def test_a_key_is_told_of_project_expiry_scope_parameters_and_the_rest_in_this_order(
    app: Flask, api: Caller, make_key: MakeKey, clock: FakeClock
) -> None:
    api.post(TOPICS, **USED)
    old = make_key("topics.read", expires_at=clock.now() + timedelta(seconds=1))
    narrow = make_key("topics.read")
    clock.move(2)
    assert [
        Caller(app, old, project="").refused("POST", TOPICS, BAD),
        Caller(app, old, project="nowhere").refused("POST", TOPICS, BAD),
        Caller(app, old).refused("POST", TOPICS, BAD),
        Caller(app, narrow).refused("POST", TOPICS, BAD),
        api.refused("POST", TOPICS, USED | BAD),
        api.refused("POST", TOPICS, USED),
    ] == [
        (403, "project_id_missing"), (404, "project_not_found"), (401, "project_key_expired"),
        (401, "general_unauthorized_scope"), (400, "general_argument_invalid"), (409, "topic_already_exists"),
    ]  # fmt: skip


def test_a_user_is_told_of_scope_block_rate_parameters_and_the_rest_in_this_order(app: Flask, api: Caller) -> None:
    api.post("/users", **ANN)
    ann = Caller(app)
    ann.post("/account/sessions/email", email=ANN["email"], password=ANN["password"])
    api.patch("/users/ann/status", status=False)
    blocked = [ann.refused("POST", TOPICS, BAD), ann.refused("POST", "/account/jwts", {"duration": -1})]
    assert blocked == [(401, "general_unauthorized_scope"), (403, "user_blocked")]
    api.patch("/users/ann/status", status=True)
    tried = [ann.refused("POST", "/account", {}) for _ in range(11)]
    assert (tried[9], tried[10]) == ((400, "general_argument_invalid"), (429, "general_rate_limit_exceeded"))


def test_who_is_not_let_in_is_not_counted(app: Flask) -> None:
    lost = Caller(app, project="nowhere")
    for _ in range(12):
        assert lost.refused("POST", "/account", {}) == (404, "project_not_found")
    assert Caller(app).refused("POST", "/account", {}) == (400, "general_argument_invalid")


def test_what_an_origin_may_not_it_may_not_with_a_session_either_but_with_a_key(app: Flask, api: Caller) -> None:
    api.post("/users", **ANN)
    ann = Caller(app)
    ann.post("/account/sessions/email", email=ANN["email"], password=ANN["password"])
    assert ann.call("GET", "/account").status_code == 200
    assert ann.refused("GET", "/account", headers=EVIL) == (403, "general_unknown_origin")
    assert api.call("GET", TOPICS, headers=EVIL).status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "body", "first"),
    [
        ("POST", TOPICS, {}, "topicId"),
        ("POST", TOPICS, {"name": ""}, "topicId"),
        ("POST", TOPICS, {"name": "", "topicId": "ok"}, "name"),
        ("POST", TOPICS, {"subscribe": 1, "topicId": "ok", "name": 1}, "name"),
        ("PATCH", TOPICS + "/_", {"name": ""}, "topicId"),
        ("PATCH", TOPICS + "/nowhere", {"name": "", "subscribe": 1}, "name"),
    ],
)
def test_parameters_are_judged_in_the_order_of_their_declaration(
    api: Caller, method: str, path: str, body: dict[str, object], first: str
) -> None:
    answer = api.call(method, path, body)
    assert (answer.status_code, answer.json["type"]) == (400, "general_argument_invalid")
    assert f'"{first}"' in answer.json["message"] or f"`{first}`" in answer.json["message"]
