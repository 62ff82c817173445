"""Who is let in: projects, keys, sessions, tokens and scopes, in the contract's order (section 3)."""

import json
from datetime import timedelta
from typing import Any

import jwt
import pytest
from flask import Flask

from app.models.keys import ApiKey
from app.services.work import Workshop
from tests.api.caller import Caller
from tests.api.conftest import MakeKey
from tests.api.people import make_ann, sign_in, without_session
from tests.conftest import FakeClock

TOPICS = "/messaging/topics"


@pytest.mark.parametrize(
    ("project", "key", "expected"),
    [
        ("", "", (401, "general_unauthorized_scope")),
        ("", "standard_x", (403, "project_id_missing")),
        ("nowhere", "standard_x", (404, "project_not_found")),
        ("nowhere\0", "", (404, "project_not_found")),
        ("default", "", (401, "general_unauthorized_scope")),
        ("default", "standard_wrong", (401, "general_unauthorized_scope")),
    ],
)
def test_credentials_that_do_not_open(app: Flask, project: str, key: str, expected: tuple[int, str]) -> None:
    caller = Caller(app, key, project="")
    parameters = {"project": project} if project else {}
    assert caller.refused("GET", TOPICS, query_string=parameters) == expected


def test_a_key_opens_its_own_scopes_only(app: Flask, make_key: MakeKey) -> None:
    caller = Caller(app, make_key("topics.read"))
    assert caller.get(TOPICS)["total"] == 0
    answer = caller.call("POST", TOPICS, {})
    assert (answer.status_code, answer.json["type"]) == (401, "general_unauthorized_scope")
    assert 'missing scopes (["topics.write"])' in answer.json["message"]


def test_an_expired_key_says_so(app: Flask, make_key: MakeKey, clock: FakeClock) -> None:
    caller = Caller(app, make_key("topics.read", expires_at=clock.now() + timedelta(hours=1)))
    assert caller.get(TOPICS)["total"] == 0
    clock.move(3600)
    assert caller.refused("GET", TOPICS) == (401, "project_key_expired")


def test_a_key_of_another_project_opens_nothing(app: Flask, make_key: MakeKey, workshop: Workshop) -> None:
    from app.models.projects import Project  # noqa: PLC0415

    with workshop.database.begin() as session:
        now = workshop.clock.now()
        session.add(Project(id="other", name="Other", created_at=now, updated_at=now))
    assert Caller(app, make_key(), project="other").refused("GET", TOPICS) == (401, "general_unauthorized_scope")


def test_the_last_use_of_a_key_is_kept_to_the_minute(app: Flask, make_key: MakeKey, workshop: Workshop) -> None:
    caller, clock = Caller(app, make_key()), workshop.clock
    caller.get(TOPICS)
    first = clock.now()
    clock.sleep(30)
    caller.get(TOPICS)
    assert _used_at(workshop) == first
    clock.sleep(31)
    caller.get(TOPICS)
    assert _used_at(workshop) == clock.now()


def _used_at(workshop: Workshop) -> object:
    with workshop.database.read() as session:
        key = session.get(ApiKey, 1)
        return key.used_at if key else None


def test_a_token_that_was_never_issued_is_refused(app: Flask) -> None:
    assert Caller(app).refused("GET", TOPICS, headers={"X-Appwrite-JWT": "x.y.z"}) == (401, "user_jwt_invalid")


def test_what_a_key_did_stands_in_the_trail_with_where_it_came_from(api: Caller, workshop: Workshop) -> None:
    from app.models.audit import AuditEntry  # noqa: PLC0415

    api.call("POST", TOPICS, {"topicId": "a", "name": "A"}, headers={"X-Forwarded-User-Agent": "Shop/1"})
    with workshop.database.read() as session:
        entry = session.query(AuditEntry).filter_by(event="topic.create").one()
        assert (entry.actor_kind, entry.actor_name, entry.user_agent) == ("key", "Shop", "Shop/1")


def test_scope_is_checked_before_parameters(app: Flask) -> None:
    assert Caller(app).refused("POST", TOPICS, {"topicId": "_"}) == (401, "general_unauthorized_scope")


def test_a_key_is_shown_with_the_references_prefix_or_without(app: Flask, make_key: MakeKey) -> None:
    key = make_key("topics.read")
    assert Caller(app, "standard_" + key).get(TOPICS)["total"] == 0
    for other in ("ephemeral_", "dynamic_", "account_", "organization_", "standard_standard_"):
        assert Caller(app, other + key).refused("GET", TOPICS) == (401, "general_unauthorized_scope")


def test_a_key_wins_over_a_session_and_over_a_token(app: Flask, api: Caller, make_key: MakeKey) -> None:
    make_ann(api)
    ann = sign_in(app)
    token = ann.post("/account/jwts")["jwt"]
    ann.headers |= {"X-Appwrite-Key": make_key("topics.read"), "X-Appwrite-JWT": token}
    assert ann.get(TOPICS)["total"] == 0
    assert ann.refused("GET", "/account") == (401, "general_unauthorized_scope")


def test_a_key_that_opens_nothing_leaves_the_session_in_force(app: Flask, api: Caller) -> None:
    make_ann(api)
    ann = sign_in(app)
    ann.headers["X-Appwrite-Key"] = "standard_wrong"
    assert ann.get("/account")["$id"] == "ann"


def test_an_account_key_and_a_session_exclude_each_other(app: Flask, api: Caller) -> None:
    make_ann(api)
    ann = sign_in(app)
    ann.headers["X-Appwrite-Key"] = "account_something"
    assert ann.refused("GET", "/account") == (403, "user_api_key_and_session_set")


def test_a_token_and_a_session_exclude_each_other(app: Flask, api: Caller) -> None:
    make_ann(api)
    ann = sign_in(app)
    ann.headers["X-Appwrite-JWT"] = ann.post("/account/jwts")["jwt"]
    assert ann.refused("GET", "/account") == (403, "user_jwt_and_cookie_set")
    ann.headers["X-Appwrite-JWT"] = "x.y.z"
    assert ann.refused("GET", "/account") == (403, "user_jwt_and_cookie_set")


def test_an_expired_key_is_said_before_anything_of_a_session(app: Flask, api: Caller, make_key: MakeKey) -> None:
    make_ann(api)
    ann, clock = sign_in(app), app.extensions["carillon"].clock
    ann.headers["X-Appwrite-Key"] = make_key("topics.read", expires_at=clock.now() + timedelta(seconds=1))
    clock.move(1)
    assert ann.refused("GET", "/account") == (401, "project_key_expired")


CLAIMS = {"userId": "ann", "sessionId": "", "exp": 2_000_000_000}


@pytest.mark.parametrize("change", [{"exp": "x"}, {"exp": None}, {"exp": 1}, {"exp": 10**30}])
def test_a_token_of_our_own_making_must_say_when_it_ends(
    app: Flask, api: Caller, workshop: Workshop, change: dict[str, Any]
) -> None:
    make_ann(api)
    token = jwt.encode(CLAIMS | change, workshop.vault.signing_key("contact token 1"), algorithm="HS256")
    answer = without_session(app, X_Appwrite_JWT=token).call("GET", "/account")
    assert answer.status_code == (200 if change["exp"] == 10**30 else 401)


@pytest.mark.parametrize("key", ["carillon", "project"])
@pytest.mark.parametrize("algorithm", ["HS256", "HS512", "none"])
def test_a_token_that_others_signed_is_refused(
    app: Flask, api: Caller, workshop: Workshop, key: str, algorithm: str
) -> None:
    make_ann(api)
    other = (
        workshop.vault.signing_key("contact token 2") if key == "project" else b"another key, which is long enough" * 2
    )
    if algorithm != "HS256":
        other = workshop.vault.signing_key("contact token 1") * 2 if algorithm == "HS512" else b""
    token = jwt.encode(CLAIMS, other or None, algorithm=algorithm)
    answer = without_session(app, X_Appwrite_JWT=token).call("GET", "/account")
    assert (answer.status_code, answer.json["type"]) == (401, "user_jwt_invalid")
    assert answer.json["message"].startswith("Failed to verify JWT: ")


@pytest.mark.parametrize("token", ["x", "x.y", "....", "é", "e30.e30.e30", "a" * 9_000, "\ud800"])
def test_a_token_that_is_none_is_refused(app: Flask, token: str) -> None:
    headers = {"X-Appwrite-JWT": token.encode("utf-8", "replace").decode("latin-1")}
    assert Caller(app).refused("GET", "/account", headers=headers) == (401, "user_jwt_invalid")
    assert Caller(app).refused("POST", "/account", {}, headers=headers) == (401, "user_jwt_invalid")


def test_a_refusal_names_who_asks_and_what_is_missing(app: Flask, api: Caller, make_key: MakeKey) -> None:
    make_ann(api)
    said = [
        caller.call("GET", "/users").json["message"]
        for caller in (Caller(app), sign_in(app), Caller(app, make_key("topics.read")))
    ]
    host = app.extensions["carillon"].settings.address.partition("://")[2]
    assert said == [
        'User (role: guests) missing scopes (["users.read"])',
        'ann@example.org (role: users) missing scopes (["users.read"])',
        f'app.default@service.{host} (role: applications) missing scopes (["users.read"])',
    ]


def test_scope_is_checked_before_the_state_of_a_user(app: Flask, api: Caller) -> None:
    make_ann(api)
    ann = sign_in(app)
    api.patch("/users/ann/status", status=False)
    assert ann.refused("GET", "/users") == (401, "general_unauthorized_scope")
    assert ann.refused("PATCH", "/account/name", {}) == (403, "user_blocked")


def test_the_last_visit_of_a_user_is_kept_to_the_day(app: Flask, api: Caller, clock: FakeClock) -> None:
    make_ann(api)
    ann = sign_in(app)
    first = ann.get("/account")["accessedAt"]
    clock.move(86_399)
    assert ann.get("/account")["accessedAt"] == first
    clock.move(1)
    assert ann.get("/account")["accessedAt"] == "2026-11-22T09:00:00.000+00:00"


def test_only_programs_pass_on_what_their_clients_say_of_themselves(app: Flask, api: Caller) -> None:
    make_ann(api)
    headers = {"User-Agent": "curl/8.1", "X-Forwarded-User-Agent": "Shop/1"}
    ann = sign_in(app)
    ann.call("PATCH", "/account/name", {"name": "Anna"}, headers=headers)
    api.call("PATCH", "/users/ann/name", {"name": "Ann"}, headers=headers)
    assert [each["clientName"] for each in api.get("/users/ann/logs")["logs"]][:2] == ["Shop", "curl"]


def test_a_users_answers_are_kept_apart_from_those_of_a_key(app: Flask, api: Caller) -> None:
    made = make_ann(api)  # both are number 1 of their kind
    api.post("/messaging/topics", topicId="news", name="News")
    body = {"subscriberId": "unique()", "targetId": made["targets"][0]["$id"]}
    there, headers = "/messaging/topics/news/subscribers", {"Idempotency-Key": "same"}
    first = api.call("POST", there, body, headers=headers)
    assert sign_in(app).refused("POST", there, body, headers=headers) == (409, "subscriber_already_exists")
    assert json.loads(api.call("POST", there, body, headers=headers).text) == first.json
